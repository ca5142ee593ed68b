#!/usr/bin/env python3
"""Banyan beside nginx, HAProxy and Envoy: CPU time per request, on this machine, in one command.

    benches/versus/run.py                      # kept connections and 1 KB answers; whatever is installed, 5 rounds of 5 seconds each
    benches/versus/run.py --scenario tls,h2    # other traffic: plain, rules, decide, large, upload, fresh, tls, tls-kept, h2, idle
    benches/versus/run.py --all                # all of it, and plain, rules and decide at one rate as well
    benches/versus/run.py --rate 5000          # at a fixed rate, the same for all
    benches/versus/run.py --only banyan,nginx --rounds 3 --json versus.json
    benches/versus/run.py --mirror             # and those that mirror: each request goes to a second backend as well

Without --rate, wrk asks as fast as it is answered (h2load where it is HTTP/2); at a rate it is h2load. Where there must be one, it is
5000 a second unless said, at most half of what the slowest could carry when it was measured: a proxy near its limit finds more to do
each time it wakes, and costs less than it would at ease. With --mirror there is always one: at its limit a proxy may leave copies out, as Banyan does. wrk's
times leave the making of connections out.

Each proxy has one worker on core 0; the load and the backend (an nginx with JSON) share core 1. Rounds are
interleaved, so that what disturbs the machine disturbs everybody. CPU is what the proxy's processes used by
the scheduler's count, divided by the requests that were answered; its parts, user and system, are by its ticks. Only the ratios travel to other machines. What each proxy
is told to do is in proxies.py, and in routing_*.py for `decide`, where they all decide by the same rules. Needs Linux,
Python 3 and its standard library, taskset, nginx, wrk, curl and openssl, and h2load for a rate and for HTTP/2.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import backend
import contender
import load
import proxies
from contender import Contender
from crowd import Member
from machine import Child, free_ports
from scenarios import SCENARIOS
from table import table

from rig import as_many_files_as_allowed, certificate  # of tests/live, where crowd.py leads

# Requests a second, where there must be a rate and none is said.
RATE = 5000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="plain", help=f"of {','.join(SCENARIOS)}; comma-separated")
    parser.add_argument("--all", action="store_true", help="all scenarios; plain, rules and decide at a rate, too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each measured run")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--idle", type=int, default=10_000, help="connections of the scenario that has idle ones")
    parser.add_argument("--only", help=f"of {','.join(proxies.NAMES)}; comma-separated")
    parser.add_argument("--rate", type=int, help="requests a second; unsaid: as many as are answered, and 5000 with --all or --mirror")
    parser.add_argument("--mirror", action="store_true", help="add those that mirror every request")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured; - for stdout")
    for name in proxies.NAMES:
        parser.add_argument(f"--{name}", metavar="PATH", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.scenario.split(",")) - set(SCENARIOS):
        parser.error(f"--scenario: unknown: {', '.join(sorted(unknown))}")
    known = proxies.NAMES + (proxies.MIRRORING if options.mirror else ())
    chosen = options.only.split(",") if options.only else list(known)
    if unknown := set(chosen) - set(known):
        parser.error(f"--only: unknown: {', '.join(sorted(unknown))}")
    if options.mirror and (options.all or options.scenario != "plain"):
        parser.error("--mirror goes with plain alone")
    if options.mirror and not options.rate:
        options.rate = RATE
    if min(options.rounds, options.seconds, options.connections, options.idle) < 1:
        parser.error("rounds, seconds and connections are at least 1")
    options.names = [name for name in known if name in chosen]
    options.works = works(options)
    if options.rate and any((one.fresh or one.idle) and rate for one, rate in options.works):
        parser.error("no rate with fresh, tls and idle: h2load keeps its connections")
    return options


def works(options):
    """The scenarios, each with its rate or None."""
    if options.all:
        paced = [(one, options.rate or RATE) for one in SCENARIOS.values() if one.paced]
        return sorted([(one, None) for one in SCENARIOS.values()] + paced, key=lambda work: list(SCENARIOS).index(work[0].name))
    return [(SCENARIOS[name], options.rate) for name in options.scenario.split(",")]


def found(options):
    """Names and binaries of the proxies that are installed."""
    pairs = {name: proxies.find(name.split("+")[0], getattr(options, name.split("+")[0])) for name in options.names}
    for name, binary in pairs.items():
        if not binary:
            say(f"{name}: not found, left out" + (" (--envoy PATH names one)" if name.startswith("envoy") else ""))
    pairs = {name: binary for name, binary in pairs.items() if binary}
    if not pairs:
        raise RuntimeError("nothing to measure")
    return pairs


def backends(directory, scenario):
    """Starts both; gives their ports."""
    ports = free_ports(2)
    for name, port in zip(("backend", "shadow"), ports):
        command = ["nginx", *backend.command(directory, port, scenario, name)]
        Child(name, command, load.CORE, os.path.join(directory, f"{name}.out"), directory).await_port(port)
    return ports


def run(options, scenario, rate, binaries, directory):
    """All rounds of one scenario; gives a row for each proxy."""
    pair = certificate(directory)
    upstream, shadow = backends(directory, scenario)
    asked = load.Load(scenario, directory, options.connections, rate)
    field = [Contender(name, binary, scenario, directory, upstream, shadow, pair) for name, binary in binaries.items()]
    for one in field:
        one.check(asked)
        one.measure(asked, min(2, options.seconds), count=False)
    for number in range(1, options.rounds + 1):
        for one in field:
            one.measure(asked, options.seconds)
        say(f"round {number}: " + ", ".join(f"{one.name} {one.rounds[-1]['cpu_us']:.1f} µs" for one in field))
        for one in field:
            if rate and one.rounds[-1]["per_second"] < 0.98 * rate:
                say(f"{one.name} did not keep up: {one.rounds[-1]['per_second']:.0f} a second")
    for one in field:
        one.stop()
    by_name = {one.name: one for one in field}
    # Those that mirror are compared with a Banyan that does.
    base = lambda name: by_name.get("banyan+shadow" if "+" in name and name != "banyan+shadow" else "banyan")
    return [one.summary(base(one.name)) for one in field]


def rest(options, scenario, binaries, directory):
    """The same for connections that do nothing."""
    pair = certificate(directory)
    upstream, _ = backends(directory, scenario)
    field = [Member(name, binary, scenario, directory, upstream, pair) for name, binary in binaries.items()]
    for number in range(1, options.rounds + 1):
        for one in field:
            one.measure(options.idle)
        say(f"round {number}: " + ", ".join(f"{one.name} {one.rounds[-1]['clear_each']:.1f} KB" for one in field))
    return [one.summary() for one in field]


def measure(options):
    """Titles and rows of all scenarios."""
    binaries, measured = found(options), []
    for scenario, rate in options.works:
        title = f"{scenario.title}, {rate} a second" if rate else scenario.title
        say(f"{scenario.name}: {title}")
        directory = tempfile.mkdtemp(prefix="banyan-versus-")
        # Workers of nginx may be somebody else.
        os.chmod(directory, 0o755)
        try:
            if scenario.idle:
                measured.append((title, rest(options, scenario, binaries, directory)))
            else:
                measured.append((title, run(options, scenario, rate, binaries, directory)))
        finally:
            Child.stop_all()
            shutil.rmtree(directory, ignore_errors=True)
    return measured


def report(options, measured):
    if options.json != "-":
        print(table(measured))
    if not options.json:
        return
    everything = {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"kernel": platform.release(), "cpus": os.cpu_count(), "cpu": cpu_model()},
        "rounds": options.rounds, "seconds": options.seconds, "connections": options.connections,
        "scenarios": [{"title": title, "proxies": rows} for title, rows in measured],
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
    options = arguments()
    tools = ["taskset", "nginx", "wrk", "curl", "openssl"]
    tools += ["h2load"] if any(rate or one.http2 for one, rate in options.works) else []
    if missing := [tool for tool in tools if not shutil.which(tool)]:
        say(f"needed and not found: {', '.join(missing)}")
        return 1
    if not {contender.CORE, load.CORE} <= os.sched_getaffinity(0):
        say(f"needs cores {contender.CORE} and {load.CORE}")
        return 1
    if os.getloadavg()[0] > 0.5:
        say(f"the machine is busy (load {os.getloadavg()[0]:.1f}): the ratios will wobble")
    as_many_files_as_allowed()
    # As SystemExit it passes through `finally`, which stops the children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        report(options, measure(options))
        return 0
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
