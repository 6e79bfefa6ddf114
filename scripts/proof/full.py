"""A disk that is full: notices are refused, so that they are sent again; verdicts and deliveries go on; it recovers by itself."""

import http.client
import json
import os
import time

from . import judgement
from .load import Senders
from .power import run
from .server import Fault, Server
from .target import Target

SIZE = "192m"
QUICK = 50  # fewer rounds than that: only the first way, and the start
LEFT = 48 << 20  # below the reserve of 64 MiB, and enough for the log, which deliveries write on


class Small:
    """A small file system in memory, and what fills it."""

    def __init__(self, directory):
        self.point = directory / "small"
        self.ballast = self.point / "ballast"

    def __enter__(self):
        self.point.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.point))
        return self

    def __exit__(self, *_):
        run("umount", str(self.point))
        self.point.rmdir()

    def free(self):
        found = os.statvfs(self.point)
        return found.f_bavail * found.f_frsize

    def fill(self, leave):
        """Takes all space but so much; what little is freed meanwhile is taken, too."""
        with open(self.ballast, "ab", buffering=0) as ballast:
            while self.free() > leave:
                try:
                    ballast.write(b"x" * min(1 << 20, max(4096, self.free() - leave)))
                except OSError:
                    return

    def empty(self):
        self.ballast.unlink()


def verdict(server, login):
    """A verdict that no action wants. Returns the status, whether it was right, and the milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    begun = time.perf_counter()
    connection.request("POST", "/webhook/validateUser", body=json.dumps({"request": {"user": {"login": login}}}),
                       headers={"Authorization": f"Bearer {server.token}"})
    reply = connection.getresponse()
    said = json.loads(reply.read())
    connection.close()
    right = said.get("response", {}).get("data", {}).get("login") == login
    return reply.status, right, 1000 * (time.perf_counter() - begun)


def until(what, holds, seconds=30):
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise Fault(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - begun


def during(senders, seconds):
    """What was sent in the next so many seconds, the answers in."""
    begun = time.time()
    time.sleep(seconds)
    return [one for one in list(senders.sent) if one.at >= begun]


def one_way(binary, directory, seed, note, title, journal, leave, refused):
    """Fills the disk down to `leave`. `refused`: whether notices are to be refused meanwhile. With nothing left, what became of
    a delivery cannot be written either: it stays under way until it can."""
    broken = []
    target = Target()
    with Small(directory) as small:
        server = Server(binary, directory, small.point / "data", target.port, journal=journal)
        try:
            server.start()
            server.wait()
            senders = Senders(server, count=4, seed=seed, verdicts=False, pause=0.005)
            senders.go()
            time.sleep(1)
            note(f"full: {title}")
            target.behave = lambda _: 503
            time.sleep(1)
            waiting = server.pending()
            small.fill(leave)
            until("notices meet a full disk", lambda: senders.sent[-1].status == 503 if refused else
                  server.metric('hookreeve_records_total{event="postUpdateUser",record="unrecorded"}') > 0)
            target.behave = lambda _: 200
            small.fill(leave)
            told = during(senders, 2)
            verdicts = [verdict(server, f"p{number}") for number in range(50)]
            ready = server.get("/readyz"), server.get("/readyz", server.metrics_port)
            delivered = leave and until("what was pending is delivered on a full disk", lambda: server.pending() == 0, 90)
            kept_on = [one for one in told if one.status == (503 if refused else 200)]
            if not told or len(kept_on) != len(told):
                broken.append(f"{title}: {len(told) - len(kept_on)} of {len(told)} notices had another status")
            if refused and any(not one.retry_after for one in kept_on):
                broken.append(f"{title}: a refusal without Retry-After")
            if any(status != 200 or not right for status, right, _ in verdicts):
                broken.append(f"{title}: {sum(one[0] != 200 or not one[1] for one in verdicts)} verdicts were wrong")
            if ready[0][0] != 200 or ready[1][0] != 200 or "journal" not in ready[1][1]:
                broken.append(f"{title}: /readyz answered {ready}")
            lost_before = set(one.request for one in senders.sent)
            small.empty()
            emptied = time.time()
            recovered = until("notices are taken again", lambda: server.metric(
                'hookreeve_records_total{event="postUpdateUser",record="kept"}') and senders.sent[-1].status == 200
                and any(one.request not in lost_before and one.status == 200 for one in senders.sent[-4:]))
            after = during(senders, 1)
            if any(one.status != 200 for one in after):
                late = [one for one in after if one.status != 200]
                broken.append(f"{title}: {len(late)} of {len(after)} had another answer after space came back, the last "
                              f"{late[-1].status} after {late[-1].at - emptied:.2f} s")
            senders.rest()
            server.drain()
            server.stop()
            senders.end()
            found = judgement.judge(senders, target, server.entries(), server.verify(), spoiled=True)
        finally:
            server.end()
            target.down()
    if not refused:
        # What was acknowledged without a record is lost, as the configuration says.
        found.unrecorded = found.missing
        found.missing = found.missing_entries = 0
    judgement.show(f"a disk that is full: {title}", found, [
        ("notices while it was full, all answered " + ("503 with Retry-After" if refused else "200"), f"{len(told):,}"),
        ("verdicts meanwhile, all right; the slowest took, ms", f"{max(one[2] for one in verdicts):.0f}"),
        *([("pending when it was full, all delivered meanwhile", f"{waiting:,}"),
           ("seconds that took", f"{delivered:.1f}")] if leave else []),
        ("/readyz; where the metrics are: " + ready[1][1].strip().replace("\n", "; "), f"{ready[0][0]}"),
        ("seconds from space to the next notice taken", f"{recovered:.2f}"),
        *([] if refused else [("acknowledged and lost, as `unavailable = \"acknowledge\"` says", f"{found.unrecorded:,}")]),
    ])
    return {"title": title, "while_full": len(told), "pending": waiting, "readyz": ready, "recovered_seconds": recovered,
            **found.figures()}, broken + [f"{title}: {problem}" for problem in found.broken()]


def started(binary, directory, seed, note):
    """A server that was stopped is started with not a byte left: it answers, says why it takes nothing, and recovers."""
    title = "a start with not a byte left"
    broken = []
    target = Target()
    with Small(directory) as small:
        server = Server(binary, directory, small.point / "data", target.port)
        try:
            server.start()
            server.wait()
            senders = Senders(server, count=4, seed=seed, verdicts=False, pause=0.005)
            senders.go()
            time.sleep(1)
            senders.rest()
            server.drain()
            server.stop()
            small.fill(0)
            note(f"full: {title}")
            server.start()
            took = server.wait()
            small.fill(0)
            sent = len(senders.sent)
            senders.go()
            # The first on each connection of before is lost with it.
            told = [one for one in during(senders, 1) if one.status is not None]
            verdicts = [verdict(server, f"p{number}") for number in range(20)]
            ready = server.get("/readyz"), server.get("/readyz", server.metrics_port)
            if not told or any(one.status != 503 or not one.retry_after for one in told):
                broken.append(f"{title}: not all of {len(told)} notices got 503 with Retry-After")
            if any(status != 200 or not right for status, right, _ in verdicts):
                broken.append(f"{title}: {sum(one[0] != 200 or not one[1] for one in verdicts)} verdicts were wrong")
            if ready[0][0] != 200 or "journal" not in ready[1][1]:
                broken.append(f"{title}: /readyz answered {ready}")
            small.empty()
            recovered = until("notices are taken again", lambda: any(one.status == 200 for one in senders.sent[sent:]))
            time.sleep(0.5)
            senders.rest()
            server.drain()
            server.stop()
            senders.end()
            found = judgement.judge(senders, target, server.entries(), server.verify())
        finally:
            server.end()
            target.down()
    judgement.show(f"a disk that is full: {title}", found, [
        ("seconds from start to answer", f"{took:.2f}"),
        ("notices while it was full, all answered 503 with Retry-After", f"{len(told):,}"),
        ("verdicts meanwhile, all right; the slowest took, ms", f"{max(one[2] for one in verdicts):.0f}"),
        ("/readyz; where the metrics are: " + ready[1][1].strip().replace("\n", "; "), f"{ready[0][0]}"),
        ("seconds from space to the next notice taken", f"{recovered:.2f}"),
    ])
    return {"title": title, "while_full": len(told), "readyz": ready, "start_seconds": took,
            "recovered_seconds": recovered, **found.figures()}, broken + [f"{title}: {problem}" for problem in found.broken()]


def trial(binary, directory, rounds, seed, note):
    ways = [
        ("below the reserve", "", LEFT, True),
        ("not a byte left", 'reserve = "0B"', 0, True),
        ("acknowledged all the same", 'unavailable = "acknowledge"', LEFT, False),
    ]
    results, broken = [], []
    for number, (title, journal, leave, refused) in enumerate(ways[:1] if rounds < QUICK else ways):
        own = directory / str(number)
        own.mkdir()
        result, wrong = one_way(binary, own, seed, note, title, journal, leave, refused)
        results.append(result)
        broken += wrong
    own = directory / "start"
    own.mkdir()
    result, wrong = started(binary, own, seed, note)
    results.append(result)
    broken += wrong
    return {"trial": "full", "seed": seed, "ways": results}, broken
