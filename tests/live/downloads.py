#!/usr/bin/env python3
"""Ten thousand downloads of 5 MB by slow readers with `Connection: close`: every one must have the hash of what was sent.

    tests/live/downloads.py [--banyan PATH] [--downloads 10000] [--megabytes 5] [--tls]

The bodies come with a length, in chunks, or to the end of the connection. Readers take small bites out of small kernel buffers, and
rest now and then; some read fast to the last part and then rest, since that is where a connection may be closed too early. Exit
code 1 if one body is short, long or another. Python 3 and, for --tls, openssl.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections import Counter

from rig import Rig, certificate, free_port, parsed_head

ROUTES = 'routes: [{ name: everything, match: { path: "/{*rest}" }, new: new, stage: live }]'
KINDS = ("length", "chunked", "until-close")
VARIANTS = 8


def body(variant, size):
    return random.Random(variant).randbytes(size)


def serve(port, size):
    """A backend with a thread for each connection."""
    bodies = [body(variant, size) for variant in range(VARIANTS)]

    def connection(link):
        with link:
            reader = link.makefile("rb")
            while line := reader.readline():
                while reader.readline() not in (b"\r\n", b""):
                    pass
                _, kind, variant = line.split(b" ")[1].decode().split("/")
                content = bodies[int(variant)]
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                if kind == "length":
                    link.sendall(head + b"Content-Length: %d\r\n\r\n" % len(content))
                    link.sendall(content)
                elif kind == "chunked":
                    link.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
                    step = 100_003
                    for begin in range(0, len(content), step):
                        part = content[begin:begin + step]
                        link.sendall(b"%x\r\n%s\r\n" % (len(part), part))
                    link.sendall(b"0\r\n\r\n")
                else:
                    link.sendall(head + b"Connection: close\r\n\r\n")
                    link.sendall(content)
                    return

    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    while True:
        link, _ = listener.accept()
        threading.Thread(target=connection, args=(link,), daemon=True).start()


def download(port, tls, kind, variant, chance):
    """The hash and length of a body as a slow reader gets it."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, chance.choice((8 << 10, 32 << 10, 256 << 10)))
    link.settimeout(60)
    link.connect(("127.0.0.1", port))
    if tls:
        link = tls.wrap_socket(link, server_hostname="shop.example")
    with link:
        link.sendall(f"GET /{kind}/{variant} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n".encode())
        reader = link.makefile("rb", buffering=chance.choice((4 << 10, 64 << 10)))
        line = reader.readline()
        if not line.startswith(b"HTTP/1.1 200"):
            return f"{line!r}", 0
        fields = b""
        while (field := reader.readline()) not in (b"\r\n", b""):
            fields += field
        _, headers = parsed_head(b"\r\n" + fields)
        digest, count, rests, lazy_end = hashlib.sha256(), 0, chance.random() * 0.02, chance.random() < 0.3
        chunked, left = headers.get("transfer-encoding") == "chunked", 0

        def take(most):
            nonlocal count
            data = reader.read(most)
            digest.update(data)
            count += len(data)
            if chance.random() < rests:
                time.sleep(chance.random() / 50)
            return data

        if chunked:
            while size := int(reader.readline() or b"0", 16):
                left = size
                while left:
                    data = take(min(left, 65536))
                    if not data:
                        return "cut", count
                    left -= len(data)
                reader.readline()
            if reader.readline() != b"\r\n":
                return "cut before the end of chunks", count
        else:
            while data := take(65536):
                if lazy_end and count > 4_000_000:
                    time.sleep(0.3)
                    lazy_end = False
        return digest.hexdigest(), count


def work(port, certificate_path, size, share, seed, results):
    chance = random.Random(seed)
    tls = ssl.create_default_context(cafile=certificate_path) if certificate_path else None
    expected = [hashlib.sha256(body(variant, size)).hexdigest() for variant in range(VARIANTS)]
    lock, jobs = threading.Lock(), iter(range(share))

    def reader(own):
        while True:
            with lock:
                if next(jobs, None) is None:
                    return
            kind, variant = own.choice(KINDS), own.randrange(VARIANTS)
            try:
                found, count = download(port, tls, kind, variant, own)
            except (OSError, ValueError) as error:
                found, count = repr(error), 0
            results.put((kind, found == expected[variant], f"{found} after {count}"))

    readers = [threading.Thread(target=reader, args=(random.Random(chance.random()),)) for _ in range(24)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--banyan", default="target/release/banyan")
    parser.add_argument("--downloads", type=int, default=10_000)
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--tls", action="store_true")
    arguments = parser.parse_args()
    size, port = int(arguments.megabytes * 1e6), free_port()
    backend = multiprocessing.Process(target=serve, args=(port, size), daemon=True)
    backend.start()
    with tempfile.TemporaryDirectory() as folder:
        cert, key = certificate(folder) if arguments.tls else (None, None)
        listen = f"tls: {{ certificates: [{{ cert: '{cert}', key: '{key}' }}] }}" if arguments.tls else ""
        with Rig(arguments.banyan, port, port, ROUTES, listen=listen) as rig:
            results, began = multiprocessing.Queue(), time.monotonic()
            shares = [arguments.downloads // 2, arguments.downloads - arguments.downloads // 2]
            workers = [
                multiprocessing.Process(target=work, args=(rig.port, cert, size, share, seed, results))
                for seed, share in enumerate(shares)
            ]
            for one in workers:
                one.start()
            counts, wrong = Counter(), []
            for done in range(arguments.downloads):
                kind, equal, found = results.get(timeout=120)
                counts[kind] += 1
                if not equal:
                    wrong.append(f"{kind}: {found}")
                if (done + 1) % 1000 == 0:
                    print(f"{done + 1} downloads, {len(wrong)} wrong, {time.monotonic() - began:.0f} s", flush=True)
            for one in workers:
                one.join()
    backend.kill()
    print(f"{arguments.downloads} downloads of {size} bytes ({', '.join(f'{kind} {count}' for kind, count in sorted(counts.items()))}), "
          f"{len(wrong)} wrong, {time.monotonic() - began:.0f} s")
    for line in wrong[:20]:
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
