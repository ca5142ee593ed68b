"""How an nginx of one worker is told to do anything at all, in front or behind."""

import os


def write(directory, name, text):
    """Writes a file; gives its path."""
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def command(directory, name, http):
    """Writes the configuration with `http` in it; gives the arguments."""
    temporary = "\n".join(
        f"    {kind}_temp_path {directory}/{name}.{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = write(directory, f"{name}.nginx.conf", f"""
daemon off;
pcre_jit on;
worker_processes 1;
pid {directory}/{name}.nginx.pid;
error_log {directory}/{name}.nginx.error.log;
events {{ worker_connections 16384; }}
http {{
{temporary}
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
{http}
}}
""")
    return ["-c", path, "-p", directory]
