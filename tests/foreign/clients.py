#!/usr/bin/env python3
"""Is the facade invisible to gRPC (grpcio) and WebSocket (websockets)? Each call and talk is made directly and through it, in
clear and through TLS, and what client and server observed is held together.

    tests/foreign/setup.sh                                 # once: a virtual environment in target/foreign
    target/foreign/bin/python tests/foreign/clients.py     # exit code 0: nothing differed
    … clients.py --only grpc                               # or: websocket
"""

import argparse
import asyncio
import os
import sys
import tempfile

import grpc

import calls
import talks
from facade import Facade, certificates

BINARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "target", "release", "banyan")


class Report:
    def __init__(self):
        self.compared, self.found = 0, 0

    def hold(self, where, direct, through):
        for name in direct:
            self.compared += 1
            if direct[name] != through.get(name):
                self.found += 1
                print(f"DIFFERS  {where}: {name}\n  directly           {direct[name]}\n  through the facade {through.get(name)}")


def observe_calls(server, port, authority):
    found = {}
    with calls.channel(port, authority) as channel:
        for name, call in calls.calls(server).items():
            server.seen.clear()
            try:
                found[name] = call(channel)
            except Exception as error:  # What goes wrong is what is looked for.
                found[name] = f"{type(error).__name__}: {error}"
    return found


def run_grpc(report, binary, directory, files):
    authority, certificate, key = files
    with open(certificate, "rb") as cert, open(key, "rb") as private:
        credentials = grpc.ssl_server_credentials([(private.read(), cert.read())])
    plain, encrypted = calls.Server(), calls.Server(credentials)
    direct = observe_calls(plain, plain.port, None)
    for name, seen in direct.items():
        if isinstance(seen, str):
            raise RuntimeError(f"without a facade, {name}: {seen}")
    report.hold("grpc, TLS without a facade", direct, observe_calls(encrypted, encrypted.port, authority))
    for where, server, tls, behind in (
        ("grpc, in clear", plain, False, {"http2_behind": True}),
        ("grpc, TLS in front", plain, True, {"http2_behind": True}),
        ("grpc, TLS on both sides", encrypted, True, {"tls_behind": True}),
        ("grpc, TLS behind", encrypted, False, {"tls_behind": True}),
    ):
        facade = Facade(binary, directory, files, server.port, tls=tls, **behind)
        try:
            report.hold(where, direct, observe_calls(server, facade.port, authority if tls else None))
        finally:
            facade.stop()
    for server in (plain, encrypted):
        server.server.stop(0).wait()


async def run_websocket(report, binary, directory, files):
    serving, asking = talks.contexts(files)
    plain, encrypted = await talks.Server().start(), await talks.Server().start(serving)
    direct = await talks.observe(plain, plain.port, None)
    for name, seen in direct.items():
        if isinstance(seen, str) and "Error" in seen:
            raise RuntimeError(f"without a facade, {name}: {seen}")
    for where, server, tls, behind in (
        ("websocket, in clear", plain, False, False),
        ("websocket, TLS in front", plain, True, False),
        ("websocket, TLS on both sides", encrypted, True, True),
        ("websocket, TLS behind", encrypted, False, True),
    ):
        facade = await asyncio.to_thread(Facade, binary, directory, files, server.port, tls=tls, tls_behind=behind)
        try:
            report.hold(where, direct, await talks.observe(server, facade.port, asking if tls else None))
        finally:
            await asyncio.to_thread(facade.stop)
    for server in (plain, encrypted):
        server.server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--banyan", default=BINARY)
    parser.add_argument("--only", choices=("grpc", "websocket"))
    arguments = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as directory:
        files = certificates(directory)
        binary = os.path.abspath(arguments.banyan)
        if arguments.only != "websocket":
            run_grpc(report, binary, directory, files)
        if arguments.only != "grpc":
            asyncio.run(run_websocket(report, binary, directory, files))
    print(f"{report.compared} observations compared, {report.found} differences")
    return 1 if report.found or not report.compared else 0


if __name__ == "__main__":
    sys.exit(main())
