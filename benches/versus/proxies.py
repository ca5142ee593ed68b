"""The proxies and how each is told to do the same work.

The work: keep-alive on both sides (unless the client closes), HTTP/1.1 behind; X-Forwarded-For, -Proto and -Host, Via and
X-Request-Id to the backend; X-Served-By to the client; one JSON line per request in an access log.

With `--mirror`, those that can also send every request to a second backend, whose answer says the same with its members in
another order. nginx and Envoy throw that answer away; Banyan compares it, member by member.

Where they differ: HAProxy cannot write a file, so it logs into a ring buffer in its memory, which spares it the writing.
Banyan also decides by tenant, user and percentage, and makes a traceparent; the others send everything to one backend, unless
the scenario lets everybody decide.
nginx reads an upload to its end before it asks the backend, as it does unless told otherwise; the others pass it on as it comes.

Where everybody decides, all have the rules of rules.py, each as its configuration says them best (routing_*.py), and decisions.py
asks whether the answers are right. The access log also says the route and the side. What is not equal:

- Each draws users by a hash of its own (Banyan XXH3, nginx MurmurHash2, HAProxy XXH32, Envoy XXH64): the shares are the same,
  the users are not. nginx, HAProxy and Banyan salt it, by the flag and by the route; Envoy draws once for both, by weights that make
  the share the same, so that a user whom a flag takes on one route may not be taken by it on the next.
- The tenants that a route names and those of its flag are also in its cohort, so the others look into one list; Banyan has
  three, and goes on until one says yes.
- Paths: nginx and Banyan ask for exactly one segment after the prefix, HAProxy and Envoy for the prefix alone. nginx logs the
  route's name with other methods than the route's, too.
- Buckets of nginx, HAProxy and Envoy are as fine as the rules ask for. Nobody but Banyan has a reason, a bucket and a tenant in the
  access log, counters for each route and side, and the routes of routes.yaml beside these.
"""

import importlib.util
import json
import os
import shutil
from dataclasses import dataclass

import nginx
import routing_envoy
import routing_haproxy
import routing_nginx
import rules
from scenarios import Scenario

NAMES = ("banyan", "nginx", "haproxy", "envoy")
MIRRORING = ("banyan+shadow", "nginx+mirror", "envoy+mirror")


@dataclass(frozen=True)
class Place:
    """Where a proxy is to work, and at what. `shadow` is the port of the second backend, or None; `log` is None where there is
    no file; `cert` and `key` are files."""

    scenario: Scenario
    directory: str
    port: int
    spare: int
    upstream: int
    shadow: int | None
    log: str | None
    cert: str
    key: str


def find(name, given):
    """The binary of a proxy: as given, on the PATH, or where a Python package keeps it; None where there is none."""
    if given:
        return os.path.abspath(given) if os.access(given, os.X_OK) else None
    if name == "banyan":
        return find(name, os.path.join(os.path.dirname(__file__), "..", "..", "target", "release", "banyan"))
    on_path = shutil.which(name)
    if on_path or name != "envoy":
        return on_path
    package = importlib.util.find_spec("envoy")
    inside = os.path.join(os.path.dirname(package.origin), "_bin", "envoy") if package and package.origin else ""
    return inside if os.access(inside, os.X_OK) else None


def command(name, binary, place):
    """Writes the proxy's configuration; gives its command."""
    make = {"banyan": _banyan, "nginx": _nginx, "haproxy": _haproxy, "envoy": _envoy}[name.split("+")[0]]
    return [binary, *make(place)]


def _nginx(place):
    name, mirror, copies = "proxy", "", ""
    if place.shadow:
        name, mirror = "mirror", "mirror /copy;"
        copies = f"""
        location = /copy {{
            internal;
            proxy_pass http://shadow$request_uri;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}"""
    second = f"upstream shadow {{ server 127.0.0.1:{place.shadow}; keepalive 256; keepalive_requests 1000000000; }}" if place.shadow else ""
    wire = (" ssl" if place.scenario.tls else "") + (" http2" if place.scenario.http2 else "")
    pair = f"ssl_certificate {place.cert}; ssl_certificate_key {place.key}; ssl_protocols TLSv1.3;" if place.scenario.tls else ""
    fields, maps = "", ""
    upstreams, locations = ["backend"], f"location / {{ {mirror}proxy_pass http://backend; }}"
    if place.scenario.decide:
        fields, maps = ',"route":"$route","side":"$proxy_host"', routing_nginx.maps(rules.rules(place.scenario.routes))
        upstreams, locations = ["legacy", "new"], routing_nginx.locations()
    behind = "".join(
        f"upstream {upstream} {{ server 127.0.0.1:{place.upstream}; keepalive 256; keepalive_requests 1000000000; }}\n    "
        for upstream in upstreams
    )
    return nginx.command(place.directory, name, f"""
    log_format json escape=json '{{"time":"$time_iso8601","request_id":"$request_id","client":"$remote_addr",'
        '"method":"$request_method","host":"$host","path":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
        '"duration":$request_time,"upstream":"$upstream_addr","upstream_duration":"$upstream_response_time"{fields}}}';
    access_log {place.log} json buffer=64k flush=1s;
    {behind}{second}
{maps}
    server {{
        listen 127.0.0.1:{place.port}{wire} backlog=1024;{copies}
        {pair}
        # A whole body fits, so that none is written to a file on its way.
        proxy_buffers 16 8k;
        client_body_buffer_size 32k;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header Via "1.1 nginx";
        proxy_set_header X-Request-Id $request_id;
        add_header X-Served-By legacy always;
        {locations}
    }}""")


def _haproxy(place):
    wire, scheme = "", "http"
    if place.scenario.tls:
        both = nginx.write(place.directory, "haproxy.pem", "".join(open(file).read() for file in (place.cert, place.key)))
        wire, scheme = f" ssl crt {both} ssl-min-ver TLSv1.3", "https"
    if place.scenario.http2:
        wire += " proto h2"
    # Descriptors are reckoned for a connection to the backend beside each; idle clients have none.
    most = 11000 if place.scenario.idle else 4096
    sides, fields, routing = ["legacy"], "", ""
    if place.scenario.decide:
        sides, fields = ["legacy", "new"], r',\"route\":\"%[var(txn.route)]\",\"side\":\"%b\"'
        routing = routing_haproxy.frontend(rules.rules(place.scenario.routes), place.directory)
    backends = "".join(f"""
backend {side}
    http-response set-header X-Served-By {side}
    server shop 127.0.0.1:{place.upstream} pool-max-conn -1
""" for side in sides)
    path = nginx.write(place.directory, "haproxy.cfg", f"""
global
    nbthread 1
    maxconn {most}
    no strict-limits
    log ring@access local0

ring access
    format raw
    maxlen 1024
    size 1048576

defaults
    mode http
    timeout connect 2s
    timeout client 1h
    timeout server 30s
    timeout http-keep-alive 1h
    option http-keep-alive
    http-reuse always

frontend facade
    bind 127.0.0.1:{place.port}{wire} backlog 1024
    log global
    log-format "{{\\"time\\":\\"%tr\\",\\"request_id\\":\\"%ID\\",\\"client\\":\\"%ci\\",\\"method\\":\\"%HM\\",\\"path\\":\\"%HU\\",\\"status\\":%ST,\\"bytes\\":%B,\\"duration\\":%Ta,\\"upstream\\":\\"%s\\",\\"upstream_duration\\":%Tr{fields}}}"
    unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
    unique-id-header X-Request-Id
    option forwardfor
    http-request set-header X-Forwarded-Proto {scheme}
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header Via "1.1 haproxy"
{routing}
    default_backend legacy
{backends}""")
    return ["-db", "-f", path]


def _envoy(place):
    def address(number):
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    def header(name, value):
        return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}

    def typed(kind, **fields):
        return {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **fields}

    def cluster(name, number):
        return {
            "name": name, "type": "STATIC", "connect_timeout": "2s",
            "load_assignment": {"cluster_name": name, "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": address(number)}}]},
            ]},
        }

    clusters, action = [cluster("legacy", place.upstream)], {"cluster": "legacy"}
    if place.shadow:
        clusters.append(cluster("shadow", place.shadow))
        action["request_mirror_policies"] = [{"cluster": "shadow"}]
    routing = {
        "response_headers_to_add": [header("X-Served-By", "legacy")],
        "routes": [{"match": {"prefix": "/"}, "route": action}],
    }
    fields = {}
    if place.scenario.decide:
        clusters.append(cluster("new", place.upstream))
        routing = routing_envoy.virtual_host(rules.rules(place.scenario.routes))
        fields = {"route": "%ROUTE_NAME%", "side": "%UPSTREAM_CLUSTER%"}
    line = {
        "time": "%START_TIME%", "request_id": "%REQ(X-REQUEST-ID)%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "method": "%REQ(:METHOD)%", "host": "%REQ(:AUTHORITY)%",
        "path": "%REQ(:PATH)%", "status": "%RESPONSE_CODE%", "bytes": "%BYTES_SENT%", "duration": "%DURATION%",
        "upstream": "%UPSTREAM_HOST%", "upstream_duration": "%RESPONSE_DURATION%", **fields,
    }
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="facade", codec_type="HTTP2" if place.scenario.http2 else "HTTP1", use_remote_address=True, via="1.1 envoy",
        access_log=[{
            "name": "file",
            "typed_config": typed("access_loggers.file.v3.FileAccessLog", path=place.log, log_format={"json_format": line}),
        }],
        http_filters=[{
            "name": "envoy.filters.http.router",
            "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
        }],
        route_config={"virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "request_headers_to_add": [header("X-Forwarded-Host", "%REQ(:AUTHORITY)%")],
            **routing,
        }]},
    )
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if place.scenario.tls:
        pair = {"certificate_chain": {"filename": place.cert}, "private_key": {"filename": place.key}}
        chain["transport_socket"] = {"name": "tls", "typed_config": typed(
            "transport_sockets.tls.v3.DownstreamTlsContext",
            common_tls_context={"tls_params": {"tls_minimum_protocol_version": "TLSv1_3"}, "tls_certificates": [pair]},
        )}
    bootstrap = {"static_resources": {
        "listeners": [{"name": "facade", "address": address(place.port), "filter_chains": [chain]}],
        "clusters": clusters,
    }}
    path = nginx.write(place.directory, "envoy-mirror.json" if place.shadow else "envoy.json", json.dumps(bootstrap, indent=2))
    return ["-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


def _banyan(place):
    # The measured request is /orders/7 of u-17, tenant initech: a tenant that no list names, so that the percentage of
    # users decides. With more routes, requests of many tenants and users go to all of those.
    routes = os.path.join(os.path.dirname(__file__), "routes.yaml")
    with open(routes) as file:
        text = file.read()
    name = "banyan-shadow" if place.shadow else "banyan"
    listen = f", tls: {{ certificates: [{{ cert: '{place.cert}', key: '{place.key}' }}] }}" if place.scenario.tls else ""
    values = {
        "PORT": place.port, "LISTEN": listen, "ADMIN": place.spare, "UPSTREAM": place.upstream, "LOG": place.log,
        "STATE": os.path.join(place.directory, f"{name}.state"),
    }
    if place.shadow:
        # The measured route shows the second backend a copy of each request; all are answered by the first.
        read = text.index("  - name: orders-read")
        text = text[:read] + text[read:].replace("stage: canary", "stage: shadow", 1).replace("new: shop-v2", "new: copy", 1)
        text = text.replace("backends:\n", f"backends:\n  copy: {{ endpoints: [\"http://127.0.0.1:{place.shadow}\"] }}\n")
    for section, more in rules.sections(place.scenario.routes).items() if place.scenario.routes else ():
        text = text.replace(f"\n{section}:\n", f"\n{section}:\n{more}")
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    # In a directory of its own: Banyan watches it, and the logs of all the others would wake it.
    directory = os.path.join(place.directory, f"{name}.config")
    os.makedirs(directory, exist_ok=True)
    path = nginx.write(directory, "routes.yaml", text)
    return ["serve", "--config", path, "--workers", "1"]
