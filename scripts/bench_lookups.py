"""`scripts/bench lookups`: is a reply ever late because a source is slow?

    scripts/bench lookups              10,000 events under a deadline of 2 s, 512 at a time
    scripts/bench lookups --events N   as many

A rule on validateUser asks an HTTP source that answers a third of the questions at once, a third after 1 s, and a third
never. No answer is kept, and each event asks for a person of its own. A reply is late where the server counts it as such,
or where it reaches whoever asked more than 2.5 s after the request: the deadline ends with the hand-over to the socket.
Correctness is tried beside it: whom the source knows is refused, whom it does not know is not, and of whom it says nothing
is let in, as `on_error` has it.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys
import tempfile
import time
import urllib.request

HANGS, SLOW = 2, 1
LATE_SECONDS = 2.5


async def source(reader, writer):
    """Answers by the last digit of the person: at once, after a second, never."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            number = int(head.split(b" ")[1].rpartition(b"/")[2])
            if number % 3 == HANGS:
                await asyncio.sleep(60)
            if number % 3 == SLOW:
                await asyncio.sleep(1)
            known = number % 2 == 0
            body = b'{"known":true}' if known else b""
            status = b"200 OK" if known else b"404 Not Found"
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


def expected(number):
    """What a person's event is answered: none where the source may or may not have been in time."""
    if number % 3 == HANGS:
        return "let in"
    return "refused" if number % 2 == 0 else "let in"


async def sender(port, token, numbers, found):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        body = json.dumps({"request": {"user": {"login": f"p{number}", "number": number}}}).encode()
        begun = time.perf_counter()
        writer.write(b"POST /webhook/validateUser HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                     b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (token.encode(), len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        reply = await reader.readexactly(int(length.split(b":")[1]))
        took = time.perf_counter() - begun
        said = "refused" if b"Known" in reply else "let in"
        found.append((number, took, head.startswith(b"HTTP/1.1 200"), said))
    writer.close()


async def trial(bench, options, directory):
    slow = await asyncio.start_server(source, "127.0.0.1", 0, backlog=4096)
    at = slow.sockets[0].getsockname()[1]
    port, metrics, secret = bench.free_port(), bench.free_port(), os.urandom(32).hex()
    text = bench.configuration(port, metrics, []).replace('level = "info"', 'level = "error"') + f"""
"user.number" = "int"

[[lookup]]
id = "known"
type = "http"
url = "http://127.0.0.1:{at}/people/${{user.number}}"
allow_private = true
timeout = "10s"
concurrency = 1024

[[rule]]
id = "known"
on = "validateUser"
when = 'lookup.known.found'
deny = "Known"
"""
    (directory / "bench.toml").write_text(text)
    command = [options.server, "serve", "--config", str(directory / "bench.toml")]
    with bench.Server("hookreeve", command, directory, {"HOOKREEVE_JWT_SECRET": secret}, port, options.server_core) as server:
        token = bench.token_of(secret)
        await asyncio.to_thread(server.first_reply, {"Authorization": f"Bearer {token}"},
                                json.dumps({"request": {"user": {"login": "p0", "number": 0}}}))
        found, begun = [], time.perf_counter()
        parts = [range(first, options.events, options.connections) for first in range(options.connections)]
        await asyncio.gather(*(sender(port, token, part, found) for part in parts))
        elapsed = time.perf_counter() - begun
        page = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5).read().decode()
        late = sum(int(float(line.split()[1])) for line in page.splitlines() if line.startswith("hookreeve_late_replies_total"))
    slow.close()
    wrong = sum(not well or said != expected(number) for number, _, well, said in found)
    times = sorted(took for _, took, _, _ in found)
    print(f"{len(found):,} events in {elapsed:.0f} s, {options.connections} at a time: late by the server's count {late}, "
          f"later than {LATE_SECONDS} s {sum(took > LATE_SECONDS for took in times)}, answered wrongly {wrong}")
    print(f"p50 {times[len(times) // 2]:.3f} s, p99 {times[len(times) * 99 // 100]:.3f} s, longest {times[-1]:.3f} s")
    return 1 if late or wrong or times[-1] > LATE_SECONDS else 0


def main(bench, arguments):
    parser = argparse.ArgumentParser(prog="bench lookups", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=512)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--server", type=pathlib.Path, default=bench.ROOT / "target/release/hookreeve")
    options = parser.parse_args(arguments)
    options.server = str(options.server.resolve())
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(trial(bench, options, pathlib.Path(directory)))
