"""WebSocket: a server, and talks with it by the package websockets. Each talk returns what it and the server observed."""

import asyncio
import contextlib
import hashlib
import http
import ssl

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


def digest(data):
    data = data.encode() if isinstance(data, str) else data
    return len(data), hashlib.sha256(data).hexdigest()[:16]


class Server:
    """Serves in the running loop; keeps how each talk ended for it, by path."""

    def __init__(self):
        self.ended, self.changed = {}, asyncio.Condition()

    async def start(self, tls=None):
        self.server = await serve(
            self.talk, "127.0.0.1", 0, ssl=tls, select_subprotocol=self.choose, process_request=self.admit, max_size=None,
            ping_interval=None)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def choose(self, connection, offered):
        return next((known for known in ("v2.chat", "v1.chat") if known in offered), None)

    def admit(self, connection, request):
        if request.path.startswith("/forbidden"):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not you\n")
        return None

    async def talk(self, connection):
        path = connection.request.path
        with contextlib.suppress(websockets.ConnectionClosed):
            if path.startswith("/close"):
                await connection.close(int(path.split("/")[2]), "because")
            elif path.startswith("/abort"):
                await connection.send("one")
                connection.transport.abort()
            elif path.startswith("/ping"):
                await asyncio.wait_for(await connection.ping(b"are you there"), 5)
                await connection.send("pong came")
            elif path.startswith("/push"):
                for number in range(100):
                    await connection.send(f"news {number}")
            async for message in connection:
                await connection.send(message)
        await connection.wait_closed()
        async with self.changed:
            self.ended[path] = (connection.close_code, connection.close_reason)
            self.changed.notify_all()

    async def how_it_ended(self, path):
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: path in self.ended), 5)
            return self.ended.pop(path)


def talks(server):
    """The talks by name; each takes how to open a connection to a path."""

    async def echo(open_to):
        async with open_to("/echo") as connection:
            answers = []
            for message in ("hello", "", "ä€😀", b"\x00\xff", b"", "x" * 125, "x" * 126, b"y" * 65535, b"y" * 65536):
                await connection.send(message)
                answer = await connection.recv()
                answers.append((type(answer).__name__, digest(answer)))
        return answers, await server.how_it_ended("/echo")

    async def big(open_to):
        async with open_to("/big", compression=None) as connection:
            message = bytes(range(256)) * 4096
            answers = []
            for _ in range(8):
                await connection.send(message)
                answers.append(digest(await connection.recv()))
        return answers

    async def compressed(open_to):
        async with open_to("/compressed") as connection:
            await connection.send("again and again " * 65536)
            answer = digest(await connection.recv())
            return answer, connection.response.headers.get("Sec-WebSocket-Extensions")

    async def fragments(open_to):
        async def parts():
            for number in range(20):
                yield f"part {number} "
                await asyncio.sleep(0)

        async with open_to("/fragments") as connection:
            await connection.send(parts())
            return digest(await connection.recv())

    async def ping(open_to):
        async with open_to("/echo") as connection:
            await asyncio.wait_for(await connection.ping(b"now"), 5)
        async with open_to("/ping") as connection:
            return await connection.recv()

    async def pushed(open_to):
        async with open_to("/push") as connection:
            return digest("".join([await connection.recv() for _ in range(100)]))

    async def client_closes(open_to):
        found = []
        for code in (1000, 1001, 3001, 4999):
            path = f"/client-closes/{code}"
            connection = await open_to(path)
            await connection.close(code, "enough")
            found.append((connection.close_code, await server.how_it_ended(path)))
        return found

    async def server_closes(open_to):
        found = []
        for code in (1000, 1011, 3002):
            connection = await open_to(f"/close/{code}")
            try:
                await connection.recv()
            except websockets.ConnectionClosed as closed:
                found.append((type(closed).__name__, closed.rcvd and (closed.rcvd.code, closed.rcvd.reason)))
        return found

    async def server_aborts(open_to):
        connection = await open_to("/abort")
        first = await connection.recv()
        try:
            await connection.recv()
            return "still there"
        except websockets.ConnectionClosed as closed:
            return first, type(closed).__name__, connection.close_code

    async def client_aborts(open_to):
        connection = await open_to("/client-aborts")
        await connection.send("one")
        first = await connection.recv()
        connection.transport.abort()
        return first, (await server.how_it_ended("/client-aborts"))[0]

    async def refused(open_to):
        try:
            await open_to("/forbidden")
            return "let in"
        except websockets.InvalidStatus as error:
            return error.response.status_code, bytes(error.response.body)

    async def subprotocol(open_to):
        async with open_to("/echo", subprotocols=["v1.chat", "v0.chat"]) as connection:
            return connection.subprotocol

    async def no_subprotocol(open_to):
        async with open_to("/echo", subprotocols=["other"]) as connection:
            return connection.subprotocol

    async def many(open_to):
        async def one(number):
            async with open_to(f"/many/{number}") as connection:
                for turn in range(20):
                    await connection.send(f"{number} {turn}")
                    assert await connection.recv() == f"{number} {turn}"
                return number

        return sum(await asyncio.gather(*(one(number) for number in range(100))))

    return {
        "text and binary": echo, "1 MiB messages": big, "compressed": compressed, "in fragments": fragments, "ping": ping,
        "pushed": pushed, "client closes": client_closes, "server closes": server_closes, "server aborts": server_aborts,
        "client aborts": client_aborts, "refused with 403": refused, "subprotocol": subprotocol,
        "no subprotocol": no_subprotocol, "100 at once": many,
    }


def opener(port, tls):
    def open_to(path, **settings):
        scheme = "wss" if tls else "ws"
        return connect(
            f"{scheme}://localhost:{port}{path}", ssl=tls, max_size=None, ping_interval=None, open_timeout=10, close_timeout=5,
            proxy=None, **settings)
    return open_to


async def observe(server, port, tls):
    found = {}
    for name, talk in talks(server).items():
        try:
            found[name] = await asyncio.wait_for(talk(opener(port, tls)), 40)
        except Exception as error:  # What goes wrong is what is looked for.
            found[name] = f"{type(error).__name__}: {error}"
    return found


def contexts(files):
    """TLS as a server and as a client."""
    authority, certificate, key = files
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=authority)
