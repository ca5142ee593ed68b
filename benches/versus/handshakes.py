"""Does the load resume its TLS sessions? A relay between it and the proxy reads what the proxy's first word says."""

import socket
import socketserver
import threading

SERVER_HELLO, PRE_SHARED_KEY = 2, 41


class Relay(socketserver.ThreadingTCPServer):
    """Carries connections to a port, and counts those whose session was resumed. A context manager."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.upstream, self.port = port, self.server_address[1]
        self.lock, self.connections, self.resumed = threading.Lock(), 0, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def count(self, resumed):
        with self.lock:
            self.connections += 1
            self.resumed += resumed


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as upstream:
            threading.Thread(target=_carry, args=(self.request, upstream), daemon=True).start()
            try:
                first = upstream.recv(65536)
            except ConnectionResetError:
                # The load was over.
                return
            if first:
                self.server.count(resumes(first))
                _carry(upstream, self.request, first)


def _carry(source, sink, data=b""):
    try:
        sink.sendall(data)
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # Either end may have closed already.
        pass


def resumes(record):
    """Whether a ServerHello takes up the session that it was offered (RFC 8446, section 4.2.11)."""
    # Record header 5, handshake header 4, version 2, random 32: then the session id.
    if len(record) < 44 or record[5] != SERVER_HELLO:
        return False
    place = 44 + record[43] + 3
    end = place + 2 + int.from_bytes(record[place:place + 2], "big")
    place += 2
    while place + 4 <= min(end, len(record)):
        kind, length = int.from_bytes(record[place:place + 2], "big"), int.from_bytes(record[place + 2:place + 4], "big")
        if kind == PRE_SHARED_KEY:
            return True
        place += 4 + length
    return False
