"""A thousand routes that all decide, and requests that meet all of them."""

from dataclasses import dataclass

TENANTS, COHORTS, FLAGS, PERCENTAGES = 200, 20, 20, 50
# The flags' percentage of users; the tenant that no percentage and no list moves; who is of the staff.
FLAGGED, EXCEPTED, STAFF = 10, "bigbank", ("X-Employee", "yes")
READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Rule:
    """What one route decides by, as numbers: whoever configures a proxy derives all from these."""

    number: int

    @property
    def name(self):
        return f"service-{self.number}"

    @property
    def prefix(self):
        """Its path without the order's number."""
        return f"/{self.name}/orders/"

    @property
    def group(self):
        return self.number % COHORTS

    @property
    def flag(self):
        return self.number % FLAGS

    @property
    def percent(self):
        return self.number % PERCENTAGES

    @property
    def policy(self):
        """Routes with the same one have the same cohort, flag and percentage, and so the same tenants."""
        return f"{self.group}-{self.flag}-{self.percent}"

    @property
    def tenants(self):
        """Who is new here whatever the users' draw is. The tenants that the flag is off for are in the group, which speaks first."""
        return {f"t-{self.number % TENANTS}", *members(self.group), f"t-{self.flag}"}

    @property
    def chance(self):
        """Of a user who is in no list: the flag's draw, or else the route's."""
        return 1 - (1 - FLAGGED / 100) * (1 - self.percent / 100)


def members(group):
    """The tenants of a cohort."""
    return [f"t-{tenant}" for tenant in range(group, TENANTS, COHORTS)]


def rules(count):
    return [Rule(number) for number in range(count)]


def policies(listed):
    """Each policy, with a rule that has it."""
    return {rule.policy: rule for rule in listed}


def sections(count):
    """What is added to the cohorts, flags and routes of Banyan's configuration."""
    cohorts = [f"  group-{group}: {{ tenants: [{', '.join(members(group))}] }}\n" for group in range(COHORTS)]
    flags = [
        f"  feature-{number}: {{ tenants: {{ t-{number}: on, t-{number + 100}: off }}, percent: {FLAGGED}, by: user, default: off }}\n"
        for number in range(FLAGS)
    ]
    routes = [
        f"  - name: {rule.name}\n"
        f"    match: {{ methods: [{', '.join(READS)}], path: \"{rule.prefix}{{id}}\" }}\n"
        "    new: shop-v2\n"
        "    stage: canary\n"
        f"    canary: {{ tenants: [t-{rule.number % TENANTS}], cohorts: [group-{rule.group}, staff], "
        f"flags: [feature-{rule.flag}], percent: {rule.percent}, by: user, except: {{ cohorts: [large] }} }}\n"
        for rule in rules(count)
    ]
    return {"cohorts": "".join(cohorts), "flags": "".join(flags), "routes": "".join(routes)}


def requests(count):
    """Targets and the headers that go with each: every route once, by tenants and users that come back."""
    # Both steps share no factor with what they go round in: each route and each tenant has its turn, in no simple order.
    return [
        (f"/service-{number * 617 % count}/orders/{number}",
         {"X-Tenant-Id": f"t-{number * 13 % TENANTS}", "Cookie": f"sid=u-{number % 500}; theme=dark"})
        for number in range(count)
    ]


def chance(rule, method="GET", tenant=None, user=None, staff=False):
    """How likely this request of the rule's path is answered by new: 0 and 1 are certain, all else is a draw by user."""
    if method not in READS or tenant == EXCEPTED:
        return 0
    if tenant in rule.tenants or staff:
        return 1
    return rule.chance if user else 0


def headers(tenant=None, user=None, staff=None, theme="dark"):
    """A request's: `staff` is the value of the header that a member of the staff sends."""
    sent = {"X-Tenant-Id": tenant, "Cookie": f"sid={user}; theme={theme}" if user else f"theme={theme}", STAFF[0]: staff}
    return {name: value for name, value in sent.items() if value}


def certain(rule):
    """Requests whose side no draw decides: method, target, headers and side."""
    own, stranger = f"t-{rule.number % TENANTS}", f"t-{(rule.number + 1) % TENANTS}"
    people = [(method, own, "u-1", None) for method in (*READS, "POST")]
    people += [("GET", tenant, "u-1", None) for tenant in (members(rule.group)[-1], f"t-{rule.flag}", f"t-{rule.flag + 100}")]
    people += [("GET", tenant, None, None) for tenant in (own, stranger, "initech", None)]
    people += [("GET", tenant, None, staff) for tenant in (EXCEPTED, stranger, None) for staff in (STAFF[1], "no")]
    people += [("GET", EXCEPTED, f"u-{user}", None) for user in range(5)]
    for method, tenant, user, staff in people:
        side = "new" if chance(rule, method, tenant, user, staff == STAFF[1]) else "legacy"
        yield method, f"{rule.prefix}7", headers(tenant, user, staff), side
    for target in (f"/{rule.name}/invoices/7", f"/{rule.name}", "/"):
        yield "GET", target, headers(own, "u-1"), "legacy"
