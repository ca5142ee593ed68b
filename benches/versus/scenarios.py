"""What is asked of the proxies: one kind of traffic each, named as `--scenario` names it."""

from dataclasses import dataclass

HEADERS = {"Host": "shop.example", "X-Tenant-Id": "initech", "Cookie": "sid=u-17; theme=dark", "Accept": "*/*"}


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    answer: int = 1024  # bytes
    upload: int = 0  # bytes; more than none: POST
    fresh: bool = False  # a new connection for each request
    tls: bool = False
    http2: bool = False  # in front; behind it is HTTP/1.1
    routes: int = 0  # of Banyan's, beside those of routes.yaml
    decide: bool = False  # all of the proxies have those routes, and decide by them
    idle: bool = False  # connections that ask once
    paced: bool = False  # `--all` asks at a rate, too

    @property
    def target(self):
        return "/orders" if self.upload else "/orders/7"

    @property
    def method(self):
        return "POST" if self.upload else "GET"


SCENARIOS = {one.name: one for one in (
    Scenario("plain", "kept connections, 1 KB answers", paced=True),
    Scenario("rules", "1,000 routes with tenants, cohorts and flags", routes=1000, paced=True),
    Scenario("decide", "1,000 routes that everybody decides by", routes=1000, decide=True, paced=True),
    Scenario("large", "64 KB answers", answer=65536),
    Scenario("upload", "16 KB uploads", upload=16384),
    Scenario("fresh", "a new connection for each request", fresh=True),
    Scenario("tls", "a new TLS 1.3 connection for each request, resumed", fresh=True, tls=True),
    Scenario("tls-kept", "kept TLS 1.3 connections", tls=True),
    Scenario("h2", "HTTP/2 in front", http2=True),
    Scenario("idle", "idle connections", idle=True),
)}
