"""How nginx decides by the rules.

One location's regular expression, compiled by pcre_jit, cuts the route's name out of the path, and `map`, which is a hash, and
`split_clients` say the rest; each leads on to the next by its default, so that no more of them is asked than is needed. Routes
with the same cohort, flag and percentage share a policy, so that all maps but the first are small. A prefix location for each
route would be found without the expression, but costs more in the end: a thousand of them do not fit into the cache. So does a
`proxy_pass` that names its upstream by a variable, beside one in an `if`.
"""

import rules


def maps(listed):
    """What stands in `http`: from $route to $decided, last first."""
    policies = rules.policies(listed)
    percentages = sorted({rule.percent for rule in policies.values()} - {0})
    draws = "".join(
        f'    split_clients "$route $cookie_sid" $draw_{percent} {{ {percent}% new; * legacy; }}\n' for percent in percentages
    )
    return "    map_hash_max_size 8192;\n" + draws + "".join([
        _map("$route", "$policy", [(rule.name, rule.policy) for rule in listed], '""'),
        _map("$policy", "$flag", [(policy, f"feature-{rule.flag}") for policy, rule in policies.items()], '""'),
        f'    split_clients "$flag $cookie_sid" $flagged {{ {rules.FLAGGED}% on; * off; }}\n',
        _map('"$flagged $policy"', "$by_draw", [
            *((f'"on {policy}"', "new") for policy in policies),
            *((f'"off {policy}"', f"$draw_{rule.percent}") for policy, rule in policies.items() if rule.percent),
        ], "legacy"),
        _map("$cookie_sid", "$by_user", [('""', "legacy")], "$by_draw"),
        _map("$policy", "$by_route", [('""', "legacy")], "new"),
        _map(f"$http_{rules.STAFF[0].lower().replace('-', '_')}", "$by_staff", [(rules.STAFF[1], "$by_route")], "$by_user"),
        _map('"$policy $http_x_tenant_id"', "$decided", [
            *((f'"{policy} {tenant}"', "new") for policy, rule in policies.items() for tenant in sorted(rule.tenants)),
            *((f'"{policy} {rules.EXCEPTED}"', "legacy") for policy in policies),
        ], "$by_staff"),
    ])


def locations():
    """What stands in `server`."""
    return f"""
        location ~ ^/(?<route>[^/]+)/orders/[^/]+$ {{
            if ($decided = new) {{
                add_header X-Served-By new always;
                proxy_pass http://new;
            }}
            limit_except {' '.join(rules.READS)} {{ proxy_pass http://legacy; }}
            proxy_pass http://legacy;
        }}
        location / {{ proxy_pass http://legacy; }}"""


def _map(source, name, entries, default):
    lines = "".join(f"        {key} {value};\n" for key, value in entries)
    return f"    map {source} {name} {{\n        default {default};\n{lines}    }}\n"
