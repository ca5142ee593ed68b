#!/usr/bin/env python3
"""Banyan beside nginx, HAProxy and Envoy: CPU time per request, on this machine, in one command.

    benches/versus/run.py                      # whatever is installed, 5 rounds of 5 seconds each
    benches/versus/run.py --only banyan,nginx --rounds 3 --json versus.json
    benches/versus/run.py --mirror             # and those that mirror: each request goes to a second backend as well

Without --rate, wrk asks as fast as it is answered. With --mirror it is h2load at a fixed rate (--rate, 5000 a second unless
said): a proxy that is at its limit may leave copies out, as Banyan does, and then costs less than it should.

Each proxy has one worker on core 0; wrk and the backend (an nginx with 1 KB of JSON) share core 1. Rounds are
interleaved, so that what disturbs the machine disturbs everybody. CPU is what the proxy's processes used by
/proc/PID/stat, divided by the requests that wrk got answered. Only the ratios travel to other machines. What each proxy
is told to do is in proxies.py. Needs Linux, Python 3 and its standard library, taskset, wrk (or h2load, for a rate) and nginx.
"""

import argparse
import datetime
import http.client
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import proxies
from machine import Child, free_ports

PROXY_CORE, LOAD_CORE = 0, 1
HEADERS = {"Host": "shop.example", "X-Tenant-Id": "initech", "Cookie": "sid=u-17; theme=dark", "Accept": "*/*"}
TARGET = "/orders/7"


class Contender:
    """A proxy that runs, and what was measured of it."""

    def __init__(self, name, binary, directory, upstream, shadow):
        self.name, self.binary = name, binary
        self.port, self.spare = free_ports(2)
        self.shadow = shadow if "+" in name else None
        command, self.log = proxies.command(name, binary, directory, self.port, upstream, self.spare, self.shadow)
        self.child = Child(name, command, PROXY_CORE, os.path.join(directory, f"{name}.out"), directory)
        self.child.await_port(self.port)
        self.rounds, self.requests, self.lines, self.copies = [], 0, 0, 0

    def check(self):
        """The answer is right and the backend was told what it must know; raises where not."""
        status, headers, body = ask(self.port, TARGET)
        served = headers.get("X-Served-By")
        if status != 200 or len(body) != proxies.BODY or not served:
            raise RuntimeError(f"{self.name}: status {status}, {len(body)} bytes, X-Served-By {served}")
        seen = json.loads(ask(self.port, "/seen")[2])
        missing = [name for name, value in seen.items() if not value]
        if missing or seen["protocol"] != "HTTP/1.1" or seen["x-forwarded-host"] != HEADERS["Host"]:
            raise RuntimeError(f"{self.name}: the backend saw {seen}")
        self.requests += 2

    def measure(self, seconds, connections, rate, count=True):
        """One run of the load."""
        user, system = self.child.cpu()
        copies = counted(self.shadow) if self.shadow else 0
        load = h2load(self.port, seconds, connections, rate) if rate else wrk(self.port, seconds, connections)
        user, system = (after - before for after, before in zip(self.child.cpu(), (user, system)))
        self.requests += load["requests"]
        if self.shadow:
            # Less the two questions themselves.
            self.copies += counted(self.shadow) - copies - 1
        self.drain_log()
        if load["errors"]:
            raise RuntimeError(f"{self.name}: {load['errors']}")
        if count:
            per_request = 1e6 / load["requests"]
            self.rounds.append({
                "cpu_us": (user + system) * per_request, "user_us": user * per_request, "rss": self.child.rss(), **load,
            })

    def drain_log(self):
        """Counts the lines of the access log and empties it: it grows by a hundred megabytes a minute."""
        if self.log and os.path.exists(self.log):
            with open(self.log, "r+b") as log:
                while chunk := log.read(1 << 20):
                    self.lines += chunk.count(b"\n")
                # What was appended since the last read is lost to the count, which is a sanity check and no more.
                log.truncate(0)

    def stop(self):
        self.child.stop()
        self.drain_log()

    def summary(self, base):
        """Medians; ratios are taken within each round before the median."""
        median = lambda key: statistics.median(one[key] for one in self.rounds)
        ratio = None
        if base:
            ratio = statistics.median(one["cpu_us"] / other["cpu_us"] for one, other in zip(self.rounds, base.rounds))
        return {
            "name": self.name, "version": version(self.name, self.binary), "cpu_us": median("cpu_us"),
            "user_us": median("user_us"), "ratio_to_nginx": ratio, "per_second": median("per_second"),
            "p50_ms": median("p50_ms"), "p99_ms": median("p99_ms"), "rss": median("rss"),
            "logged": self.lines / self.requests if self.log else None, "rounds": self.rounds,
            "mirrored": self.copies / self.requests if self.shadow else None,
        }


def counted(port):
    """How many requests a backend has had, this one included."""
    return int(re.search(r"\n (\d+ ){2}(\d+)", ask(port, "/count")[2].decode())[2])


def ask(port, target):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target, headers=HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def wrk(port, seconds, connections):
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://127.0.0.1:{port}{TARGET}")
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    errors = re.findall(r"(?:Socket errors|Non-2xx or 3xx responses): .*", text)
    return {
        "requests": int(re.search(r"(\d+) requests in", text)[1]),
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        "p50_ms": milliseconds(re.search(r"(?m)^ +50% +(\S+)", text)[1]),
        "p99_ms": milliseconds(re.search(r"(?m)^ +99% +(\S+)", text)[1]),
        "errors": "; ".join(errors),
    }


def h2load(port, seconds, connections, rate):
    """The same at a fixed rate. It tells no quantiles."""
    command = ["taskset", "-c", str(LOAD_CORE), "h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}"]
    command.append(f"--rps={rate / connections:.1f}")
    # It sends a Host of its own, and two of them are refused.
    for name, value in HEADERS.items():
        command += ["-H", f"{name}: {value}"] if name != "Host" else []
    command += [f"--connect-to=127.0.0.1:{port}", f"http://{HEADERS['Host']}{TARGET}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    done, failed = map(int, re.search(r"(\d+) succeeded, (\d+) failed", text).groups())
    return {
        "requests": done, "per_second": float(re.search(r"([\d.]+) req/s", text)[1]), "p50_ms": float("nan"), "p99_ms": float("nan"),
        "errors": f"{failed} failed" if failed else "",
    }


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def version(name, binary):
    """The first version number that it prints; Envoy's stands between slashes, after a hash."""
    arguments = {"nginx": "-v", "haproxy": "-v", "envoy": "--version", "banyan": "--version"}[name.split("+")[0]]
    done = subprocess.run([binary, arguments], capture_output=True, text=True, timeout=30)
    number = r"/(\d+\.\d+\.\d+)/" if name.startswith("envoy") else r"(\d+\.\d+(?:\.\d+)?)"
    found = re.search(number, done.stdout + done.stderr)
    return found[1] if found else "?"


def quantile(value):
    return "–" if value != value else f"{value:.2f}"


def table(rows):
    lines = [
        "| proxy | CPU µs per request | in user space | ratio to nginx | requests/s | p50 ms | p99 ms | RSS MiB | logged | mirrored |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ratio = f"{row['ratio_to_nginx']:.2f}" if row["ratio_to_nginx"] else "–"
        logged = f"{row['logged']:.1%}" if row["logged"] is not None else "in memory"
        mirrored = f"{row['mirrored']:.1%}" if row["mirrored"] is not None else "–"
        lines.append(
            f"| {row['name']} {row['version']} | {row['cpu_us']:.1f} | {row['user_us']:.1f} | {ratio} "
            f"| {row['per_second']:.0f} | {quantile(row['p50_ms'])} | {quantile(row['p99_ms'])} | {row['rss'] / 2**20:.1f} | {logged} | {mirrored} |"
        )
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each measured run")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--only", help=f"of {','.join(proxies.NAMES)}; comma-separated")
    parser.add_argument("--rate", type=int, help="requests a second; unsaid: as many as are answered")
    parser.add_argument("--mirror", action="store_true", help="add those that mirror every request")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured; - for stdout")
    for name in proxies.NAMES:
        parser.add_argument(f"--{name}", metavar="PATH", help=argparse.SUPPRESS)
    options = parser.parse_args()
    known = proxies.NAMES + (proxies.MIRRORING if options.mirror else ())
    chosen = options.only.split(",") if options.only else list(known)
    if unknown := set(chosen) - set(known):
        parser.error(f"--only: unknown: {', '.join(sorted(unknown))}")
    if options.mirror and not options.rate:
        options.rate = 5000
    if min(options.rounds, options.seconds, options.connections) < 1:
        parser.error("rounds, seconds and connections are at least 1")
    return options, [name for name in known if name in chosen]


def contenders(options, names, directory, upstream, shadow):
    found = []
    for name in names:
        base = name.split("+")[0]
        binary = proxies.find(base, getattr(options, base))
        if binary:
            found.append(Contender(name, binary, directory, upstream, shadow))
            found[-1].check()
        else:
            say(f"{name}: not found, left out" + (" (--envoy PATH names one)" if base == "envoy" else ""))
    if not found:
        raise RuntimeError("nothing to measure")
    return found


def run(options, names, directory):
    upstream, shadow = free_ports(2)
    for name, port in (("backend", upstream), ("shadow", shadow)):
        command = ["nginx", *proxies.backend(directory, port, name)]
        Child(name, command, LOAD_CORE, os.path.join(directory, f"{name}.out"), directory).await_port(port)
    field = contenders(options, names, directory, upstream, shadow)
    for one in field:
        one.measure(min(2, options.seconds), options.connections, options.rate, count=False)
    for number in range(1, options.rounds + 1):
        for one in field:
            one.measure(options.seconds, options.connections, options.rate)
        say(f"round {number}: " + ", ".join(f"{one.name} {one.rounds[-1]['cpu_us']:.1f} µs" for one in field))
    for one in field:
        one.stop()
    base = next((one for one in field if one.name == "nginx"), None)
    return [one.summary(base) for one in field]


def report(options, rows):
    if options.json != "-":
        print(table(rows))
    if not options.json:
        return
    everything = {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"kernel": platform.release(), "cpus": os.cpu_count(), "cpu": cpu_model()},
        "rounds": options.rounds, "seconds": options.seconds, "connections": options.connections, "proxies": rows,
    }
    text = json.dumps(everything, indent=2)
    if options.json == "-":
        print(text)
    else:
        with open(options.json, "w") as file:
            file.write(text + "\n")


def cpu_model():
    with open("/proc/cpuinfo") as info:
        found = re.search(r"model name\s*: (.*)", info.read())
    return found[1] if found else platform.machine()


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    options, names = arguments()
    if missing := [tool for tool in ("taskset", "h2load" if options.rate else "wrk", "nginx") if not shutil.which(tool)]:
        say(f"needed and not found: {', '.join(missing)}")
        return 1
    if not {PROXY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        say(f"needs cores {PROXY_CORE} and {LOAD_CORE}")
        return 1
    if os.getloadavg()[0] > 0.5:
        say(f"the machine is busy (load {os.getloadavg()[0]:.1f}): the ratios will wobble")
    # As SystemExit it passes through `finally`, which stops the children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = tempfile.mkdtemp(prefix="banyan-versus-")
    try:
        report(options, run(options, names, directory))
        return 0
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        return 1
    finally:
        Child.stop_all()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
