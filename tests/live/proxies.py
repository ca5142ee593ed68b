"""nginx or HAProxy in the facade's place, to see what the same load does to them: one worker each, no access log, the same backends."""

import os
import shutil
import subprocess
import sys
import tempfile

from rig import Backend, free_port, reachable, resident, until

# Heads and bodies may take as long as they like, and an answer that nobody takes is never written to a file.
NGINX = """worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_rlimit_nofile 20000;
events {{ worker_connections 20000; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder}; client_header_timeout 600s; client_body_timeout 600s; keepalive_requests 1000000000;
  proxy_max_temp_file_size 0; proxy_request_buffering off; proxy_http_version 1.1; proxy_set_header Connection "";
  upstream legacy {{ server 127.0.0.1:{legacy}; keepalive 256; }}
  upstream new {{ server 127.0.0.1:{new}; keepalive 256; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://legacy; }} location {prefix} {{ proxy_pass http://new; }} }} }}
"""
HAPROXY = """global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  timeout http-request 600s
  http-reuse always
frontend all
  bind 127.0.0.1:{port} backlog 4096
  use_backend new if {{ path_beg {prefix} }}
  default_backend legacy
backend legacy
  server legacy 127.0.0.1:{legacy}
backend new
  server new 127.0.0.1:{new}
"""
PROXIES = {"nginx": (NGINX, ["nginx", "-c"]), "haproxy": (HAPROXY, ["haproxy", "-f"])}


class Proxy:
    """A proxy before two backends, of which `new` has what is below `prefix`; used as a Rig is."""

    def __init__(self, name, legacy, new, prefix):
        if not shutil.which(name):
            sys.exit(f"{name} is not there")
        text, self.command = PROXIES[name]
        self.folder, self.port = tempfile.mkdtemp(prefix="banyan-live-"), free_port()
        self.legacy, self.new = Backend(legacy), Backend(new)
        self.config, self.told = os.path.join(self.folder, "config"), os.path.join(self.folder, "told")
        with open(self.config, "w") as file:
            file.write(text.format(folder=self.folder, port=self.port, legacy=self.legacy.port, new=self.new.port, prefix=prefix))

    def __enter__(self):
        for backend in (self.legacy, self.new):
            until("a backend", lambda: reachable(backend.port))
        with open(self.told, "w") as told:
            self.process = subprocess.Popen([*self.command, self.config], stdout=told, stderr=told)
        until("the proxy", self.is_up)
        return self

    def is_up(self):
        if self.process.poll() is not None:
            with open(self.told) as told:
                sys.exit(f"{self.command[0]} ended with {self.process.returncode}:\n{told.read()}")
        return reachable(self.port)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        for backend in (self.legacy, self.new):
            backend.process.kill()
            backend.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [pid, *map(int, children.read().split())]

    def resident(self):
        """Kilobytes of memory that its processes hold for themselves."""
        return sum(map(resident, self.processes()))

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.processes())
