#!/usr/bin/env python3
"""Kills the facade five hundred times right after an order, or just before its answer, and looks at what is pinned afterwards.

Each life gives a few orders at random (rollback, kill, resume, of routes, groups, tenants, for a time or not) and ends with
`kill -9`, up to 30 ms after the last answer, or before it came. The next life must have exactly the pins that were acknowledged
as durable, plus the one order without an answer, whole or not at all; its generation is a higher number than any before; and the
audit has one record for each acknowledged change, none for an order that changed nothing, and none of an order nobody gave.

    tests/live/pins.py [--banyan PATH] [--kills 500] [--seed N]

Python 3 alone is needed.
"""

import argparse
import collections
import glob
import http.client
import json
import os
import random
import sys
import threading
import time

from rig import Rig, percentile

ROUTES = """subject: { tenant: [{ header: X-Tenant }] }
routes:
  - { name: read, group: orders, match: { path: /read }, new: new, stage: live }
  - { name: write, group: orders, match: { path: /write }, new: new, stage: live }
  - { name: carts, match: { path: /carts }, new: new, stage: live }
  - { name: wares, match: { path: /wares }, new: new, stage: live }"""

TARGETS = [{"route": "read"}, {"route": "carts"}, {"route": "wares"}, {"group": "orders"}]
TENANTS = ["acme", "globex", "initech"]
# What a connection says whose other end was killed.
CUT = (OSError, http.client.HTTPException, json.JSONDecodeError)

# How long pins are set for, in hours; `None`: without an end.
TIMES = {None: None, 1: "1h", 48: "2days"}
# A pin: which order set it, and for how many hours.
Pin = collections.namedtuple("Pin", "number hours")
# `after`: the pins that hold once it is obeyed.
Order = collections.namedtuple("Order", "number command told after changes")


def backend(request):
    return 200, [], b"ok"


def scope_of(told):
    target = f"group:{told['group']}" if "group" in told else told.get("route")
    tenant = f"tenant:{told['tenant']}" if "tenant" in told else None
    return " ".join(part for part in (target, tenant) if part) or "all"


def draw(number, pinned):
    """An order at random: half of them pin what is not pinned, or anew; the others lift."""
    why = {"reason": f"order {number}"}
    if random.random() < 0.06:
        return Order(number, "resume", {"all": True, **why}, {}, bool(pinned))
    told = dict(random.choice([*TARGETS, {}]))
    if random.random() < (0.5 if told else 0.8):
        told["tenant"] = random.choice(TENANTS)
    scope = scope_of(told)
    if random.random() < (0.7 if scope in pinned else 0.1):
        after = {name: pin for name, pin in pinned.items() if name != scope}
        return Order(number, "resume", {**told, **why}, after, scope in pinned)
    hours = random.choice([1, 48]) if random.random() < 0.2 else None
    if hours:
        told["for"] = TIMES[hours]
    # A second rollback never shortens a first; one that holds as long begins anew.
    known = pinned.get(scope)
    same = known is not None and (known.hours is None or (hours is not None and hours < known.hours))
    after = pinned if same else {**pinned, scope: Pin(number, hours)}
    return Order(number, "kill" if scope == "all" else "rollback", {**told, **why}, after, not same)


class Operations:
    """All lives together: what was ordered and answered, and what is therefore in force."""

    def __init__(self, rig):
        self.rig, self.pinned, self.generation, self.given = rig, {}, 0, 0
        # By the number of an order: the generation it made, or `None` for no change.
        self.made = {}
        self.unanswered, self.taken, self.took, self.starts, self.troubles = 0, 0, [], [], []

    def look(self, unsure):
        """What is in force in a new life. `unsure`: the last order of the one before, if it had no answer."""
        self.operator = self.rig.operator()
        status = self.operator.see("status").body
        hours = lambda left: None if left is None else 1 if left < 5000 else 48
        found = {
            pin["scope"]: Pin(int(pin["why"].removeprefix("order ")), hours(pin["ends_in_s"])) for pin in status["pins"]
        }
        if unsure and unsure.changes and found == unsure.after:
            self.taken += 1
            self.made[unsure.number] = self.generation + 1
        elif found != self.pinned:
            self.troubles.append(f"pinned are {found}, acknowledged {self.pinned}, without an answer {unsure}")
        if not status["durable"] or status["killed"] != ("all" in found):
            self.troubles.append(f"after a start: durable {status['durable']}, killed {status['killed']}, pinned {found}")
        if status["generation"] <= max(self.generation, self.made.get(unsure.number) or 0 if unsure else 0):
            self.troubles.append(f"generation {status['generation']} after {self.generation} and {unsure}")
        self.pinned, self.generation = found, status["generation"]

    def order(self):
        """Gives an order and remembers its answer; gives the order back if there was none."""
        self.given += 1
        order = draw(self.given, self.pinned)
        try:
            answer = self.operator.order(order.command, order.told)
        except CUT:
            self.unanswered += 1
            return order
        said, expected = answer.body, self.generation + order.changes
        if answer.status != 200 or (said["durable"], said["changed"], said["generation"]) != (True, order.changes, expected):
            self.troubles.append(f"{order} at {self.generation}, pinned {self.pinned}: {answer.status} {said}")
        self.pinned, self.generation = order.after, said["generation"]
        self.made[order.number] = said["generation"] if said["changed"] else None
        self.took.append(answer.took)
        return None

    def live(self):
        """A few orders and the end; gives the order that had no answer, if there is one."""
        for _ in range(random.randrange(3)):
            self.order()
        before_answer = random.random() < 0.4
        killer = threading.Timer(random.uniform(0, 0.003), self.rig.facade.kill)
        if before_answer:
            killer.start()
        unsure = self.order()
        if not before_answer:
            time.sleep(random.uniform(0, 0.03))
            killer = threading.Thread(target=self.rig.facade.kill)
            killer.start()
        killer.join()
        self.rig.facade.wait()
        return unsure

    def audit(self):
        """Holds the audit against what was answered."""
        acts = self.rig.acts()
        by_order = collections.defaultdict(list)
        for act in acts:
            if act["why"].startswith("order "):
                by_order[int(act["why"].removeprefix("order "))].append(act)
        for number in range(1, self.given + 1):
            generations = [act["generation"] for act in by_order.pop(number, [])]
            made = self.made.get(number)
            if generations != ([made] if made else []):
                self.troubles.append(f"order {number} made generation {made}; records of it: {generations}")
        if by_order:
            self.troubles.append(f"records of orders that nobody gave: {dict(by_order)}")
        numbers = [act["generation"] for act in acts]
        if any(later <= earlier for earlier, later in zip(numbers, numbers[1:])):
            self.troubles.append("the audit's generations do not grow")
        return acts


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--kills", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=None)
    options = arguments.parse_args()
    random.seed(options.seed)
    with Rig(options.banyan, backend, backend, ROUTES) as rig:
        sys.exit(0 if run(rig, options) else 1)


def run(rig, options):
    operations, began = Operations(rig), time.monotonic()
    operations.look(None)
    for kill in range(1, options.kills + 1):
        unsure = operations.live()
        started = time.monotonic()
        rig.start()
        operations.starts.append(time.monotonic() - started)
        operations.look(unsure)
        if kill % 50 == 0:
            print(f"{kill} kills, {operations.given} orders, {operations.unanswered} of them without an answer, "
                  f"{len(operations.pinned)} pins, {len(operations.troubles)} troubles", flush=True)
    acts = operations.audit()
    starts = sum(act["what"] == "start" for act in acts)
    if starts != options.kills + 1:
        operations.troubles.append(f"{starts} starts in the audit, of {options.kills + 1}")
    if aside := glob.glob(os.path.join(rig.state_dir, "control.db.*")):
        operations.troubles.append(f"put aside: {aside}")
    ms = lambda times, share: f"{percentile(times, share) * 1000:.1f}"
    print(f"orders             {operations.given}, of them {operations.unanswered} without an answer, {operations.taken} of these in force afterwards")
    print(f"audit              {len(acts)} records, {starts} of them starts; generation {operations.generation} at the end")
    print(f"call to 200        p50 {ms(operations.took, 0.5)} ms, p99 {ms(operations.took, 0.99)} ms")
    print(f"start              p50 {ms(operations.starts, 0.5)} ms, max {ms(operations.starts, 1)} ms; in all {time.monotonic() - began:.0f} s")
    for trouble in operations.troubles[:20]:
        print("TROUBLE  ", trouble)
    print(f"FAILED: {len(operations.troubles)} troubles" if operations.troubles else f"passed: {options.kills} kills")
    return not operations.troubles


if __name__ == "__main__":
    main()
