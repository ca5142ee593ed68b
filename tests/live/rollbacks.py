#!/usr/bin/env python3
"""Rolls back and resumes under full load, and looks for one request that an old rule decided after the order was answered.

wrk holds 64 connections and asks as fast as it can, across routes and tenants; meanwhile orders at random (routes, groups,
tenants, the kill switch) go to the admin API. After each 200, requests on kept and on fresh connections must be answered by the
side that the pins say; and no line of the access log whose request came after the 200 may have a generation from before it, nor
any line a side that is not its generation's. How long an order takes is held against ten milliseconds plus three times the p99
of an `fdatasync` of 4 KiB beside it, in the same run. (`late` is how late the same process was woken from its pauses: on a machine
with other work than this, nobody is on time.)

The same with the disk full and with the state directory moved away: then the orders are as fast and say `durable: false`, and
when the disk is back they are written, and a `kill -9` loses none.

    tests/live/rollbacks.py [--banyan PATH] [--orders 200] [--broken 50] [--pace 0.1] [--connections 64]

Needs Python 3, nginx, wrk; root for the full disk, which is left out without.
"""

import argparse
import bisect
import collections
import contextlib
import http.client
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

from full_disk import fill
from rig import Rig, nginx, percentile, table, until

ROUTES = """subject: { tenant: [{ header: X-Tenant }] }
routes:
  - { name: read, group: orders, match: { path: /read }, new: new, stage: live }
  - { name: write, group: orders, match: { path: /write }, new: new, stage: live }
  - { name: carts, match: { path: /carts }, new: new, stage: live }
  - { name: wares, match: { path: /wares }, new: new, stage: live }"""

GROUPS = {"read": "orders", "write": "orders", "carts": None, "wares": None}
TENANTS = ["acme", "globex", "initech"]
WRK = """local routes, tenants, count = { "/read", "/write", "/carts", "/wares" }, { "acme", "globex", "initech" }, 0
request = function()
  count = count + 1
  return wrk.format("GET", routes[count % 4 + 1], { ["X-Tenant"] = tenants[count % 3 + 1] })
end
"""
# What an order may take beside three times the disk's own p99, in seconds.
ALLOWED = 0.010


class Pins:
    """What is pinned, as whoever gave the orders knows it."""

    def __init__(self):
        self.scopes = set()

    def any_order(self):
        """An order at random, and the scopes that hold once it is obeyed."""
        route, tenant = random.choice(list(GROUPS)), random.choice(TENANTS)
        told, scope = random.choice([
            ({"route": route}, route),
            ({"group": "orders"}, "group:orders"),
            ({"tenant": tenant}, f"tenant:{tenant}"),
            ({"route": route, "tenant": tenant}, f"{route} tenant:{tenant}"),
            ({}, "all"),
        ])
        if scope in self.scopes and random.random() < 0.9:
            return "resume", told, self.scopes - {scope}
        if self.scopes and random.random() < 0.1:
            return "resume", {"all": True}, set()
        return ("kill" if scope == "all" else "rollback"), told, self.scopes | {scope}

    @staticmethod
    def side(scopes, route, tenant):
        group = f"group:{GROUPS[route]}"
        on = {"all", route, group, f"tenant:{tenant}", f"{route} tenant:{tenant}"}
        return "legacy" if on & scopes else "new"


class Tester:
    """Asks on connections that it keeps, and on fresh ones, who answers."""

    def __init__(self, port, kept=8, fresh=4):
        self.port, self.fresh = port, fresh
        self.links = [self.link() for _ in range(kept)]
        self.asked, self.old = 0, []

    def link(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, scopes, generation):
        """All requests are sent before the first answer is read, so that they go out as soon after the order as can be."""
        fresh = [self.link() for _ in range(self.fresh)]
        asked = []
        for link in self.links + fresh:
            route, tenant = random.choice(list(GROUPS)), random.choice(TENANTS)
            link.request("GET", f"/{route}", headers={"X-Tenant": tenant})
            asked.append((link, route, tenant))
        for link, route, tenant in asked:
            answer = link.getresponse()
            answer.read()
            self.asked += 1
            expected, served = Pins.side(scopes, route, tenant), answer.getheader("X-Served-By")
            if (answer.status, served) != (200, expected):
                self.old.append(f"generation {generation}: {route} of {tenant} by {served} ({answer.status}), not {expected}")
        for link in fresh:
            link.close()


def beside(folder, pace, took, over):
    """Writes 4 KiB and has the disk take it, again and again; how long that took, and how late it woke for it, in seconds."""
    with open(os.path.join(folder, "beside"), "wb", buffering=0) as file:
        while not over.is_set():
            file.seek(0)
            file.write(os.urandom(4096))
            began = time.monotonic()
            os.fdatasync(file.fileno())
            done = time.monotonic()
            over.wait(pace)
            took.put((done - began, max(0.0, time.monotonic() - done - pace)))
    os.remove(file.name)


class Disk:
    """The disk's own times, measured in a process of its own; and how late the machine lets anybody wake who waits."""

    def __init__(self, folder, pace):
        self.took, self.over = multiprocessing.Queue(), multiprocessing.Event()
        self.process = multiprocessing.Process(target=beside, args=(folder, pace, self.took, self.over), daemon=True)
        self.process.start()

    def end(self):
        self.over.set()
        times = []
        while self.process.is_alive() or not self.took.empty():
            with contextlib.suppress(Exception):
                times.append(self.took.get(timeout=0.1))
        self.process.join()
        return times


class Phase:
    """What came of the orders while the disk was in one state."""

    def __init__(self, name):
        self.name, self.took, self.durable, self.statuses = name, [], 0, collections.Counter()
        self.waiting, self.disk, self.late, self.load, self.changed = 0, [], [], "", 0

    def row(self, allowed):
        ms = lambda seconds: f"{seconds * 1000:.2f}"
        at = lambda times, share: ms(percentile(times, share))
        return dict(phase=self.name, orders=len(self.took), changed=self.changed, durable=self.durable, waiting=int(self.waiting),
                    p50_ms=at(self.took, 0.5), p99_ms=at(self.took, 0.99), max_ms=ms(max(self.took)), allowed_ms=ms(allowed),
                    fsync_p50_ms=at(self.disk, 0.5), fsync_p99_ms=at(self.disk, 0.99), late_p99_ms=at(self.late, 0.99))


class Run:
    """One facade, its load, its operator."""

    def __init__(self, rig, options):
        self.rig, self.options, self.pins = rig, options, Pins()
        self.tester, self.operator = Tester(rig.port), rig.operator()
        # Which scopes hold in each generation, and since when which generation must decide.
        self.standing, self.answered, self.troubles = {1: frozenset()}, [], []

    def phase(self, name, orders, measured, before=lambda: None):
        """Gives orders under load, while the disk of the folder `measured` is measured; `before` breaks or mends one."""
        phase = Phase(name)
        script = os.path.join(self.rig.folder, "load.lua")
        with open(script, "w") as file:
            file.write(WRK)
        seconds = int(orders * (self.options.pace + 0.05)) + 3
        load = subprocess.Popen(["wrk", "-t1", f"-c{self.options.connections}", f"-d{seconds}", "-s", script,
                                 f"http://127.0.0.1:{self.rig.port}"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        before()
        disk = Disk(measured, self.options.pace)
        for _ in range(orders):
            self.order(phase)
            time.sleep(random.uniform(0, 2 * self.options.pace))
        phase.waiting = self.rig.metrics()["banyan_ledger_waiting"]
        phase.disk, phase.late = zip(*disk.end())
        if load.poll() is not None:
            self.troubles.append(f"{name}: the load was over before the orders were")
        phase.load = load.communicate()[0]
        return phase

    def order(self, phase):
        command, told, scopes = self.pins.any_order()
        answer = self.operator.order(command, told)
        generation = answer.body.get("generation")
        if answer.status != 200:
            self.troubles.append(f"{phase.name}: {command} {told}: {answer.status} {answer.body}")
            return
        self.tester.ask(scopes, generation)
        phase.took.append(answer.took)
        phase.durable += answer.body["durable"]
        phase.changed += answer.body["changed"]
        if answer.body["changed"] != (scopes != self.pins.scopes):
            self.troubles.append(f"{phase.name}: {command} {told} with {self.pins.scopes}: changed is {answer.body['changed']}")
        self.pins.scopes = scopes
        self.standing[generation] = frozenset(scopes)
        self.answered.append((answer.at, generation))

    def durable(self, what, seconds=20):
        """How long it takes until everything is on the disk."""
        began = time.monotonic()
        until(what, lambda: self.rig.metrics()["banyan_ledger_waiting"] == 0 and self.operator.see("status").body["durable"], seconds)
        return time.monotonic() - began

    def crash(self):
        """Kills the facade; the pins must be those of before."""
        lost = self.rig.metrics()["banyan_access_log_lost_total"]
        self.rig.kill()
        self.rig.start()
        self.operator, self.tester.links = self.rig.operator(), [self.tester.link() for _ in self.tester.links]
        status = self.operator.see("status").body
        found = {pin["scope"] for pin in status["pins"]}
        if found != self.pins.scopes:
            self.troubles.append(f"pinned after a kill -9: {sorted(found)}, not {sorted(self.pins.scopes)}")
        if status["generation"] <= self.answered[-1][1]:
            self.troubles.append(f"generation {status['generation']} came after {self.answered[-1][1]}")
        self.standing[status["generation"]] = frozenset(self.pins.scopes)
        self.tester.ask(self.pins.scopes, status["generation"])
        return lost

    def read_log(self):
        """Holds each line of the access log against the orders."""
        line = re.compile(
            rb'"ts":"([^"]*)".*"path":"/(\w+)","status":(\d+),.*"side":"(\w+)","route":"(\w+)","reason":"([^"]*)".*'
            rb'"tenant":"(\w+)","generation":(\d+),.*"error":(null|"\w+")')
        times, needed = [at for at, _ in self.answered], [generation for _, generation in self.answered]
        lines, unread, old, wrong, seconds = 0, 0, [], [], {}
        with open(os.path.join(self.rig.folder, "access.jsonl"), "rb") as log:
            for text in log:
                lines += 1
                if not (found := line.search(text)):
                    unread += 1
                    continue
                moment, _, status, side, route, reason, tenant, generation, error = found.groups()
                whole = seconds.get(moment[:19])
                if whole is None:
                    whole = datetime.fromisoformat(moment[:19].decode()).replace(tzinfo=timezone.utc).timestamp()
                    seconds[moment[:19]] = whole
                at, generation = whole + float(b"0" + moment[19:-1]), int(generation)
                place = bisect.bisect_left(times, at) - 1
                if place >= 0 and generation < needed[place]:
                    old.append((at - times[place], needed[place], text.decode().strip()))
                if side.decode() != Pins.side(self.standing[generation], route.decode(), tenant.decode()):
                    wrong.append(text.decode().strip())
                if status != b"200" and error != b'"client_gone"':
                    wrong.append(text.decode().strip())
        return lines, unread, old, wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--orders", type=int, default=200)
    arguments.add_argument("--broken", type=int, default=50, help="orders while the disk is full, and while it is away")
    arguments.add_argument("--pace", type=float, default=0.1, help="seconds from one order to the next, on average")
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--seed", type=int, default=None)
    options = arguments.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is needed and not installed")
    random.seed(options.seed)
    with nginx() as (legacy, new):
        # The state directory lies on the disk of this folder, /tmp unless TMPDIR says otherwise.
        with Rig(options.banyan, legacy, new, ROUTES, access_log="access.jsonl") as rig:
            passed = healthy(Run(rig, options))
        with small_disk() as disk:
            if disk:
                with Rig(options.banyan, legacy, new, ROUTES, access_log="access.jsonl", state_dir=os.path.join(disk, "state")) as rig:
                    passed &= full(Run(rig, options), disk)
    sys.exit(0 if passed else 1)


@contextlib.contextmanager
def small_disk():
    """A disk of 32 MiB, where root may mount one."""
    disk = tempfile.mkdtemp(prefix="banyan-disk-")
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk]).returncode == 0
    if not mounted:
        print("left out: a full disk; only root may mount a small one")
    try:
        yield disk if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", disk], check=False)
        os.rmdir(disk)


def healthy(run):
    """With the disk in order, then with the state directory moved away and back."""
    rig, options = run.rig, run.options
    first = run.phase("disk in order", options.orders, rig.folder)
    away = rig.state_dir + ".away"
    moved = run.phase("state directory away", options.broken, rig.folder, lambda: os.rename(rig.state_dir, away))
    created = os.path.exists(rig.state_dir)
    if not created:
        os.rename(away, rig.state_dir)
    caught_up = run.durable("the ledger to catch up")
    lost = run.crash()
    return report(run, [first, moved], lost, {
        "every order is durable while the disk is in order": first.durable == len(first.took),
        "no order says so while the directory is away": moved.durable == 0 and moved.waiting > 0 and not created,
    }, f"durable again {caught_up:.2f} s after the directory was back")


def full(run, disk):
    """With the disk full, then with space again."""
    filler = os.path.join(disk, "filler")
    broken = run.phase("disk full", run.options.broken, run.rig.folder, lambda: fill(filler))
    os.remove(filler)
    caught_up = run.durable("the ledger to catch up")
    mended = run.phase("space again", max(10, run.options.broken // 5), disk)
    lost = run.crash()
    return report(run, [broken, mended], lost, {
        "no order says that it is durable while the disk is full": broken.durable == 0 and broken.waiting > 0,
        "every order is durable when there is space": mended.durable == len(mended.took),
    }, f"durable again {caught_up:.2f} s after there was space")


def report(run, phases, lost, said, note):
    rows, fast = [], True
    for phase in phases:
        allowed = ALLOWED + 3 * percentile(phase.disk, 0.99)
        fast &= percentile(phase.took, 0.99) <= allowed
        rows.append(phase.row(allowed))
    lines, unread, old, wrong = run.read_log()
    print(table(rows, list(rows[0])))
    for phase in phases:
        if found := re.search(r"Requests/sec:\s+(\S+)", phase.load):
            failed = re.search(r"Socket errors.*|Non-2xx.*", phase.load)
            print(f"load, {phase.name}: {found[1]} requests a second; failed: {failed[0].strip() if failed else 0}")
            said[f"no request of the load fails ({phase.name})"] = not failed
    print(f"access log         {lines} lines ({unread} of no route or no tenant, {lost:g} lost); begun after a 200 and decided "
          f"by an older generation: {len(old)}; on a side that is not their generation's: {len(wrong)}")
    print(f"asked after a 200  {run.tester.asked} requests, by the old rule: {len(run.tester.old)}")
    print(note)
    for late, needed, text in old[:5]:
        print(f"OLD       {late * 1e6:.0f} us after the 200 of generation {needed}: {text}")
    for text in (wrong + run.tester.old)[:5]:
        print("WRONG    ", text)
    for trouble in run.troubles[:20]:
        print("TROUBLE  ", trouble)
    said |= {
        "nothing is decided by an old rule after the 200": not old and not wrong and not run.tester.old,
        "the log is whole": lost == 0 and unread == 0 and lines > 0,
        "orders are as fast as they must be": fast,
        "changes, pins and generations are as they were answered": not run.troubles,
    }
    for what, holds in said.items():
        print("ok      " if holds else "FAILED  ", what)
    return all(said.values())


if __name__ == "__main__":
    main()
