#!/usr/bin/env python3
"""Compares real systems with their own next versions, as somebody would who migrates: json-server 0.17 with 1.x, and httpbin
0.7.0 with 0.10.4.

A few thousand varied requests, all by safe methods, go through the facade in stage shadow, without one rule about
comparisons. Then `banyan diffs top` is printed, and what it and the exports say is kept under target/live/found. Nothing is
expected of the answers; all requests must be answered, and nearly all be compared.

    tests/live/setup.sh
    tests/live/real.py [--banyan PATH] [--only json-server|httpbin] [--requests 3000] [--rate 60]

Python 3, node, and what setup.sh installs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import urllib.parse

from rig import Driver, Request, Rig, free_port, get

HERE = os.path.dirname(os.path.abspath(__file__))
LIVE = os.path.abspath(os.path.join(HERE, "..", "..", "target", "live"))

JSON_SERVER_ROUTES = """routes:
  - { name: posts, match: { path: /posts }, new: new, stage: shadow, shadow: {} }
  - { name: post, match: { path: "/posts/{id}" }, new: new, stage: shadow, shadow: {} }
  - { name: users, match: { path: "/users/{*rest}" }, new: new, stage: shadow, shadow: {} }
  - { name: rest, match: { path: "/{*rest}" }, new: new, stage: shadow, shadow: {} }"""
HTTPBIN_ROUTES = 'routes: [{ name: all, match: { path: "/{*rest}" }, new: new, stage: shadow, shadow: {} }]'


def database():
    """What both versions of json-server serve: ids are texts, but those of users, which are numbers."""
    facts = random.Random(1)
    words = "banyan fig grows around the old tree until it stands alone and carries the crown by itself".split()
    text = lambda count: " ".join(facts.choice(words) for _ in range(count))
    return {
        "posts": [{"id": str(n), "title": text(4), "body": text(40), "views": facts.randrange(5000), "author": {"name": text(1), "tier": n % 3},
                   "tags": facts.sample(words, 3), "published": n % 4 > 0} for n in range(1, 201)],
        "comments": [{"id": str(n), "postId": str(facts.randint(1, 200)), "body": text(12)} for n in range(1, 601)],
        "users": [{"id": n, "name": text(2), "email": f"u{n}@shop.example", "age": facts.randint(18, 90)} for n in range(1, 51)],
        "products": [{"id": f"p-{n}", "name": text(2), "price": facts.randrange(100, 99999) / 100, "stock": None if n % 5 == 0 else n} for n in range(1, 121)],
        "profile": {"name": "shop", "founded": 1999},
    }


def json_server_requests(count):
    choose = random.Random(2)
    pick = lambda *options: choose.choice(options)
    for _ in range(count):
        kind = choose.random()
        if kind < 0.30:
            yield get(f"/posts/{choose.randint(1, 210)}")
        elif kind < 0.40:
            yield get(f"/users/{choose.randint(1, 55)}")
        elif kind < 0.45:
            yield get("/products/p-%d" % choose.randint(1, 125))
        elif kind < 0.60:
            yield get(f"/posts?_page={choose.randint(1, 12)}&" + pick("_limit=10", "_per_page=10", "_limit=20"))
        elif kind < 0.70:
            yield get(pick("/posts", "/products") + "?" + pick("_sort=views&_order=desc", "_sort=-views", "_sort=title", "_sort=price&_order=asc"))
        elif kind < 0.80:
            yield get("/posts?" + pick("author.tier=1", "published=true", f"views_gte={choose.randrange(5000)}", "q=crown", "title_like=fig", "id=7&id=8"))
        elif kind < 0.88:
            yield get(pick("/posts/%d?_embed=comments", "/comments/%d?_expand=post", "/comments?postId=%d", "/posts/%d/comments") % choose.randint(1, 200))
        elif kind < 0.93:
            yield get("/posts?" + pick("_start=10&_end=20", "_start=10&_limit=5", "_limit=3"))
        elif kind < 0.97:
            yield get(pick("/profile", "/users", "/products", "/db", "/"))
        else:
            yield pick(get("/nope"), get("/posts/x/y/z"), Request("HEAD", "/posts/1", [], b""), Request("OPTIONS", "/posts", [], b""))


def httpbin_requests(count):
    choose = random.Random(3)
    quote = lambda: urllib.parse.quote(choose.choice(["a b", "ü", "x=1&y", "plain", "[1]"]))
    fixed = """/ip /headers /user-agent /json /xml /html /robots.txt /deny /encoding/utf8 /gzip /deflate /brotli /cache /cookies /uuid /links/5/0
        /image/png /image/jpeg /image/svg /image/webp /forms/post /spec.json / /nope /bearer /basic-auth/joe/pw /hidden-basic-auth/joe/pw
        /digest-auth/auth/joe/pw /redirect/2 /relative-redirect/2 /absolute-redirect/2 /redirect-to?url=/get /stream/3 /range/64 /delay/0
        /cookies/set?theme=dark /cookies/set/lang/en /cookies/delete?lang /etag/abc /cache/60 /image /unstable /drip?duration=0&numbytes=4
        /base64/YmFueWFu /base64/nope! /stream-bytes/64?seed=1 /bytes/64?seed=1 /bytes/16 /response-headers?X-A=1&X-A=2""".split()
    for _ in range(count):
        path = choose.choice(fixed) if choose.random() < 0.7 else choose.choice(
            [f"/get?q={quote()}&n={choose.randrange(100)}", f"/anything/{quote()}?a={quote()}&a=2", f"/status/{choose.choice([200, 204, 302, 304, 400, 401, 404, 418, 500])}",
             f"/response-headers?Server-Time={choose.randrange(9)}", f"/links/{choose.randint(2, 9)}/1"])
        headers = [("User-Agent", "live/1"), ("Accept", choose.choice(["*/*", "application/json", "image/webp", "text/html"]))]
        if choose.random() < 0.2:
            headers.append(("Cookie", "theme=dark; sid=1234"))
        if choose.random() < 0.1:
            headers.append(("Authorization", "Basic am9lOnB3"))
        yield Request("GET", path, headers, b"")


def json_server(version, port, folder):
    path = os.path.join(folder, "db.json")
    with open(path, "w") as file:
        json.dump(database(), file)
    program = os.path.join(LIVE, f"json-server-{version}", "node_modules", "json-server", "lib", *(["cli"] if version[0] == "0" else []), "bin.js")
    return ["node", program, "--port", str(port), "--host", "127.0.0.1", path]


def httpbin(version, port, folder):
    return [os.path.join(LIVE, f"httpbin-{version}", "bin", "gunicorn"), "--bind", f"127.0.0.1:{port}", "--threads", "8",
            "--keep-alive", "60", "--no-control-socket", "httpbin:app"]


PAIRS = {
    "json-server": (json_server, ("0.17.4", "1.0.0-beta.3"), JSON_SERVER_ROUTES, json_server_requests),
    "httpbin": (httpbin, ("0.7.0", "0.10.4"), HTTPBIN_ROUTES, httpbin_requests),
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--only", choices=PAIRS)
    arguments.add_argument("--requests", type=int, default=3000)
    arguments.add_argument("--rate", type=float, default=60.0)
    options = arguments.parse_args()
    if not os.path.isdir(LIVE):
        sys.exit(f"{LIVE} is not there: tests/live/setup.sh makes it")
    passed = [compare(name, options) for name in PAIRS if options.only in (None, name)]
    sys.exit(0 if all(passed) else 1)


def compare(name, options):
    command, versions, routes, requests = PAIRS[name]
    found = os.path.join(LIVE, "found", name)
    systems = []
    try:
        ports = []
        for version in versions:
            folder = os.path.join(found, version)
            os.makedirs(folder, exist_ok=True)
            ports.append(free_port())
            with open(os.path.join(folder, "log"), "w") as log:
                systems.append(subprocess.Popen(command(version, ports[-1], folder), stdout=log, stderr=log, cwd=folder, stdin=subprocess.DEVNULL))
        with Rig(options.banyan, *ports, routes) as rig:
            return run(rig, name, found, requests(options.requests), options)
    finally:
        for system in systems:
            system.terminate()
            try:
                system.wait(5)
            except subprocess.TimeoutExpired:
                system.kill()
                system.wait()


def run(rig, name, found, requests, options):
    driver = Driver(rig.port, connections=16)
    seconds = driver.drive(requests, options.rate)
    rig.settled()
    verdicts = {key: int(count) for key, count in rig.labelled("banyan_comparisons_total", "verdict").items()}
    copies = {key: int(count) for key, count in rig.labelled("banyan_shadow_total", "outcome").items() if count}
    print(f"== {name}: {options.requests} requests in {seconds:.0f} s, failed {len(driver.failed)}; copies {copies}; {verdicts}")
    for failed in driver.failed[:3]:
        print("failed", failed)
    print(rig.call("diffs", "top", "--all", "--limit", "0").decode())
    for what in ("signatures", "comparisons", "verdicts"):
        for form in ("csv", "jsonl", "parquet"):
            rig.call("diffs", "export", "--what", what, "--format", form, "--out", os.path.join(found, f"{what}.{form}"))
    with open(os.path.join(found, "shown.txt"), "wb") as file:
        for row in rig.top("--all", "--limit", "0"):
            file.write(rig.call("diffs", "show", row["id"]) + b"\n" + b"=" * 120 + b"\n")
    if b"report" in rig.call("diffs", "--help"):
        rig.call("diffs", "report", "--out", os.path.join(found, "report.html"))
    else:
        print("this build has no `diffs report`: none is kept")
    print(f"kept in {found}")
    judged = sum(verdicts.values()) - verdicts.get("unknown", 0)
    return not driver.failed and judged > 0.9 * options.requests


if __name__ == "__main__":
    main()
