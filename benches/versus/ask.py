"""One question by curl, as the scenario asks it."""

import re
import subprocess
import urllib.request

from scenarios import HEADERS


def ask(scenario, port, cert, target=None, headers=None, upload=None):
    """Status, headers with names in lower case, and body."""
    scheme, host = ("https" if scenario.tls else "http"), HEADERS["Host"]
    command = ["curl", "-sS", "-i", "-m5", "--connect-to", f"::127.0.0.1:{port}", "-H", "Expect:"]
    command.append("--http2-prior-knowledge" if scenario.http2 else "--http1.1")
    command += ["--cacert", cert] if scenario.tls else []
    command += ["--data-binary", f"@{upload}"] if upload else []
    for name, value in {**HEADERS, **(headers or {})}.items():
        command += ["-H", f"{name}: {value}"] if name != "Host" else []
    done = subprocess.run([*command, f"{scheme}://{host}{target or scenario.target}"], capture_output=True, timeout=10)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, body


def counted(port):
    """How many requests a backend has had, this one included."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count", timeout=5) as answer:
        return int(re.search(r"\n (\d+ ){2}(\d+)", answer.read().decode())[2])
