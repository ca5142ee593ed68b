"""What is asked: every family of httpbin's endpoints, by every client that can ask it.

Left out: TRACE, which the facade refuses by design, and 1xx as a final status, which is not HTTP.
"""

import base64
import dataclasses
import json

HOST = "parity.example"
LARGE = 20 * 1024 * 1024
ALL = ("curl", "requests", "httpx")


@dataclasses.dataclass
class Case:
    method: str
    path: str
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = None
    chunked: bool = False  # the body is sent without its length
    follow: bool = False  # redirects are followed
    random: tuple = ()  # header names, or "body": what httpbin draws anew for each answer; it must be there, and no more
    clients: tuple = ALL
    note: str = ""

    @property
    def name(self):
        return " ".join(part for part in (self.method, self.path[:70], self.note) if part)


def get(path, **rest):
    return Case("GET", path, **rest)


def methods():
    text = b"name=Ada&city=London"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    yield get("/get?a=1&a=2&empty=&plus=a+b&enc=%C3%A9%2C")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield Case(method, f"/{method.lower()}", form, text)
        yield Case(method, "/anything/things/7?x=1", {"Content-Type": "application/json"}, b'{"a": [1, 2.50, "\\u00e9"]}')
    yield Case("DELETE", "/delete", note="without a body")
    yield Case("POST", "/post", {"Content-Length": "0"}, note="of nothing", clients=("curl",))
    # The length of an echo that is not sent depends on what the facade adds to the request.
    yield Case("HEAD", "/get", random=("content-length",))
    for path in ("/bytes/100?seed=1", "/status/404", "/gzip", "/stream/3", "/redirect-to?url=/get"):
        yield Case("HEAD", path)
    for path in ("/get", "/post", "/anything", "/status/200"):
        yield Case("OPTIONS", path)
    for path in ("/get", "/post", "/nowhere"):
        yield Case("PUT", path, body=b"x", note="where it may not be" if path != "/post" else "")
    for tenant in ("acme", "bigbank"):
        yield get(f"/anything/{tenant}", headers={"X-Tenant-Id": tenant})
    for user in range(8):
        yield get(f"/anything/user/{user}", headers={"Cookie": f"sid=u-{user}; theme=dark"})


def paths():
    for path in (
        "/anything/a%20b/%E2%82%AC", "/anything/;p=1/a,b", "/anything/(x)~!$&'*+", "/anything/trailing/", "/anything?",
        "/anything?a=%00&b=/?&c=%2F", "/anything/" + "long/" * 300, "/anything?q=" + "x" * 6000, "/nowhere", "/",
    ):
        yield get(path)


def statuses():
    for status in (
        200, 201, 202, 203, 204, 205, 206, 207, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405,
        406, 407, 408, 409, 410, 411, 412, 413, 415, 416, 417, 418, 421, 422, 425, 428, 429, 431, 451, 499, 500, 501, 502,
        503, 504, 505, 507, 511, 599,
    ):
        yield get(f"/status/{status}")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield Case(method, "/status/503", body=b"again?")
        yield Case(method, "/status/204")


def redirects():
    for path in ("/redirect/1", "/relative-redirect/1", "/absolute-redirect/1", "/redirect-to?url=https%3A%2F%2Fexample.org%2Fx"):
        yield get(path)
    for path in ("/redirect/4", "/relative-redirect/3", "/absolute-redirect/3", "/links/3/1", "/links/4"):
        yield get(path, follow=True, note="followed")
    yield Case("POST", "/redirect-to?url=/post&status_code=307", body=b"kept", follow=True, note="followed")
    yield Case("POST", "/redirect-to?url=/get&status_code=303", body=b"gone", note="to GET")


def cookies():
    yield get("/cookies", headers={"Cookie": "a=1; b=two; sid=u-1"})
    yield get("/cookies/set?a=1&b=2")
    yield get("/cookies/set/name/value")
    yield get("/cookies/delete?a&b", headers={"Cookie": "a=1; b=2"})
    yield get("/response-headers?Set-Cookie=a%3D1%3B%20Path%3D%2F&Set-Cookie=b%3D2%3B%20HttpOnly")


def encodings():
    for path in ("/gzip", "/deflate", "/brotli"):
        yield get(path, headers={"Accept-Encoding": "gzip, deflate, br"})
    yield get("/encoding/utf8")
    yield get("/response-headers?Content-Type=text/plain%3B%20charset%3Diso-8859-1&X-Empty=")
    yield get("/response-headers?X-Many=1&X-Many=2&X-Many=3&Cache-Control=no-store&Vary=Accept&Link=%3C/a%3E%3B%20rel%3Dnext")


def bodies():
    for path in ("/stream/1", "/stream/20", "/stream-bytes/50000?seed=7&chunk_size=333", "/bytes/0?seed=1", "/bytes/102400?seed=2"):
        yield get(path)
    yield get("/drip?duration=0.3&numbytes=6&code=200")
    yield get("/drip?duration=0.2&numbytes=3&code=503&delay=0.1")
    yield get("/range/26")
    for span in ("bytes=0-9", "bytes=10-", "bytes=-5", "bytes=99999-"):
        yield get("/range/2048?chunk_size=100", headers={"Range": span}, note=span)
    binary = bytes(range(256)) * 40
    octets = {"Content-Type": "application/octet-stream"}
    yield Case("POST", "/post", octets, binary, note="binary")
    yield Case("POST", "/post", octets, binary, chunked=True, note="chunked")
    yield Case("PUT", "/put", octets, b"x" * 1_000_000, chunked=True, note="chunked, 1 MB")
    yield Case("POST", "/post", {"Content-Type": "text/plain"}, b"", chunked=True, note="chunked, empty")
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n'
    field = b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n--b--\r\n'
    yield Case("POST", "/post", {"Content-Type": "multipart/form-data; boundary=b"}, part + field, note="a file")
    yield Case("POST", "/post", {"Content-Type": "text/plain"}, b"0123456789abcdef" * (LARGE // 16), note="20 MB, there and back")
    yield Case(
        "POST", "/post", {"Content-Type": "text/plain"}, b"0123456789abcdef" * (LARGE // 16), chunked=True,
        note="20 MB, chunked", clients=("requests",),
    )
    for size in (10, 2_000_000):
        expect = {"Content-Type": "text/plain", "Expect": "100-continue"}
        yield Case("POST", "/post", expect, b"e" * size, note=f"after 100-continue, {size} bytes", clients=("curl",))


def conditions():
    yield get("/cache", random=("last-modified", "etag"))
    yield get("/cache", headers={"If-None-Match": '"x"'})
    yield get("/cache/60", random=())
    yield get("/etag/abc")
    yield get("/etag/abc", headers={"If-None-Match": '"abc"'}, note="known")
    yield get("/etag/abc", headers={"If-Match": '"other"'}, note="failed")


def access():
    basic = base64.b64encode(b"ada:secret").decode()
    yield get("/basic-auth/ada/secret")
    yield get("/basic-auth/ada/secret", headers={"Authorization": f"Basic {basic}"}, note="allowed")
    yield get("/hidden-basic-auth/ada/secret")
    yield get("/bearer")
    yield get("/bearer", headers={"Authorization": "Bearer t.o.k-e_n"}, note="allowed")
    yield get("/digest-auth/auth/ada/secret", random=("www-authenticate", "set-cookie"))


def others():
    for path in (
        "/headers", "/ip", "/user-agent", "/html", "/xml", "/json", "/robots.txt", "/deny", "/base64/aGVsbG8=",
        "/forms/post", "/image/png", "/image/jpeg", "/image/webp", "/image/svg", "/delay/0", "/delay/0.3", "/links/5/2",
    ):
        yield get(path)
    yield get("/uuid", random=("body",))
    for accept in ("image/png", "image/webp", "application/json"):
        yield get("/image", headers={"Accept": accept}, note=accept)
    yield get("/headers", headers={"X-Long": "v" * 4000, "X-Many": "a, b", "User-Agent": "parity/1", "Accept-Language": "de"})
    yield Case("POST", "/anything", {"Content-Type": "application/json"}, json.dumps({"deep": [[[]]]}).encode())


def everything():
    families = (methods, paths, statuses, redirects, cookies, encodings, bodies, conditions, access, others)
    return [case for family in families for case in family()]
