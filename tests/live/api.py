#!/usr/bin/env python3
"""Runs schemathesis against the admin API of a running facade, by the OpenAPI document that it serves itself.

The facade has routes of every stage, with groups, canaries, a guard, a ramp and shadows, and differences that were seen. Wanted:
no server error, nothing that the document does not say, over at least as many examples as are asked for. First with the owner's token
and whatever schemathesis makes up, then with names and numbers that exist. `events` is left out: it never ends.

    tests/live/api-setup.sh && target/schemathesis/bin/python tests/live/api.py [--banyan PATH] [--examples N]

Exit 0 if nothing was found. Python 3, and schemathesis beside it.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import urllib.request

from rig import Driver, Rig, get

ROUTES = """subject: { tenant: [{ header: X-Tenant }], user: [{ cookie: sid }] }
cohorts: { beta: { tenants: [acme, globex] } }
routes:
  - { name: plain, match: { path: /plain } }
  - { name: orders, match: { path: "/orders/{id}" }, new: new, stage: shadow, shadow: {} }
  - { name: carts, group: shop, owner: ann, match: { path: /carts }, new: new, stage: canary, canary: { cohorts: [beta], percent: 5, by: user } }
  - { name: cart, group: shop, match: { methods: [GET, POST], path: "/carts/{id}", headers: { X-Api: "2" } }, new: new, stage: canary, canary: { cohorts: [beta], percent: 5, by: user } }
  - { name: climbs, match: { path: /climbs }, new: new, stage: canary, canary: { by: user }, guard: { window: 60s, min_requests: 100, error_rate: 1% }, ramp: { steps: [1%, 5%, 100%], every: 10m } }
  - { name: live, match: { path: "/live/{*rest}" }, new: new, stage: live, rewrite: { path: "/v2/{*rest}" } }
  - { name: done, match: { path: /done }, new: new, stage: complete }"""

# What the document cannot say: which strings are moments, durations, addresses or names that exist, and which orders go together; and
# that who fails to show a token ten times within ten seconds is answered 429 instead of 401 (tests/it/admin.rs holds both).
NOT_SAID = "positive_data_acceptance,ignored_auth,missing_required_header"


def legacy(request):
    return 200, [("Content-Type", "application/json")], b'{"total":10}'


def new(request):
    return 200, [("Content-Type", "application/json")], b'{"total":11}'


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--examples", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    with Rig(options.banyan, legacy, new, ROUTES) as rig:
        sys.exit(0 if run(rig, options) else 1)


def run(rig, options):
    Driver(rig.port).drive((get(f"/orders/{number}") for number in range(200)), 200)
    rig.settled()
    with open(os.path.join(rig.state_dir, "admin.token")) as file:
        token = file.read().strip()

    def ask(path):
        request = urllib.request.Request(f"http://127.0.0.1:{rig.admin}{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    document = ask("/api/v1/openapi.json")
    signature = ask("/api/v1/diffs?all=true")["signatures"][0]["id"]
    comparison = ask(f"/api/v1/diffs/{signature}")["comparisons"][0]["id"]
    operations = sum(1 for item in document["paths"].values() for method in item if method in ("get", "post"))
    examples, good = 0, True
    each = max(100, options.examples // operations)
    for name, known in (("made up", None), ("known", (signature, str(comparison)))):
        count, fine = schemathesis(rig, options, token, each, name, known)
        examples, good = examples + count, good and fine
    after = ask("/api/v1/status")
    log = rig.log()
    panics = log.count("a handler broke") + log.count("panicked at")
    if panics:
        print(log[-4000:])
    print(f"{examples} examples on {operations} operations; generation {after['generation']}, "
          f"durable {after['durable']}; panics in the log: {panics}")
    return good and examples >= options.examples and not panics


def schemathesis(rig, options, token, each, name, known):
    """How many examples there were, and whether nothing was found."""
    config = os.path.join(rig.folder, "schemathesis.toml")
    report = os.path.join(rig.folder, f"{'known' if known else 'made-up'}.ndjson")
    with open(config, "w") as file:
        if known:
            signature, comparison = known
            for path, parameter, value in (
                    ("/api/v1/diffs/{id}", "id", signature), ("/api/v1/diffs/{id}/accept", "id", signature),
                    ("/api/v1/diffs/{id}/reopen", "id", signature), ("/api/v1/comparisons/{id}", "id", comparison),
                    ("/api/v1/routes/{name}", "name", "carts"), ("/api/v1/history/{number}", "number", "1")):
                file.write(f'[[operations]]\ninclude-path = "{path}"\nparameters = {{ "path.{parameter}" = "{value}" }}\n\n')
    # A name that is said would take the place of one that is meant to be wrong.
    mode = "positive" if known else "all"
    command = [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file", config, "run",
               f"http://127.0.0.1:{rig.admin}/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}",
               "--exclude-path", "/api/v1/events", "--exclude-checks", NOT_SAID, "--phases", "examples,coverage,fuzzing",
               "--mode", mode, "--max-examples", str(each), "--seed", str(options.seed), "--continue-on-failure", "--no-color",
               "--generation-database", "none", "--request-timeout", "20", "--report-ndjson-path", report, "--report", "ndjson"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=rig.folder)
    print(f"== {name}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    statuses = collections.Counter()
    with open(report) as file:
        for line in file:
            statuses.update(answered(json.loads(line)))
    print("statuses", dict(sorted(statuses.items())))
    good = done.returncode == 0 and not any(status >= 500 and status != 503 for status in statuses)
    return sum(statuses.values()), good


def answered(value):
    """The status of every answer in an event of the report, however deep it is."""
    found, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if "status_code" in one:
                found.append(one["status_code"])
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return found


if __name__ == "__main__":
    main()
