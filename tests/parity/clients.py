"""The clients: curl, requests and httpx, each giving the same account of what came back."""

import dataclasses
import http.cookiejar
import os
import subprocess
import tempfile

import httpx
import requests

from cases import HOST

TIMEOUT = 60


@dataclasses.dataclass
class Answer:
    status: int
    headers: list  # (name as it came where the client tells, value), in the order in which they came
    body: bytes
    reason: str = ""
    interim: tuple = ()  # statuses before the final one, where the client tells
    history: tuple = ()  # statuses of redirects that were followed


def fields(case):
    """A name that no server has, so that both sides are asked for the same host; redirects need the real one."""
    return dict(case.headers) if case.follow else {"Host": HOST, **case.headers}


def pieces(body):
    """An upload of unknown length, in pieces of odd sizes."""
    for start in range(0, len(body), 65_521):
        yield body[start:start + 65_521]


class Curl:
    name = "curl"

    def __init__(self, base):
        self.base = base

    def send(self, case):
        with tempfile.TemporaryDirectory() as directory:
            return self._send(case, directory)

    def _send(self, case, directory):
        heads, body, sent = (os.path.join(directory, name) for name in ("heads", "body", "sent"))
        command = [
            "curl", "--silent", "--show-error", "--http1.1", "--noproxy", "*", "--path-as-is", "--globoff",
            "--max-time", str(TIMEOUT), "--dump-header", heads, "--output", body,
        ]
        command += ["--head"] if case.method == "HEAD" else ["--request", case.method]
        if case.follow:
            command.remove("--request") if "--request" in command else None
            command.remove(case.method) if case.method in command else None
            command.append("--location")
        for name, value in fields(case).items():
            command += ["--header", f"{name}: {value}"]
        if case.body is not None:
            with open(sent, "wb") as file:
                file.write(case.body)
            # A length of its own makes curl wait for 100-continue; without the header it must not.
            command += ["--data-binary", f"@{sent}"]
            command += ["--header", "Transfer-Encoding: chunked"] if case.chunked else []
            command += [] if "Expect" in case.headers else ["--header", "Expect:"]
            command += [] if "Content-Type" in case.headers else ["--header", "Content-Type:"]
        done = subprocess.run([*command, self.base + case.path], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"curl: exit code {done.returncode}")
        with open(heads, "rb") as file:
            answers = [_head(text) for text in file.read().decode("latin-1").split("\r\n\r\n") if text]
        content = b""
        if os.path.exists(body) and case.method != "HEAD":
            with open(body, "rb") as file:
                content = file.read()
        status, reason, headers = answers[-1]
        before = [one[0] for one in answers[:-1]]
        return Answer(
            status, headers, content, reason,
            interim=tuple(one for one in before if one < 200), history=tuple(one for one in before if one >= 200),
        )

    def close(self):
        pass


def _head(text):
    line, *rest = text.split("\r\n")
    _, status, *reason = line.split(" ", 2)
    return int(status), " ".join(reason), [tuple(part.strip() for part in one.split(":", 1)) for one in rest]


class Requests:
    """requests, on one session: connections are used again."""

    name = "requests"

    def __init__(self, base):
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))

    def send(self, case):
        body = pieces(case.body) if case.chunked else case.body
        request = requests.Request(case.method, "http://placeholder/", headers=fields(case), data=body)
        prepared = self.session.prepare_request(request)
        # Set afterwards: requests would normalise it.
        prepared.url = self.base + case.path
        with self.session.send(prepared, stream=True, allow_redirects=case.follow, timeout=TIMEOUT) as answer:
            content = answer.content if case.follow else answer.raw.read(decode_content=False)
            return Answer(
                answer.status_code, list(answer.raw.headers.items()), content, answer.reason,
                history=tuple(one.status_code for one in answer.history),
            )

    def close(self):
        self.session.close()


class Httpx:
    """httpx, on one client: connections are used again."""

    name = "httpx"

    def __init__(self, base):
        self.base = base
        self.client = httpx.Client(trust_env=False, timeout=TIMEOUT)

    def send(self, case):
        body = pieces(case.body) if case.chunked else case.body
        self.client.cookies.clear()
        with self.client.stream(
            case.method, self.base + case.path, headers=fields(case), content=body, follow_redirects=case.follow
        ) as answer:
            content = b"".join(answer.iter_raw())
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
            history = tuple(one.status_code for one in answer.history)
            return Answer(answer.status_code, headers, content, answer.reason_phrase, history=history)

    def close(self):
        self.client.close()


CLIENTS = (Curl, Requests, Httpx)
