"""The processes: two httpbins, the facade before them, and a relay that plants differences."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

# Sets of Python have an order of their own in each process, and httpbin prints some: the same one for both, please.
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}

ROUTES = """\
version: 1
listen: [{{ address: "127.0.0.1:{port}" }}]
admin: {{ address: "127.0.0.1:{admin}" }}
state_dir: "{directory}/state"
access_log: "{directory}/access.log"
drain: {{ delay: 0s, grace: 5s }}
defaults: {{ legacy: legacy, timeout: 60s }}
backends:
  legacy: {{ endpoints: ["http://127.0.0.1:{legacy}"] }}
  new: {{ endpoints: ["http://127.0.0.1:{new}"] }}
subject:
  tenant: [{{ header: X-Tenant-Id }}]
  user: [{{ cookie: sid }}]
cohorts:
  beta: {{ tenants: [acme] }}
routes:
  - {{ name: anything, match: {{ path: "/anything/{{*rest}}" }}, new: new, stage: canary,
      canary: {{ cohorts: [beta], percent: 50, by: user }} }}
  - {{ name: uploads, match: [{{ path: /post }}, {{ path: /put }}], new: new, stage: live }}
  - {{ name: images, match: {{ path: "/image/{{*rest}}" }}, new: new, stage: complete }}
  - {{ name: streams, match: [{{ path: "/stream/{{n}}" }}, {{ path: "/range/{{n}}" }}, {{ path: /gzip }}], new: new, stage: live }}
  - {{ name: redirects, match: {{ path: "/redirect/{{n}}" }}, new: new, stage: live }}
  - {{ name: status, match: {{ methods: [GET], path: "/status/{{code}}" }}, new: new, stage: live }}
"""


class Process:
    """A process in a group of its own."""

    alive = []

    def __init__(self, name, command, port, directory):
        self.name, self.log = name, os.path.join(directory, f"{name}.out")
        with open(self.log, "wb") as output:
            # Elsewhere than here: this directory has a module named httpbin of its own.
            self.process = subprocess.Popen(
                command, cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )
        Process.alive.append(self)
        self._await(port)

    def _await(self, port):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if self.process.poll() is None and probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log, errors="replace") as output:
            raise RuntimeError(f"{self.name} does not listen on {port}: {output.read()[-2000:]}")

    @staticmethod
    def stop_all():
        for one in Process.alive:
            for number, patience in ((signal.SIGTERM, 8), (signal.SIGKILL, 5)):
                try:
                    os.killpg(one.process.pid, number)
                    one.process.wait(patience)
                except ProcessLookupError:
                    break
                except subprocess.TimeoutExpired:
                    continue
        Process.alive.clear()


def free_ports(count):
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def httpbin(name, port, directory):
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "24",
        "--keep-alive", "75", "--timeout", "120", "--limit-request-line", "8190", "--no-control-socket", "httpbin:app",
    ]
    return Process(name, command, port, directory)


def facade(binary, port, admin, legacy, new, directory):
    path = os.path.join(directory, "routes.yaml")
    with open(path, "w") as file:
        file.write(ROUTES.format(port=port, admin=admin, legacy=legacy, new=new, directory=directory))
    return Process("facade", [binary, "serve", "--config", path], port, directory)


class Relay:
    """Passes bytes on, and changes some of those that come back: what the comparison must find."""

    def __init__(self, upstream, planted):
        self.upstream, self.planted = upstream, planted
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.upstream))
            for pair in ((client, server, {}), (server, client, self.planted)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    @staticmethod
    def _pass(source, sink, planted):
        try:
            while data := source.recv(1 << 16):
                # Equal lengths keep the framing; what two reads tear apart stays as it is.
                for old, new in planted.items():
                    data = data.replace(old, new)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()
