"""A real SCIM server, that of the package scim2-server, and what it has in the end."""

import json
import os
import pathlib
import shutil
import signal
import subprocess

from .server import ROOT, Fault, free_port

INSTALLED = ROOT / "target" / "venv" / "bin" / "scim2-server"
TOKEN = "a-token-for-this-trial"


def found(named=None):
    """The program; none where it is not installed."""
    if named:
        return named
    return str(INSTALLED) if INSTALLED.exists() else shutil.which("scim2-server")


def cpu_seconds(pid):
    """What a process has used, in user and system time."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Scim:
    """The server, in memory, on a port of its own."""

    def __init__(self, program, directory):
        self.port = free_port()
        self.dump = pathlib.Path(directory) / "people.json"
        self.log = open(pathlib.Path(directory) / "scim.log", "wb")
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bearer-token", TOKEN, "--dump-resources", str(self.dump)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        if not line.startswith(b"Serving SCIM"):
            raise Fault(f"the SCIM server does not start: {line!r}")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v2"

    def requests(self):
        """How many it was asked, by method, as its log has them."""
        said = pathlib.Path(self.log.name).read_bytes()
        methods = {method: said.count(f'"{method} /v2/'.encode()) for method in ("GET", "POST", "PATCH", "PUT", "DELETE")}
        return {method: count for method, count in methods.items() if count}

    def end(self):
        """Ends it. What it has is then in its dump."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(120)
        self.log.close()

    def people(self):
        return json.loads(self.dump.read_text())
