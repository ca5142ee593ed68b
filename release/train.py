#!/usr/bin/env python3
"""The traffic that the optimised build is made for: a bit of all that a facade carries, and most of all kept connections over
HTTP/1.1. What is rare there is left out of the way of what is not.

    release/train.py BANYAN [--part N]

Two backends and all clients are in this process; BANYAN is started, asked some 700,000 requests (one Nth of them), and stopped in
order, which is when an instrumented build writes its profile. Any answer that is not the right one ends it.
"""

import argparse
import asyncio
import os
import re
import ssl
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "benches", "versus"), os.path.join(HERE, "..", "tests", "live")]

import rules  # noqa: E402
from rig import certificate, free_port, reachable, until  # noqa: E402

ROUTES = 1000
# How often each of the kept connections asks for all of them.
ROUNDS = 10
CONNECTIONS = 64
HOST = "shop.example"
BROWSER = (
    f"Host: {HOST}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: https://shop.example/\r\nConnection: keep-alive\r\n"
)
MIRRORED = """  - name: mirrored
    match: { path: "/mirrored/{id}" }
    new: shop-v2
    stage: shadow
"""
JSON = '{{"id":7,"status":"open","side":"{}","items":[{}]}}'
ITEM = '{"sku":"sku-1","name":"kettle","quantity":1,"price":19.5}'


def answers(side):
    """What a backend says, by the first step of the path."""
    small = JSON.format(side, ",".join([ITEM] * 17)).encode()
    large = JSON.format(side, ",".join([ITEM] * 1130)).encode()
    head = "HTTP/1.1 200 OK\r\nServer: shop\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n"

    def whole(body):
        return f"{head}Content-Length: {len(body)}\r\nSet-Cookie: seen=1; Path=/\r\nConnection: keep-alive\r\n\r\n".encode() + body

    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(small):x}\r\n".encode() + small + b"\r\n0\r\n\r\n"
    return {b"customers": whole(large), b"catalog": chunked}, whole(small)


class Backend(asyncio.Protocol):
    """Answers each request when the whole of it is there."""

    def __init__(self, side):
        self.by_path, self.otherwise = answers(side)
        self.input = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.input += data
        while (end := self.input.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", self.input[:end])
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.input) < whole:
                return
            path = self.input[:end].split(b" ", 2)[1]
            self.input = self.input[whole:]
            self.transport.write(self.by_path.get(path.split(b"/")[1], self.otherwise))


class Client(asyncio.Protocol):
    """Asks one request after the other over one connection."""

    def __init__(self, requests, done):
        self.requests, self.done, self.input = iter(requests), done, b""

    def connection_made(self, transport):
        self.transport = transport
        self.ask()

    def ask(self):
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data):
        self.input += data
        while (end := self.input.find(b"\r\n\r\n")) >= 0:
            head = self.input[:end]
            length = re.search(rb"\r\ncontent-length: (\d+)", head)
            if length:
                whole = end + 4 + int(length[1])
            else:
                whole = self.input.find(b"0\r\n\r\n", end + 4) + 5
            if whole < end + 4 or len(self.input) < whole:
                return
            if not head.startswith(b"HTTP/1.1 200") or b"\r\nx-served-by: " not in head:
                self.done.set_exception(RuntimeError(f"a wrong answer: {head.decode()}"))
                return
            self.input = self.input[whole:]
            self.ask()

    def connection_lost(self, error):
        if not self.done.done():
            left = next(self.requests, None)
            wrong = error or (RuntimeError("the facade closed a connection") if left else None)
            self.done.set_exception(wrong) if wrong else self.done.set_result(None)


class Http2(asyncio.Protocol):
    """The same over HTTP/2 (RFC 9113): all at once, eight streams at a time; only ends of streams are looked at."""

    AT_ONCE = 8

    def __init__(self, paths, done):
        self.paths, self.done, self.input, self.stream, self.open = iter(paths), done, b"", 1, 0

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(8, 0, 0, (1 << 30).to_bytes(4, "big")))
        self.ask()

    def ask(self):
        while self.open < self.AT_ONCE and (path := next(self.paths, None)):
            # Literal fields without indexing (RFC 7541 section 6.2.2); method, scheme and path are of the static table.
            block = b"\x82\x86\x04" + text(path) + b"\x01" + text(HOST) + b"\x00" + text("x-tenant-id") + text("t-7")
            self.transport.write(frame(1, 5, self.stream, block))
            self.stream, self.open = self.stream + 2, self.open + 1
        if not self.open:
            self.transport.close()

    def data_received(self, data):
        self.input += data
        while len(self.input) >= 9 and len(self.input) >= (whole := 9 + int.from_bytes(self.input[:3], "big")):
            kind, flags = self.input[3], self.input[4]
            if kind in (3, 7):
                self.done.set_exception(RuntimeError("the facade ended a stream"))
                return
            if kind == 4 and not flags & 1:
                self.transport.write(frame(4, 1, 0))
            if kind == 6 and not flags & 1:
                self.transport.write(frame(6, 1, 0, self.input[9:whole]))
            if kind in (0, 1) and flags & 1:
                self.open -= 1
            self.input = self.input[whole:]
        self.ask()

    def connection_lost(self, error):
        if not self.done.done():
            self.done.set_exception(error) if error or self.open else self.done.set_result(None)


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    return bytes([len(value)]) + value.encode()


def configuration(folder, ports, pair):
    """The routes.yaml of the benches with a thousand routes, one that is mirrored, and a listener with TLS beside the first."""
    with open(os.path.join(HERE, "..", "benches", "versus", "routes.yaml")) as file:
        words = file.read()
    for section, more in rules.sections(ROUTES).items():
        words = words.replace(f"\n{section}:\n", f"\n{section}:\n{more}")
    words = words.replace("\nroutes:\n", f"\nroutes:\n{MIRRORED}")
    both = words.replace("@LISTEN@ }]", "}, { address: \"127.0.0.1:@TLS@\", "
                         f"tls: {{ certificates: [{{ cert: '{pair[0]}', key: '{pair[1]}' }}] }} }}]")
    both = re.sub(r'(shop-v2: .*):@UPSTREAM@', r'\1:@NEW@', both)
    values = {**ports, "STATE": os.path.join(folder, "state"), "LOG": os.path.join(folder, "access.log")}
    for key, value in values.items():
        both = both.replace(f"@{key}@", str(value))
    path = os.path.join(folder, "routes.yaml")
    with open(path, "w") as file:
        file.write(both)
    return path


def request(target, headers=(), body=b"", method=None):
    lines = "".join(f"{name}: {value}\r\n" for name, value in dict(headers).items())
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    method = method or ("POST" if body else "GET")
    return f"{method} {target} HTTP/1.1\r\n{BROWSER}{lines}{length}\r\n".encode() + body


async def crowd(protocol, port, works, tls=None):
    """A connection for each of the works, all at once."""
    loop = asyncio.get_running_loop()
    ends = []
    for work in works:
        end = loop.create_future()
        await loop.create_connection(lambda: protocol(work, end), "127.0.0.1", port, ssl=tls)  # noqa: B023
        ends.append(end)
    await asyncio.gather(*ends)


async def traffic(ports, pair, part):
    def some(requests):
        return requests[: max(1, len(requests) // part)]

    secure = ssl.create_default_context(cafile=pair[0])
    secure.check_hostname = False
    asked = [request(target, headers) for target, headers in rules.requests(ROUTES)]
    user = {"X-Tenant-Id": "initech", "Cookie": "sid=u-17; theme=dark"}
    upload = request("/orders", user, b"x" * 16384)
    mixed = [request("/orders/7", user), upload, request("/customers/1", user), request("/catalog/x", user)]
    plain, tls = ports["PORT"], ports["TLS"]
    mirrored = [request(f"/mirrored/{number}", user) for number in range(60)]
    await crowd(Client, plain, [some(asked) * ROUNDS] * CONNECTIONS)
    await crowd(Client, plain, [some(mixed * 60)] * CONNECTIONS)
    await crowd(Client, plain, [some(mirrored)] * CONNECTIONS)
    for _ in some(range(20)):
        await crowd(Client, plain, [asked[:1]] * CONNECTIONS)
        await crowd(Client, tls, [asked[:1]] * 16, secure)
    await crowd(Client, tls, [some(asked[:150])] * CONNECTIONS, secure)
    await crowd(Http2, plain, [some([target for target, _ in rules.requests(ROUTES)])] * 8)


async def run(banyan, part):
    loop = asyncio.get_running_loop()
    ports = {name: free_port() for name in ("PORT", "TLS", "ADMIN", "UPSTREAM", "NEW")}
    for side, name in (("legacy", "UPSTREAM"), ("new", "NEW")):
        await loop.create_server(lambda side=side: Backend(side), "127.0.0.1", ports[name], backlog=1024)
    with tempfile.TemporaryDirectory() as folder:
        pair = certificate(folder)
        facade = subprocess.Popen([banyan, "serve", "--workers", "1", "--config", configuration(folder, ports, pair)])
        try:
            await loop.run_in_executor(None, until, "the facade", lambda: reachable(ports["TLS"]))
            await traffic(ports, pair, part)
            facade.terminate()
            if await loop.run_in_executor(None, facade.wait, 60):
                sys.exit(f"the facade ended with {facade.returncode}")
        finally:
            facade.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("banyan")
    parser.add_argument("--part", type=int, default=1, metavar="N", help="ask one Nth of the requests")
    options = parser.parse_args()
    asyncio.run(run(os.path.abspath(options.banyan), options.part))
