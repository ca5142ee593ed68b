"""How HAProxy decides by the rules.

One look into a tree of prefixes says which route it is and all its numbers in one; what else is asked stands in an order that
fetches each header once, and as late as it can be. Who has no cookie is in no draw.
"""

import nginx
import rules

# What the tenants' map says of who is excepted: no cohort's number.
EXCEPTED = 99


def frontend(listed, directory):
    """What stands in the frontend. Maps are files."""
    def written(name, entries):
        return nginx.write(directory, f"haproxy.{name}.map", "".join(f"{key} {value}\n" for key, value in entries))

    found = written("rules", [(rule.prefix, rule.group * 10000 + rule.flag * 100 + rule.percent) for rule in listed])
    # The cohort holds the route's own tenants and those of its flag as well.
    tenants = written("tenants", [
        *((tenant, group) for group in range(rules.COHORTS) for tenant in rules.members(group)), (rules.EXCEPTED, EXCEPTED),
    ])
    by_flag = "var(txn.rule),div(100),mod(100),concat(:,txn.user),xxh32,mod(100)"
    by_route = "var(txn.route),concat(:,txn.user),xxh32,mod(100),sub(txn.percent)"
    return f"""
    http-request set-var(txn.rule) path,map_beg_int({found}) if {{ method {' '.join(rules.READS)} }}
    http-request set-var(txn.route) path,field(2,/) if {{ var(txn.rule) -m found }}
    use_backend legacy if !{{ var(txn.route) -m found }}
    use_backend legacy if {{ req.hdr(x-tenant-id),map_str_int({tenants},-1),set-var(txn.tenant) -m int {EXCEPTED} }}
    use_backend new if {{ var(txn.rule),div(10000),sub(txn.tenant) eq 0 }}
    use_backend new if {{ req.hdr({rules.STAFF[0]}) {rules.STAFF[1]} }}
    use_backend legacy if !{{ req.cook(sid),set-var(txn.user) -m found }}
    use_backend new if {{ {by_flag} lt {rules.FLAGGED} }}
    use_backend new if {{ var(txn.rule),mod(100),set-var(txn.percent) -m int gt 0 }} {{ {by_route} lt 0 }}"""
