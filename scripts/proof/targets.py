"""Targets that are down, slow, lying and flapping: what was accepted arrives, and nothing overtakes anything."""

import random
import time

from . import judgement
from .load import Senders
from .server import Server
from .target import Target

ACTION = 'timeout = "1s"\nretry = { for = "1h", first = "100ms", max_delay = "500ms" }'
LEAST = 20  # answers to be spoiled in each way
PATIENCE = 30


def spoiled(target, before):
    return sum(one.answered != 200 for one in target.receipts[before:])


def trial(binary, directory, rounds, seed, note):
    chance = random.Random(seed)
    target = Target()
    server = Server(binary, directory, directory / "data", target.port, action=ACTION)
    trouble = {}
    seconds = 2 if rounds < 50 else 8

    def play(name, behave):
        note(f"targets: {name}")
        target.behave = behave

    def slow(_):
        return ("slow", 1.5) if chance.random() < 0.1 else 200

    def lying(_):
        dice = chance.random()
        return "lie" if dice < 0.1 else "cut" if dice < 0.2 else "reset" if dice < 0.25 else 200

    def failing(_):
        return 503 if chance.random() < 0.2 else 429 if chance.random() < 0.05 else 200

    try:
        server.start()
        server.wait()
        senders = Senders(server, seed=seed, pause=0.01)
        senders.go()
        for name, behave in (("slow", slow), ("lying", lying), ("failing", failing)):
            play(name, behave)
            before = len(target.receipts)
            # Where many fail in a row, the target is left alone for a while.
            begun = time.monotonic()
            while (waited := time.monotonic() - begun) < seconds or waited < PATIENCE and spoiled(target, before) < LEAST:
                time.sleep(0.05)
            trouble[name] = spoiled(target, before)
        play("flapping", lambda _: 200)
        end, flaps = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            target.down()
            time.sleep(chance.uniform(0.05, 0.4))
            target.up()
            time.sleep(chance.uniform(0.05, 0.4))
            flaps += 1
        trouble["flapping"] = flaps
        play("down", lambda _: 200)
        target.down()
        time.sleep(seconds)
        senders.rest()
        trouble["down"] = server.pending()
        target.up()
        note("targets: all is well again")
        begun = time.monotonic()
        server.drain()
        caught_up = time.monotonic() - begun
        dead = server.query("SELECT count(*) FROM deliveries WHERE state IN (2, 3)")[0][0]
        server.stop()
        senders.end()
        found = judgement.judge(senders, target, server.entries(), server.verify(), spoiled=True)
    finally:
        server.end()
        target.down()
    broken = found.broken()
    if dead:
        broken.append(f"{dead} deliveries were given up")
    judgement.show("targets in trouble", found, [
        ("answers after 1.5 s, with a time-out of 1 s", f"{trouble['slow']:,}"),
        ("resets, and 200s whose body was reset or cut", f"{trouble['lying']:,}"),
        ("answers 503 or 429", f"{trouble['failing']:,}"),
        ("times the target went away and came back", f"{trouble['flapping']:,}"),
        ("pending when it came back for good", f"{trouble['down']:,}"),
        ("seconds until all of it was delivered", f"{caught_up:.1f}"),
    ])
    return {"trial": "targets", "seed": seed, "trouble": trouble, "caught_up_seconds": caught_up, "dead": dead,
            **found.figures()}, broken
