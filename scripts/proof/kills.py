"""kill -9 at random instants, also while the server starts."""

import random
import time

from . import judgement
from .load import Senders
from .server import Server
from .target import Target

STARTING = 0.1  # of the kills hit a server that is just starting


def trial(binary, directory, rounds, seed, note):
    chance = random.Random(seed)
    target = Target()
    server = Server(binary, directory, directory / "data", target.port)
    starts = []
    begun = time.monotonic()
    try:
        server.start()
        server.wait()
        senders = Senders(server, seed=seed)
        senders.go()
        for number in range(rounds):
            if chance.random() < STARTING and number:
                time.sleep(chance.uniform(0, 0.06))
            else:
                starts.append(server.wait())
                time.sleep(chance.expovariate(1 / 0.35))
            server.kill()
            target.next_life()
            server.start()
            note(f"kill -9: {number + 1} of {rounds}, {len(senders.sent):,} events")
        server.wait()
        senders.rest()
        server.drain()
        server.stop()
        senders.end()
        found = judgement.judge(senders, target, server.entries(), server.verify())
    finally:
        server.end()
        target.down()
    starts.sort()
    extra = [("kills", f"{rounds}"), ("seconds", f"{time.monotonic() - begun:.0f}"),
             ("ms from start to answer, median", f"{1000 * starts[len(starts) // 2]:.0f}" if starts else "-")]
    judgement.show(f"kill -9 at random instants, {rounds} times", found, extra)
    return {"trial": "kill", "rounds": rounds, "seed": seed, "start_ms": starts and 1000 * starts[len(starts) // 2],
            **found.figures()}, found.broken()
