#!/usr/bin/env python3
"""Thousands of slow clients beside normal ones, as `slowhttptest -H`, `-B` and `-X` make them: heads that never end, bodies that never
end, answers that nobody reads.

    tests/live/slow.py [--banyan PATH | --proxy nginx|haproxy] [--connections 5000] [--seconds 30] [--rate 300]
                       [--at-once | --slowhttptest]

Normal clients ask two facades at a fixed rate, in turn: first with nobody beside, then while each kind of slow client comes to the
first, and once they are all there. What both feel is the machine's: the slow ones work on it too, where no attacker would (they take
only time that nobody else wants, SCHED_IDLE). What only those at the first feel is the facade's. Exit code 1 if one of their requests
failed, or their 99th percentile, while slow ones come or once they are there, was more than twice both what it was with nobody beside
and what it was at the other facade at the same time. `stolen` is the share of that time in which another virtual machine had the
cores; both feel it. What is measured goes ahead of what else runs on the machine, where that is allowed (`CAP_SYS_NICE`): else both
wait for that too, and it may have more to do the more sockets there are. A slow connection that the facade closes is opened again.
Linux and Python 3 are needed.

With `--at-once` all slow ones go on in the same instant, as slowhttptest lets them, and with their backend they have a core of their
own, at full speed; all else shares another one. This is what an attacker would do, and hides least of what the facade makes of it.
With `--slowhttptest` that program does it, which has to be there: a thousand come in the same instant each second, and none again; the
facade gives heads a time in which they stay. With `--proxy` it is nginx or HAProxy that stands in the facade's place.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import multiprocessing
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter

from proxies import PROXIES, Proxy
from rig import Driver, Rig, as_many_files_as_allowed, get, percentile, table, until

# What is measured is the facade: the slow ones have a backend of their own, which they may keep as busy as they like.
ROUTES = 'routes: [{ name: normal, match: { path: "/item/{*rest}" }, new: new, stage: live }]'
# Slow bodies hold a connection to their backend while they last; that share of a backend is the operator's to bound.
LIMITS = "limits: { requests: 20000, connections: 20000, pending: 20000 }"
LARGE = b"z" * 1_000_000
# What an attacker sends now and then, and how often, in seconds.
EVERY = 5
# The cores of normal clients with their backend and both facades, and of those that go on all at once.
OURS, THEIRS = 0, 1
# The priority of whom nobody goes ahead of, and of everybody else.
FIRST, OTHERS = -20, os.getpriority(os.PRIO_PROCESS, 0)


def answer(request):
    return 200, [("Content-Type", "text/plain")], LARGE if request.target == "/large" else b"x" * 1000


class Slow(asyncio.Protocol):
    first = b""

    def __init__(self, attack):
        self.attack, self.next = attack, time.monotonic() + random.uniform(0, EVERY)

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.first)

    def go_on(self):
        self.transport.write(self.more)

    def data_received(self, data):
        self.attack.statuses[data[9:12].decode("latin-1")] += 1

    def connection_lost(self, _):
        self.attack.closed += 1
        self.attack.alive.discard(self)


class Head(Slow):
    first, more = b"GET /x HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: slow\r\n", b"X-More: yes\r\n"


class Body(Slow):
    first = b"POST /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 8192\r\nContent-Type: text/plain\r\n\r\nfoo=bar"
    more = b"&a=b"


class Read(Slow):
    """Asks for much, and takes hardly any of it."""

    first = b"GET /large HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    answered = False

    def connection_made(self, transport):
        super().connection_made(transport)
        transport.pause_reading()

    def go_on(self):
        # One read of what the small buffer holds, and no more.
        self.transport.resume_reading()

    def data_received(self, data):
        if not self.answered:
            self.answered = True
            super().data_received(data)
        self.transport.pause_reading()


class Attack:
    """Keeps so many slow connections open, in a process of its own."""

    def __init__(self, kind, port, connections, at_once):
        self.kind, self.port, self.connections, self.at_once = kind, port, connections, at_once
        self.told, self.begins, self.latest = multiprocessing.Queue(), multiprocessing.Event(), (0, 0, 0, {})
        # It is there before it begins: to start it while others are measured would be felt.
        self.process = multiprocessing.Process(target=lambda: self.begins.wait() and asyncio.run(self.run()), daemon=True)
        self.process.start()

    async def run(self):
        if self.at_once:
            os.sched_setaffinity(0, {THEIRS})
            os.setpriority(os.PRIO_PROCESS, 0, OTHERS)
        else:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        self.alive, self.closed, self.statuses, self.opened = set(), 0, Counter(), 0
        loop, source = asyncio.get_running_loop(), itertools.cycle(range(1, 200))
        asked = loop.time()
        while True:
            missing = self.connections - len(self.alive)
            for _ in range(min(missing, 200)):
                link = socket.socket()
                link.setblocking(False)
                if self.kind is Read:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                link.bind((f"127.0.1.{next(source)}", 0))
                try:
                    await asyncio.wait_for(loop.sock_connect(link, ("127.0.0.1", self.port)), 10)
                    _, protocol = await loop.create_connection(lambda: self.kind(self), sock=link)
                    self.alive.add(protocol)
                    self.opened += 1
                except (OSError, asyncio.TimeoutError):
                    link.close()
                    self.statuses["no connection"] += 1
                    await asyncio.sleep(0.1)
            for protocol in [protocol for protocol in self.alive if protocol.next <= loop.time()]:
                protocol.go_on()
                protocol.next = self.after(loop.time())
            if loop.time() - asked > 1:
                asked = loop.time()
                self.told.put((len(self.alive), self.opened, self.closed, dict(self.statuses)))
            await asyncio.sleep(0.05)

    def after(self, now):
        """When one goes on that did so now: each in its turn, as if they had nothing to do with each other, unless it is to be all at
        once."""
        return (now // EVERY + 1) * EVERY if self.at_once else now + EVERY * random.uniform(0.8, 1.2)

    def __enter__(self):
        self.begins.set()
        return self

    def wait(self):
        """Waits until they are all there, and those that read have something to read."""
        while min(self.latest[0], self.begun()) < self.connections * 0.95:
            self.latest = self.told.get(timeout=120)

    def begun(self):
        """How many are as far as they will get."""
        alive, _, _, statuses = self.latest
        return sum(statuses.values()) if self.kind is Read else alive

    def __exit__(self, *_):
        while not self.told.empty():
            self.latest = self.told.get()
        self.process.kill()
        self.process.join()


class Slowhttptest:
    """The same by that program, as it is."""

    SLOW = {
        Head: ["-H", "-x", "24", "-t", "GET"],
        Body: ["-B", "-s", "8192", "-x", "10", "-t", "POST"],
        Read: ["-X", "-w", "512", "-y", "1024", "-n", str(EVERY), "-z", "32", "-k", "1"],
    }
    EACH_SECOND = 1000

    def __init__(self, kind, port, connections):
        at = f"http://127.0.0.1:{port}/{'large' if kind is Read else 'x'}"
        self.command = ["taskset", "-c", str(THEIRS), "slowhttptest", "-c", str(connections), "-r", str(self.EACH_SECOND), *self.SLOW[kind]]
        self.command += ["-i", str(EVERY), "-l", "600", "-p", "3", "-u", at]
        self.comes_in, self.latest = connections / self.EACH_SECOND, ("", "", "", "")

    def __enter__(self):
        as_others = lambda: os.setpriority(os.PRIO_PROCESS, 0, OTHERS)
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, preexec_fn=as_others)
        return self

    def wait(self):
        # Their backend needs about as long again for what the last of them asked.
        time.sleep(2 * self.comes_in)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def normal(rigs, rate, meanwhile):
    """How normal clients fare at each while `meanwhile()` runs: when each request was sent, how long it took, and what failed. They
    share `rate`, ask in turn, and were there before."""
    asked, wrong = [[] for _ in rigs], [Counter() for _ in rigs]

    async def at(place, rig, meanwhile):
        def each(_, answer):
            asked[place].append((time.monotonic() - answer.took, answer.took))
            if answer.status != 200 or len(answer.body) != 1000:
                wrong[place][answer.status] += 1

        await asyncio.sleep(place / rate)
        driver = Driver(rig.port, connections=32)
        requests = (get(f"/item/{random.random()}") for _ in itertools.count())
        await driver.run(requests, rate / len(rigs), each, meanwhile.done)
        wrong[place].update(error for *_, error in driver.failed)

    def from_the_start():
        until("normal clients", lambda: min(len(those) for those in asked) >= 200)
        meanwhile()

    async def everywhere():
        running = asyncio.get_running_loop().run_in_executor(None, from_the_start)
        await asyncio.gather(running, *(at(place, rig, running) for place, rig in enumerate(rigs)))

    # To look for garbage among all that was measured took up to 35 ms, in which nobody here could see an answer.
    gc.collect()
    gc.disable()
    asyncio.run(everywhere())
    gc.enable()
    return asked, sum(wrong, Counter())


def stolen():
    """Seconds in which another virtual machine had the cores that this process may use (`steal` of proc(5)), the mean of them."""
    with open("/proc/stat") as file:
        cores = [line.split() for line in file if re.match(r"cpu\d", line)]
    ours = [int(core[8]) for core in cores if int(core[0][3:]) in os.sched_getaffinity(0)]
    return sum(ours) / len(ours) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def ahead_of_others():
    """Has this process, and what it starts, go before all others of the machine. Where the kernel shares time among sessions first, that
    takes a word for this one (`autogroup` of sched(7)); the session gets back what it had."""
    group = "/proc/self/autogroup"
    try:
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)
        with open(group, "r+") as file:
            before = file.read().split()[-1]
            file.write(str(FIRST))
    except FileNotFoundError:
        group = None
    except OSError as error:
        print(f"what else runs on the machine is felt too: {error}", file=sys.stderr)
        group = None
    try:
        yield
    finally:
        if group:
            with open(group, "w") as file:
                file.write(before)


def main():
    parser = argparse.ArgumentParser()
    measured = parser.add_mutually_exclusive_group()
    measured.add_argument("--banyan", default="target/release/banyan")
    measured.add_argument("--proxy", choices=PROXIES, help="what stands in the facade's place")
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=300)
    apart = parser.add_mutually_exclusive_group()
    apart.add_argument("--at-once", action="store_true", help="the slow ones go on in the same instant, on a core of their own")
    apart.add_argument("--slowhttptest", action="store_true", help="slowhttptest makes the slow ones, on a core of its own")
    arguments = parser.parse_args()
    apart = arguments.at_once or arguments.slowhttptest
    if apart and not {OURS, THEIRS} <= os.sched_getaffinity(0):
        sys.exit("two cores are needed for this")
    if arguments.slowhttptest and not shutil.which("slowhttptest"):
        sys.exit("slowhttptest is not there")
    if apart:
        os.sched_setaffinity(0, {OURS})
    as_many_files_as_allowed()
    rows, failed = [], False
    listen = "timeouts: { header: 10m }" if arguments.slowhttptest else ""
    if arguments.proxy:
        facade = lambda: Proxy(arguments.proxy, answer, answer, "/item/")
    else:
        facade = lambda: Rig(arguments.banyan, answer, answer, ROUTES, limits=LIMITS, listen=listen)
    with ahead_of_others(), facade() as rig, facade() as other:

        def measure(name, attack=None):
            nonlocal failed
            marks, used = [], []

            def mark():
                marks.append(time.monotonic())
                used.append((rig.resident() // 1024, rig.descriptors(), stolen()))

            def meanwhile():
                with attack or contextlib.nullcontext():
                    mark()
                    if attack:
                        attack.wait()
                        # Nor what opening them leaves behind.
                        time.sleep(5)
                        mark()
                    time.sleep(arguments.seconds)
                    mark()

            asked, wrong = normal((rig, other), arguments.rate, meanwhile)
            phases = [f"{name}, coming", f"{name}, there"] if attack else [name]
            for number, (phase, begin, end) in enumerate(zip(phases, marks, marks[1:])):
                times, times_there = ([took for when, took in those if begin <= when < end] for those in asked)
                p99, there = percentile(times, 0.99) * 1000, percentile(times_there, 0.99) * 1000
                alone = float(rows[0]["p99 ms"]) if rows else p99
                last = number == len(phases) - 1
                failed |= bool(wrong) or p99 > 2 * max(alone, there)
                rows.append({
                    "beside": phase, "requests": len(times), "failed": (sum(wrong.values()) and dict(wrong) or 0) if last else "",
                    "p50 ms": f"{percentile(times, 0.5) * 1000:.2f}", "p99 ms": f"{p99:.2f}", "there p99": f"{there:.2f}",
                    "of there": f"{p99 / there:.2f}", "of alone": f"{p99 / alone:.2f}",
                    "stolen": f"{(used[number + 1][2] - used[number][2]) / (end - begin):.1%}",
                    "facade MB": used[number + 1][0], "fds": used[number + 1][1],
                })

        if apart:
            os.sched_setaffinity(rig.legacy.process.pid, {THEIRS})
            os.setpriority(os.PRIO_PROCESS, rig.legacy.process.pid, OTHERS)
        normal((rig, other), arguments.rate, lambda: time.sleep(3))
        measure("nobody")
        for name, kind in (("heads (-H)", Head), ("bodies (-B)", Body), ("readers (-X)", Read)):
            if arguments.slowhttptest:
                attack = Slowhttptest(kind, rig.port, arguments.connections)
            else:
                attack = Attack(kind, rig.port, arguments.connections, arguments.at_once)
            measure(name, attack)
            alive, opened, closed, statuses = attack.latest
            rows[-1].update({"slow": alive, "opened": opened, "closed": closed, "told": statuses})
            time.sleep(3)
        measure("nobody again")
    columns = ["beside", "requests", "failed", "p50 ms", "p99 ms", "there p99", "of there", "of alone", "stolen", "facade MB", "fds"]
    print(table(rows, [*columns, "slow", "opened", "closed", "told"]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
