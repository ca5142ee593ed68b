"""What the long runs have in common: two backends, the facade between them, a driver before it, an operator beside it.

Standard library only. Backends and driver speak plain HTTP/1.1 over kept connections, each backend in a process of its
own; a rig cleans up after itself, whatever a run ends with.
"""

import asyncio
import contextlib
import http.client
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict, deque, namedtuple

Request = namedtuple("Request", "method target headers body")
Answer = namedtuple("Answer", "status headers body at took")
Told = namedtuple("Told", "status body took at")

NGINX = """worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}; proxy_temp_path {dir};
  fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  server {{ listen 127.0.0.1:{legacy}; location / {{ return 200 "legacy"; }} }}
  server {{ listen 127.0.0.1:{new}; location / {{ return 200 "new"; }} }} }}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_many_files_as_allowed():
    """Thousands of connections need as many descriptors, here and in what is started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def certificate(folder, name="shop.example"):
    """A self-signed pair, anew with each call: the paths of certificate and key."""
    paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True)
    return paths


def until(what, holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(0.02)


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def parsed_head(head):
    """First line and headers, names in lower case."""
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return lines[0], headers


class Served(asyncio.Protocol):
    """One connection to a backend."""

    # What is handed to the transport at once, which keeps a copy of what does not leave at once.
    PIECE = 65536

    def __init__(self, answer, seen):
        self.answer, self.seen, self.left = answer, seen, b""
        self.unsent, self.paused = deque(), False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.left += data
        while (end := self.left.find(b"\r\n\r\n")) >= 0:
            line, headers = parsed_head(self.left[:end])
            length = int(headers.get("content-length", 0))
            if len(self.left) < end + 4 + length:
                return
            body, self.left = self.left[end + 4:end + 4 + length], self.left[end + 4 + length:]
            method, target, _ = line.split(" ", 2)
            self.reply(Request(method, target, headers, body))

    def reply(self, request):
        if request.target == "/-/seen":
            status, fields, body = 200, [("Content-Type", "application/json")], json.dumps(self.seen).encode()
        else:
            shadow = "shadow" if request.headers.get("banyan-shadow") == "1" else "primary"
            self.seen[shadow].append(time.time())
            status, fields, body, *wait = self.answer(request)
        head = [f"HTTP/1.1 {status} X"] + [f"{name}: {value}" for name, value in fields]
        head += [f"Content-Length: {len(body)}", "", ""]
        head, body = "\r\n".join(head).encode("latin-1"), b"" if request.method == "HEAD" else body
        if request.target != "/-/seen" and wait:
            asyncio.get_running_loop().call_later(wait[0], self.send, head, body)
        else:
            self.send(head, body)

    def send(self, head, body):
        first = self.PIECE - len(head)
        self.unsent.append(head + body[:first])
        self.unsent.extend(memoryview(body)[at:at + self.PIECE] for at in range(first, len(body), self.PIECE))
        self.go_on()

    def go_on(self):
        while self.unsent and not self.paused and not self.transport.is_closing():
            self.transport.write(self.unsent.popleft())

    def connection_lost(self, _):
        self.unsent.clear()

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self.go_on()


class Backend:
    """A system that answers each request with `answer(request) -> (status, [(name, value)], body[, seconds to wait])`, in its
    own process."""

    def __init__(self, answer):
        self.port = free_port()
        self.process = multiprocessing.Process(target=self.run, args=(answer,), daemon=True)
        self.process.start()

    def run(self, answer):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        random.seed()
        seen = {"primary": [], "shadow": []}

        async def serve():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Served(answer, seen), "127.0.0.1", self.port, backlog=1024)
            await server.serve_forever()

        asyncio.run(serve())

    def seen(self):
        """When requests came, in seconds since 1970: `primary` ones, and `shadow` ones that said so."""
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/seen", timeout=10))


@contextlib.contextmanager
def nginx():
    """Two backends that answer as fast as can be, with their side's name; gives their ports."""
    if not shutil.which("nginx"):
        sys.exit("nginx is needed and not installed")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        ports = {"legacy": free_port(), "new": free_port()}
        with open(os.path.join(folder, "nginx.conf"), "w") as file:
            file.write(NGINX.format(dir=folder, **ports))
        process = subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield ports["legacy"], ports["new"]
        finally:
            # Asked first: a master that is killed leaves its workers behind.
            process.terminate()
            process.wait(10)


class Operator:
    """Gives orders over one kept connection to the admin listener."""

    def __init__(self, port, token):
        self.link, self.token, self.used = http.client.HTTPConnection("127.0.0.1", port, timeout=30), token, time.monotonic()

    def ask(self, method, path, told=None):
        if time.monotonic() - self.used > 2:
            # The facade closes what is idle; there is a new connection rather than a race.
            self.link.close()
        self.used = time.monotonic()
        body = None if told is None else json.dumps(told)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        began = time.monotonic()
        self.link.request(method, f"/api/v1/{path}", body, headers)
        answer = self.link.getresponse()
        text = answer.read()
        took, at = time.monotonic() - began, time.time()
        return Told(answer.status, json.loads(text), took, at)

    def order(self, path, told):
        return self.ask("POST", path, told)

    def see(self, path):
        return self.ask("GET", path)


def resident(pid):
    """Kilobytes of memory that a process holds for itself."""
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+)", status.read())[1])


class Rig:
    """Two backends, the facade between them, and a folder of its own. A context manager."""

    def __init__(self, banyan, legacy, new, routes, state_dir=None, environment=None, access_log="off", listen="", limits=""):
        """`listen` are further keys of the listener, `limits` of the backends."""
        self.banyan = os.path.abspath(banyan)
        if not os.access(self.banyan, os.X_OK):
            sys.exit(f"{banyan} is not there: cargo build --release, or --banyan PATH")
        self.folder = tempfile.mkdtemp(prefix="banyan-live-")
        self.state_dir = state_dir or os.path.join(self.folder, "state")
        self.port, self.admin = free_port(), free_port()
        self.facade, self.environment = None, dict(os.environ, **(environment or {}))
        self.legacy, self.new = (Backend(one) if callable(one) else one for one in (legacy, new))
        self.config = os.path.join(self.folder, "routes.yaml")
        with open(self.config, "w") as file:
            file.write(f"""version: 1
listen: [{{ address: "127.0.0.1:{self.port}"{listen and ", " + listen} }}]
admin: {{ address: "127.0.0.1:{self.admin}" }}
state_dir: {self.state_dir}
access_log: {access_log}
defaults: {{ legacy: legacy }}
backends:
  legacy: {{ endpoints: ["http://127.0.0.1:{getattr(self.legacy, 'port', self.legacy)}"]{limits and ", " + limits} }}
  new: {{ endpoints: ["http://127.0.0.1:{getattr(self.new, 'port', self.new)}"]{limits and ", " + limits} }}
{routes}
""")

    def __enter__(self):
        for one in (self.legacy, self.new):
            port = getattr(one, "port", one)
            until("a backend", lambda: reachable(port))
        self.start()
        return self

    def __exit__(self, *_):
        if self.facade and self.facade.poll() is None:
            self.facade.kill()
            self.facade.wait()
        for one in (self.legacy, self.new):
            if isinstance(one, Backend):
                one.process.kill()
                one.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        with open(os.path.join(self.folder, "stderr.log"), "ab") as stderr, \
                open(os.path.join(self.folder, "stdout.log"), "ab") as stdout:
            self.facade = subprocess.Popen(
                [self.banyan, "serve", "--config", self.config], stdout=stdout, stderr=stderr, env=self.environment)

        def ready():
            if self.facade.poll() is not None:
                sys.exit(f"the facade ended with {self.facade.returncode}:\n{self.log()}")
            return reachable(self.port) and reachable(self.admin)

        until("the facade", ready)

    def kill(self):
        self.facade.kill()
        self.facade.wait()

    def operator(self):
        with open(os.path.join(self.state_dir, "admin.token")) as file:
            return Operator(self.admin, file.read().strip())

    def acts(self):
        """The audit, as it is on the disk: rows of a copy of its file, the oldest first."""
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("", "-wal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(os.path.join(self.state_dir, "control.db" + ending), folder)
            ledger = sqlite3.connect(os.path.join(folder, "control.db"))
            ledger.row_factory = sqlite3.Row
            rows = [dict(row) for row in ledger.execute("SELECT * FROM audit ORDER BY id")]
            ledger.close()
        return rows

    def stop(self):
        self.facade.terminate()
        return self.facade.wait(60)

    def resident(self):
        return resident(self.facade.pid)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.facade.pid}/fd"))

    def log(self):
        with open(os.path.join(self.folder, "stderr.log"), errors="replace") as log:
            return log.read()

    def call(self, *arguments, check=True):
        """Standard output of a `banyan` command, as bytes."""
        done = subprocess.run([self.banyan, *arguments], capture_output=True, cwd=self.folder,
                              env=dict(self.environment, BANYAN_CONFIG=self.config))
        if check and done.returncode != 0:
            sys.exit(f"banyan {' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def top(self, *arguments):
        return json.loads(self.call("diffs", "top", "-o", "json", *arguments))

    def metrics(self):
        """Name and labels, as written, to value."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10).read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*(?: [^\s]*=[^\s]*)*) (\S+)$", text, re.M)}

    def labelled(self, metric, label):
        """The values of a metric, added up by one label."""
        sums = Counter()
        for name, value in self.metrics().items():
            if name.startswith(metric + "{") and (found := re.search(label + r'="([^"]*)"', name)):
                sums[found[1]] += value
        return sums

    def settled(self, seconds=30):
        """Waits until nothing more is compared and what was counted has been written."""
        before, same, deadline = None, 0, time.monotonic() + seconds
        while same < 8 and time.monotonic() < deadline:
            time.sleep(0.25)
            now = (self.labelled("banyan_comparisons_total", "verdict"), self.labelled("banyan_shadow_total", "outcome"))
            same, before = (same + 1 if now == before else 0), now
        time.sleep(1)


class Driver:
    """Sends requests through kept connections, at a rate (per second; 0: as fast as it goes)."""

    def __init__(self, port, connections=32, host="shop.example"):
        self.port, self.connections, self.host = port, connections, host
        self.failed = []

    def drive(self, requests, rate=0, each=None, until=None):
        """Sends them all, or those that go until `until()` says so; calls `each(request, answer)`. Returns the seconds."""
        return asyncio.run(self.run(iter(requests), rate, each or (lambda *_: None), until or (lambda: False)))

    async def run(self, requests, rate, each, ended):
        began, sent = time.monotonic(), 0

        async def work():
            nonlocal sent
            stream = None
            for request in requests:
                if ended():
                    break
                if rate:
                    due, sent = began + sent / rate, sent + 1
                    if (wait := due - time.monotonic()) > 0:
                        await asyncio.sleep(wait)
                try:
                    stream = stream or await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
                    answer = await asyncio.wait_for(self.exchange(stream, request), 30)
                except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
                    self.failed.append((time.time(), request, repr(error)))
                    if stream:
                        stream[1].close()
                    stream = None
                    continue
                each(request, answer)
                if answer.headers.get("connection") == "close":
                    stream[1].close()
                    stream = None
            if stream:
                stream[1].close()

        await asyncio.gather(*(work() for _ in range(self.connections)))
        return time.monotonic() - began

    async def exchange(self, stream, request):
        reader, writer = stream
        headers = [("Host", self.host), *request.headers]
        if request.body:
            headers.append(("Content-Length", len(request.body)))
        head = f"{request.method} {request.target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers)
        began = time.monotonic()
        writer.write(head.encode("latin-1") + b"\r\n" + request.body)
        line, headers = parsed_head((await reader.readuntil(b"\r\n\r\n"))[:-4])
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            length = 0 if request.method == "HEAD" else int(headers.get("content-length", 0))
            body = await reader.readexactly(length)
        return Answer(int(line.split(" ")[1]), headers, body, time.time(), time.monotonic() - began)


def get(target, *headers):
    return Request("GET", target, list(headers), b"")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def rates(times):
    """How many there were in the busiest second, and in all."""
    seconds = defaultdict(int)
    for at in times:
        seconds[int(at)] += 1
    return max(seconds.values(), default=0), len(times)


def table(rows, columns):
    """Rows of dicts as text."""
    cells = [columns] + [[str(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells)
