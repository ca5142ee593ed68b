#!/usr/bin/env python3
"""Asks a facade with many routes and tenants how it stands, and what another file would change, while requests come.

`status` for 5,000 routes and `tenants` for 10,000 tenants of the configuration must each answer within 200 ms, and `plan` for
1,000 routes and a full sample of recent requests within two seconds. The sample fills in five minutes. Then the other file goes
live, and what happens is held against what `plan` said.

    tests/live/many.py [--banyan PATH] [--routes 5000] [--tenants 10000] [--planned 1000] [--fill 320] [--rate 300] [--times 25]

Python 3 alone is needed.
"""

import argparse
import math
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import time

from rig import Driver, Rig, get, percentile, table, until

FULL = 20_000
SUBJECT = "subject: { tenant: [{ header: X-Tenant }], user: [{ header: X-User }] }"
# How often each of a few routes is asked for one time that any other is.
BUSY, TIMES = 20, 50


def backend(request):
    return 200, [], b"ok"


def of_many(count):
    """Routes in all stages, half of them in groups of ten; every 25th is a canary with a guard."""
    lines = [SUBJECT, "cohorts: { large: { tenants_file: large.txt } }", "routes:"]
    for number in range(count):
        stage = "canary" if number % 25 == 0 else ("legacy", "shadow", "live")[number % 3]
        group = f"group: group-{number // 10}, " if number // 10 % 2 else ""
        more = ", canary: { cohorts: [large], percent: 10, by: tenant }, guard: { error_rate: 1%, latency_p99_ratio: 2 }" if stage == "canary" else ""
        shadow = ", shadow: { sample: 1% }" if stage == "shadow" else ""
        lines.append(f'  - {{ name: route-{number}, {group}match: {{ path: "/{number}/{{id}}" }}, new: new, stage: {stage}{more}{shadow} }}')
    return "\n".join(lines)


def to_plan(count, later):
    """Canaries by user; `later` has other percentages for a half, some routes live, some gone, some more."""
    lines = [SUBJECT, "routes:"]
    for number in range(count + (10 if later else 0)):
        if later and number % 100 == 99:
            continue
        percent = 10 + (30 if later and number % 2 else 0)
        stage = "stage: live" if later and number % 10 == 4 else f"stage: canary, canary: {{ percent: {percent}, by: user }}"
        lines.append(f'  - {{ name: route-{number}, match: {{ path: "/{number}/{{id}}" }}, new: new, {stage} }}')
    return "\n".join(lines)


def come(port, rate, routes, tenants, over, asked, new):
    """Requests, in a process of their own, until they are over; counts them, and those that new answered."""
    weights = [TIMES if number < BUSY else 1 for number in range(routes)]
    paths = random.choices(range(routes), weights, k=100_000)

    def requests():
        while True:
            for path in paths:
                yield get(f"/{path}/{random.randrange(1000)}", ("X-Tenant", f"tenant-{random.randrange(tenants)}"),
                          ("X-User", f"u-{random.randrange(50_000)}"))

    def answered(_, answer):
        asked.value += answer.status == 200
        new.value += answer.headers.get("x-served-by") == "new"

    Driver(port, connections=32).drive(requests(), rate, answered, over.is_set)


class Traffic:
    def __init__(self, rig, options, routes):
        self.over, self.asked, self.new = multiprocessing.Event(), multiprocessing.Value("q", 0), multiprocessing.Value("q", 0)
        self.process = multiprocessing.Process(
            target=come, args=(rig.port, options.rate, routes, options.tenants, self.over, self.asked, self.new), daemon=True)
        self.process.start()

    def counts(self):
        return self.asked.value, self.new.value

    def end(self):
        self.over.set()
        self.process.join(40)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--routes", type=int, default=5000)
    arguments.add_argument("--tenants", type=int, default=10_000)
    arguments.add_argument("--planned", type=int, default=1000, help="routes of the facade that plans")
    arguments.add_argument("--fill", type=float, default=320.0, help="seconds for the sample to fill; in less it is not full")
    arguments.add_argument("--rate", type=float, default=300.0, help="requests a second meanwhile")
    arguments.add_argument("--times", type=int, default=25, help="how often each question is asked")
    options = arguments.parse_args()
    rows, said = [], {}
    looks(options, rows, said)
    plans(options, rows, said)
    print(table(rows, ["question", "of", "bytes", "median_ms", "p90_ms", "max_ms", "allowed_ms"]))
    for what, holds in said.items():
        print("ok      " if holds else "FAILED  ", what)
    sys.exit(0 if all(said.values()) else 1)


def ask(rows, said, options, question, of, allowed, call):
    """Asks the same again and again; `call` gives seconds and bytes."""
    times, size = [], 0
    for _ in range(options.times):
        took, size = call()
        times.append(took)
        time.sleep(0.1)
    ms = lambda seconds: f"{seconds * 1000:.0f}"
    rows.append(dict(question=question, of=of, bytes=size, median_ms=ms(statistics.median(times)), p90_ms=ms(percentile(times, 0.9)),
                     max_ms=ms(max(times)), allowed_ms=ms(allowed) if allowed else "-"))
    if allowed:
        said[f"{question} within {allowed * 1000:.0f} ms"] = statistics.median(times) <= allowed


def looks(options, rows, said):
    rig = Rig(options.banyan, backend, backend, of_many(options.routes))
    with open(os.path.join(rig.folder, "large.txt"), "w") as file:
        file.writelines(f"tenant-{number}\n" for number in range(options.tenants))
    with rig:
        operator, traffic = rig.operator(), Traffic(rig, options, options.routes)
        for number in range(0, 200, 2):
            assert operator.order("rollback", {"tenant": f"tenant-{number}"}).status == 200
        until("traffic", lambda: traffic.counts()[0] > 1000)

        def seen(path):
            answer = operator.see(path)
            return answer.took, len(str(answer.body)), answer.body

        ask(rows, said, options, "status", f"{options.routes} routes", 0.2, lambda: seen("status")[:2])
        ask(rows, said, options, "tenants", f"{options.tenants} tenants", 0.2, lambda: seen(f"tenants?limit={options.tenants}")[:2])

        def printed(*arguments):
            began = time.monotonic()
            size = len(rig.call(*arguments))
            return time.monotonic() - began, size

        ask(rows, said, options, "banyan status", f"{options.routes} routes", None, lambda: printed("status"))
        ask(rows, said, options, "banyan tenants", f"{options.tenants} tenants", None, lambda: printed("tenants", "--limit", str(options.tenants)))
        status, tenants = seen("status")[2], seen(f"tenants?limit={options.tenants}")[2]
        told = sum(tenant["configured"] for tenant in tenants["tenants"])
        said["status is complete"] = len(status["routes"]) == options.routes + 1 and len(status["pins"]) == 100
        said["tenants are complete"] = told == options.tenants <= tenants["all"]
        asked = traffic.counts()[0]
        traffic.end()
        print(f"{asked} requests were answered meanwhile")


def plans(options, rows, said):
    with Rig(options.banyan, backend, backend, to_plan(options.planned, later=False)) as rig:
        operator, traffic = rig.operator(), Traffic(rig, options, options.planned)
        live = open(rig.config).read()
        later = live.replace(to_plan(options.planned, later=False), to_plan(options.planned, later=True))
        print(f"the sample fills for {options.fill:g} s", flush=True)
        time.sleep(options.fill)
        forecast = None

        def planned():
            nonlocal forecast
            answer = operator.order("plan", {"config": later})
            if answer.status != 200:
                sys.exit(f"plan: {answer.status} {answer.body}")
            forecast = answer.body
            return answer.took, len(str(answer.body))

        ask(rows, said, options, "plan", f"{options.planned} routes", 2.0, planned)
        planned_file = os.path.join(rig.folder, "later.yaml")
        with open(planned_file, "w") as file:
            file.write(later)

        def printed():
            began = time.monotonic()
            done = subprocess.run([rig.banyan, "plan", planned_file], capture_output=True, cwd=rig.folder, env=dict(rig.environment, BANYAN_CONFIG=rig.config))
            if done.returncode not in (0, 1):
                sys.exit(f"banyan plan ended with {done.returncode}: {done.stderr.decode()}")
            return time.monotonic() - began, len(done.stdout)

        ask(rows, said, options, "banyan plan", f"{options.planned} routes", None, printed)
        looked_at = forecast["requests"] + forecast["untold"] + forecast["left_out"]
        print(f"plan: by {looked_at} requests, {forecast['untold']} not told; {len(forecast['routes'])} routes, "
              f"{len(forecast['changes'])} changes, {len(forecast['warnings'])} warnings")
        said["the sample is full"] = looked_at >= 0.95 * FULL
        happens(rig, traffic, forecast, later, said)
        traffic.end()


def happens(rig, traffic, forecast, later, said):
    """The planned file goes live, and new answers as large a share as was said."""
    fresh = rig.config + ".fresh"
    with open(fresh, "w") as file:
        file.write(later)
    os.rename(fresh, rig.config)
    rig.call("reload", "--confirm")
    time.sleep(0.5)
    (asked, new), began = traffic.counts(), time.monotonic()
    until("requests after the change", lambda: traffic.counts()[0] - asked > 10_000, 120)
    asked, new = traffic.counts()[0] - asked, traffic.counts()[1] - new
    share = new / asked
    routes = forecast["routes"]
    requests = sum(route["requests"] for route in routes)
    wanted = sum(route["new_after"]["share"] * route["requests"] for route in routes) / requests
    # Both are counts of requests drawn alike; one run in a hundred is farther apart.
    apart = 2.58 * math.sqrt(wanted * (1 - wanted) * (1 / requests + 1 / asked))
    print(f"said: new answers {wanted:.4f}; then it answered {share:.4f} of {asked} (at most {apart:.4f} apart)")
    said["what happens is what was said"] = abs(share - wanted) <= apart


if __name__ == "__main__":
    main()
