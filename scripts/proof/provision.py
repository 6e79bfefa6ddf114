"""Many people provisioned by SCIM at a real server, once each, while hookreeve is killed again and again; and the rate."""

import collections
import http.client
import json
import queue
import random
import threading
import time

from . import scim
from .server import Fault, Server

SENDERS = 8
# Of the attempts that were under way at a kill nobody knows what became; their leases have to run out.
PATIENCE = 3600


class Provisioner(Server):
    """hookreeve with one action, to a SCIM server."""

    def __init__(self, binary, directory, url, concurrency):
        super().__init__(binary, directory, directory / "data", 0)
        self.url, self.concurrency = url, concurrency

    def write_config(self):
        self.config.write_text(f"""[server]
listen = "127.0.0.1:{self.port}"
data_dir = {json.dumps(str(self.data))}
drain = "5s"

[cymmetri.auth]
jwt = {{ algorithms = ["HS256"], secret = {{ env = "HOOKREEVE_JWT_SECRET" }} }}

[metrics]
listen = "127.0.0.1:{self.metrics_port}"

[log]
format = "json"
level = "warn"

[[action]]
id = "people"
on = ["postCreateUser", "postUpdateUser"]
type = "scim"
url = "{self.url}"
allow_private = true
concurrency = {self.concurrency}
timeout = "30s"
retry = {{ for = "1d", first = "100ms", max_delay = "1s" }}
headers = {{ authorization = {{ file = "scim.token", prefix = "Bearer " }} }}
find = {{ userName = 'user.login' }}

[action.attributes]
externalId = 'user.login'
active = 'true'
title = 'text(user.?title)'
name = {{ givenName = 'user.firstName', familyName = 'user.lastName' }}
emails = [{{ value = 'user.login + "@corp.example"', type = '"work"' }}]
""")
        (self.directory / "scim.token").write_text(scim.TOKEN + "\n")


class Feeder:
    """Sends each event once more until it is acknowledged, as the cloud's operator would have it sent."""

    def __init__(self, server, events):
        self.server = server
        self.left = queue.SimpleQueue()
        for event in events:
            self.left.put(event)
        self.acknowledged, self.in_doubt = set(), 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        connection = None
        while True:
            try:
                name, login, user = self.left.get_nowait()
            except queue.Empty:
                return
            body = json.dumps({"request": {"user": {"login": login, "userType": "Employee", **user}}})
            while True:
                try:
                    if connection is None:
                        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
                    connection.request("POST", f"/webhook/{name}", body=body,
                                       headers={"Authorization": f"Bearer {self.server.token}"})
                    reply = connection.getresponse()
                    reply.read()
                    if reply.status == 200:
                        break
                except (OSError, http.client.HTTPException):
                    if connection:
                        connection.close()
                    connection = None
                    with self._lock:
                        self.in_doubt += 1
                time.sleep(0.02)
            with self._lock:
                self.acknowledged.add(login)

    def done(self):
        return not any(thread.is_alive() for thread in self._threads)

    def join(self):
        for thread in self._threads:
            thread.join()


def person(number):
    return f"person{number:06}", {"firstName": f"Given{number}", "lastName": f"Family{number % 977}"}


def trial(binary, directory, program, people, kills, seed, note):
    """Everybody once, in spite of the kills. Returns figures, and what was broken."""
    chance = random.Random(seed)
    target = scim.Scim(program, directory)
    server = Provisioner(binary, directory, target.url, 16)
    # Spread over the whole of it, at the rate of the target on two cores.
    apart = max(0.5, people / (80 * max(kills, 1)))
    begun = time.monotonic()
    killed = 0
    try:
        server.start()
        server.wait()
        feeder = Feeder(server, (("postCreateUser", *person(number)) for number in range(people)))
        while True:
            fed = feeder.done()
            pending = server.pending()
            note(f"provision: {len(feeder.acknowledged):,} acknowledged, {pending:,} pending, {killed} kills")
            if fed and pending == 0:
                break
            if time.monotonic() - begun > PATIENCE:
                raise Fault(f"{pending} are still pending after {PATIENCE} s:\n{server.tail()}")
            if killed < kills:
                time.sleep(chance.expovariate(1 / apart))
                server.kill()
                killed += 1
                server.start()
                server.wait()
            else:
                time.sleep(0.2)
        seconds = time.monotonic() - begun
        dead = server.query("SELECT count(*) FROM deliveries WHERE state IN (2, 3)")[0][0]
        server.stop()
    finally:
        server.end()
        target.end()
    there = collections.Counter(one["userName"] for one in target.people())
    whole = {one["userName"]: (one["name"]["givenName"], one["active"]) for one in target.people()}
    wanted = dict(person(number) for number in range(people))
    figures = {
        "people": people, "kills": killed, "seconds": round(seconds, 1), "sends_in_doubt": feeder.in_doubt,
        "dead": dead,
        "missing": len(feeder.acknowledged - there.keys()),
        "double": sum(count - 1 for count in there.values()),
        "strange": len(there.keys() - wanted.keys()),
        "otherwise": sum(whole.get(login) != (user["firstName"], True) for login, user in wanted.items()),
    }
    broken = [f"{name}: {figures[name]}" for name in ("missing", "double", "strange", "otherwise", "dead") if figures[name]]
    print(f"\n{people:,} people provisioned by SCIM, hookreeve killed {killed} times")
    for name, value in figures.items():
        print(f"  {value!s:>12}  {name}")
    return figures, broken


def rate(binary, directory, program, persons, events, note):
    """How fast so many events of so many persons come to a real server, from the first event on."""
    target = scim.Scim(program, directory)
    server = Provisioner(binary, directory, target.url, 64)
    try:
        server.start()
        server.wait()
        # Everybody is there: each event changes one attribute, so that each is a search and a change.
        feeder = Feeder(server, (("postCreateUser", *person(number)) for number in range(persons)))
        feeder.join()
        server.drain()
        time.sleep(0.5)
        before = target.requests()
        used = {"hookreeve": scim.cpu_seconds(server.process.pid), "target": scim.cpu_seconds(target.process.pid)}
        changes = []
        for number in range(events):
            login, user = person(number % persons)
            changes.append(("postUpdateUser", login, {**user, "title": f"Title {number}"}))
        begun = time.monotonic()
        feeder = Feeder(server, changes)
        note(f"rate: {persons} persons")
        feeder.join()
        server.drain()
        seconds = time.monotonic() - begun
        after = target.requests()
        cpu = {"hookreeve": scim.cpu_seconds(server.process.pid) - used["hookreeve"],
               "target": scim.cpu_seconds(target.process.pid) - used["target"]}
        server.stop()
    finally:
        server.end()
        target.end()
    asked = {method: after[method] - before.get(method, 0) for method in after if after[method] > before.get(method, 0)}
    figures = {
        "persons": persons, "events": events, "events_per_second": round(events / seconds, 1),
        "requests": asked, "requests_per_second": round(sum(asked.values()) / seconds, 1),
        "cpu_ms_per_event": {name: round(1000 * used / events, 2) for name, used in cpu.items()},
    }
    print(f"\n{events:,} changes of {persons} persons by SCIM")
    for name, value in figures.items():
        print(f"  {value!s:>12}  {name}")
    return figures
