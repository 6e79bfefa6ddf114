"""The system that the actions post to: it keeps what comes in, in the order in which it came, and behaves as it is told."""

import collections
import json
import socket
import struct
import threading
import time

Receipt = collections.namedtuple("Receipt", "life action person number key at answered")


class Target:
    """A server on loopback. `behave(receipt)` says what an attempt is answered:

    - a status;
    - ("slow", seconds): 200, so much later;
    - "reset": the connection is reset once the request was read, and nothing is answered;
    - "lie": a 200 whose body is promised and reset;
    - "cut": a 200 whose body ends before its length.
    """

    def __init__(self, behave=lambda receipt: 200):
        self.behave = behave
        self.receipts = []
        self.life = 0  # which life of the server it is, told by whoever ends them
        self._lock = threading.Lock()
        self._listener = None
        self._open = set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.up()

    def up(self):
        """Takes connections."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self):
        """Refuses connections, and drops those there are."""
        listener, self._listener = self._listener, None
        if listener:
            # A thread that waits in accept would keep the socket open.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            reset(connection)

    def next_life(self):
        """The server was ended: whatever it had sent is read first."""
        deadline = time.monotonic() + 10
        while self._open and time.monotonic() < deadline:
            time.sleep(0.002)
        self.life += 1

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            stream = connection.makefile("rb")
            while self._one(connection, stream):
                pass
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _one(self, connection, stream):
        line = stream.readline()
        if not line:
            return False
        headers = {}
        while (header := stream.readline().strip()):
            name, _, value = header.partition(b":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get(b"content-length", 0)))
        user = json.loads(body)["request"]["user"]
        receipt = Receipt(self.life, line.split()[1].decode().strip("/"), user["login"], user["number"],
                          headers[b"idempotency-key"].decode(), time.time(), None)
        answer = self.behave(receipt)
        with self._lock:
            self.receipts.append(receipt._replace(answered=answer if isinstance(answer, (int, str)) else answer[0]))
        if isinstance(answer, tuple):
            time.sleep(answer[1])
            answer = 200
        if answer == "reset":
            reset(connection)
            return False
        if answer == "lie":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"x" * 20)
            reset(connection)
            return False
        if answer == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"x" * 20)
            return False
        connection.sendall(b"HTTP/1.1 %d Said\r\ncontent-length: 2\r\n\r\nok" % answer)
        return True


def reset(connection):
    """Ends a connection so that the other side sees a reset, not an end."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    connection.close()
