"""Does a proxy decide as the rules say? It is asked over one connection; what users draw is asked of many of them."""

import http.client

import rules
from scenarios import HEADERS


class Decisions:
    """Asks a proxy that decides by `count` routes."""

    def __init__(self, name, port, count):
        self.name, self.count, self.asked = name, count, 0
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)

    def side(self, method, target, headers):
        """Who answered."""
        self.asked += 1
        self.connection.request(method, target, headers={"Host": HEADERS["Host"], **headers})
        answer = self.connection.getresponse()
        answer.read()
        return answer.getheader("X-Served-By")

    def check(self):
        """All of it; raises where anything is wrong. Gives how much was asked."""
        try:
            self.check_certain()
            self.check_share()
            self.check_draws()
        finally:
            self.connection.close()
        return self.asked

    def check_certain(self):
        # The step meets every cohort, flag and percentage.
        for rule in rules.rules(self.count)[::7]:
            for method, target, headers, expected in rules.certain(rule):
                self.expect(self.side(method, target, headers), expected, f"{method} {target} {headers}")

    def check_share(self):
        """Of the load as many are new as the percentages say, and a user stays where they are, whatever else their cookies say."""
        listed, new, likely = rules.rules(self.count), 0, 0.0
        for target, headers in rules.requests(self.count):
            side = self.side("GET", target, headers)
            other = {**headers, "Cookie": headers["Cookie"].replace("theme=dark", "lang=en")}
            self.expect(self.side("GET", target, other), side, f"{target} {headers}, asked again")
            new += side == "new"
            rule = listed[int(target.split("/")[1].removeprefix("service-"))]
            likely += rules.chance(rule, tenant=headers["X-Tenant-Id"], user=True)
        if abs(new - likely) > 0.05 * self.count:
            raise RuntimeError(f"{self.name}: {new} of {self.count} are new, where {likely:.0f} are expected")

    def check_draws(self):
        """Each user and each route draws: no user is on one side of all the routes whose percentage is the same, and no route is
        on one side for all users."""
        alike = [rule for rule in rules.rules(self.count) if rule.percent == rules.PERCENTAGES - 1]
        drawn = [
            [self.side("GET", f"{rule.prefix}7", rules.headers("initech", f"u-{user}")) for rule in alike] for user in range(20)
        ]
        for one in (*drawn, *zip(*drawn)):
            if set(one) != {"legacy", "new"}:
                raise RuntimeError(f"{self.name}: all of {len(one)} draws are {set(one)}")

    def expect(self, side, expected, what):
        if side != expected:
            raise RuntimeError(f"{self.name}: {what}: {side}, where {expected} is right")
