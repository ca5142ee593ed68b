#!/usr/bin/env python3
"""Is the facade invisible? httpbin asked directly and through it, by curl, requests and httpx, and held together.

    tests/parity/setup.sh                               # once: a virtual environment in target/parity
    target/parity/bin/python tests/parity/httpbin.py    # exit code 0: nothing differed that should not
    … httpbin.py --self-check                           # without a facade: the harness finds nothing, then what is planted

Some paths live on new, some are canary, the rest is legacy (servers.py). What is asked stands in cases.py, what does not
count as a difference in compare.py.
"""

import argparse
import collections
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import httpx

import cases
import compare
from clients import CLIENTS
from servers import Process, Relay, facade, free_ports, httpbin

BINARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "target", "release", "banyan")


class Report:
    def __init__(self):
        self.asked, self.found, self.notes = 0, [], collections.Counter()
        self.served = collections.Counter()

    def add(self, where, found):
        self.found += [f"{where}: {one}" for one in found]

    def print(self):
        for line in self.found:
            print(f"DIFFERS  {line}")
        for note, count in self.notes.most_common():
            print(f"noted    {count} x {note}")
        if self.served:
            print("served by " + ", ".join(f"{side} {count}" for side, count in sorted(self.served.items())))
        print(f"{self.asked} exchanges compared, {len(self.found)} differences")


def compare_all(report, direct, through, chosen, signed):
    """Every case by every client, one after the other. `signed`: answers must say who served them."""
    for kind in CLIENTS:
        left, right = kind(direct), kind(through)
        for case in chosen:
            if kind.name not in case.clients:
                continue
            where = f"{kind.name}: {case.name}"
            report.asked += 1
            try:
                # The one without the facade must work, or the harness is wrong.
                one = left.send(case)
            except Exception as error:
                report.add(where, [f"no direct answer: {error!r}"])
                continue
            try:
                other = right.send(case)
            except Exception as error:
                report.add(where, [f"no answer through the facade: {error!r}"])
                continue
            found, notes = compare.differences(case, one, other, direct, through)
            report.add(where, found)
            report.notes.update(note.partition(":")[0] for note in notes)
            if signed:
                sides = compare.served_by(other)
                report.served.update(sides)
                if sides not in (["legacy"], ["new"]):
                    report.add(where, [f"X-Served-By is {sides}"])
        left.close()
        right.close()


def streams(report, direct, through):
    """The first bytes of a slow body arrive before the last ones are made."""
    report.asked += 1
    for name, base in (("directly", direct), ("through the facade", through)):
        began = time.monotonic()
        with httpx.stream("GET", base + "/drip?duration=2&numbytes=10", trust_env=False, timeout=20) as answer:
            body = answer.iter_raw()
            next(body)
            first = time.monotonic() - began
            for _ in body:
                pass
        if not first < (time.monotonic() - began) / 2:
            report.add("slow body", [f"{name} its first byte took {first:.1f} s: it was held back"])


def reuses(report, through):
    """One connection carries many exchanges, errors and redirects among them."""
    report.asked += 1
    connection = http.client.HTTPConnection("127.0.0.1", int(through.rpartition(":")[2]), timeout=20)
    first = None
    for number in range(60):
        path = ("/get", "/status/404", "/status/204", "/redirect/1", "/stream/2", "/status/500")[number % 6]
        connection.request("HEAD" if number % 10 == 9 else "GET", path, headers={"Host": cases.HOST})
        first = first or connection.sock
        connection.getresponse().read()
        if connection.sock is not first:
            report.add("connection", [f"closed after exchange {number + 1}, {path}"])
            break
    connection.close()


def load(report, through):
    """A short burst: no errors, no answer but 200."""
    if not shutil.which("wrk"):
        print("wrk is not installed: no burst", file=sys.stderr)
        return
    for path in ("/get", "/bytes/20000?seed=1"):
        report.asked += 1
        command = ["wrk", "-t1", "-c16", "-d3s", "-H", "Cookie: sid=u-3", through + path]
        text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
        errors = re.findall(r"(?:Socket errors|Non-2xx or 3xx responses): .*", text)
        done = re.search(r"(\d+) requests in", text)
        report.add(f"wrk {path}", errors if done else ["no result: " + text])


def self_check(direct, second, chosen):
    """The harness without a facade: two httpbins are alike; a relay that changes things is caught at each of them."""
    report = Report()
    compare_all(report, direct, second, chosen, signed=False)
    streams(report, direct, second)
    reuses(report, second)
    load(report, second)
    report.print()
    planted = {
        "header": ({b"Server: gunicorn": b"Server: gunic0rn"}, cases.get("/get")),
        "body": ({b"slideshow": b"slideShow"}, cases.get("/json")),
        "status": ({b"HTTP/1.1 404": b"HTTP/1.1 403"}, cases.get("/status/404")),
        "cookie": ({b"Set-Cookie: b=2": b"Set-Cookie: b=3"}, cases.get("/cookies/set?a=1&b=2")),
        "redirect": ({b"Location: /get": b"Location: /got"}, cases.get("/redirect/1")),
        "echo": ({b'"X-Kept": "1"': b'"X-Kept": "2"'}, cases.get("/headers", headers={"X-Kept": "1"})),
    }
    missed = []
    for name, (change, case) in planted.items():
        relay = Relay(int(second.rpartition(":")[2]), change)
        found = Report()
        compare_all(found, direct, f"http://127.0.0.1:{relay.port}", [case], signed=False)
        if len(found.found) != len(case.clients):
            missed.append(f"{name}: {found.found}")
    print(f"{len(planted)} planted differences, {len(planted) - len(missed)} found by every client")
    for line in missed:
        print(f"MISSED   {line}")
    return not report.found and not missed


def through_facade(binary, direct, ports, directory, chosen):
    port, admin, legacy, new = ports
    facade(binary, port, admin, legacy, new, directory)
    through = f"http://127.0.0.1:{port}"
    report = Report()
    compare_all(report, direct, through, chosen, signed=True)
    streams(report, direct, through)
    reuses(report, through)
    load(report, through)
    for side in ("legacy", "new"):
        if not report.served[side]:
            report.add("routes", [f"{side} served nothing"])
    report.print()
    return not report.found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--banyan", default=BINARY, metavar="PATH", help="the binary; default target/release/banyan")
    parser.add_argument("--only", metavar="TEXT", default="", help="only cases whose name holds this")
    parser.add_argument("--self-check", action="store_true", help="prove the harness, without a facade")
    parser.add_argument("--keep", action="store_true", help="keep the logs, and say where")
    return parser.parse_args()


def main():
    options = arguments()
    # As SystemExit it passes through `finally`, which stops the children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [case for case in cases.everything() if options.only in case.name]
    directory = tempfile.mkdtemp(prefix="banyan-parity-")
    try:
        port, admin, legacy, new = free_ports(4)
        httpbin("legacy", legacy, directory)
        httpbin("new", new, directory)
        direct = f"http://127.0.0.1:{legacy}"
        if options.self_check:
            return 0 if self_check(direct, f"http://127.0.0.1:{new}", chosen) else 1
        return 0 if through_facade(os.path.abspath(options.banyan), direct, (port, admin, legacy, new), directory, chosen) else 1
    except (RuntimeError, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        Process.stop_all()
        if options.keep:
            print(f"logs: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
