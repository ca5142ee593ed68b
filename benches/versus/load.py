"""Those who ask: wrk as fast as it is answered, h2load at a rate or over HTTP/2. Each gives what was done and how long it took."""

import os
import re
import statistics
import subprocess

import nginx
import rules
from scenarios import HEADERS

CORE = 1
STREAMS = 8  # at once on each connection of HTTP/2
# Where there is a rate. All connections of one h2load ask at the same moment, every ten milliseconds; several of them do not.
GENERATORS = 8

# One suite and one group for everybody: what is compared are proxies, not ciphers.
OPENSSL = """
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = default
[default]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
"""


class Load:
    """The load of one scenario: the files that its tools read are in the directory."""

    def __init__(self, scenario, directory, connections, rate):
        self.scenario, self.connections, self.rate = scenario, connections, rate
        self.environment = dict(os.environ, OPENSSL_CONF=nginx.write(directory, "openssl.cnf", OPENSSL))
        self.log = os.path.join(directory, "h2load.log")
        self.upload = nginx.write(directory, "upload", "x" * scenario.upload) if scenario.upload else None
        requests = rules.requests(scenario.routes) if scenario.routes else [(scenario.target, {})]
        self.requests = requests
        self.script = nginx.write(directory, "wrk.lua", _script(scenario, requests, self.upload))
        scheme = "https" if scenario.tls else "http"
        self.targets = nginx.write(directory, "targets", "".join(f"{scheme}://{HEADERS['Host']}{target}\n" for target, _ in requests))

    def run(self, port, seconds, connections=None):
        connections = connections or self.connections
        paced = self.rate or self.scenario.http2
        done = self._h2load(port, seconds, connections) if paced else self._wrk(port, seconds, connections)
        if not done["errors"] and done.pop("bytes") < 0.99 * done["requests"] * self.scenario.answer:
            done["errors"] = "answers were shorter than they should be"
        return done

    def _wrk(self, port, seconds, connections):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", self.script]
        for name, value in HEADERS.items():
            command += ["-H", f"{name}: {value}"]
        scheme = "https" if self.scenario.tls else "http"
        text, = self._words([[*command, f"{scheme}://127.0.0.1:{port}{self.scenario.target}"]], seconds)
        errors = re.findall(r"(?:Socket errors|Non-2xx or 3xx responses): .*", text)
        requests, size, unit = re.search(r"(\d+) requests in .*, ([\d.]+)([KMGT]?)B read", text).groups()
        return {
            "requests": int(requests),
            "bytes": float(size) * 1024 ** " KMGT".index(unit or " "),
            "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
            "p50_ms": milliseconds(re.search(r"(?m)^ +50% +(\S+)", text)[1]),
            "p99_ms": milliseconds(re.search(r"(?m)^ +99% +(\S+)", text)[1]),
            "errors": "; ".join(errors),
        }

    def _h2load(self, port, seconds, connections):
        if self.scenario.http2:
            connections = max(1, connections // STREAMS)
        count = min(GENERATORS, connections) if self.rate else 1
        texts = self._words([self._generator(number, count, port, seconds, connections) for number in range(count)], seconds)
        done, failed, errored = map(sum, zip(*(
            map(int, re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", text).groups()) for text in texts)))
        took = []
        for number in range(count):
            with open(f"{self.log}.{number}") as log:
                took += [int(line.split("\t")[2]) / 1000 for line in log]
        took.sort()
        return {
            "requests": done,
            "bytes": sum(int(re.search(r"\((\d+)\) data", text)[1]) for text in texts),
            "per_second": sum(float(re.search(r"([\d.]+) req/s", text)[1]) for text in texts),
            "p50_ms": statistics.median(took),
            "p99_ms": took[len(took) * 99 // 100],
            "errors": f"{failed} failed, {errored} errored" if failed or errored else "",
        }

    def _generator(self, number, count, port, seconds, connections):
        """One h2load of several. Its headers are the same for all targets; the other ones' are others."""
        log = f"{self.log}.{number}"
        if os.path.exists(log):
            os.remove(log)
        share = len(range(number, connections, count))
        command = ["h2load", "-t1", f"-c{share}", f"-D{seconds}", f"-i{self.targets}", f"--log-file={log}"]
        command += [f"-m{STREAMS}"] if self.scenario.http2 else ["--h1"]
        command += [f"--rps={self.rate / connections:.1f}"] if self.rate else []
        command += [f"-d{self.upload}"] if self.upload else []
        # It sends a Host of its own, and two of them are refused.
        for name, value in {**HEADERS, **self.requests[number * len(self.requests) // count][1]}.items():
            command += ["-H", f"{name}: {value}"] if name != "Host" else []
        return [*command, f"--connect-to=127.0.0.1:{port}"]

    def _words(self, commands, seconds):
        """Runs them side by side; gives what each printed."""
        running = [
            subprocess.Popen(
                ["taskset", "-c", str(CORE), *command],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment,
            )
            for command in commands
        ]
        try:
            done = [one.communicate(timeout=seconds + 30) for one in running]
        finally:
            for one in running:
                one.kill()
        for one, (text, error) in zip(running, done):
            if one.returncode != 0:
                raise RuntimeError(f"{commands[0][0]}: {(error or text).strip()[-500:]}")
        return [text for text, _ in done]


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def _script(scenario, requests, upload):
    """What wrk reads: requests are made before the clock runs."""
    lines = []
    if scenario.fresh:
        lines.append('wrk.headers["Connection"] = "close"')
    if upload:
        lines += ['wrk.method = "POST"', f'wrk.body = string.rep("x", {scenario.upload})']
    if len(requests) > 1:
        lines += ["local asked, last = {}, 0", "init = function()"]
        for target, headers in requests:
            fields = "".join(f'  wrk.headers["{name}"] = "{value}"\n' for name, value in headers.items())
            lines.append(f'{fields}  asked[#asked + 1] = wrk.format("GET", "{target}")')
        lines += ["end", "request = function()", "  last = last % #asked + 1", "  return asked[last]", "end"]
    return "\n".join(lines) + "\n"
