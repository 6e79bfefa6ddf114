"""Power cuts: the journal's disk is a file; at a random instant the file is copied, and the copy is what a cut leaves.

What a program has written to a mounted file system and not synced is in the kernel's memory, not on the file system's
disk, and so not in the copy. What was synced, or written back by itself, is. The server is stopped for as long as the
copy is made, so that the copy is of one instant. What this does not try is a disk that loses what it said was synced.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import time

from . import judgement
from .load import Senders
from .server import Fault, Server, unsynced
from .target import Target

SIZE = 192 << 20
BLIND = 3  # rounds with a server that does not sync: the trial has to see the loss


class Disk:
    """A file with an ext4 file system in it, mounted by a loop device."""

    def __init__(self, directory, name):
        self.image, self.point = directory / f"{name}.img", directory / name

    def make(self):
        with open(self.image, "wb") as image:
            image.truncate(SIZE)
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.image))
        self.mount()

    def mount(self):
        self.point.mkdir(exist_ok=True)
        run("mount", "-o", "loop", str(self.image), str(self.point))

    def copy_to(self, other):
        """As the disk would be found: the holes stay holes, which makes it quick."""
        run("cp", "--sparse=always", str(self.image), str(other.image))

    def remove(self):
        if os.path.ismount(self.point):
            run("umount", str(self.point))
        self.image.unlink(missing_ok=True)


def run(*command):
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise Fault(f"{' '.join(command)}: {ran.stderr.strip()}")


def state_of(task):
    return (task / "stat").read_text().rpartition(") ")[2][0]


def cut(server, disk, next_disk):
    """The power goes, and comes back: the server starts on what the disk had."""
    os.kill(server.process.pid, signal.SIGSTOP)
    # A thread that waits for the disk stops once it has it.
    while not all(state_of(task) in "TtZX" for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()):
        time.sleep(0.001)
    disk.copy_to(next_disk)
    server.kill()
    disk.remove()
    next_disk.mount()
    server.data = next_disk.point / "data"


def trial(binary, directory, rounds, seed, note):
    chance = random.Random(seed)
    begun = time.monotonic()
    found = honest(binary, directory, rounds, chance, seed, note)
    blind_directory = directory / "blind"
    blind_directory.mkdir()
    lost = [blind(unsynced(binary, blind_directory), blind_directory, chance, seed + number) for number in range(BLIND)]
    judgement.show(f"power cuts at random instants, {rounds} times", found,
                   [("cuts", f"{rounds}"), ("seconds", f"{time.monotonic() - begun:.0f}")])
    print("  the same with synchronous=OFF patched into the binary, where the trial has to see a loss:")
    for one in lost:
        print(f"  {one['acknowledged']:12,}  acknowledged, of which {one['lost']:,} were lost ({one['how']})")
    broken = found.broken()
    if not any(one["lost"] for one in lost):
        broken.append("with synchronous=OFF nothing was lost: this trial sees nothing")
    return {"trial": "power", "rounds": rounds, "seed": seed, "unsynced": lost, **found.figures()}, broken


def sealed(binary, directory, rounds, seed, note):
    """The same with an `encryption_key`: a person's key has to be on the disk before anything that is sealed under it."""
    begun = time.monotonic()
    key = directory / "journal.key"
    key.write_text(f"a-key-of-this-trial-{random.Random(seed).getrandbits(128):032x}\n")
    settings = f"encryption_key = {{ file = {json.dumps(str(key))} }}"
    found = honest(binary, directory, rounds, random.Random(seed), seed, note, settings)
    judgement.show(f"power cuts at random instants, {rounds} times, with an encryption_key", found,
                   [("cuts", f"{rounds}"), ("seconds", f"{time.monotonic() - begun:.0f}")])
    return {"trial": "sealed", "rounds": rounds, "seed": seed, **found.figures()}, found.broken()


def honest(binary, directory, rounds, chance, seed, note, settings=""):
    disks = [Disk(directory, name) for name in ("disk-a", "disk-b")]
    disks[0].make()
    target = Target()
    journal = f'reserve = "8MiB"\n{settings}'
    server = Server(binary, directory, disks[0].point / "data", target.port, journal=journal)
    try:
        server.start()
        server.wait()
        senders = Senders(server, seed=seed)
        for number in range(rounds):
            senders.go()
            time.sleep(chance.expovariate(1 / 0.35))
            cut(server, disks[number % 2], disks[(number + 1) % 2])
            target.next_life()
            server.start()
            server.wait()
            note(f"power: {number + 1} of {rounds}, {len(senders.sent):,} events")
        senders.rest()
        server.drain()
        server.stop()
        senders.end()
        return judgement.judge(senders, target, server.entries(), server.verify())
    finally:
        server.end()
        target.down()
        for disk in disks:
            disk.remove()


def blind(binary, directory, chance, seed):
    """One cut of a server that does not sync. Whether its journal can be read at all afterwards is part of the answer."""
    disks = [Disk(directory, name) for name in ("disk-a", "disk-b")]
    disks[0].make()
    target = Target(behave=lambda receipt: 503)
    server = Server(binary, directory, disks[0].point / "data", target.port, journal='reserve = "8MiB"')
    try:
        server.start()
        server.wait()
        senders = Senders(server, seed=seed)
        senders.go()
        time.sleep(1 + chance.random())
        cut(server, *disks)
        senders.end()
        known = {one.name for one in senders.sent if one.acknowledged}
        try:
            server.start()
            server.wait(10)
            kept, how = set(server.entries()), "the journal opened"
        except Exception as error:  # whatever it is: nothing can be read
            kept, how = set(), f"the journal did not open: {type(error).__name__}"
        return {"acknowledged": len(known), "lost": len(known - kept), "how": how}
    finally:
        server.end()
        target.down()
        for disk in disks:
            disk.remove()
