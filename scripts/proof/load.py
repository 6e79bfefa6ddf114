"""The senders: each has persons of its own, and of each person sends one event after the other, each once, as the cloud does."""

import http.client
import json
import random
import threading
import time
import uuid

NOTICES = ("postCreateUser", "postUpdateUser")


class Sent:
    """One event as its sender knows it."""

    __slots__ = ("action", "at", "event", "number", "person", "request", "retry_after", "status", "took")

    def __init__(self, event, action, person, number):
        self.event, self.action, self.person, self.number = event, action, person, number
        self.request = str(uuid.uuid4())
        self.status = None  # none: nobody knows whether it was taken
        self.retry_after = None
        self.at = self.took = 0.0

    @property
    def acknowledged(self):
        return self.status == 200

    @property
    def name(self):
        return self.person, self.number


class Senders:
    """So many threads that send until they are told to stop."""

    def __init__(self, server, count=6, persons=12, seed=0, verdicts=True, pause=0.0):
        self.server, self.pause, self.verdicts = server, pause, verdicts
        self.sent = []  # appended to by all threads, which Python does whole
        self.wrong = []
        self._running = threading.Event()
        self._ended = False
        self._idle = [threading.Event() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._run, args=(index, persons, random.Random(f"{seed}-{index}")), daemon=True)
            for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def go(self):
        for idle in self._idle:
            idle.clear()
        self._running.set()

    def rest(self):
        """Stops sending, and waits for those that wait for an answer."""
        self._running.clear()
        for idle in self._idle:
            idle.wait(90)

    def end(self):
        self._ended = True
        self._running.set()
        for thread in self._threads:
            thread.join(90)

    def _run(self, index, persons, chance):
        numbers = {}
        connection = None
        while True:
            if not self._running.is_set():
                self._idle[index].set()
                self._running.wait()
            if self._ended:
                break
            kind = chance.random()
            if self.verdicts and kind < 0.15:
                event, action, person = "runDeprovision", "crm", f"c{index}p{chance.randrange(persons)}"
            elif self.verdicts and kind < 0.3:
                event, action, person = "validateUser", "desk", f"refused{index}p{chance.randrange(persons)}"
            else:
                event, action, person = chance.choice(NOTICES), "crm", f"c{index}p{chance.randrange(persons)}"
            # One number for all events of a person, whatever they are, so that a lane's order shows.
            numbers[person] = numbers.get(person, 0) + 1
            sent = Sent(event, action, person, numbers[person])
            connection = self._send(connection, sent)
            if sent.status == 0:
                numbers[person] -= 1
                continue
            self.sent.append(sent)
            if self.pause:
                time.sleep(self.pause)
        if connection:
            connection.close()

    def _send(self, connection, sent):
        body = json.dumps({"request": {"user": {"login": sent.person, "number": sent.number, "userType": "Employee",
                                                "firstName": "Asha", "lastName": "Pande", "country": "India"}}})
        headers = {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/json",
                   "X-Request-Id": sent.request}
        connected = False
        sent.at = time.time()
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=70)
                connection.connect()
            connected = True
            begun = time.perf_counter()
            connection.request("POST", f"/webhook/{sent.event}", body=body, headers=headers)
            reply = connection.getresponse()
            said = reply.read()
            sent.took = time.perf_counter() - begun
            sent.status, sent.retry_after = reply.status, reply.getheader("retry-after")
            self._look(sent, said)
        except (OSError, http.client.HTTPException):
            connection.close()
            connection = None
            if not connected:
                sent.status = 0  # it was never sent
                time.sleep(0.01)
        return connection

    def _look(self, sent, said):
        """A verdict must be the right one, whatever happens to the journal."""
        if sent.status == 200 and sent.event == "runDeprovision" and json.loads(said) != {"response": {"data": True}}:
            self.wrong.append(f"{sent.event} was answered {said!r}")
        if sent.status == 200 and sent.event == "validateUser" and b"Refused" not in said:
            self.wrong.append(f"{sent.event} was answered {said!r}")
