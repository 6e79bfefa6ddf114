"""Under strace: between the write of an entry and the write of its reply lies a sync of the file that it was written to."""

import collections
import re
import shutil
import time

from . import judgement
from .load import Senders
from .server import Fault, Server
from .target import Target

EVENTS = 400
LINE = re.compile(r"^(\d+)\s+(.*)$")
CALL = re.compile(r"^(\w+)\((\d+)<([^>]*)>")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
REPLY = re.compile(r"x-request-id: ([0-9a-f-]{36})", re.IGNORECASE)

Call = collections.namedtuple("Call", "name file text begun ended result")


def calls(path):
    """The system calls of a log, with the lines at which each began and ended."""
    open_calls, found = {}, []
    for number, line in enumerate(path.open(errors="replace")):
        match = LINE.match(line)
        if not match:
            continue
        thread, rest = match[1], match[2]
        resumed = RESUMED.match(rest)
        if resumed:
            call = open_calls.pop(thread, None)
            if call:
                found.append(call._replace(ended=number, text=call.text + rest, result=result(rest)))
            continue
        call = CALL.match(rest)
        if not call:
            continue
        one = Call(call[1], call[3], rest, number, number, result(rest))
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = one
        else:
            found.append(one)
    return found


def result(text):
    match = re.search(r"\)\s+= (-?\d+)", text[-200:])
    return int(match[1]) if match else None


def trial(binary, directory, rounds, seed, note):
    target = Target()
    log = directory / "strace.txt"
    prefix = [shutil.which("strace"), "-f", "-y", "-s", "9000", "-o", str(log), "-e",
              "trace=pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync"]
    server = Server(binary, directory, directory / "data", target.port, prefix=prefix)
    try:
        server.start()
        server.wait(120)
        senders = Senders(server, count=4, seed=seed)
        senders.go()
        while len(senders.sent) < EVENTS:
            time.sleep(0.05)
            note(f"strace: {len(senders.sent)} of {EVENTS} events")
        senders.rest()
        senders.end()
        server.drain()
        stop(server)
        found = judgement.judge(senders, target, server.entries(), server.verify())
    finally:
        server.end()
        target.down()
    figures = hold(calls(log), {one.request: one for one in senders.sent if one.acknowledged})
    judgement.show("under strace, each reply after the sync of its entry", found, [
        ("replies looked at", f"{figures['replies']:,}"),
        ("of them with a whole sync between entry and reply", f"{figures['synced']:,}"),
        ("syncs of the journal's log", f"{figures['syncs']:,}"),
    ])
    broken = found.broken()
    if figures["synced"] != figures["replies"] or figures["replies"] != found.acknowledged:
        broken.append(f"{figures['replies'] - figures['synced']} of {figures['replies']} replies without a sync before "
                      f"them, {found.acknowledged} acknowledged; for one, {figures['example']}")
    return {"trial": "strace", "seed": seed, **figures, **found.figures()}, broken


def stop(server):
    """strace passes no signal on to the program."""
    import os
    import pathlib
    import signal
    children = pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGTERM)
    server.process.wait(60)


def hold(found, acknowledged):
    """Of each acknowledged event: its first write to the log, a sync of the log that began after it, the reply after that."""
    written, replied, syncs = {}, {}, []
    for call in found:
        if call.file.endswith("-wal"):
            if call.name in ("fsync", "fdatasync"):
                syncs.append((call.begun, call.ended, call.result))
            else:
                for request in UUID.findall(call.text):
                    if request in acknowledged and (request not in written or call.ended < written[request]):
                        written[request] = call.ended
        elif call.file.startswith(("socket:", "TCP:")):
            for request in REPLY.findall(call.text):
                if call.text.find("HTTP/1.1 200") >= 0 and request in acknowledged:
                    replied.setdefault(request, call.begun)
    if not syncs:
        raise Fault("strace saw no sync of the journal's log")
    good, example = 0, ""
    for request, reply in replied.items():
        entry = written.get(request)
        if entry is not None and any(entry < begun and ended < reply and done == 0 for begun, ended, done in syncs):
            good += 1
        else:
            example = f"{request}: written at line {entry}, answered at line {reply}"
    return {"replies": len(replied), "synced": good, "syncs": len(syncs), "example": example}
