"""How Envoy decides by the rules.

A tree of prefixes (the matching API) leads to a short list of routes, the first of which that fits is taken. A plain list of all
routes, which Envoy goes through from its beginning, costs more than ten times as much. A tree for the tenants as well, in place
of an expression, is no faster, and takes twice the memory.

Users are drawn by weighted clusters that go by a hash of the cookie. It cannot be salted; that each route has another sum of
weights makes draws of different routes independent. One draw stands for both the flag's and the route's.
"""

import rules


def virtual_host(listed):
    """What a virtual host has in place of its routes."""
    paths = {rule.prefix: _action("RouteList", {"routes": _routes(rule)}) for rule in listed}
    tree = {"matcher_tree": {"input": _input(":path"), "prefix_match_map": {"map": paths}}, "on_no_match": _elsewhere()}
    reads = {"or_matcher": {"predicate": [
        {"single_predicate": {"input": _input(":method"), "value_match": {"exact": method}}} for method in rules.READS
    ]}}
    return {"matcher": {
        "matcher_list": {"matchers": [{"predicate": reads, "on_match": {"matcher": tree}}]}, "on_no_match": _elsewhere(),
    }}


def served_by(side):
    return {"header": {"key": "X-Served-By", "value": side}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _routes(rule):
    """In the order in which Banyan asks."""
    legacy, new = ({"route": {"cluster": side}, "response_headers_to_add": [served_by(side)]} for side in ("legacy", "new"))
    total = 100_000 + rule.number
    weight = round(total * rule.chance)
    draw = {"route": {
        "weighted_clusters": {"use_hash_policy": True, "clusters": [
            {"name": side, "weight": weight, "response_headers_to_add": [served_by(side)]}
            for side, weight in (("new", weight), ("legacy", total - weight))
        ]},
        "hash_policy": [{"cookie": {"name": "sid"}}],
    }}
    return [
        _route(rule.name, legacy, "x-tenant-id", {"exact": rules.EXCEPTED}),
        _route(rule.name, new, "x-tenant-id", {"safe_regex": {"regex": "|".join(sorted(rule.tenants))}}),
        _route(rule.name, new, rules.STAFF[0].lower(), {"exact": rules.STAFF[1]}),
        # Without a cookie the draw would be by chance.
        _route(rule.name, draw, "cookie", {"contains": "sid="}),
        _route(rule.name, legacy),
    ]


def _route(name, answer, header=None, value=None):
    headers = [{"name": header, "string_match": value}] if header else []
    return {"name": name, "match": {"prefix": "/", "headers": headers}, **answer}


def _elsewhere():
    return _action("Route", _route("", {"route": {"cluster": "legacy"}, "response_headers_to_add": [served_by("legacy")]}))


def _action(kind, fields):
    return {"action": {"name": "route", "typed_config": {"@type": f"type.googleapis.com/envoy.config.route.v3.{kind}", **fields}}}


def _input(name):
    kind = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
    return {"name": name, "typed_config": {"@type": kind, "header_name": name}}
