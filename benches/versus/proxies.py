"""The proxies and how each is told to do the same work.

The work: HTTP/1.1 keep-alive on both sides; X-Forwarded-For, -Proto and -Host, Via and X-Request-Id to the backend;
X-Served-By to the client; one JSON line per request in an access log.

With `--mirror`, those that can also send every request to a second backend, whose answer says the same with its members in
another order. nginx and Envoy throw that answer away; Banyan compares it, member by member.

Where they differ: HAProxy cannot write a file, so it logs into a ring buffer in its memory, which spares it the writing.
Banyan also decides by tenant, user and percentage, and makes a traceparent; the others send everything to one backend.
"""

import importlib.util
import json
import os
import shutil

BODY = 1024
NAMES = ("banyan", "nginx", "haproxy", "envoy")
MIRRORING = ("banyan+shadow", "nginx+mirror", "envoy+mirror")


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


def backend(directory, port, name="backend"):
    """An nginx that answers 1 KB of JSON, /seen with the headers that reached it, and /count with how much it was asked. The
    one called shadow has its members in another order."""
    items = [{"sku": f"sku-{number}", "name": "kettle", "quantity": number, "price": 19.5 + number} for number in range(11)]
    order = {"id": 7, "status": "open", "paid": True, "total": 214.5, "note": "", "items": items, "customer": {"id": 17, "tier": "gold"}}
    if name == "shadow":
        order = dict(reversed(order.items()))
    order["note"] = "x" * (BODY - len(json.dumps(order)))
    answer = json.dumps(order)
    seen = json.dumps({
        "x-forwarded-for": "$http_x_forwarded_for", "x-forwarded-proto": "$http_x_forwarded_proto",
        "x-forwarded-host": "$http_x_forwarded_host", "via": "$http_via", "x-request-id": "$http_x_request_id",
        "protocol": "$server_protocol",
    })
    return _nginx(directory, name, f"""
    access_log off;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ default_type application/json; return 200 '{answer}'; }}
        location = /count {{ stub_status; }}
        location = /seen {{ default_type application/json; return 200 '{seen}'; }}
    }}""")


def command(name, binary, directory, port, upstream, spare, shadow):
    """Writes the proxy's configuration; gives its command and its access log (None where there is no file). `shadow` is
    the port of the second backend, or None."""
    log = os.path.join(directory, f"{name}.access.log")
    make = {"banyan": _banyan, "nginx": _nginx_proxy, "haproxy": _haproxy, "envoy": _envoy}[name.split("+")[0]]
    return [binary, *make(directory, port, upstream, log, spare, shadow)], (None if name == "haproxy" else log)


def _write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def _nginx(directory, name, http):
    temporary = "\n".join(
        f"    {kind}_temp_path {directory}/{name}.{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = _write(directory, f"{name}.nginx.conf", f"""
daemon off;
worker_processes 1;
pid {directory}/{name}.nginx.pid;
error_log {directory}/{name}.nginx.error.log;
events {{ worker_connections 4096; }}
http {{
{temporary}
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
{http}
}}
""")
    return ["-c", path, "-p", directory]


def _nginx_proxy(directory, port, upstream, log, _spare, shadow):
    name, mirror, copies = "proxy", "", ""
    if shadow:
        name, mirror = "mirror", "mirror /copy;"
        copies = f"""
        location = /copy {{
            internal;
            proxy_pass http://shadow$request_uri;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}"""
    second = f"upstream shadow {{ server 127.0.0.1:{shadow}; keepalive 256; keepalive_requests 1000000000; }}" if shadow else ""
    return _nginx(directory, name, f"""
    log_format json escape=json '{{"time":"$time_iso8601","request_id":"$request_id","client":"$remote_addr",'
        '"method":"$request_method","host":"$host","path":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
        '"duration":$request_time,"upstream":"$upstream_addr","upstream_duration":"$upstream_response_time"}}';
    access_log {log} json buffer=64k flush=1s;
    upstream backend {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    {second}
    server {{
        listen 127.0.0.1:{port} backlog=1024;{copies}
        location / {{
            {mirror}
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header Via "1.1 nginx";
            proxy_set_header X-Request-Id $request_id;
            add_header X-Served-By legacy always;
        }}
    }}""")


def _haproxy(directory, port, upstream, _log, _spare, _shadow):
    path = _write(directory, "haproxy.cfg", f"""
global
    nbthread 1
    maxconn 4096
    log ring@access local0

ring access
    format raw
    maxlen 1024
    size 1048576

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 30s
    timeout http-keep-alive 60s
    option http-keep-alive
    http-reuse always

frontend facade
    bind 127.0.0.1:{port} backlog 1024
    log global
    log-format "{{\\"time\\":\\"%tr\\",\\"request_id\\":\\"%ID\\",\\"client\\":\\"%ci\\",\\"method\\":\\"%HM\\",\\"path\\":\\"%HU\\",\\"status\\":%ST,\\"bytes\\":%B,\\"duration\\":%Ta,\\"upstream\\":\\"%s\\",\\"upstream_duration\\":%Tr}}"
    unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
    unique-id-header X-Request-Id
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header Via "1.1 haproxy"
    http-response set-header X-Served-By legacy
    default_backend shop

backend shop
    server shop 127.0.0.1:{upstream} pool-max-conn -1
""")
    return ["-db", "-f", path]


def _envoy(directory, port, upstream, log, _spare, shadow):
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

    clusters, action = [cluster("shop", upstream)], {"cluster": "shop"}
    if shadow:
        clusters.append(cluster("shadow", shadow))
        action["request_mirror_policies"] = [{"cluster": "shadow"}]
    line = {
        "time": "%START_TIME%", "request_id": "%REQ(X-REQUEST-ID)%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "method": "%REQ(:METHOD)%", "host": "%REQ(:AUTHORITY)%",
        "path": "%REQ(:PATH)%", "status": "%RESPONSE_CODE%", "bytes": "%BYTES_SENT%", "duration": "%DURATION%",
        "upstream": "%UPSTREAM_HOST%", "upstream_duration": "%RESPONSE_DURATION%",
    }
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="facade", codec_type="HTTP1", use_remote_address=True, via="1.1 envoy",
        access_log=[{
            "name": "file",
            "typed_config": typed("access_loggers.file.v3.FileAccessLog", path=log, log_format={"json_format": line}),
        }],
        http_filters=[{
            "name": "envoy.filters.http.router",
            "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
        }],
        route_config={"virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "request_headers_to_add": [header("X-Forwarded-Host", "%REQ(:AUTHORITY)%")],
            "response_headers_to_add": [header("X-Served-By", "legacy")],
            "routes": [{"match": {"prefix": "/"}, "route": action}],
        }]},
    )
    bootstrap = {"static_resources": {
        "listeners": [{
            "name": "facade", "address": address(port),
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
            }]}],
        }],
        "clusters": clusters,
    }}
    path = _write(directory, "envoy-mirror.json" if shadow else "envoy.json", json.dumps(bootstrap, indent=2))
    return ["-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


def _banyan(directory, port, upstream, log, spare, shadow):
    # The measured request is /orders/7 of u-17, tenant initech: a tenant that no list names, so that the percentage of
    # users decides.
    routes = os.path.join(os.path.dirname(__file__), "routes.yaml")
    with open(routes) as file:
        text = file.read()
    name = "banyan-shadow" if shadow else "banyan"
    values = {"PORT": port, "ADMIN": spare, "UPSTREAM": upstream, "LOG": log, "STATE": os.path.join(directory, f"{name}.state")}
    if shadow:
        # The measured route shows the second backend a copy of each request; all are answered by the first.
        read = text.index("  - name: orders-read")
        text = text[:read] + text[read:].replace("stage: canary", "stage: shadow", 1).replace("new: shop-v2", "new: copy", 1)
        text = text.replace("backends:\n", f"backends:\n  copy: {{ endpoints: [\"http://127.0.0.1:{shadow}\"] }}\n")
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = _write(directory, f"{name}.routes.yaml", text)
    return ["serve", "--config", path, "--workers", "1"]
