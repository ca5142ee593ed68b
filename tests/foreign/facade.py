"""The facade between a client and a server of this process, and certificates for both."""

import datetime
import ipaddress
import os
import signal
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FILE = """\
version: 1
listen: [{{ address: "127.0.0.1:{port}"{listen} }}]
admin: {{ address: "127.0.0.1:{admin}" }}
state_dir: "{directory}/state-{port}"
access_log: "{directory}/access-{port}.log"
drain: {{ delay: 0s, grace: 1s }}
defaults: {{ legacy: legacy, timeout: 60s }}
backends:
  legacy: {{ endpoints: ["http://127.0.0.1:9"] }}
  new: {{ endpoints: ["{scheme}://127.0.0.1:{backend}"]{protocol} }}
routes: [{{ name: everything, match: {{ path: "/{{*rest}}" }}, new: new, stage: live }}]
"""


def certificates(directory):
    """An authority and a certificate for 127.0.0.1 and localhost: the paths of authority, certificate and key."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def signed(name, key, issuer, issuer_key, authority):
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=7))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = signed(named("test authority"), authority_key, named("test authority"), authority_key, True)
    certificate = signed(named("localhost"), key, named("test authority"), authority_key, False)
    paths = [os.path.join(directory, name) for name in ("ca.pem", "cert.pem", "key.pem")]
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for path, data in zip(paths, (authority.public_bytes(pem), certificate.public_bytes(pem), private)):
        with open(path, "wb") as file:
            file.write(data)
    os.chmod(paths[2], 0o600)
    return paths


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


class Facade:
    """A running facade before one backend; with TLS in front or behind, and HTTP/2 behind where it is asked for."""

    def __init__(self, binary, directory, files, backend, tls=False, tls_behind=False, http2_behind=False):
        self.port, admin = free_port(), free_port()
        authority, certificate, key = files
        listen = f", tls: {{ certificates: [{{ cert: '{certificate}', key: '{key}' }}] }}" if tls else ""
        protocol = f", tls: {{ ca: '{authority}' }}" if tls_behind else ", protocol: http2" if http2_behind else ""
        scheme = "https" if tls_behind else "http"
        path = os.path.join(directory, f"routes-{self.port}.yaml")
        with open(path, "w") as file:
            file.write(FILE.format(port=self.port, admin=admin, listen=listen, scheme=scheme, backend=backend, protocol=protocol, directory=directory))
        self.log = os.path.join(directory, f"facade-{self.port}.log")
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [binary, "serve", "--config", path], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        with open(self.log, errors="replace") as output:
            raise RuntimeError(f"the facade does not listen: {output.read()[-2000:]}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
