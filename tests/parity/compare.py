"""Holds an answer through the facade against one without it.

Not a difference, and nothing else is not:

- `Date`; `Connection` and `Keep-Alive`, which belong to one connection (RFC 9110, 7.6.1);
- `X-Served-By` on the answer, and in the echo of a request: `X-Forwarded-*`, `Forwarded`, `Via`, `X-Request-Id` and
  `traceparent`, which the README names, and again `Connection`; and `Expect`, which the facade answers itself; with them goes the echo's Content-Length;
- the port in the address, where redirects are followed (everything else is asked for one fixed host);
- the compressed bytes: contents are compared, since gzip writes the time into its head;
- what httpbin makes anew for each answer (`random` of a case); it must be there.

Noted but not counted: the reason phrase and the letters' case in header names, which HTTP gives no meaning.
"""

import gzip
import json
import re
import zlib

import brotli

PER_CONNECTION = {"connection", "keep-alive"}
ADDED_TO_REQUESTS = re.compile(
    r"(?i)x-forwarded-.*|forwarded|via|x-request-id|traceparent|connection|keep-alive|expect")
DECODERS = {"gzip": gzip.decompress, "deflate": lambda data: zlib.decompressobj().decompress(data), "br": brotli.decompress}


def differences(case, direct, through, direct_base, through_base):
    """(what differs, what is only noted), each a list of lines."""
    found, notes = [], []

    def hold(what, left, right, into=found):
        if left != right:
            into.append(f"{what}: directly {show(left)}, through the facade {show(right)}")

    hold("status", direct.status, through.status)
    hold("redirects", direct.history, through.history)
    hold("interim statuses", direct.interim, through.interim)
    bodies, echoes = zip(*(body(case, one, base) for one, base in ((direct, direct_base), (through, through_base))))
    hold("body", *bodies)
    left, right = (
        headers(case, one, base, any(echoes)) for one, base in ((direct, direct_base), (through, through_base))
    )
    for name in sorted(left.keys() | right.keys()):
        hold(f"header {name}", left.get(name), right.get(name))
    hold("reason phrase", direct.reason, through.reason, notes)
    hold("case of header names", *(letters(one) for one in (direct, through)), notes)
    return found, notes


def served_by(answer):
    return [value for name, value in answer.headers if name.lower() == "x-served-by"]


def headers(case, answer, base, echo):
    """By lower-case name, the values in their order."""
    left_out = PER_CONNECTION | {"date", "x-served-by"}
    if echo or compressed(answer):
        left_out |= {"content-length"}
    values = {}
    for name, value in answer.headers:
        name = name.lower()
        if name not in left_out:
            value = "(some value)" if name in case.random else neutral(value, base)
            values.setdefault(name, []).append(value)
    return values


def body(case, answer, base):
    """(the comparable body, whether it echoed headers that a facade adds)."""
    content = answer.body
    encoding = compressed(answer)
    # A client that followed redirects has decoded it already.
    if encoding and content and not case.follow:
        content = DECODERS[encoding](content)
    if "body" in case.random:
        return f"({len(content)} bytes)", False
    if case.follow:
        content = content.replace(address(base).encode(), b"ADDRESS")
    # Streams echo one JSON object per line.
    parts = content.splitlines() if case.path.startswith("/stream/") else [content]
    cleaned = [without_additions(part) for part in parts]
    echo = any(part is not None for part in cleaned)
    return (cleaned if echo else content), echo


def without_additions(content):
    """The echoed request without what a facade adds; None where it is no echo."""
    try:
        echoed = json.loads(content)
        sent = echoed["headers"]
        echoed["headers"] = {name: value for name, value in sent.items() if not ADDED_TO_REQUESTS.fullmatch(name)}
        return echoed
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def compressed(answer):
    found = [value for name, value in answer.headers if name.lower() == "content-encoding"]
    return found[0] if found and found[0] in DECODERS else None


def letters(answer):
    return sorted({name for name, _ in answer.headers if name.lower() not in PER_CONNECTION | {"x-served-by"}})


def neutral(value, base):
    return value.replace(address(base), "ADDRESS")


def address(base):
    return base.removeprefix("http://")


def show(value):
    """Short enough for a line; bodies by size and start."""
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:150]}… ({len(value)} long)"
