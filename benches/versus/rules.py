"""A thousand routes that all decide, and requests that meet all of them."""

TENANTS, COHORTS, FLAGS = 200, 20, 20


def sections(count):
    """What is added to the cohorts, flags and routes of Banyan's configuration."""
    cohorts = [
        f"  group-{number}: {{ tenants: [{', '.join(f't-{tenant}' for tenant in range(number, TENANTS, COHORTS))}] }}\n"
        for number in range(COHORTS)
    ]
    flags = [
        f"  feature-{number}: {{ tenants: {{ t-{number}: on, t-{number + 100}: off }}, percent: 10, by: user, default: off }}\n"
        for number in range(FLAGS)
    ]
    routes = [
        f"  - name: service-{number}\n"
        f"    match: {{ methods: [GET, HEAD], path: \"/service-{number}/orders/{{id}}\" }}\n"
        "    new: shop-v2\n"
        "    stage: canary\n"
        f"    canary: {{ tenants: [t-{number % TENANTS}], cohorts: [group-{number % COHORTS}, staff], "
        f"flags: [feature-{number % FLAGS}], percent: {number % 50}, by: user, except: {{ cohorts: [large] }} }}\n"
        for number in range(count)
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
