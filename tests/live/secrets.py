#!/usr/bin/env python3
"""Plants secrets in every part of mirrored exchanges, then looks for them wherever the facade leaves something.

Each secret begins with the same eight letters, so one search finds them all: as they are, percent-encoded, as hexadecimal
digits, as base64 in each of its three alignments, as JSON escapes, as UTF-16. Searched are all files of the state directory
(raw, each column of each table, each detail unpacked), the access log, both outputs at the most talkative log level,
/metrics, the admin API, all forms of `diffs show`, all exports, and the HTML report. Not one may be found.

    tests/live/secrets.py [--banyan PATH] [--show]

`--show` prints what stands around each find. Python 3 and the zstd program; Parquet files are read with pyarrow where that
is installed.
"""

import argparse
import base64
import collections
import glob
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
import zlib

from rig import Driver, Request, Rig, get

MARK = "hushhush"
ROUTES = """comparisons:
  named: { headers: [Content-Type, Location, Set-Cookie, Link, Refresh, X-Api-Key, X-Trace] }
  chosen:
    headers: [Content-Type, Location, Set-Cookie, Link, Refresh, X-Api-Key, X-Customer]
    redact: ["$.customer.email", "$.items[*].note", "$..iban", "$.vault", "$.rows.*.memo", "header:X-Customer", "query:voucher", "cookie:taste"]
routes:
  - { name: named, match: { path: "/named/{*rest}" }, new: new, stage: shadow, shadow: { methods: [GET, HEAD, POST, PUT], compare: named } }
  - { name: chosen, match: { path: "/chosen/{*rest}" }, new: new, stage: shadow, shadow: { methods: [GET, HEAD, POST, PUT], compare: chosen } }"""
JSON, TEXT = "application/json", "text/plain"
LABELS = {}


def secret(label):
    """The secret that is planted there: letters alone, so that nothing takes it for an identifier."""
    digest = hashlib.sha256(label.encode()).digest()[:10]
    planted = MARK + "".join(chr(97 + byte % 26) for byte in digest)
    LABELS[planted] = label
    return planted


def named(say, n):
    """Bodies whose secrets are known by their names or looks; `say(label)` is a secret."""
    basic = base64.b64encode(b"joe:" + say("basic").encode()).decode()
    token = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
                     for part in ('{"alg":"none"}', '{"sub":"%s"}' % say("jwt"), say("signature")))
    plain = {
        "n": n, "password": say("password"), "user": {"accessToken": say("access"), "name": "Ann"},
        "list": [{"api_key": say("key")}, {"deep": [[{"client-secret": say("client")}]]}, {"token": {"value": say("in token")}}],
        "pin": 1234, "secrets": [say("one"), say("other")], "callback": f"https://joe:{say('userinfo')}@shop.example/cb",
        "link": f"https://shop.example/x?a=1&token={say('link')}#access_token={say('fragment')}", "header": f"Bearer {say('bearer')}",
        "basic": f"Basic {basic}", "jwt": f"it is {token}.",
    }
    text = (f"Internal error {n}\nconnect: password={say('text')} host=db\nAuthorization: Bearer {say('text bearer')}\n"
            f"see https://u:{say('text url')}@h/?token={say('text query')}\nDB_PASSWORD=\"{say('quoted')}\"\n{{'api_key': '{say('dict')}'}}\n")
    lines = "".join(json.dumps({"n": n, "line": line, "password": say(f"line {line}")}) + "\n" for line in range(3))
    xml = (f'<?xml version="1.0"?><a><n>{n}</n><wsse:Password>{say("xml")}</wsse:Password><u token="{say("attribute")}"/>'
           f'<secret><deep>{say("xml deep")}</deep></secret></a>')
    html = (f'<!DOCTYPE html><html><body><p>{n}</p><form><input type=hidden name=csrf_token value="{say("input")}"></form>'
            f'<a href="/x?token={say("href")}">x</a></body></html>')
    page = (f'<!DOCTYPE html><html><head><title>{n}</title></head><body><script>var config = {{"apiKey": "{say("script")}"}};</script>'
            f'<pre>password={say("pre")}</pre></body></html>')
    within = {"n": n, "payload": json.dumps({"password": say("json in json"), "n": 1}), "message": f"denied: password={say('message')}",
              "form": f"user=joe&password={say('form in json')}"}
    form = f"n={n}&password={say('form')}&user%5Btoken%5D={say('form nested')}&%70assword={say('form encoded')}"
    return {
        "json": (200, JSON, json.dumps(plain)), "text": (500, TEXT, text), "ndjson": (200, "application/x-ndjson", lines),
        "xml": (200, "application/xml", xml), "html": (200, "text/html", html), "page": (500, "text/html; charset=utf-8", page),
        "form": (200, "application/x-www-form-urlencoded", form), "within": (400, "application/problem+json", json.dumps(within)),
        "twice": (200, JSON, '{"n":%s,"password":"%s","password":"%s"}' % (json.dumps(n), say("first"), say("second"))),
        "untyped": (200, TEXT, json.dumps(plain)), "utf16": (200, JSON + "; charset=utf-16", json.dumps(plain).encode("utf-16")),
        "escaped": (200, JSON, '{"n":%s,"pass\\u0077ord":"%s","x":"\\u0042earer %s"}' % (json.dumps(n), say("escaped name"), say("escaped looks"))),
        "events": (200, "text/event-stream", f'id: {n}\ndata: {{"token":"{say("event")}"}}\n\n'),
    }


def chosen(say, n):
    """Bodies whose secrets are known by `redact` alone."""
    whole = {
        "n": n, "customer": {"email": say("email"), "name": "Ann"}, "a": {"b": [{"iban": say("iban")}, {"c": {"iban": [say("in iban")]}}]},
        "items": [{"note": say("note"), "n": n}, {"note": {"x": say("note object")}}, {"note": [say("note list"), {"y": say("deep")}]}],
        "vault": {say("vault key"): 1, "k": say("vault value"), "d": {say("deep key"): [say("deep value")]}},
        "rows": {"ord-00017": {"memo": say("memo")}, "plain": {"memo": {say("memo key"): 2}}},
    }
    return {
        "json": (200, JSON, json.dumps(whole)), "untyped": (200, TEXT, json.dumps(whole)), "html": (200, "text/html", f"<p>{n} {say('p')}</p>"),
        "text": (200, TEXT, f"{n} {say('text')}"), "ndjson": (200, "application/x-ndjson", json.dumps(whole) + "\n"),
        "list": (200, JSON, json.dumps({"n": n, "items": [{"note": say(f"note {at}")} for at in range(5)]})),
        "xml": (200, "application/xml", f"<customer><n>{n}</n><email>{say('xml')}</email></customer>"),
    }


def answers(side, kind, route):
    """All bodies of a route, as a side gives them. But in a mismatch both sides have the same secrets."""
    voice = side if kind == "mismatch" else "both"
    n = {"match": 1, "mismatch": side, "noise": {"drawn": random.randrange(10**9)}, "unknown": 1}[kind]
    return (named if route == "named" else chosen)(lambda label: secret(f"{route} {label} {voice}"), n)


def bent(case, side, kind, route):
    """A body of a case, with something done to it that takes two sides to see."""
    shape, _, case = case.rpartition("-")
    status, content_type, body = answers(side, kind, route)[case]
    differs = kind == "mismatch" and side == "new"
    if shape == "gone" and differs:
        body = "{}"
    elif shape == "null" and differs:
        body = json.dumps({name: None for name in json.loads(body)})
    elif shape == "type" and differs:
        body = json.dumps({name: [value] for name, value in json.loads(body).items()})
    elif shape == "inner" and differs:
        body = json.dumps({name: ({} if isinstance(value, dict) else [] if isinstance(value, list) else value)
                           for name, value in json.loads(body).items()})
    elif shape == "cut" and differs or shape == "broken":
        body = body[:-1]
    elif shape == "empty" and differs:
        body = ""
    elif shape == "status" and differs:
        status = 500
    body = body.encode() if isinstance(body, str) else body
    return status, content_type, body


def system(side):
    def answer(request):
        _, route, case, kind = request.target.split("?")[0].split("/")
        status, content_type, body = bent(case, side, kind, route)
        voice = side if kind == "mismatch" else "both"
        say = lambda label: secret(f"header {label} {voice}")
        headers = [("Content-Type", content_type), ("X-Api-Key", say("key")), ("Link", f"</a?token={say('link')}>; rel=next"),
                   ("Set-Cookie", f"sid={say('cookie')}; Path=/; HttpOnly"), ("Set-Cookie", f"taste={say('taste')}; Path=/"),
                   ("Location", f"https://joe:{say('location')}@shop.example/x?token={say('location token')}"),
                   ("Refresh", f"5; url=/x?token={say('refresh')}"), ("Authentication-Info", f"nextnonce={say('nonce')}")]
        if route == "chosen":
            headers += [("X-Customer", say("customer")), ("Content-Location", f"/x?voucher={say('content location')}")]
        else:
            headers += [("X-Trace", f"at=https://u:{say('trace')}@h/?password={say('trace query')}")]
        if kind == "unknown" and side == "new":
            headers.append(("Content-Encoding", "gzip"))
        elif zlib.crc32(request.target.encode()) % 3 == 0:
            headers, body = headers + [("Content-Encoding", "gzip")], gzip.compress(body)
        return status, headers, body
    return answer


def requests():
    """Every case of every route in every kind, by GET, HEAD and POST, with secrets in all parts of the request."""
    percent = lambda text: "".join(f"%{ord(letter):02X}" for letter in text)
    shapes = ["", "gone-", "null-", "type-", "inner-", "cut-", "broken-", "empty-", "status-"]
    for route in ("named", "chosen"):
        say = lambda label: secret(f"request {route} {label}")
        headers = [("Authorization", f"Bearer {say('bearer')}"), ("Cookie", f"sid={say('cookie')}; theme={say('theme')}"),
                   ("X-Api-Key", say("key")), ("X-Auth-Token", say("token")), ("Referer", f"https://joe:{say('referer')}@h/?token={say('referer token')}"),
                   ("X-Original-Url", f"/x?password={say('original')}")]
        query = (f"?page=2&token={say('token')}&%74oken={say('encoded name')}&secret={percent(say('encoded value'))}"
                 f"&next=%2Fx%3Ftoken%3D{say('next')}&to=https%3A%2F%2Fjoe%3A{say('to')}%40h%2F")
        if route == "chosen":
            headers.append(("X-Customer", say("customer")))
            query += f"&voucher={say('voucher')}&v%6Fucher={say('encoded voucher')}"
        for case in answers("legacy", "mismatch", route):
            for shape in shapes if case in ("json", "untyped") else ("", "empty-", "status-"):
                for kind in ("match", "mismatch", "noise", "unknown"):
                    target = f"/{route}/{shape}{case}/{kind}{query}"
                    yield get(target, *headers)
                    if not shape:
                        yield Request("HEAD", target, headers, b"")
                        yield from posts(target, headers, route)


def posts(target, headers, route):
    bodies = answers("client", "mismatch", route)
    for case in ("json", "form", "text", "xml", "ndjson", "within"):
        if case in bodies:
            _, content_type, body = bodies[case]
            yield Request("POST", target, [*headers, ("Content-Type", content_type)], body.encode())
    body = bodies["json"][2].encode()
    yield Request("PUT", target, [*headers, ("Content-Type", JSON), ("Content-Encoding", "gzip")], gzip.compress(body))
    if route == "named":
        part = f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{secret("multipart")}\r\n--b--\r\n'
        yield Request("POST", target, [*headers, ("Content-Type", "multipart/form-data; boundary=b")], part.encode())
        query = json.dumps({"query": f'mutation {{ login(user: "joe", password: "{secret("graphql")}") {{ id }} }}'})
        yield Request("POST", target, [*headers, ("Content-Type", JSON)], query.encode())


def spellings():
    mark = MARK.encode()
    found = [re.escape(mark), b"".join(b"%%%02x" % byte for byte in mark), mark.hex().encode(), b" ".join(b"%02x" % byte for byte in mark),
             b"".join(rb"\\u00%02x" % byte for byte in mark), re.escape(mark.decode().encode("utf-16-le")[:-1])]
    plain = [re.compile(b"|".join(found), re.I)]
    # The letters of base64 that the mark alone decides, at each of its three places.
    aligned = [base64.b64encode(b"x" * shift + mark)[[0, 2, 3][shift]:-4] for shift in range(3)]
    return plain + [re.compile(b"|".join(re.escape(one) for one in aligned))]


class Search:
    """Looks for secrets, and keeps what was found where."""

    def __init__(self):
        self.spellings, self.places, self.found = spellings(), collections.Counter(), []

    def look(self, where, data):
        data = data.encode() if isinstance(data, str) else data
        self.places[where.split(":")[0]] += len(data)
        for spelling in self.spellings:
            for hit in spelling.finditer(data):
                self.found.append((where, data[max(0, hit.start() - 160):hit.end() + 24]))


def state_directory(search, rig):
    for path in glob.glob(os.path.join(rig.state_dir, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                search.look(f"file:{os.path.basename(path)}", file.read())
    store = sqlite3.connect(f"file:{rig.state_dir}/comparisons.db?mode=ro", uri=True)
    kinds = collections.Counter()
    for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')").fetchall():
        rows = store.execute(f'SELECT * FROM "{name}"')
        columns = [column[0] for column in rows.description]
        for row in rows:
            told = dict(zip(columns, row))
            if name == "comparisons":
                kinds[told["verdict"], told["method"]] += 1
                detail = subprocess.run(["zstd", "-dcq"], input=told["detail"], capture_output=True, check=True).stdout
                search.look(f"detail:{told['method']} {told['target'].split('?')[0]}", detail)
            for column, value in told.items():
                search.look(f"table:{name}.{column}", value if isinstance(value, bytes) else str(value))
    store.close()
    return kinds


def commands(search, rig):
    ids = [row["id"] for row in rig.top("--all", "--limit", "0")]
    for id in ids:
        for sample in ("1", "2", "5", "10"):
            shown = rig.call("diffs", "show", id, "--sample", sample, check=False)
            search.look("show:text", shown)
            if not shown:
                break
            search.look("show:json", rig.call("diffs", "show", id, "--sample", sample, "-o", "json", check=False))
            for side in ("legacy", "new", "facade"):
                search.look("show:curl", rig.call("diffs", "show", id, "--sample", sample, "--as", "curl", "--side", side, check=False))
    for form in ("table", "json", "csv"):
        search.look("top", rig.call("diffs", "top", "--all", "--limit", "0", "-o", form))
    for what in ("signatures", "comparisons", "verdicts"):
        for form in ("csv", "jsonl", "parquet"):
            path = os.path.join(rig.folder, f"{what}.{form}")
            rig.call("diffs", "export", "--what", what, "--format", form, "--out", path)
            with open(path, "rb") as file:
                search.look(f"export:{what}.{form}", file.read())
            if form == "parquet":
                parquet(search, path)
    report = os.path.join(rig.folder, "report.html")
    if b"report" in rig.call("diffs", "--help"):
        rig.call("diffs", "report", "--out", report)
        with open(report, "rb") as file:
            search.look("report", file.read())
    else:
        print("this build has no `diffs report`: not searched")
    return ids


def parquet(search, path):
    try:
        import pyarrow.parquet
    except ImportError:
        print("without pyarrow a Parquet file is searched as it is, compressed:", os.path.basename(path))
        return
    search.look("export:parquet, read", json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str))


def admin(search, rig, ids):
    with open(os.path.join(rig.state_dir, "admin.token")) as file:
        token = file.read().strip()

    def ask(path):
        request = urllib.request.Request(f"http://127.0.0.1:{rig.admin}{path}", headers={"Authorization": f"Bearer {token}"})
        try:
            search.look("admin API", urllib.request.urlopen(request, timeout=10).read())
        except urllib.error.HTTPError as error:
            search.look("admin API", error.read())

    for path in ("/api/v1/diffs?all=true&limit=0", "/api/v1/diffs", "/readyz"):
        ask(path)
    for id in ids:
        ask(f"/api/v1/diffs/{id}")
    for number in range(1, 2000, 7):
        ask(f"/api/v1/comparisons/{number}")
    search.look("metrics", urllib.request.urlopen(f"http://127.0.0.1:{rig.admin}/metrics").read())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--banyan", default="target/release/banyan")
    arguments.add_argument("--show", action="store_true")
    options = arguments.parse_args()
    if not shutil.which("zstd"):
        sys.exit("zstd is needed and not installed")
    loud = {"BANYAN_LOG": "trace", "RUST_LOG": "trace", "RUST_BACKTRACE": "1"}
    with Rig(options.banyan, system("legacy"), system("new"), ROUTES, environment=loud, access_log="access.jsonl") as rig:
        sys.exit(0 if run(rig, options) else 1)


def run(rig, options):
    driver, search = Driver(rig.port, connections=8), Search()
    carried = collections.Counter()

    for side in ("legacy", "new"):
        # Asked here too, so that what is found can be named.
        for request in requests():
            system(side)(request)

    def each(request, answer):
        carried[request.method] += MARK.encode() in b" ".join([request.body, str(request).encode(), answer.body])

    # Often enough that budgets let some be asked twice, rarely enough that all are compared.
    for _ in range(2):
        driver.drive(requests(), rate=250, each=each)
    rig.settled()
    print("compared  ", {name: int(count) for name, count in rig.labelled("banyan_comparisons_total", "verdict").items()},
          f"failed {len(driver.failed)}; exchanges that carried secrets: {dict(carried)}")
    ids = commands(search, rig)
    admin(search, rig, ids)
    kinds = state_directory(search, rig)
    rig.stop()
    state_directory(search, rig)
    for name in ("access.jsonl", "stdout.log", "stderr.log"):
        with open(os.path.join(rig.folder, name), "rb") as file:
            search.look(name, file.read())
    print("kept      ", {" ".join(kind): count for kind, count in sorted(kinds.items())}, f"{len(ids)} signatures")
    print("searched  ", {place: f"{size} bytes" for place, size in search.places.items()})
    return told(search, options) and not driver.failed and all(size for place, size in search.places.items() if place != "stdout.log")


def told(search, options):
    places = collections.defaultdict(collections.Counter)
    examples = {}
    for where, text in search.found:
        whole = re.search(MARK + "[a-z]{10}", text.decode("latin-1"))
        label = LABELS.get(whole[0], whole[0]) if whole else "(encoded)"
        places[label][where.split(":")[0]] += 1
        examples.setdefault(label, (where, text))
    for label, counts in sorted(places.items()):
        print(f"FOUND      {label}: {dict(counts)}")
        if options.show:
            print("          ", examples[label][0], ascii(examples[label][1].decode("latin-1")))
    print("FAILED" if places else "passed: not one secret was found")
    return not places


if __name__ == "__main__":
    main()
