#!/usr/bin/env python3
"""Flips a route a thousand times under load and looks for a single wrong or lost answer.

Two nginx backends, the facade before them, wrk against it; routes.yaml is replaced by rename five times a second, every
second time with a file that must be refused. Each valid file names its route after the side it sends everything to, so
every line of the access log says by itself whether it is right. Needs nginx and wrk.

    tests/live/reloads.py [--banyan PATH] [--reloads 1000] [--rate 5]
"""

import argparse
import collections
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from rig import free_port, nginx, reachable, until

ROUTES = """version: 1
listen: [{{ address: "127.0.0.1:{port}" }}]
admin: {{ address: "127.0.0.1:{admin}" }}
access_log: access.jsonl
defaults: {{ legacy: legacy }}
backends:
  legacy: {{ endpoints: ["http://127.0.0.1:{legacy}"] }}
  new: {{ endpoints: ["http://127.0.0.1:{new}"] }}
reload: {{ confirm_removals: false }}
routes:
  - {{ name: {side}-{number}, match: {{ path: "/{{*rest}}" }}, new: new, stage: {stage} }}
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--reloads", type=int, default=1000)
    arguments.add_argument("--rate", type=float, default=5.0)
    options = arguments.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is needed and not installed")
    banyan = os.path.abspath(options.banyan)
    with nginx() as (legacy, new), tempfile.TemporaryDirectory() as folder:
        run(folder, banyan, {"port": free_port(), "admin": free_port(), "legacy": legacy, "new": new}, options)


def run(folder, banyan, ports, options):
    path = os.path.join(folder, "routes.yaml")

    def text(number):
        side = ("legacy", "new")[number % 2]
        stage = {"legacy": "legacy", "new": "live"}[side]
        return ROUTES.format(side=side, stage=stage, number=number, **ports)

    def put(content):
        fresh = path + ".fresh"
        with open(fresh, "w") as file:
            file.write(content)
        os.rename(fresh, path)

    put(text(0))
    started = []
    try:
        log = open(os.path.join(folder, "banyan.log"), "w")
        facade = subprocess.Popen([banyan, "serve", "--config", path], stderr=log)
        started.append(facade)
        until("the facade", lambda: reachable(ports["port"]) and reachable(ports["admin"]))
        seconds = int(options.reloads / options.rate) + 3
        load = subprocess.Popen(
            ["wrk", "-t1", "-c64", f"-d{seconds}", f"http://127.0.0.1:{ports['port']}/x"],
            stdout=subprocess.PIPE, text=True)
        started.append(load)
        adoptions, memory = flip(ports, text, put, options, facade.pid)
        printed = load.communicate()[0]
        facade.terminate()
        facade.wait(30)
        report(folder, printed, adoptions, memory, options)
    finally:
        for process in started:
            process.kill()
            process.wait()


def flip(ports, text, put, options, pid):
    """Replaces the file again and again; how long each valid one took to be live, and the memory meanwhile."""
    metrics = f"http://127.0.0.1:{ports['admin']}/metrics"

    def generation():
        found = re.search(r"^banyan_generation (\d+)", urllib.request.urlopen(metrics).read().decode(), re.M)
        return int(found.group(1))

    adoptions, memory = [], []
    live, number = generation(), 0
    due = time.monotonic()
    for reload in range(options.reloads):
        due += 1 / options.rate
        if reload % 2:
            put(text(number) + f"  - {{ name: broken-{reload}, match: {{ path: nonsense }}, stage: sideways }}\n")
        else:
            number += 1
            before = time.monotonic()
            put(text(number))
            live += 1
            until(f"generation {live}", lambda: generation() >= live)
            adoptions.append(time.monotonic() - before)
        if reload % 10 == 0:
            with open(f"/proc/{pid}/status") as status:
                memory.append(int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024)
        time.sleep(max(0.0, due - time.monotonic()))
    return adoptions, memory


def report(folder, printed, adoptions, memory, options):
    wrong, lines, generations = 0, 0, collections.defaultdict(set)
    with open(os.path.join(folder, "access.jsonl")) as log:
        for line in log:
            entry = json.loads(line)
            if entry["error"] == "client_gone":
                continue  # wrk's last requests, cut when its time was up
            lines += 1
            side = entry["route"].split("-")[0]
            generations[entry["generation"]].add(entry["route"])
            if entry["status"] != 200 or entry["served_by"] != side or entry["side"] != side:
                wrong += 1
    mixed = sum(len(routes) > 1 for routes in generations.values())
    failed = re.search(r"Socket errors|Non-2xx", printed)
    adoptions.sort()
    p99 = adoptions[int(len(adoptions) * 0.99)]
    quarter = max(1, len(memory) // 4)
    first, last = statistics.median(memory[quarter:2 * quarter]), statistics.median(memory[-quarter:])
    print(printed.strip())
    print(f"reloads            {options.reloads}, of them {len(adoptions)} valid and {options.reloads - len(adoptions)} to be refused")
    print(f"answers            {lines}, wrong side or status: {wrong}, generations with two rules: {mixed}")
    print(f"failed for wrk     {'some, see above' if failed else 0}")
    print(f"adoption           median {statistics.median(adoptions) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {adoptions[-1] * 1000:.0f} ms")
    print(f"memory             {first:.1f} MiB in the second quarter, {last:.1f} MiB in the last")
    if wrong or mixed or failed or p99 > 1 or last > first * 1.1 + 2 or not lines:
        sys.exit("FAILED")
    print("passed")


if __name__ == "__main__":
    main()
