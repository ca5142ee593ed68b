#!/usr/bin/env python3
"""Faults, one every few seconds, under load: endpoints killed, hung, slow, resetting in mid-body, cut short, answering garbage; a name
that is gone from DNS; certificates swapped for good and for bad ones; no descriptors left; reloads by the dozen, half of them of
broken files.

    tests/live/soak.py [--banyan PATH] [--minutes 10] [--rate 150] [--every 6] [--seed N]

Clients ask in clear and over TLS, GET and POST, over kept and new connections, each with a number of its own. At any time a client
must see the right answer, an honest error (a problem of the facade's own, an error of a backend handed on) or a visible cut: a body
is what its number says, or does not end as it should. No number may reach backends more often than retries allow, a POST not twice.
At the end, with the faults over, everything must answer again, and memory, descriptors, threads and connections must be back
where they were at the start. Exit code 1 otherwise.

Linux, Python 3 and openssl. As root the facade gets an /etc/hosts of its own, so that a name can vanish; else that fault is left
out. A panic in a worker cannot be had from outside: the tests of the server have one.
"""

import argparse
import asyncio
import glob
import hashlib
import itertools
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict

from rig import Backend, Rig, as_many_files_as_allowed, certificate, free_port, parsed_head, reachable, until

NAME = "backend.soak.test"
FILE = """version: 1
listen:
  - address: "127.0.0.1:{port}"
  - {{ address: "127.0.0.1:{secure}", tls: {{ certificates: [{{ cert: "{cert}", key: "{key}" }}] }} }}
admin: {{ address: "127.0.0.1:{admin}" }}
state_dir: {state_dir}
access_log: off
defaults: {{ legacy: legacy, timeout: 5s }}
backends:
  legacy: {{ endpoints: ["http://127.0.0.1:{legacy}"], timeouts: {{ connect: 1s, first_byte: 4s, idle: 5s }} }}
  new:
    endpoints: [{new}]
    timeouts: {{ connect: 1s, first_byte: 4s, idle: 5s }}
    health: {{ path: /healthz, every: 1s, timeout: 500ms, unhealthy_after: 2, healthy_after: 1 }}
    outlier: {{ consecutive_failures: 10, eject_for: 2s, max_ejected: 50% }}
    retries: {{ attempts: 2, budget: 20%, when: [connect, reset] }}
routes:
  - {{ name: items, match: {{ path: "/items/{{*rest}}" }}, new: new, stage: canary, canary: {{ percent: 70, by: client }},
      fallback: {{ when: [connect, timeout] }} }}
  - {{ name: live, match: {{ path: "/live/{{*rest}}" }}, new: new, stage: live }}
# {turn}
"""
# What each request may reach: once, twice more by retries, once more by fallback.
MOST_GETS, MOST_POSTS = 4, 1


def content(number):
    """The body of the answer to a number: up to 300 KB, mostly little."""
    chance = random.Random(number)
    return chance.randbytes(chance.choice((10, 1000, 1000, 1000, 20_000, 300_000)))


# ---------------------------------------------------------------- backends

class Connection(asyncio.Protocol):
    """One connection to an endpoint; what it does wrong stands in a file that the tester writes."""

    def __init__(self, endpoint):
        self.endpoint, self.left, self.busy = endpoint, b"", False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.left += data
        self.turn()

    def turn(self):
        while not self.busy and (end := self.left.find(b"\r\n\r\n")) >= 0:
            line, headers = parsed_head(self.left[:end])
            length = int(headers.get("content-length", 0))
            if len(self.left) < end + 4 + length:
                return
            body, self.left = self.left[end + 4:end + 4 + length], self.left[end + 4 + length:]
            method, target, _ = line.split(" ", 2)
            self.answer(method, target, body)

    def answer(self, method, target, body):
        if target == "/healthz":
            return self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        number = target.rsplit("/", 1)[1]
        self.endpoint.seen.write(f"{method} {number}\n")
        self.endpoint.seen.flush()
        data = content(int(number))
        if method == "POST":
            data = hashlib.sha256(body).hexdigest().encode()
        chunked = len(data) % 3 == 0
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(data)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n" + framing + b"\r\n\r\n"
        whole = head + (b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if chunked and data else data)
        fault = self.endpoint.fault()
        if fault == "slow":
            self.busy = True
            asyncio.get_running_loop().call_later(random.random() * 3, self.late, whole)
        elif fault == "garbage" and random.random() < 0.5:
            self.transport.write(random.choice((b"\x16\x03\x01garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", whole.replace(b"1.1", b"9.9", 1))))
            self.transport.close()
        elif fault == "reset" and random.random() < 0.5:
            self.transport.write(whole[:len(whole) // 2])
            link = self.transport.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            asyncio.get_running_loop().call_later(0.01, self.transport.abort)
        elif fault == "cut" and random.random() < 0.5:
            self.transport.write(whole[:-max(1, len(data) // 3)])
            self.transport.close()
        elif fault == "error" and random.random() < 0.5:
            self.transport.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nsorry")
        else:
            self.transport.write(whole)

    def late(self, whole):
        self.busy = False
        if not self.transport.is_closing():
            self.transport.write(whole)
            self.turn()


class Endpoint(Backend):
    """An endpoint in a process of its own, which can be killed and started again at the same port."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.switch = os.path.join(folder, f"{name}.fault")
        super().__init__(None)

    def run(self, _):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # One that is started again would keep the clients' connections open, which it inherits.
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self.seen = open(os.path.join(self.folder, f"{self.name}-{os.getpid()}.seen"), "w")

        async def serve():
            server = await asyncio.get_running_loop().create_server(lambda: Connection(self), "127.0.0.1", self.port, backlog=1024, reuse_port=False)
            await server.serve_forever()

        asyncio.run(serve())

    def fault(self):
        try:
            with open(self.switch) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def set_fault(self, fault):
        with open(self.switch + ".new", "w") as file:
            file.write(fault)
        os.replace(self.switch + ".new", self.switch)

    def restart(self):
        self.process.kill()
        self.process.join()
        port = self.port
        time.sleep(2)
        context = type(self.process)
        self.process = context(target=self.run, args=(None,), daemon=True)
        self.process.start()
        until("an endpoint that was killed", lambda: reachable(port))


class Soak(Rig):
    """The facade with a file of its own, two listeners, and an /etc/hosts that only it sees."""

    def __init__(self, banyan, folder, legacy, new):
        super().__init__(banyan, legacy, new[0], "routes: []")
        self.endpoints, self.secure, self.turn = new, free_port(), 0
        self.cert, self.key = certificate(self.folder)
        self.hosts = os.path.join(folder, "hosts") if os.geteuid() == 0 and shutil.which("unshare") else None
        self.name_there(True)
        self.write()

    def text(self):
        self.turn += 1
        named = [NAME if self.hosts and place == 0 else "127.0.0.1" for place in range(len(self.endpoints))]
        new = ", ".join(f'"http://{name}:{one.port}"' for name, one in zip(named, self.endpoints))
        return FILE.format(port=self.port, secure=self.secure, admin=self.admin, cert=self.cert, key=self.key, state_dir=self.state_dir,
                           legacy=self.legacy.port, new=new, turn=self.turn)

    def write(self, text=None):
        with open(self.config + ".new", "w") as file:
            file.write(text or self.text())
        os.replace(self.config + ".new", self.config)

    def name_there(self, there):
        if self.hosts:
            # In place: what is mounted is this file, not its name.
            with open(self.hosts, "w") as file:
                file.write("127.0.0.1 localhost\n" + (f"127.0.0.1 {NAME}\n" if there else ""))

    def start(self):
        if self.hosts:
            command = f"mount --bind {self.hosts} /etc/hosts && exec {self.banyan} serve --config {self.config}"
            command = ["unshare", "--mount", "sh", "-c", command]
        else:
            command = [self.banyan, "serve", "--config", self.config]
        with open(os.path.join(self.folder, "stderr.log"), "ab") as stderr:
            self.facade = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=self.environment)

        def ready():
            if self.facade.poll() is not None:
                sys.exit(f"the facade ended with {self.facade.returncode}:\n{self.log()}")
            return reachable(self.port) and reachable(self.secure) and reachable(self.admin)

        until("the facade", ready)

    def threads(self):
        return len(os.listdir(f"/proc/{self.facade.pid}/task"))

    def connections(self):
        return self.metrics()["banyan_connections"]


# ---------------------------------------------------------------- clients

class Clients:
    """Asks at a rate; holds every answer against its number."""

    def __init__(self, soak, rate, seed):
        self.soak, self.rate, self.chance = soak, rate, random.Random(seed)
        self.numbers, self.outcomes, self.wrong, self.sent = itertools.count(1), Counter(), [], 0
        self.ended, self.now = False, "nothing"
        # Certificates are swapped under us: whose it is, is not what is looked at here.
        self.tls = ssl._create_unverified_context()
        self.by_fault = defaultdict(Counter)

    async def run(self, connections=48):
        self.began = time.monotonic()
        await asyncio.gather(*(self.work() for _ in range(connections)))

    async def work(self):
        stream = None
        while not self.ended:
            self.sent += 1
            wait = self.began + self.sent / self.rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            number, method = next(self.numbers), self.chance.choice(("GET", "GET", "GET", "POST"))
            target = f"/{self.chance.choice(('items', 'items', 'live', 'other'))}/{number}"
            body = content(number)[:50_000] if method == "POST" else b""
            try:
                if stream is None:
                    secure = self.chance.random() < 0.4
                    stream = await asyncio.wait_for(asyncio.open_connection(
                        "127.0.0.1", self.soak.secure if secure else self.soak.port, limit=1 << 22, ssl=self.tls if secure else None,
                        server_hostname="shop.example" if secure else None), 15)
            except (OSError, asyncio.TimeoutError, ssl.SSLError):
                self.count("not connected")
                await asyncio.sleep(0.2)
                continue
            try:
                outcome, keep = await asyncio.wait_for(self.exchange(stream, method, target, number, body), 40)
            except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
                outcome, keep = "cut", False
            except asyncio.TimeoutError:
                outcome, keep = "never answered", False
                self.wrong.append(f"{method} {target}: no answer and no end, during {self.now}")
            self.count(outcome)
            if not keep or self.chance.random() < 0.02:
                stream[1].close()
                stream = None
        if stream:
            stream[1].close()

    def count(self, outcome):
        self.outcomes[outcome] += 1
        self.by_fault[self.now][outcome] += 1

    async def exchange(self, stream, method, target, number, body):
        reader, writer = stream
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: shop.example\r\n{length}\r\n".encode() + body)
        line, headers = parsed_head((await reader.readuntil(b"\r\n\r\n"))[:-4])
        status, keep = int(line.split(" ")[1]), headers.get("connection") != "close"
        if headers.get("transfer-encoding") == "chunked":
            data = b""
            while size := int(await reader.readline(), 16):
                data += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        elif "content-length" in headers:
            data = await reader.readexactly(int(headers["content-length"]))
        else:
            data, keep = await reader.read(), False
        by = headers.get("x-served-by")
        if status == 200:
            expected = hashlib.sha256(body).hexdigest().encode() if method == "POST" else content(number)
            if data != expected or by not in ("legacy", "new"):
                self.wrong.append(f"{method} {target}: {len(data)} bytes by {by} are not its answer, during {self.now}")
                return "another answer", False
            return "right", keep
        honest = by == "banyan" and headers.get("content-type") == "application/problem+json" and json.loads(data)["status"] == status
        if honest and status in (429, 502, 503, 504) or (status == 500 and data == b"sorry"):
            return f"{status} by {by}", keep
        self.wrong.append(f"{method} {target}: {status} by {by}: {data[:80]}, during {self.now}")
        return "no honest error", False


# ---------------------------------------------------------------- faults

class Faults:
    """What goes wrong; each lasts some seconds and is then made good."""

    def __init__(self, soak, chance):
        self.soak, self.chance = soak, chance
        self.all = [self.killed, self.hung, self.both_down, self.reload_storm, self.swapped, self.bad_pair, self.no_descriptors]
        self.all += [self.faulty(fault) for fault in ("slow", "garbage", "reset", "cut", "error")]
        if soak.hosts:
            self.all.append(self.gone_from_dns)

    def faulty(self, fault):
        async def run():
            one = self.chance.choice([self.soak.legacy, *self.soak.endpoints])
            one.set_fault(fault)
            await asyncio.sleep(4)
            one.set_fault("")
        run.__name__ = fault
        return run

    async def killed(self):
        await asyncio.to_thread(self.chance.choice([self.soak.legacy, *self.soak.endpoints]).restart)

    async def both_down(self):
        await asyncio.gather(*(asyncio.to_thread(one.restart) for one in self.soak.endpoints))

    async def hung(self):
        pid = self.chance.choice([self.soak.legacy, *self.soak.endpoints]).process.pid
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(5)
        os.kill(pid, signal.SIGCONT)

    async def gone_from_dns(self):
        self.soak.name_there(False)
        await asyncio.sleep(5)
        self.soak.name_there(True)

    async def reload_storm(self):
        for turn in range(50):
            text = self.soak.text()
            self.soak.write(text if turn % 2 else text.replace("stage: live", "stage: alive").replace("endpoints:", "endpoint:"))
            await asyncio.sleep(0.04)
        self.soak.write()

    async def swapped(self):
        await asyncio.to_thread(certificate, self.soak.folder)
        await asyncio.sleep(1)

    async def bad_pair(self):
        # A key that is not the certificate's: the old pair must stay.
        with tempfile.TemporaryDirectory() as folder:
            _, key = await asyncio.to_thread(certificate, folder)
            kept = open(self.soak.key, "rb").read()
            shutil.copy(key, self.soak.key)
            await asyncio.sleep(3)
            with open(self.soak.key, "wb") as file:
                file.write(kept)

    async def no_descriptors(self):
        pid, links = self.soak.facade.pid, []
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.soak.descriptors() + 5, before[1]))
        try:
            for _ in range(100):
                link = socket.socket()
                link.setblocking(False)
                link.connect_ex(("127.0.0.1", self.soak.port))
                links.append(link)
            await asyncio.sleep(4)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            for link in links:
                link.close()


async def torment(soak, clients, faults, minutes, every):
    load = asyncio.create_task(clients.run())
    await asyncio.sleep(15)
    before = await asyncio.to_thread(standing, soak)
    print(f"at the start: {before}", flush=True)
    ends, names = time.monotonic() + minutes * 60, Counter()
    turns = itertools.chain.from_iterable(faults.chance.sample(faults.all, len(faults.all)) for _ in itertools.count())
    while time.monotonic() < ends:
        fault = next(turns)
        clients.now = fault.__name__
        names[fault.__name__] += 1
        await fault()
        await asyncio.sleep(max(0.5, every - 4))
        if sum(names.values()) % 10 == 0:
            print(f"{sum(names.values())} faults, {clients.sent} requests, {len(clients.wrong)} wrong, {standing(soak)}", flush=True)
    clients.now = "nothing, after the faults"
    await asyncio.sleep(20)
    clients.ended = True
    await load
    return before, names


def standing(soak):
    return {"KB": soak.resident(), "descriptors": soak.descriptors(), "threads": soak.threads()}


def seen(folder):
    """How often each request reached a backend."""
    counts = Counter()
    for path in glob.glob(os.path.join(folder, "*.seen")):
        with open(path) as file:
            counts.update(line.strip() for line in file if line.endswith("\n"))
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--banyan", default="target/release/banyan")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=150)
    parser.add_argument("--every", type=float, default=6, help="seconds from one fault to the next")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    as_many_files_as_allowed()
    print(f"seed {arguments.seed}")
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        legacy, *new = (Endpoint(folder, name) for name in ("legacy", "new-1", "new-2"))
        with Soak(arguments.banyan, folder, legacy, new) as soak:
            clients = Clients(soak, arguments.rate, arguments.seed)
            faults = Faults(soak, random.Random(arguments.seed))
            before, names = asyncio.run(torment(soak, clients, faults, arguments.minutes, arguments.every))
            # Unused connections to backends age out; then what is left is what leaked.
            time.sleep(12)
            after = standing(soak)
            panics, connections, log = soak.log().count("panicked"), soak.connections(), soak.log()
            ended = soak.stop()
        for one in new[1:]:
            one.process.kill()
        wrong += clients.wrong
        counts = seen(folder)
        twice = [f"{request} reached backends {count} times" for request, count in counts.items()
                 if count > (MOST_POSTS if request.startswith("POST") else MOST_GETS)]
        wrong += twice
        settled = clients.by_fault["nothing, after the faults"]
        if set(settled) - {"right"}:
            # The first of it may still be the last fault's.
            share = settled["right"] / sum(settled.values())
            wrong += [f"after the faults: {dict(settled)}"] if share < 0.98 else []
        wrong += [f"{name}: {before[name]} before, {after[name]} after" for name, room in (("KB", 30_000), ("descriptors", 20), ("threads", 2))
                  if after[name] > before[name] + room]
        wrong += [f"{connections} connections with no client there"] if connections else []
        wrong += [f"{panics} panics"] if panics else []
        wrong += [f"it ended with {ended}"] if ended else []
    print(f"{sum(names.values())} faults: {', '.join(f'{name} {count}' for name, count in names.most_common())}")
    print(f"{clients.sent} requests: {', '.join(f'{name} {count}' for name, count in clients.outcomes.most_common())}")
    for fault, outcomes in sorted(clients.by_fault.items()):
        print(f"  {fault}: {dict(outcomes.most_common())}")
    print(f"{sum(counts.values())} reached backends, {sum(count > 1 for count in counts.values())} GETs more than once, {len(twice)} too often")
    print(f"at the end: {after}; at the start: {before}")
    for line in wrong[:40]:
        print(f"WRONG  {line}")
    if wrong:
        print(re.sub(r"(?m)^", "  ", log[-3000:]))
    print("soaked" if not wrong else f"{len(wrong)} findings")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
