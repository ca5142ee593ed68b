#!/usr/bin/env python3
"""Writes what the fuzzer starts from into fuzz/corpus: the fixtures, and a few inputs by hand. Python 3 alone."""

import hashlib
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"


def keep(target, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def unescaped(text):
    text = text.strip().strip("'\"")
    return re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), text).replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t")


def desync_heads():
    """The corpus of http_desync_guardian is plain enough to be read line by line."""
    for path in sorted((FIXTURES / "desync").glob("*.yaml")):
        case = {}
        for line in path.read_text().splitlines() + ["- name: end"]:
            if line.startswith("- name:"):
                if case:
                    yield case
                case = {"uri": "/", "method": "GET", "version": "HTTP/1.1", "fields": []}
            elif found := re.match(r"  (uri|method|version): ?(.*)", line):
                case[found[1]] = unescaped(found[2])
            elif found := re.match(r"    - name: (.*)", line):
                case["fields"].append([unescaped(found[1]), ""])
            elif (found := re.match(r"      value: (.*)", line)) and case["fields"]:
                case["fields"][-1][1] = unescaped(found[1])


BODIES = [b"", b"5\r\nhello\r\n0\r\n\r\n", b"5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n", b"hello"]

for case in desync_heads():
    fields = "".join(f"{name}: {value}\r\n" for name, value in case["fields"])
    head = f"{case['method']} {case['uri']} {case['version']}\r\nHost: shop.example\r\n{fields}\r\n".encode("latin-1", "replace")
    for body in BODIES:
        keep("requests", b"\7" + head + body)
    keep("headers", b"\0" + fields.replace("\r", "").encode("latin-1", "replace"))

for flag in (b"\0", b"\1"):
    keep("headers", flag + b"Connection: close, X-Forwarded-For, X-Tenant-Id, Host, Authorization, Cookie, X-Own\nHost: a\nX-Own: 1\n"
         b"Cookie: a=b\nX-Tenant-Id: t\nX_Tenant_Id: t\nAuthorization: Basic x\nX-Forwarded-For: 1.2.3.4\nForwarded: for=1.2.3.4\n")
    keep("headers", flag + b"Via: 1.0 a, 1.1 banyan\nVia: 1.1 banyan\nTE: trailers\nUpgrade: h2c\nHTTP2-Settings: x\nKeep-Alive: 1\n"
         b"Proxy-Connection: x\nProxy-Authorization: x\nExpect: 100-continue\nBanyan-Force: new\nBanyan-Secret: x\nX-Served-By: new\n")
    keep("headers", flag + b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\ntracestate: a=b\nX-Request-Id: abc\n"
         b"X-Real-IP: 1\nX_Forwarded_Proto: https\nX-Forwarded-Proto: https\nX-Forwarded-Host: b\nSet-Cookie: a\nSet-Cookie: b\n")

for path in sorted((FIXTURES / "config").rglob("*.yaml")) + [HERE.parent / "routes.yaml"]:
    keep("configs", path.read_bytes())
keep("configs", b"""version: 1
listen: [{ address: 127.0.0.1:8080 }]
include: [routes.d/*.yaml]
defaults: { legacy: old }
backends: { old: { endpoints: [http://10.0.0.1:80] } }

#----
backends: { new: { endpoints: [http://10.0.0.2:80] } }
routes:
- { name: a, match: { path: "/a/{id}" }, new: new, stage: canary, canary: { percent: 5, by: client } }
""")

for lines in [
    "- /{*all} -\n- /orders/{*rest} -\n- /orders/{id} GET\n- /orders/new -\n- /orders -\n- /orders/ -\n- /{a}/{b}/{c} -\n"
    "> a /orders/new GET\n> a /orders/7 GET\n> a /orders/7 POST\n> a /orders GET\n> a /orders/ GET\n> a /x/y/z GET\n> a // GET\n",
    "a.shop.example /{*rest} -\n*.shop.example /{*rest} -\n*.example /orders -\n- /orders -\n- - -\n"
    "> a.shop.example /orders GET\n> B.Shop.example:80 /orders GET\n> shop.example. /orders GET\n> other * OPTIONS\n",
    "- /a/{x}/{y}/{*rest} -\n> a /a/%2e%2e/b GET\n> a /a/..;/b GET\n> a /a/b%2Fc/d GET\n> a /a//b/ GET\n> a /a/%252e/c GET\n> a /a/\\x GET\n",
]:
    keep("paths", lines.encode())

for text in [
    "200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1 \r\n!\r\n0\r\nX-Sum: 1\r\n\r\nrest",
    "200 OK\r\n\r\nuntil the end", "204 No Content\r\nContent-Length: 5\r\n\r\n", "304 Not Modified\r\nConnection: close\r\n\r\n",
    "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
    "404 NOT FOUND\nConnection: keep-alive\nContent-Length: 0\n\n", "200\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
]:
    for version in ("1.1", "1.0"):
        for method in (b"\0", b"\1"):
            keep("answers", b"\5" + method + f"HTTP/{version} {text}".encode())

for folder in sorted((HERE / "corpus").iterdir()):
    print(f"{folder.name}: {len(list(folder.iterdir()))}")
