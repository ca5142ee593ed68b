"""A proxy that runs, and what was measured of it."""

import json
import os
import re
import statistics
import subprocess

import backend
import proxies
from ask import ask, counted
from decisions import Decisions
from handshakes import Relay
from machine import Child, free_ports
from scenarios import HEADERS

CORE = 0


class Contender:
    """One proxy at one scenario."""

    def __init__(self, name, binary, scenario, directory, upstream, shadow, pair):
        self.name, self.binary, self.scenario = name, binary, scenario
        self.port, spare = free_ports(2)
        self.cert = pair[0]
        self.shadow = shadow if "+" in name else None
        self.log = None if name == "haproxy" else os.path.join(directory, f"{name}.access.log")
        place = proxies.Place(scenario, directory, self.port, spare, upstream, self.shadow, self.log, *pair)
        self.rounds, self.requests, self.lines, self.copies = [], 0, 0, 0
        command = proxies.command(name, binary, place)
        self.child = Child(name, command, CORE, os.path.join(directory, f"{name}.out"), directory)
        self.child.await_port(self.port)

    def check(self, load):
        """The answers are right and the backend was told what it must know; raises where not."""
        served = set()
        for target, headers in load.requests[:50]:
            status, answered, body = ask(self.scenario, self.port, self.cert, target, headers, load.upload)
            served.add(answered.get("x-served-by"))
            if status != 200 or body.decode() != backend.answer(self.scenario.answer) or None in served:
                raise RuntimeError(f"{self.name}: status {status}, {len(body)} bytes, X-Served-By {served}")
        if self.scenario.decide:
            self.requests += Decisions(self.name, self.port, self.scenario.routes).check()
        elif self.name == "banyan" and self.scenario.routes and served != {"legacy", "new"}:
            raise RuntimeError(f"{self.name}: all was answered by {served}")
        seen = json.loads(ask(self.scenario, self.port, self.cert, "/seen")[2])
        missing = [name for name, value in seen.items() if not value]
        scheme = "https" if self.scenario.tls else "http"
        if missing or (seen["protocol"], seen["x-forwarded-host"], seen["x-forwarded-proto"]) != ("HTTP/1.1", HEADERS["Host"], scheme):
            raise RuntimeError(f"{self.name}: the backend saw {seen}")
        self.requests += len(load.requests[:50]) + 1
        if self.scenario.tls and self.scenario.fresh:
            self.check_resumption(load)

    def check_resumption(self, load):
        with Relay(self.port) as relay:
            self.requests += load.run(relay.port, 1, connections=1)["requests"]
            if relay.resumed < 0.9 * relay.connections:
                raise RuntimeError(f"{self.name}: resumed {relay.resumed} of {relay.connections} sessions")

    def measure(self, load, seconds, count=True):
        """One run of the load."""
        before = self.child.cpu()
        copies = counted(self.shadow) if self.shadow else 0
        done = load.run(self.port, seconds)
        total, user, system = (now - then for now, then in zip(self.child.cpu(), before))
        self.requests += done["requests"]
        if self.shadow:
            # Less the two questions themselves.
            self.copies += counted(self.shadow) - copies - 1
        self.drain_log()
        if done["errors"]:
            raise RuntimeError(f"{self.name}: {done['errors']}")
        if count:
            each = 1e6 / done["requests"]
            self.rounds.append({
                "cpu_us": total * each, "user_us": user * each, "system_us": system * each,
                "peak": self.child.peak(), **done,
            })

    def drain_log(self):
        """Counts the lines of the access log and empties it: it grows by a hundred megabytes a minute."""
        if self.log and os.path.exists(self.log):
            with open(self.log, "r+b") as log:
                while chunk := log.read(1 << 20):
                    self.lines += chunk.count(b"\n")
                # What was appended since the last read is lost to the count, which is a sanity check and no more.
                log.truncate(0)

    def stop(self):
        self.child.stop()
        self.drain_log()

    def summary(self, base):
        """Medians; ratios are taken within each round before the median: of `base` to this one."""
        median = lambda key: statistics.median(one[key] for one in self.rounds)
        ratio = None
        if base and base is not self:
            ratio = statistics.median(other["cpu_us"] / one["cpu_us"] for one, other in zip(self.rounds, base.rounds))
        return {
            "name": self.name, "version": version(self.name, self.binary), "cpu_us": median("cpu_us"),
            "user_us": median("user_us"), "system_us": median("system_us"), "banyan_to_it": ratio,
            "per_second": median("per_second"), "p50_ms": median("p50_ms"), "p99_ms": median("p99_ms"), "peak": median("peak"),
            "logged": self.lines / self.requests if self.log else None,
            "mirrored": self.copies / self.requests if self.shadow else None, "rounds": self.rounds,
        }


def version(name, binary):
    """The first version number that it prints; Envoy's stands between slashes, after a hash."""
    arguments = {"nginx": "-v", "haproxy": "-v", "envoy": "--version", "banyan": "--version"}[name.split("+")[0]]
    done = subprocess.run([binary, arguments], capture_output=True, text=True, timeout=30)
    number = r"/(\d+\.\d+\.\d+)/" if name.startswith("envoy") else r"(\d+\.\d+(?:\.\d+)?)"
    found = re.search(number, done.stdout + done.stderr)
    return found[1] if found else "?"
