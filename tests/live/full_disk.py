#!/usr/bin/env python3
"""Fills the disk under the store of comparisons, then breaks its file, while traffic runs: clients must notice neither.

The state directory is a small tmpfs of its own. After a while something else fills it to the last byte; then the space comes
back; then pages of comparisons.db are overwritten; then the facade is started anew. In every phase all requests must be
answered about as fast as in the first; the full disk must be counted, and recording must resume.

    tests/live/full_disk.py [--banyan PATH] [--rate 300] [--seconds 12]

Needs root, to mount; says so and does nothing otherwise. Python 3 and mount.
"""

import argparse
import glob
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from rig import Driver, Rig, get, table

ROUTES = """retention: { size: 16MiB }
routes: [{ name: orders, match: { path: "/orders/{id}" }, new: new, stage: shadow, shadow: {} }]"""


def system(side):
    def answer(request):
        number = int(request.target.rsplit("/", 1)[1])
        order = {"id": number, "text": random.Random(number).randbytes(2000).hex(), "fields": {f"f{number % 400}x": side}}
        return 200, [("Content-Type", "application/json")], json.dumps(order).encode()
    return answer


class Phases:
    """Traffic without end, told apart by what happens to the disk meanwhile."""

    def __init__(self, rig, rate):
        self.rig, self.now, self.over, self.answers, self.wrong = rig, "before", False, {}, {}
        self.driver = Driver(rig.port, connections=16)
        numbers = iter(lambda: get(f"/orders/{random.randrange(10**6)}"), None)
        self.thread = threading.Thread(
            target=lambda: self.driver.drive(numbers, rate, self.answered, until=lambda: self.over), daemon=True)
        self.thread.start()

    def answered(self, request, answer):
        self.answers.setdefault(self.now, []).append(answer.took)
        self.wrong[self.now] = self.wrong.get(self.now, 0) + (answer.status != 200)

    def errors(self):
        return self.rig.metrics()["banyan_store_errors_total"]

    def recorded(self):
        try:
            store = sqlite3.connect(f"file:{self.rig.state_dir}/comparisons.db?mode=ro", uri=True, timeout=5)
            count = store.execute("SELECT coalesce(sum(count), 0) FROM verdicts").fetchone()[0]
            store.close()
            return count
        except sqlite3.Error as error:
            return f"unreadable: {error}"

    def end(self):
        self.over = True
        self.thread.join()

    def rows(self):
        for phase, took in self.answers.items():
            took.sort()
            at = lambda share: f"{took[int(len(took) * share)] * 1000:.2f}"
            yield dict(phase=phase, answers=len(took), wrong=self.wrong[phase], p50_ms=at(0.5), p99_ms=at(0.99), max_ms=f"{took[-1] * 1000:.1f}")


def fill(path):
    """Takes all space that is left. How many bytes that was."""
    with open(path, "wb", buffering=0) as file:
        for block in (1 << 16, 512, 1):
            try:
                while True:
                    file.write(b"x" * block)
            except OSError:
                pass
        return file.tell()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--rate", type=float, default=300.0)
    arguments.add_argument("--seconds", type=float, default=12.0)
    options = arguments.parse_args()
    if os.geteuid() != 0:
        print("skipped: only root may mount a small disk")
        return
    disk = tempfile.mkdtemp(prefix="banyan-disk-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        os.rmdir(disk)
        print(f"skipped: no disk can be mounted here: {mounted.stderr.strip()}")
        return
    try:
        with Rig(options.banyan, system("legacy"), system("new"), ROUTES, state_dir=os.path.join(disk, "state")) as rig:
            passed = run(rig, disk, options)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
        os.rmdir(disk)
    sys.exit(0 if passed else 1)


def run(rig, disk, options):
    phases, told = Phases(rig, options.rate), []

    def phase(name):
        phases.now = name
        time.sleep(options.seconds)
        told.append((name, phases.recorded(), phases.errors()))
        return told[-1]

    _, before, errors_before = phase("before")
    filled = fill(os.path.join(disk, "filler"))
    _, _, errors_full = phase("disk full")
    os.remove(os.path.join(disk, "filler"))
    _, resumed, errors_resumed = phase("space is back")
    database = os.path.join(rig.state_dir, "comparisons.db")
    with open(database, "r+b") as file:
        for page in range(1, os.path.getsize(database) // 4096):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    _, broken, errors_broken = phase("file broken")
    aside_running = glob.glob(database + ".corrupt-*")
    phases.end()
    failed = len(phases.driver.failed)
    rig.stop()
    rig.start()
    again = Phases(rig, options.rate)
    again.now = "after a restart"
    time.sleep(options.seconds)
    again.end()
    time.sleep(2)
    restarted = again.recorded()
    aside = glob.glob(database + ".corrupt-*")
    rows = [*phases.rows(), *again.rows()]
    print(table(rows, ["phase", "answers", "wrong", "p50_ms", "p99_ms", "max_ms"]))
    print(f"filled with {filled} bytes; recorded and store errors after each phase: {told}; after a restart {restarted}")
    print(f"put aside while running: {len(aside_running)}, in all: {len(aside)}; requests failed: {failed + len(again.driver.failed)}")
    print("facade said:\n  " + "\n  ".join(rig.log().splitlines()[-12:]))
    usual = float(rows[0]["p99_ms"])
    said = {
        "every request is answered": not failed and not again.driver.failed and not any(row["wrong"] for row in rows),
        "latency stays alike": all(float(row["p99_ms"]) < 3 * usual + 5 for row in rows),
        "a full disk is counted": errors_full > errors_before,
        "recording resumes when there is space": isinstance(resumed, int) and resumed > before + options.rate * options.seconds / 2,
        "a broken file is put aside at the latest at the next start": len(aside) >= 1,
        "recording goes on after that": isinstance(restarted, int) and restarted > options.rate * options.seconds / 2,
    }
    for what, holds in said.items():
        print("ok      " if holds else "FAILED  ", what)
    return all(said.values())


if __name__ == "__main__":
    main()
