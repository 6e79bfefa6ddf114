"""The server under trial: its configuration, its process, what it says, and its journal as another program reads it."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time

from . import chain

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONCURRENCY = 8
# The bytes of the statement in the binary, and those that take its place to show that a trial can see a loss.
SYNCED, UNSYNCED = b"PRAGMA synchronous = FULL;", b"PRAGMA synchronous = OFF ;"


class Fault(Exception):
    """What went wrong, in a sentence."""


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_of(secret):
    now = int(time.time())
    payload = {"sub": "admin", "roles": ["ORG_ADMIN"], "tenantId": "as100", "iat": now, "exp": now + 6 * 3600}
    parts = ({"alg": "HS256"}, payload)
    signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return signed + "." + base64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unsynced(binary, directory):
    """A copy of the binary that does not wait for the disk. No option of the program does that."""
    code = pathlib.Path(binary).read_bytes()
    if len(SYNCED) != len(UNSYNCED) or SYNCED not in code:
        raise Fault(f"{binary} has no statement {SYNCED.decode()!r} to patch")
    patched = pathlib.Path(directory) / "hookreeve-unsynced"
    patched.write_bytes(code.replace(SYNCED, UNSYNCED))
    patched.chmod(0o755)
    return str(patched)


class Server:
    """hookreeve on a data directory. It can be started again and again, on the same port."""

    def __init__(self, binary, directory, data, target, *, journal="", action="", prefix=()):
        self.binary, self.directory, self.data, self.prefix = binary, pathlib.Path(directory), data, list(prefix)
        self.port, self.metrics_port = free_port(), free_port()
        self.secret = os.urandom(32).hex()
        self.token = token_of(self.secret)
        self.process = None
        self.config = self.directory / "trial.toml"
        self.log = self.directory / "server.log"
        self.target, self.journal, self.action = target, journal, action

    def write_config(self):
        self.config.write_text(f"""[server]
listen = "127.0.0.1:{self.port}"
data_dir = {json.dumps(str(self.data))}
drain = "20s"

[cymmetri]
deadline = "60s"

[cymmetri.auth]
jwt = {{ algorithms = ["HS256"], secret = {{ env = "HOOKREEVE_JWT_SECRET" }} }}

[metrics]
listen = "127.0.0.1:{self.metrics_port}"

[log]
format = "json"
level = "warn"

[journal]
{self.journal}

[[rule]]
id = "leavers"
on = "runDeprovision"
when = "true"
deprovision = true

[[rule]]
id = "refused"
on = "validateUser"
when = 'user.login.startsWith("refused")'
deny = "Refused"

[[action]]
id = "crm"
on = ["postCreateUser", "postUpdateUser", "runDeprovision"]
type = "http"
url = "http://127.0.0.1:{self.target}/crm"
allow_private = true
concurrency = {CONCURRENCY}
{self.action or 'retry = { for = "1h", first = "100ms", max_delay = "1s" }'}

[[action]]
id = "desk"
on = "validateUser"
decision = "refused"
type = "http"
url = "http://127.0.0.1:{self.target}/desk"
allow_private = true
concurrency = {CONCURRENCY}
{self.action or 'retry = { for = "1h", first = "100ms", max_delay = "1s" }'}
""")

    def start(self):
        """Starts the process, and does not wait for it."""
        self.write_config()
        inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.binary, "serve", "--config", str(self.config)], cwd=self.directory,
                env=inherited | {"HOOKREEVE_JWT_SECRET": self.secret}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self, seconds=60):
        """Waits until it answers. Returns how long that took."""
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            if self.process.poll() is not None:
                raise Fault(f"the server ended with status {self.process.returncode}:\n{self.tail()}")
            with contextlib.suppress(OSError):
                if self.get("/readyz")[0] == 200:
                    return time.perf_counter() - begun
            time.sleep(0.005)
        raise Fault(f"the server does not answer:\n{self.tail()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends it as an operator does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired as error:
                self.kill()
                raise Fault("the server did not end when it was told to") from error

    def end(self):
        """Ends it whatever state it is in, for a trial that is over."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def get(self, path, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def metric(self, line):
        """The sum of a metric's lines that begin so."""
        page = self.get("/metrics", self.metrics_port)[1]
        return sum(float(one.rpartition(" ")[2]) for one in page.splitlines() if one.startswith(line))

    def tail(self, characters=2000):
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else "(no log)"

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    # ---- the journal, read by SQLite as Python has it --------------------------------------------------------------

    def file(self):
        return pathlib.Path(self.data) / "hookreeve.db"

    def query(self, statement):
        """Rows of the journal. The server may run or not; nothing is written."""
        connection = sqlite3.connect(f"file:{self.file()}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def pending(self):
        return self.query("SELECT count(*) FROM deliveries WHERE state = 0")[0][0]

    def drain(self, seconds=300):
        """Waits until nothing is pending any more."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            if self.process.poll() is not None:
                raise Fault(f"the server ended with status {self.process.returncode}:\n{self.tail()}")
            if self.pending() == 0:
                return
            time.sleep(0.05)
        raise Fault(f"{self.pending()} deliveries are still pending after {seconds} s:\n{self.tail()}")

    def entries(self):
        """All events' entries, in order, by person and number."""
        if "encryption_key" in self.journal:
            users = self.opened()
        else:
            # In clear: a byte that says so, a salt of 16, and the record.
            rows = self.query("SELECT stored FROM entries WHERE kind = 0 ORDER BY seq")
            users = (json.loads(bytes(stored)[17:])["request"]["user"] for (stored,) in rows)
        return [(user["login"], user["number"]) for user in users]

    def opened(self):
        """The persons of all events' entries, in order, as the program opens them."""
        numbers = [str(row[0]) for row in self.query("SELECT seq FROM entries WHERE kind = 0 ORDER BY seq")]
        for first in range(0, len(numbers), 1000):
            run = subprocess.run(
                [self.binary, "events", "show", *numbers[first:first + 1000], "--personal", "--format", "json",
                 "--config", str(self.config)],
                capture_output=True, text=True, env={**os.environ, "HOOKREEVE_JWT_SECRET": self.secret})
            if run.returncode != 0:
                raise Fault(f"entries cannot be read: {run.stderr.strip()[-500:]}")
            for line in run.stdout.splitlines():
                shown = json.loads(line)
                if shown["request"] is None:
                    raise Fault(f"entry {shown['seq']} cannot be opened: {shown['missing']}")
                yield shown["request"]["user"]

    def verify(self):
        """What is wrong with the file, as SQLite sees it, and with the chain, as reckoned here."""
        found = [f"SQLite says: {row[0]}" for row in self.query("PRAGMA integrity_check") if row[0] != "ok"]
        found += chain.findings(self.query(chain.ROWS))
        # By the program itself, where it has the command.
        if subprocess.run([self.binary, "journal", "verify", "--help"], capture_output=True).returncode == 0:
            run = subprocess.run([self.binary, "journal", "verify", "--config", str(self.config)], capture_output=True,
                                 text=True, env={**os.environ, "HOOKREEVE_JWT_SECRET": self.secret})
            if run.returncode != 0:
                found.append((run.stdout + run.stderr).strip())
        return found
