"""What stands behind all proxies: an nginx that answers JSON of a given size."""

import json
import os

import nginx


def answer(size, turned=False):
    """An order as JSON, `size` bytes of it; `turned`: with its members in another order."""
    items = [{"sku": f"sku-{number}", "name": "kettle", "quantity": number, "price": 19.5 + number} for number in range(size // 93)]
    order = {"id": 7, "status": "open", "paid": True, "total": 214.5, "note": "", "items": items, "customer": {"id": 17, "tier": "gold"}}
    if turned:
        order = dict(reversed(order.items()))
    while len(json.dumps(order)) > size:
        items.pop()
    order["note"] = "x" * (size - len(json.dumps(order)))
    return json.dumps(order)


def command(directory, port, scenario, name="backend"):
    """Answers an order, /seen with the headers that reached it, and /count with how much it was asked. The one called shadow
    has its members in another order."""
    text = answer(scenario.answer, turned=name == "shadow")
    if scenario.answer > 2048:
        # nginx takes no longer words into its configuration.
        folder = os.path.join(directory, f"{name}.files")
        os.mkdir(folder)
        nginx.write(folder, "order.json", text)
        order = f"root {folder}; try_files /order.json =404; open_file_cache max=10; sendfile on; tcp_nopush on;"
    elif scenario.upload:
        # An upload is read to its end before it is answered: `mirror` reads it, and the file that is missing leads on.
        order = "mirror /read; client_body_buffer_size 32k; log_not_found off; error_page 404 =200 @order;"
    else:
        order = f"return 200 '{text}';"
    seen = json.dumps({
        "x-forwarded-for": "$http_x_forwarded_for", "x-forwarded-proto": "$http_x_forwarded_proto",
        "x-forwarded-host": "$http_x_forwarded_host", "via": "$http_via", "x-request-id": "$http_x_request_id",
        "protocol": "$server_protocol",
    })
    later = f"location @order {{ return 200 '{text}'; }}\n        location = /read {{ internal; return 204; }}" if scenario.upload else ""
    return nginx.command(directory, name, f"""
    access_log off;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ {order} }}
        {later}
        location = /count {{ stub_status; }}
        location = /seen {{ return 200 '{seen}'; }}
    }}""")
