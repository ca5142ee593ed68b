#!/usr/bin/env python3
"""Lets the new system go bad in several ways under steady traffic, and watches guards and ramps; all with the real command line.

New fails 5 % of its requests at canary 25 %, is slow, answers otherwise, flaps: each must be rolled back within the guard's
window and one second, with the evidence in the audit, once. Too little traffic must do nothing. In stage shadow a mismatch is
only told. A ramp climbs from 1 % to 100 %, through a pause and a silence; another one is stopped by a failing new, steps back,
and climbs again once new is well. `banyan status` is printed at each point.

    tests/live/guard.py [--banyan PATH] [--rate 300] [--only errors,slow,mismatch,shadow,few,flapping,ramp,stopped]

Python 3 alone is needed.
"""

import argparse
import collections
import json
import multiprocessing
import random
import re
import sys
import threading
import time

from rig import Driver, Rig, get, until

WELL, FAILS_SOME, FAILS_ALL, SLOW, OTHERWISE, FLAPS = range(6)
WINDOW = 10.0
# What each answer takes, in seconds: enough that the machine's own unrest does not look like a slow system.
USUAL = 0.02

ROUTE = """subject: {{ user: [{{ header: X-User }}] }}
routes:
  # What the operator changes here, stays commented.
  - name: orders
    match: {{ path: "/orders/{{id}}" }}
    new: new
    stage: {stage}
    canary: {{ {canary} }}
    guard: {{ window: 10s, {guard} }}
{more}"""


def system(side, state):
    def answer(request):
        number = int(request.target.rsplit("/", 1)[1])
        order, status, wait = {"id": number, "price": number % 97}, 200, USUAL
        if side == "new":
            now = state.value
            fails = {FAILS_SOME: random.random() < 0.05, FAILS_ALL: True, FLAPS: time.time() % 4 < 0.5}.get(now, False)
            status = 503 if fails else 200
            order["price"] += now == OTHERWISE and number % 20 == 0
            wait += 0.2 if now == SLOW and random.random() < 0.05 else 0
        return status, [("Content-Type", "application/json")], json.dumps(order).encode(), wait
    return answer


class Scene:
    """A facade before two systems, traffic, and an operator at a terminal. A context manager."""

    def __init__(self, options, name, guard, stage="canary", canary="percent: 25, by: user", more="", rate=None):
        print(f"\n=== {name}", flush=True)
        self.name, self.state, self.said = name, multiprocessing.Value("i", WELL), {}
        self.rate, self.answers, self.over = rate or options.rate, [], False
        routes = ROUTE.format(stage=stage, canary=canary, guard=guard, more=more)
        self.rig = Rig(options.banyan, system("legacy", self.state), system("new", self.state), routes)

    def __enter__(self):
        self.rig.__enter__()
        self.operator = self.rig.operator()
        self.driver = Driver(self.rig.port, connections=64)
        self.come()
        return self

    def __exit__(self, *_):
        self.cease()
        wrong = sum(answer.status not in (200, 503) for _, answer in self.answers)
        self.holds("every request is answered", not self.driver.failed and not wrong)
        self.rig.__exit__()

    def come(self):
        """Traffic comes."""
        self.over = False
        users = iter(lambda: get(f"/orders/{random.randrange(10**6)}", ("X-User", f"u-{random.randrange(2000)}")), None)
        drive = lambda: self.driver.drive(users, self.rate, lambda _, answer: self.answers.append((time.time(), answer)), lambda: self.over)
        self.traffic = threading.Thread(target=drive, daemon=True)
        self.traffic.start()

    def cease(self):
        self.over = True
        self.traffic.join()

    def new_is(self, state):
        self.state.value = state
        return time.time()

    def cli(self, *arguments, check=True):
        printed = self.rig.call(*arguments, check=check).decode()
        print(f"$ banyan {' '.join(arguments)}\n{printed.rstrip()}", flush=True)
        return printed

    def status(self):
        return self.operator.see("status").body

    def route(self):
        return self.status()["routes"][0]

    def percent(self):
        return (self.route()["ramp"] or {}).get("percent")

    def guard_is(self, state, seconds=WINDOW + 5):
        until(f"the guard to say {state}", lambda: self.route()["guard"]["state"] == state, seconds)

    def acts(self, what):
        return [act for act in self.rig.acts() if act["what"] == what]

    def served(self, since, to=None):
        """Who answered the requests that were sent after one moment and answered before another."""
        to = to or time.time()
        return collections.Counter(answer.headers.get("x-served-by") for at, answer in self.answers if since < at - answer.took and at < to)

    def holds(self, what, does):
        self.said[what] = self.said.get(what, True) and bool(does)

    def trip(self, since, threshold, number=1):
        """Waits for the guard to roll back what went bad at that moment, and looks at all that must come of it."""
        until("the guard to trip", lambda: self.rig.metrics().get('banyan_guard_trips_total{route="orders"}', 0) >= number, WINDOW + 10)
        until("the record", lambda: len(self.acts("trip")) >= number, 5)
        act = self.acts("trip")[-1]
        took = act["at_ms"] / 1000 - since
        print(f"rolled back {took:.2f} s after that: {act['why']}")
        self.holds("rolled back within the window and a second", took <= WINDOW + 1)
        self.holds("the evidence is in the audit", act["source"] == "guard" and f"{threshold} " in act["why"] and "limit" in act["why"])
        time.sleep(1)
        served = self.served(act["at_ms"] / 1000 + 0.1)
        self.holds("afterwards everything goes to legacy", served["legacy"] and not served["new"])
        status = self.status()
        self.holds("the pin says who and why", [(pin["by"], threshold in pin["why"]) for pin in status["pins"]] == [("guard", True)])
        self.holds("one record, one pin", len(self.acts("trip")) == number)
        self.cli("status")
        return act

    def back(self):
        """New is well, and the operator says so."""
        self.new_is(WELL)
        self.cli("resume", "orders", "--reason", "mended")
        since = time.time()
        time.sleep(1.5)
        self.holds("resumed, new answers again", self.served(since)["new"])


def bad(scene, state, threshold, warm=5):
    """New is well for a while, then it is not."""
    time.sleep(warm)
    scene.guard_is("holds")
    scene.cli("status")
    scene.trip(scene.new_is(state), threshold)
    scene.back()
    scene.guard_is("holds")
    scene.holds("the guard holds again", scene.status()["pins"] == [])


def errors(options):
    with Scene(options, "new fails 5 % of its requests at canary 25 %", "min_requests: 100, error_rate: 2%") as scene:
        bad(scene, FAILS_SOME, "error_rate")
        scene.cli("audit", check=False)
    return scene


def slow(options):
    with Scene(options, "new is slow for one request in 20", "min_requests: 200, latency_p99_ratio: 3") as scene:
        bad(scene, SLOW, "latency_p99_ratio")
    return scene


def mismatch(options):
    with Scene(options, "new answers otherwise", "min_requests: 100, mismatch_rate: 1%", more="    shadow: {}\n") as scene:
        bad(scene, OTHERWISE, "mismatch_rate")
    return scene


def shadow(options):
    with Scene(options, "new answers otherwise in stage shadow: only told", "min_requests: 100, mismatch_rate: 1%", stage="shadow", more="    shadow: {}\n") as scene:
        scene.guard_is("holds")
        scene.new_is(OTHERWISE)
        scene.guard_is("breached")
        time.sleep(2)
        scene.cli("status")
        scene.holds("nothing is pinned", scene.status()["pins"] == [] and not scene.acts("trip"))
    return scene


def few(options):
    with Scene(options, "too little traffic does nothing", "min_requests: 50, error_rate: 2%", rate=8) as scene:
        scene.new_is(FAILS_ALL)
        time.sleep(WINDOW + 3)
        scene.cli("status")
        failed = sum(answer.status == 503 for _, answer in scene.answers)
        print(f"{failed} of {len(scene.answers)} requests failed in {WINDOW + 3:g} s")
        scene.holds("too few failures to say", scene.route()["guard"]["state"] == "too_few" and failed > 0)
        scene.holds("nothing is pinned", scene.status()["pins"] == [] and not scene.acts("trip"))
    return scene


def flapping(options):
    with Scene(options, "new fails for half a second out of four", "min_requests: 100, error_rate: 2%") as scene:
        scene.guard_is("holds")
        scene.trip(scene.new_is(FLAPS), "error_rate")
        time.sleep(5)
        scene.holds("it stays rolled back, however well new is in between", len(scene.acts("trip")) == 1 and scene.status()["pins"])
        scene.cli("resume", "orders", "--reason", "it looked well")
        scene.trip(time.time(), "error_rate", 2)
        scene.back()
    return scene


RAMP = dict(guard="min_requests: 5, error_rate: 10%", canary="by: user", more="    ramp: { steps: [1%, 5%, 25%, 50%, 100%], every: 3s }\n")


def ramp(options):
    with Scene(options, "a ramp from 1 % to 100 %", stage="legacy", **RAMP) as scene:
        time.sleep(2)
        scene.holds("nothing of legacy goes to new", not scene.served(0)["new"])
        before = open(scene.rig.config).read()
        scene.cli("set", "orders", "stage", "canary")
        scene.holds("only the stage changed in the file", open(scene.rig.config).read() == before.replace("stage: legacy", "stage: canary"))
        until("5 %", lambda: scene.percent() == 5, 20)
        scene.cli("status")
        scene.cease()
        time.sleep(5)
        scene.cli("status")
        scene.holds("silence moves nothing", scene.percent() == 5)
        scene.come()
        until("25 %", lambda: scene.percent() == 25, 20)
        scene.cli("ramp", "pause", "orders", "--reason", "lunch")
        time.sleep(5)
        scene.cli("status")
        scene.holds("a pause holds it", scene.percent() == 25 and scene.route()["ramp"]["waits"] == "pause")
        scene.cli("ramp", "continue", "orders")
        until("100 %", lambda: scene.percent() == 100, 30)
        since = time.time()
        time.sleep(2)
        scene.cli("status")
        served = scene.served(since + 0.1)
        scene.holds("at 100 % everything goes to new", served["new"] and not served["legacy"])
        steps = [act for act in scene.acts("step") if act["source"] == "ramp"]
        for act in steps:
            print(f"{act['at_ms']} {act['was']} -> {act['now']}: {act['why']}")
        scene.holds("each step is in the audit", [float(re.search(r"([\d.]+) ?%", act["now"])[1]) for act in steps] == [1, 5, 25, 50, 100])
        apart = [later["at_ms"] - earlier["at_ms"] for earlier, later in zip(steps, steps[1:])]
        scene.holds("each step lasted its time", all(took >= 2950 for took in apart))
        scene.cli("set", "orders", "stage", "live")
        until("stage live", lambda: scene.route()["stage"] == "live")
        scene.cli("status")
    return scene


def stopped(options):
    with Scene(options, "a ramp that a failing new stops", **RAMP) as scene:
        until("25 %", lambda: scene.percent() == 25, 30)
        scene.trip(scene.new_is(FAILS_ALL), "error_rate")
        scene.holds("it stands a step back", scene.percent() == 5 and scene.route()["ramp"]["waits"] == "pin")
        scene.cli("resume", "orders", "--reason", "perhaps")
        scene.trip(time.time(), "error_rate", 2)
        scene.holds("and another one", scene.percent() == 1)
        scene.back()
        until("5 % again", lambda: scene.percent() == 5, 20)
        scene.cli("rollback", "orders", "--for", "3s", "--reason", "by hand")
        since = time.time()
        time.sleep(1)
        served = scene.served(since)
        scene.holds("rolled back by hand, nothing goes to new", served["legacy"] and not served["new"])
        until("the pin to end", lambda: not scene.status()["pins"], 10)
        until("25 % again", lambda: scene.percent() == 25, 20)
        scene.cli("status")
    return scene


SCENES = [errors, slow, mismatch, shadow, few, flapping, ramp, stopped]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--rate", type=float, default=300.0, help="requests a second")
    arguments.add_argument("--only", default=",".join(play.__name__ for play in SCENES))
    options = arguments.parse_args()
    wanted, passed, began = options.only.split(","), True, time.monotonic()
    scenes = [play(options) for play in SCENES if play.__name__ in wanted]
    print(f"\n=== after {time.monotonic() - began:.0f} s")
    for scene in scenes:
        for what, does in scene.said.items():
            print("ok      " if does else "FAILED  ", f"{scene.name}: {what}")
            passed &= does
    sys.exit(0 if passed and scenes else 1)


if __name__ == "__main__":
    main()
