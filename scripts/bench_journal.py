"""`scripts/bench journal`: what durable acknowledgement, delivery and a backlog cost.

    scripts/bench journal                 all rows, 3 rounds of 4 s each; about ten minutes
    scripts/bench journal quick           1 round of 1 s, and a backlog of 20,000 instead of 1,000,000: does it all work?
    scripts/bench journal --only rate     one part: rate, slow, alone, verdicts, memory, backlog, delivery, wait

The floor is axum that appends each body to a file and answers after a sync that one thread makes for all that queued
(benches/floor, --journal). It and hookreeve run pinned to one core, the generator on another; they are driven in turn, with
the same requests: postUpdateUser about 10,000 persons, no two of them equal. After each row the entries are the
acknowledgements, and those requests on which the generator hung up when its time was over.
"""

import argparse
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

from proof.load import Senders  # noqa: E402
from proof.server import Server as Trial  # noqa: E402
from proof.target import Target  # noqa: E402

PARTS = ("rate", "slow", "alone", "verdicts", "memory", "backlog", "delivery", "wait")
CONNECTIONS = (16, 64, 256)
LUA = """
local head = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. TOKEN }
local at = 0
function init(args)
  math.randomseed(os.time() * 1000 + tonumber(tostring(head):match("%x+$"), 16) % 1000)
  at = math.random(1, 1000000000)
end
function request()
  at = at + 1
  return wrk.format("POST", PATH, head, FRONT .. (at % PERSONS) .. MIDDLE .. at .. BACK)
end
"""


class Bench:
    """What all parts need."""

    def __init__(self, bench, options, floor, hookreeve, directory):
        self.bench, self.options, self.floor, self.hookreeve, self.directory = bench, options, floor, hookreeve, directory
        self.secret = os.urandom(32).hex()
        self.token = bench.token_of(self.secret)
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.made = 0

    def body(self):
        """What is sent, with a tilde for the person and one for the number."""
        user = self.bench.bench_user("p~") | {"email": "someone@corp.example", "number": "~"}
        return json.dumps({"request": {"user": user}}, separators=(",", ":"))

    def script(self, event="postUpdateUser", persons=10_000):
        front, middle, back = self.body().replace('"~"', "~").split("~")
        values = {"PATH": f"/webhook/{event}", "TOKEN": self.token, "FRONT": front, "MIDDLE": middle, "BACK": back}
        path = self.directory / f"{event}-{persons}.lua"
        head = "".join(f"local {name} = {json.dumps(value)}\n" for name, value in values.items())
        path.write_text(f"{head}local PERSONS = {persons}\n{LUA}{self.bench.LUA_DONE}")
        return path

    def fresh(self, name):
        self.made += 1
        path = self.directory / f"{name}-{self.made}"
        path.mkdir()
        return path

    def start_floor(self, delay=0, port=None, echo=False):
        home, port = self.fresh("floor"), port or self.bench.free_port()
        kept = [] if echo else ["--journal", str(home / "raw"), "--sync-delay-ms", str(delay)]
        server = self.bench.Server("floor", [self.floor, "--listen", f"127.0.0.1:{port}", *kept], home, {}, port,
                                   self.options.server_core)
        server.first_reply(self.headers, b"x")
        return server

    def start(self, journal="", action="", home=None):
        home = home or self.fresh("hookreeve")
        port, metrics = self.bench.free_port(), self.bench.free_port()
        text = self.bench.configuration(port, metrics, []).replace('level = "info"', 'level = "warn"')
        text = text.replace("[journal]\n", f"[journal]\n{journal}\n")
        (home / "bench.toml").write_text(text + action)
        server = self.bench.Server("hookreeve", [self.hookreeve, "serve", "--config", str(home / "bench.toml")], home,
                                   {"HOOKREEVE_JWT_SECRET": self.secret}, port, self.options.server_core)
        server.home, server.metrics = home, metrics
        server.start_ms = server.first_reply(self.headers, self.body())
        server.hung_up = 1
        return server

    def drive(self, server, script, connections, seconds):
        shim = argparse.Namespace(load_core=self.options.load_core, connections=connections)
        found = self.bench.drive(server, script, shim, seconds)
        self.bench.note(f"{server.name}, {connections} connections: {found.rate:,.0f}/s")
        # The generator hangs up on those that wait at its end; what they sent is kept all the same.
        server.hung_up = getattr(server, "hung_up", 0) + connections
        return found

    def entries(self, home):
        return query(home, "SELECT count(*) FROM entries WHERE kind = 0 AND event <> 'validateUser'")

    def files(self, home):
        return sum(file.stat().st_size for file in (home / "data").glob("hookreeve.db*"))


def query(home, statement):
    connection = sqlite3.connect(f"file:{home / 'data/hookreeve.db'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(statement).fetchone()[0]
    finally:
        connection.close()


def metric(server, line):
    page = Trial.get(server, "/metrics", server.metrics)[1]
    return sum(float(one.rpartition(" ")[2]) for one in page.splitlines() if one.startswith(line))


def kept(server):
    line = 'hookreeve_records_total{event="postUpdateUser",record='
    return int(metric(server, line + '"kept"') + metric(server, line + '"repeat"'))


def entries_are_acknowledgements(bench, server):
    """Ends the server: what was acknowledged is in the file, and beside it only those on which the generator hung up."""
    counted = kept(server)
    server.__exit__()
    found = bench.entries(server.home)
    if not counted <= found <= counted + server.hung_up:
        raise bench.bench.Fault(f"{counted:,} notices were acknowledged, and {found:,} are in the journal")
    return found


# ---- parts --------------------------------------------------------------------------------------------------------


def pairs(bench, delay):
    """Floor and hookreeve in turn, at each number of connections."""
    rows = []
    script = bench.script()
    options = bench.options
    with bench.start_floor(delay) as floor, bench.start(f'sync_delay = "{delay}ms"') as ours:
        for server in (floor, ours):
            bench.drive(server, script, 64, 1)  # warm, and thrown away
        single = {server.name: bench.drive(server, script, 1, options.seconds) for server in (floor, ours)}
        for connections in CONNECTIONS:
            rounds = [[bench.drive(server, script, connections, options.seconds) for server in (floor, ours)]
                      for _ in range(options.rounds)]
            median = statistics.median
            rows.append({
                "connections": connections,
                "floor": median(its.rate for its, _ in rounds), "ours": median(own.rate for _, own in rounds),
                "ratio": median(own.rate / its.rate for its, own in rounds),
                "least": min(own.rate / its.rate for its, own in rounds),
                "most": max(own.rate / its.rate for its, own in rounds),
                "floor_p99_ms": median(its.p99_us for its, _ in rounds) / 1000,
                "p99_ms": median(own.p99_us for _, own in rounds) / 1000,
                "cpu_us": median(own.cpu_us for _, own in rounds), "floor_cpu_us": median(its.cpu_us for its, _ in rounds),
            })
        entries = kept(ours)
        entries_are_acknowledgements(bench, ours)
        size = bench.files(ours.home) / entries
    sync_ms = single["floor"].p50_us / 1000
    for row in rows:
        row["of_ideal"] = row["ours"] / (row["connections"] / (sync_ms / 1000))
        row["floor_of_ideal"] = row["floor"] / (row["connections"] / (sync_ms / 1000))
    return {"rows": rows, "entries": entries, "bytes_per_event": size, "body_bytes": len(bench.body()),
            "alone_floor_ms": sync_ms, "alone_ours_ms": single["hookreeve"].p50_us / 1000,
            "alone_ours_p99_ms": single["hookreeve"].p99_us / 1000}


def show_pairs(title, found):
    print(f"\n{title}: {found['entries']:,} entries, as acknowledged, {found['bytes_per_event']:,.0f} bytes on disk for each, "
          f"of a body of {found['body_bytes']}")
    print(f"{'connections':>12}{'raw file/s':>12}{'hookreeve/s':>13}{'ratio':>20}{'p99 ms':>9}{'raw p99':>9}{'CPU µs':>8}"
          f"{'raw CPU':>9}{'of ideal':>10}")
    for row in found["rows"]:
        ratio = f"{row['ratio']:.2f} ({row['least']:.2f}-{row['most']:.2f})"
        print(f"{row['connections']:12}{row['floor']:12,.0f}{row['ours']:13,.0f}{ratio:>20}{row['p99_ms']:9.1f}"
              f"{row['floor_p99_ms']:9.1f}{row['cpu_us']:8.1f}{row['floor_cpu_us']:9.1f}{row['of_ideal']:10.2f}")
    print(f"one connection: raw file p50 {found['alone_floor_ms']:.2f} ms, hookreeve p50 {found['alone_ours_ms']:.2f} ms, "
          f"p99 {found['alone_ours_p99_ms']:.2f} ms")


def rate(bench):
    found = pairs(bench, 0)
    show_pairs("J1 durable acknowledgement", found)
    return found


def slow(bench):
    found = pairs(bench, 1)
    show_pairs("J2 the same, each sync 1 ms longer", found)
    return found


def alone(bench):
    """One connection, against a loop of write and fdatasync."""
    home = bench.fresh("bare")
    took = []
    line = bench.body().encode() + b"\n"
    with open(home / "raw", "ab", buffering=0) as raw:
        end = time.monotonic() + bench.options.seconds
        while time.monotonic() < end:
            begun = time.perf_counter()
            raw.write(line)
            os.fdatasync(raw.fileno())
            took.append(1000 * (time.perf_counter() - begun))
    with bench.start() as ours:
        run = bench.drive(ours, bench.script(), 1, bench.options.seconds)
        entries_are_acknowledgements(bench, ours)
    bare = statistics.median(took)
    print(f"\nJ3 alone: bare write and fdatasync p50 {bare:.3f} ms, acknowledgement p50 {run.p50_us / 1000:.3f} ms "
          f"({run.p50_us / 1000 / bare:.1f} x), p99 {run.p99_us / 1000:.2f} ms")
    return {"bare_ms": bare, "p50_ms": run.p50_us / 1000, "p99_ms": run.p99_us / 1000, "ratio": run.p50_us / 1000 / bare}


def verdict_times(server, headers, body, seconds, core):
    """Verdicts one after the other, 200 a second, as another process."""
    code = ("import http.client,sys,time,json\n"
            "port,seconds,headers,body=int(sys.argv[1]),float(sys.argv[2]),json.loads(sys.argv[3]),sys.argv[4]\n"
            "c=http.client.HTTPConnection('127.0.0.1',port);took=[];end=time.monotonic()+seconds\n"
            "while time.monotonic()<end:\n"
            "  b=time.perf_counter();c.request('POST','/webhook/validateUser',body=body,headers=headers)\n"
            "  r=c.getresponse();r.read();took.append(1e6*(time.perf_counter()-b));assert r.status==200\n"
            "  time.sleep(0.005)\n"
            "took.sort();print(len(took),took[len(took)//2],took[int(len(took)*.99)])\n")
    run = subprocess.run(["taskset", "-c", str(core), sys.executable, "-c", code, str(server.port), str(seconds),
                          json.dumps(headers), body], capture_output=True, text=True, check=True)
    count, p50, p99 = run.stdout.split()
    return {"count": int(count), "p50_ms": float(p50) / 1000, "p99_ms": float(p99) / 1000}


def verdicts(bench):
    options = bench.options
    seconds = max(3, options.rounds * options.seconds)
    with bench.start() as ours:
        user = bench.bench.body_of(bench.bench.bench_user())
        bench.drive(ours, bench.script(), 64, 1)
        idle = verdict_times(ours, bench.headers, user, seconds, options.load_core)
        loads = {}
        # The control: the same load without the journal's work shows what sharing the cores alone costs.
        for name, script in (("journal", bench.script()), ("control", bench.script("validateUser"))):
            load = threading.Thread(target=bench.drive, args=(ours, script, 64, seconds + 1))
            load.start()
            time.sleep(0.5)
            loads[name] = verdict_times(ours, bench.headers, user, seconds, options.load_core)
            load.join()
        entries_are_acknowledgements(bench, ours)
    print(f"\nJ4 verdicts, 200 a second on one connection: idle p50 {idle['p50_ms']:.2f} p99 {idle['p99_ms']:.2f} ms; while 64 "
          f"connections send notices p50 {loads['journal']['p50_ms']:.2f} p99 {loads['journal']['p99_ms']:.2f} ms; while they send "
          f"verdicts instead p50 {loads['control']['p50_ms']:.2f} p99 {loads['control']['p99_ms']:.2f} ms")
    return {"idle": idle, **loads}


def memory(bench):
    """Resident memory over a great number of events."""
    goal = bench.options.many
    samples = []
    with bench.start() as ours:
        samples.append((0, ours.resident_mb()))
        while kept(ours) < goal and len(samples) < 60:
            bench.drive(ours, bench.script(), 64, 5 if goal > 100_000 else 1)
            samples.append((kept(ours), ours.resident_mb()))
        entries = entries_are_acknowledgements(bench, ours)
        size = bench.files(ours.home) / entries
    later = [mb for count, mb in samples if count > entries / 4]
    print(f"\nmemory over {entries:,} events: {samples[0][1]:.1f} MB idle, {samples[1][1]:.1f} after {samples[1][0]:,}, "
          f"{later[0]:.1f} to {max(later):.1f} over the last three quarters, {samples[-1][1]:.1f} at the end; "
          f"{size:,.0f} bytes on disk for each")
    return {"samples": samples, "entries": entries, "bytes_per_event": size}


def action(port, more=""):
    return (f'\n[[action]]\nid = "crm"\non = "postUpdateUser"\ntype = "http"\nurl = "http://127.0.0.1:{port}/"\n'
            f"allow_private = true\n{more}\n")


def backlog(bench):
    """A great number of pending deliveries: what they cost those that come, and the next start."""
    goal, down = bench.options.many, bench.bench.free_port()
    rates, home = [], None
    script = bench.script()
    with bench.start(action=action(down)) as ours:
        home = ours.home
        while kept(ours) < goal and len(rates) < 60:
            run = bench.drive(ours, script, 64, 5 if goal > 100_000 else 1)
            rates.append((kept(ours), run.rate, run.p99_us / 1000))
        peak = ours.resident_mb()
        entries_are_acknowledgements(bench, ours)
    pending = query(home, "SELECT count(*) FROM deliveries WHERE state = 0")
    starts = []
    for _ in range(3):
        with bench.start(action=action(down), home=home) as ours:
            starts.append((ours.start_ms, ours.resident_mb()))
    with bench.start(action=action(down), home=home) as ours:
        full = [bench.drive(ours, script, 64, bench.options.seconds).rate for _ in range(bench.options.rounds)]
    with bench.start(action=action(down)) as ours:
        bench.drive(ours, script, 64, 1)
        empty = [bench.drive(ours, script, 64, bench.options.seconds).rate for _ in range(bench.options.rounds)]
    median = statistics.median
    print(f"\nbacklog: {pending:,} pending; the next start answers after {median(ms for ms, _ in starts):.0f} ms with "
          f"{starts[-1][1]:.0f} MB resident ({peak:.0f} MB while it grew); acknowledgements {median(full):,.0f}/s with it, "
          f"{median(empty):,.0f}/s on an empty journal ({median(full) / median(empty):.2f})")
    return {"pending": pending, "growth": rates, "starts": starts, "resident_mb": peak, "rate": median(full),
            "rate_empty": median(empty)}


def delivery(bench):
    """How fast what waits is delivered, to a target that answers at once."""
    events = bench.options.deliveries
    rows = []
    for persons in (1, 100, 10_000):
        for concurrency in (16, 64):
            # With one person one attempt is under way, whatever is allowed.
            if persons == 1 and concurrency > 16:
                continue
            wanted = min(events, 3000) if persons == 1 else events
            port = bench.bench.free_port()
            more = f"concurrency = {concurrency}"
            with bench.start(action=action(port, more)) as ours:
                while kept(ours) < wanted:
                    bench.drive(ours, bench.script(persons=persons), 64, 1)
                home = ours.home
            pending = query(home, "SELECT count(*) FROM deliveries WHERE state = 0")
            limit = 60
            with bench.start_floor(port=port, echo=True), bench.start(action=action(port, more), home=home) as ours:
                begun, counted = time.monotonic(), 0
                while time.monotonic() - begun < limit:
                    done = metric(ours, 'hookreeve_attempts_total{action="crm",result="done"')
                    if done >= min(pending, wanted):
                        break
                    time.sleep(0.02)
                took = time.monotonic() - begun
                counted = done
            rows.append({"persons": persons, "concurrency": concurrency, "delivered": counted, "rate": counted / took})
            bench.bench.note(f"delivery, {persons} persons: {counted / took:,.0f}/s")
    print("\ndelivery from a backlog to a loopback target")
    print(f"{'persons':>12}{'at once':>10}{'delivered':>12}{'events/s':>12}")
    for row in rows:
        print(f"{row['persons']:12,}{row['concurrency']:10}{row['delivered']:12,.0f}{row['rate']:12,.0f}")
    return rows


def wait(bench):
    """From an acknowledgement to the first attempt, by one clock: senders and target are this program."""
    target = Target()
    home = bench.fresh("wait")
    server = Trial(bench.hookreeve, home, home / "data", target.port)
    try:
        server.start()
        server.wait()
        senders = Senders(server, count=4, persons=500, verdicts=False, pause=0.01)
        senders.go()
        time.sleep(1)
        first = len(senders.sent)
        time.sleep(max(5, bench.options.seconds))
        senders.rest()
        server.drain()
        server.stop()
        senders.end()
    finally:
        server.end()
        target.down()
    came = {}
    for one in target.receipts:
        came.setdefault((one.person, one.number), one.at)
    waits = sorted(1000 * max(0.0, came[one.person, one.number] - one.at - one.took) for one in senders.sent[first:])
    latest, broken = {}, 0
    for one in target.receipts:
        broken += one.number < latest.get(one.person, 0)
        latest[one.person] = max(one.number, latest.get(one.person, 0))
    p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    seconds = senders.sent[-1].at - senders.sent[first].at
    print(f"\nfrom acknowledgement to first attempt, {len(waits) / seconds:,.0f} events a second: p50 {p50:.2f} ms, "
          f"p99 {p99:.2f} ms of {len(waits):,}; order violations {broken}")
    return {"events": len(waits), "p50_ms": p50, "p99_ms": p99, "order_violations": broken}


# ---- main ---------------------------------------------------------------------------------------------------------


def arguments(argv):
    parser = argparse.ArgumentParser(prog="bench journal", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=["full", "quick"], default="full")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given again")
    parser.add_argument("--rounds", type=int, help="default 3; quick: 1")
    parser.add_argument("--seconds", type=int, help="of load per round and server; default 4; quick: 1")
    parser.add_argument("--many", type=int, help="events for memory and backlog; default 1,000,000; quick: 20,000")
    parser.add_argument("--deliveries", type=int, help="events to deliver; default 20,000; quick: 2,000")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--directory", metavar="DIR", help="where the journals are written; default: a temporary one")
    parser.add_argument("--server", metavar="FILE", help="a hookreeve binary other than target/release/hookreeve")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args(argv)
    quick = options.mode == "quick"
    options.rounds = options.rounds or (1 if quick else 3)
    options.seconds = options.seconds or (1 if quick else 4)
    options.many = options.many or (20_000 if quick else 1_000_000)
    options.deliveries = options.deliveries or (2_000 if quick else 20_000)
    return options


def main(bench, argv):
    options = arguments(argv)
    floor, hookreeve = bench.build(options)
    busy = os.getloadavg()[0]
    os.sched_setaffinity(0, {options.load_core})
    found = {}
    print(f"{bench.machine()}; load {busy:.1f} before the start; {options.rounds} x {options.seconds} s each")
    with tempfile.TemporaryDirectory(prefix="hookreeve-journal-", dir=options.directory) as name:
        shared = Bench(bench, options, floor, hookreeve, pathlib.Path(name))
        for part in PARTS:
            if not options.only or part in options.only:
                found[part] = globals()[part](shared)
                bench.note("")
                sys.stdout.flush()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found, indent=2) + "\n")
