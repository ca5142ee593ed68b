#!/usr/bin/env python3
"""Kills the facade a hundred times at random moments under load, and looks at what is left of the comparisons.

After each `kill -9`: a copy of the store must pass SQLite's integrity check, hold every comparison of answers that clients
had more than two seconds before, and agree with itself. The next facade over the same state directory must answer at once.

    tests/live/killed.py [--banyan PATH] [--kills 100] [--rate 400]

Python 3 alone is needed.
"""

import argparse
import glob
import json
import os
import random
import shutil
import sqlite3
import sys
import threading
import time

from rig import Driver, Rig, get

ROUTES = 'routes: [{ name: orders, match: { path: "/orders/{id}" }, new: new, stage: shadow, shadow: {} }]'
# What clients had longer ago than this is not lost.
LOST = 2.0


def system(side):
    def answer(request):
        number = int(request.target.rsplit("/", 1)[1])
        order = {"id": number, "price": number % 97, "lines": ["x" * 40] * (number % 9), "state": "open", "at": time.time()}
        if side == "new" and number % 10 == 0:
            order["price"] += 1
        if side == "new" and number % 7 == 0:
            del order["state"]
        if number % 2:
            del order["at"]
        return 200, [("Content-Type", "application/json")], json.dumps(order).encode()
    return answer


CHECKS = {
    "kept comparisons that no sample leads to": "SELECT count(*) FROM comparisons WHERE id NOT IN (SELECT comparison FROM samples)",
    "samples of comparisons that are not there": "SELECT count(*) FROM samples WHERE comparison NOT IN (SELECT id FROM comparisons)",
    "signatures with more samples than sightings": "SELECT count(*) FROM signature_totals WHERE samples > raw",
    "signatures seen more often than was compared": "SELECT count(*) FROM signature_totals WHERE raw > compared + coalesce((SELECT unknown FROM route_totals), 0)",
    "sightings of unknown signatures": "SELECT count(*) FROM sightings WHERE signature NOT IN (SELECT id FROM signatures)",
    "verdicts with more kept than counted": """SELECT count(*) FROM (SELECT verdict, count(*) AS kept FROM comparisons GROUP BY verdict) k
        WHERE kept > (SELECT coalesce(sum(count), 0) FROM verdicts v WHERE v.verdict = k.verdict)""",
}


def look(state_dir, folder):
    """How many comparisons a copy of the store holds, and what is wrong with it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    for path in glob.glob(os.path.join(state_dir, "comparisons.db*")):
        if not path.endswith("-shm"):
            shutil.copy(path, folder)
    store = sqlite3.connect(os.path.join(folder, "comparisons.db"))
    said = store.execute("PRAGMA integrity_check").fetchone()[0]
    wrong = [] if said == "ok" else [f"integrity check: {said}"]
    for what, sql in CHECKS.items():
        if count := store.execute(sql).fetchone()[0]:
            wrong.append(f"{count} {what}")
    recorded = store.execute("SELECT coalesce(sum(count), 0) FROM verdicts").fetchone()[0]
    store.close()
    return recorded, wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--rate", type=float, default=400.0)
    options = arguments.parse_args()
    with Rig(options.banyan, system("legacy"), system("new"), ROUTES) as rig:
        sys.exit(0 if run(rig, options) else 1)


def one_life(rig, options):
    """Load on a running facade until it is killed: when each answer came, and when the kill did."""
    answered, killed = [], []

    def kill():
        killed.append(time.time())
        rig.kill()

    timer = threading.Timer(random.uniform(0.05, 4), kill)
    timer.start()
    driver = Driver(rig.port, connections=16)
    numbers = iter(lambda: get(f"/orders/{random.randrange(10**6)}"), None)
    driver.drive(numbers, options.rate, lambda request, answer: answered.append(answer), until=lambda: bool(killed))
    timer.join()
    failed = [one for one in driver.failed if one[0] < killed[0]]
    return answered, killed[0], failed


def run(rig, options):
    troubles, lost, first, answers, slowest_start, recorded = [], [], [], 0, 0.0, 0
    for kill in range(1, options.kills + 1):
        answered, killed, failed = one_life(rig, options)
        answered, first = first + answered, []
        wrong_status = sum(answer.status != 200 for answer in answered)
        answers += len(answered)
        now, wrong = look(rig.state_dir, os.path.join(rig.folder, "copy"))
        safe = sum(answer.at < killed - LOST for answer in answered)
        if now - recorded < safe:
            troubles.append(f"kill {kill}: of {safe} comparisons older than {LOST:g} s only {now - recorded} are there")
        if now - recorded > len(answered) + 16:
            troubles.append(f"kill {kill}: {now - recorded} comparisons of {len(answered)} answers")
        lost.append(len(answered) - (now - recorded))
        troubles += [f"kill {kill}: {what}" for what in wrong]
        if failed or wrong_status:
            troubles.append(f"kill {kill}: {len(failed)} requests failed before it, {wrong_status} had another status than 200")
        recorded = now
        began = time.monotonic()
        rig.start()
        started = Driver(rig.port, connections=1)
        started.drive([get("/orders/1")], each=lambda request, answer: first.append(answer))
        if started.failed or first[-1].status != 200:
            troubles.append(f"kill {kill}: no answer after the start")
        slowest_start = max(slowest_start, time.monotonic() - began)
        if kill % 10 == 0:
            print(f"{kill} kills, {answers} answers, {recorded} comparisons, {len(troubles)} troubles", flush=True)
    aside = glob.glob(os.path.join(rig.state_dir, "*.corrupt-*"))
    if aside:
        troubles.append(f"put aside: {aside}")
    errors = rig.metrics().get("banyan_store_errors_total")
    print(f"lost with a kill   median {sorted(lost)[len(lost) // 2]}, most {max(lost)} comparisons, of {options.rate:g} a second; in all {sum(lost)} of {answers}")
    print(f"slowest start      {slowest_start * 1000:.0f} ms to the first answer; store errors of the last one: {errors:g}")
    size = sum(os.path.getsize(path) for path in glob.glob(os.path.join(rig.state_dir, "comparisons.db*")))
    print(f"store              {size / 1024:.0f} KiB")
    for trouble in troubles:
        print("TROUBLE  ", trouble)
    print("FAILED" if troubles else f"passed: {options.kills} kills")
    return not troubles


if __name__ == "__main__":
    main()
