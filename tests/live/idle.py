#!/usr/bin/env python3
"""How much memory do idle connections cost? Ten thousand of them are opened, each asks once, and then they do nothing.

    tests/live/idle.py [--banyan PATH] [--connections 10000] [--most 20]

Prints the kilobytes that each connection adds to the empty process, in clear and over TLS; exit code 1 if one in clear costs more
than `--most`. Linux; Python 3, nginx and openssl.
"""

import argparse
import asyncio
import os
import ssl
import sys
import tempfile
import time

from rig import Rig, as_many_files_as_allowed, certificate, nginx

ROUTES = 'routes: [{ name: everything, match: { path: "/{*rest}" }, new: new, stage: canary, canary: { percent: 50, by: client } }]'
REQUEST = b"GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n"


class Client(asyncio.Protocol):
    """Asks once, and keeps the connection."""

    def __init__(self, answered):
        self.answered, self.closed = answered, False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, data):
        if not self.answered.done():
            self.answered.set_result(data.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, _):
        self.closed = True
        if not self.answered.done():
            self.answered.set_result(False)


async def open_all(port, count, tls):
    loop, clients, failed = asyncio.get_running_loop(), [], 0
    for begin in range(0, count, 50):
        answers = []
        for _ in range(min(50, count - begin)):
            answered = loop.create_future()
            _, client = await loop.create_connection(
                lambda: Client(answered), "127.0.0.1", port, ssl=tls, server_hostname="shop.example" if tls else None)
            clients.append(client)
            answers.append(answered)
        failed += sum(not good for good in await asyncio.gather(*answers))
    return clients, failed


async def settled(rig):
    """The memory, once it stays where it is."""
    before, since = rig.resident(), time.monotonic()
    while time.monotonic() - since < 20:
        await asyncio.sleep(1)
        now = rig.resident()
        if abs(now - before) < 64:
            return now
        before = now
    return before


async def measure(rig, count, tls):
    empty = await settled(rig)
    clients, failed = await open_all(rig.port, count, tls)
    full = await settled(rig)
    gone = sum(client.closed for client in clients)
    for client in clients:
        client.transport.abort()
    await asyncio.sleep(1)
    return empty, full, await settled(rig), failed, gone


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--banyan", default="target/release/banyan")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--most", type=float, default=20, help="kilobytes for each in clear")
    arguments = parser.parse_args()
    as_many_files_as_allowed()
    wrong = False
    with nginx() as (legacy, new), tempfile.TemporaryDirectory() as folder:
        cert, key = certificate(folder)
        tls = ssl.create_default_context(cafile=cert)
        # Nobody is closed for doing nothing while it is measured.
        kept = "timeouts: { idle: 1h }"
        for name, listen, context in (
            ("in clear", kept, None),
            ("over TLS", f"{kept}, tls: {{ certificates: [{{ cert: '{cert}', key: '{key}' }}] }}", tls),
        ):
            with Rig(arguments.banyan, legacy, new, ROUTES, listen=listen) as rig:
                empty, full, after, failed, gone = asyncio.run(measure(rig, arguments.connections, context))
                each = (full - empty) / arguments.connections
                print(f"{name}: {each:.1f} KB for each of {arguments.connections} ({empty} KB empty, {full} KB full, {after} KB after; "
                      f"{failed} failed, {gone} were closed)")
                wrong |= bool(failed or gone) or (context is None and each > arguments.most)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
