#!/usr/bin/env python3
"""Finds three planted differences among planted noise, without one rule in the configuration.

Two systems answer for orders. Every answer of either has a random id, a timestamp, two lists in random order and a random
header; and in 10 %, 1 % and 0.1 % of orders the new system has a wrong price in one element of a list, lacks a field, or has a
text for a number. At the end exactly these three must stand above the line of `banyan diffs top`.

    tests/live/noise.py [--banyan PATH] [--requests 20000] [--rate 500] [--by request|chance]

`--rate 0` goes as fast as it can. With `--by chance` the differences are decided anew for each answer, so that asking again
mostly does not show them: nothing is expected then, the tables are printed. Python 3 alone is needed.
"""

import argparse
import json
import random
import sys
import time
import uuid
import zlib

from rig import Driver, Rig, get, rates, table

ROUTES = 'routes: [{ name: orders, match: { path: "/orders/{id}" }, new: new, stage: shadow, shadow: {} }]'
PLANTED = {("$.items[*].price", "value"): 0.1, ("$.customer.vat", "missing"): 0.01, ("$.total", "type"): 0.001}
NOISE = ("$.request", "$.at", "$.tags", "$.related")


def order(number, side, by):
    """The order, as a side shows it."""
    lot = zlib.crc32(b"order %d" % number) % 1000 if by == "request" else random.randrange(1000)
    facts = random.Random(number)
    items = [{"sku": f"{facts.randrange(10**6):06}", "price": facts.randrange(100, 9999) / 100, "quantity": facts.randint(1, 5)}
             for _ in range(facts.randint(1, 6))]
    tags = facts.sample(["gift", "express", "fragile", "b2b", "vip", "bulk"], 4)
    related = [{"order": number + step, "why": facts.choice(["same customer", "same basket"])} for step in (1, 7, 9, 20)]
    random.shuffle(tags)
    random.shuffle(related)
    answer = {
        "id": number, "request": str(uuid.uuid4()), "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{random.randrange(10**6):06}Z",
        "customer": {"name": f"Customer {number % 997}", "vat": f"DE{number:09}", "since": 1990 + number % 30},
        "items": items, "total": round(sum(item["price"] * item["quantity"] for item in items), 2),
        "tags": tags, "related": related, "state": facts.choice(["open", "paid", "sent"]),
    }
    if side == "new":
        if lot < 100:
            items[facts.randrange(len(items))]["price"] += 0.01
        if 100 <= lot < 110:
            del answer["customer"]["vat"]
        if lot == 110:
            answer["total"] = str(answer["total"])
    return answer


def system(side, by):
    def answer(request):
        body = json.dumps(order(int(request.target.rsplit("/", 1)[1]), side, by)).encode()
        return 200, [("Content-Type", "application/json"), ("X-Trace", uuid.uuid4().hex)], body
    return answer


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--requests", type=int, default=20_000)
    arguments.add_argument("--rate", type=float, default=500.0)
    arguments.add_argument("--by", choices=("request", "chance"), default="request")
    options = arguments.parse_args()
    with Rig(options.banyan, system("legacy", options.by), system("new", options.by), ROUTES) as rig:
        sys.exit(0 if run(rig, options) else 1)


def run(rig, options):
    driver, steps = Driver(rig.port), []
    numbers = random.Random(7)

    def requests():
        for sent in range(options.requests):
            if sent % max(1, options.requests // 8) == 0:
                steps.append((sent, rig.labelled("banyan_comparisons_total", "verdict")))
            yield get(f"/orders/{numbers.randrange(1, 10**6)}")

    seconds = driver.drive(requests(), options.rate)
    rig.settled()
    steps.append((options.requests, rig.labelled("banyan_comparisons_total", "verdict")))
    print(f"{options.requests} requests in {seconds:.1f} s, {options.requests / seconds:.0f} a second; failed: {len(driver.failed)}")
    print(table([dict(sent=sent, **{name: int(count) for name, count in verdicts.items()}) for sent, verdicts in steps],
                ["sent", "match", "mismatch", "noise", "unknown"]))
    print("copies    ", {name: int(count) for name, count in rig.labelled("banyan_shadow_total", "outcome").items() if count})
    print("unknown   ", reasons(rig))
    within = budget(rig)
    rows = rig.top("--all", "--limit", "0")
    print(table(rows, ["judgement", "path", "kind", "raw", "compared", "noise", "checked", "again", "itself", "gone", "samples"]))
    if options.by == "chance":
        return not driver.failed and within
    return judged(rows) and not driver.failed and within


def reasons(rig):
    counts = {}
    for line in rig.call("diffs", "export", "--what", "verdicts", "--format", "jsonl").splitlines():
        row = json.loads(line)
        if row["why"]:
            key = f"{row['verdict']}: {row['why']}"
            counts[key] = counts.get(key, 0) + row["count"]
    return counts


def budget(rig):
    """Whether asking twice stays within 5 % of requests (or one a second) and 10 a second of each backend."""
    compared = sum(rig.labelled("banyan_comparisons_total", "verdict").values())
    legacy, new = rig.legacy.seen(), rig.new.seen()
    busiest, asked_legacy = rates(legacy["shadow"])
    copies = rig.labelled("banyan_shadow_total", "outcome")["sent"]
    asked_new = len(new["shadow"]) - copies
    seconds = legacy["primary"][-1] - legacy["primary"][0] + 1
    print(f"asked twice legacy {asked_legacy} ({busiest} in the busiest second), new {asked_new:.0f}; "
          f"together {100 * (asked_legacy + asked_new) / compared:.2f} % of {compared:.0f}, in {seconds:.0f} s")
    # Asks are counted when they leave, and here when they arrive: a few may slip into the next second.
    return (asked_legacy + asked_new <= max(compared / 20, 2 * seconds) and busiest <= 12
            and max(asked_legacy, asked_new) <= 10 * seconds)


def judged(rows):
    above = {(row["path"], row["kind"]) for row in rows if row["judgement"] not in ("noise", "transient")}
    real = {(row["path"], row["kind"]) for row in rows if row["judgement"] == "real"}
    stray = [row for row in rows if not row["path"].startswith(NOISE) and (row["path"], row["kind"]) not in PLANTED]
    for path, kind in sorted(PLANTED.keys() - real):
        print(f"MISSED    {path} {kind}, planted in {100 * PLANTED[path, kind]:g} %")
    for path, kind in sorted(above - PLANTED.keys()):
        print(f"FALSE     {path} {kind} stands above the line")
    for row in stray:
        print(f"STRAY     {row['path']} {row['kind']}: nothing was planted there")
    passed = real == PLANTED.keys() == above
    print("passed" if passed else "FAILED")
    return passed


if __name__ == "__main__":
    main()
