"""gRPC: a server by hand of bytes, and calls to it. Each call returns what it observed."""

import concurrent.futures
import hashlib
import threading
import time

import grpc

SERVICE = "test.Echo"
# No limit on messages; a channel of its own for each target.
OPTIONS = [
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0),
]
# What a proxy adds or what names the implementation, not the call.
NOT_THE_CALLS = {"user-agent", "grpc-accept-encoding", "x-served-by", "via", "x-request-id", "traceparent", "date"}


def metadata(items):
    kept = [(name, value) for name, value in items or () if name not in NOT_THE_CALLS and not name.startswith("x-forwarded-")]
    return sorted((name, value if isinstance(value, str) else value.hex()) for name, value in kept)


def digest(data):
    return len(data), hashlib.sha256(data).hexdigest()[:16]


class Server:
    """What it saw of calls is kept by the name that the call gives itself."""

    def __init__(self, credentials=None):
        self.seen, self.changed = {}, threading.Condition()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), options=OPTIONS)
        kinds = {
            "unary": grpc.unary_unary_rpc_method_handler, "down": grpc.unary_stream_rpc_method_handler,
            "up": grpc.stream_unary_rpc_method_handler, "both": grpc.stream_stream_rpc_method_handler,
        }
        handlers = {
            "Echo": kinds["unary"](self.echo), "Fail": kinds["unary"](self.fail), "Hang": kinds["unary"](self.hang),
            "Count": kinds["down"](self.count), "Break": kinds["down"](self.break_off), "Flood": kinds["down"](self.flood),
            "Sum": kinds["up"](self.sum), "Talk": kinds["both"](self.talk), "After": kinds["both"](self.after),
        }
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        address = "127.0.0.1:0"
        self.port = self.server.add_secure_port(address, credentials) if credentials else self.server.add_insecure_port(address)
        self.server.start()

    def note(self, context, **what):
        name = dict(context.invocation_metadata()).get("call", "?")
        with self.changed:
            self.seen.setdefault(name, {}).update(what)
            self.changed.notify_all()

    def saw(self, name, key, seconds=5):
        """What was noted under this key of a call; waits for it."""
        with self.changed:
            self.changed.wait_for(lambda: key in self.seen.get(name, {}), seconds)
            return self.seen.get(name, {}).get(key, "nothing")

    def echo(self, request, context):
        self.note(context, metadata=metadata(context.invocation_metadata()), peer_has_deadline=context.time_remaining() is not None)
        context.send_initial_metadata([("first", "1"), ("bytes-bin", b"\x00\xff\x80")])
        context.set_trailing_metadata([("last", "2"), ("twice", "a"), ("twice", "b"), ("sum-bin", b"\xfe\x01")])
        return request

    def fail(self, request, context):
        context.set_trailing_metadata([("why", "gone")])
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing here: ä % \"quoted\"\nline")

    def hang(self, request, context):
        ended = threading.Event()
        context.add_callback(ended.set)
        remaining = context.time_remaining()
        self.note(context, deadline=None if remaining is None else round(remaining))
        self.note(context, cancelled=ended.wait(10))
        return b""

    def count(self, request, context):
        ended = threading.Event()
        slow = dict(context.invocation_metadata()).get("mode") == "slow"
        if slow:
            # Whether this goes on after a cancel is chance; that it is told is not.
            context.add_callback(lambda: (self.note(context, cancelled=True), ended.set()))
        for number in range(int(request)):
            yield b"%d" % number
            if number == 4 and slow:
                ended.wait(10)
                return

    def break_off(self, request, context):
        yield b"one"
        yield b"two"
        context.set_trailing_metadata([("why", "enough")])
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")

    def flood(self, request, context):
        for number in range(int(request)):
            yield bytes([number % 256]) * 65536

    def sum(self, requests, context):
        total = hashlib.sha256()
        count = 0
        for request in requests:
            total.update(request)
            count += 1
        return b"%d %s" % (count, total.hexdigest().encode())

    def talk(self, requests, context):
        try:
            for request in requests:
                yield b"re: " + request
        finally:
            self.note(context, ended=True)

    def after(self, requests, context):
        # Speaks only when the client has said its last word.
        words = list(requests)
        yield b"%d words" % len(words)
        yield b"and one more"


def channel(port, authority=None):
    target = f"localhost:{port}"
    if authority is None:
        return grpc.insecure_channel(target, OPTIONS)
    with open(authority, "rb") as file:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()), OPTIONS)


def ended(call):
    """How a call ended, as its client sees it."""
    try:
        return {"code": call.code().name, "details": call.details(), "trailing": metadata(call.trailing_metadata())}
    except grpc.RpcError as error:
        return {"error": repr(error)}


def received(call):
    messages = []
    try:
        for message in call:
            messages.append(message)
    except grpc.RpcError:
        pass
    return {"messages": digest(b"|".join(messages)), "count": len(messages), **ended(call)}


def unary(to, method, request, name, timeout=20, extra=()):
    call = to.unary_unary(f"/{SERVICE}/{method}")
    try:
        answer, done = call.with_call(request, timeout=timeout, metadata=[("call", name), *extra])
        return {"answer": digest(answer), "initial": metadata(done.initial_metadata()), **ended(done)}
    except grpc.RpcError as error:
        return {"initial": metadata(error.initial_metadata()), **ended(error)}


def calls(server):
    """The calls by name; each takes a channel."""

    def echo(to):
        result = unary(to, "Echo", b"hello", "echo", extra=[("plain", "a"), ("plain", "b"), ("bytes-bin", b"\x00\xff\xfe")])
        return {**result, "server": server.saw("echo", "metadata"), "deadline": server.saw("echo", "peer_has_deadline")}

    def deadline(to):
        started = time.monotonic()
        result = unary(to, "Hang", b"", "deadline", timeout=1)
        # Whether the client's own clock or the server's speaks first is chance.
        result.pop("details")
        return {**result, "took": round(time.monotonic() - started), "server": server.saw("deadline", "deadline"), "cancelled": server.saw("deadline", "cancelled", 4)}

    def cancel_unary(to):
        future = to.unary_unary(f"/{SERVICE}/Hang").future(b"", timeout=20, metadata=[("call", "cancel-unary")])
        server.saw("cancel-unary", "deadline")
        future.cancel()
        return {"code": future.code().name, "cancelled": server.saw("cancel-unary", "cancelled", 4)}

    def cancel_stream(to):
        call = to.unary_stream(f"/{SERVICE}/Count")(b"100", timeout=20, metadata=[("call", "cancel-stream"), ("mode", "slow")])
        words = [next(call) for _ in range(5)]
        call.cancel()
        return {"words": words, "code": call.code().name, "cancelled": server.saw("cancel-stream", "cancelled", 4)}

    def down(to):
        return received(to.unary_stream(f"/{SERVICE}/Count")(b"500", timeout=20, metadata=[("call", "down")]))

    def broken(to):
        return received(to.unary_stream(f"/{SERVICE}/Break")(b"", timeout=20, metadata=[("call", "broken")]))

    def up(to):
        answer, done = to.stream_unary(f"/{SERVICE}/Sum").with_call(
            (b"%d" % number * 100 for number in range(500)), timeout=20, metadata=[("call", "up")])
        return {"answer": answer, **ended(done)}

    def talk(to):
        # Each word waits for the answer to the one before: nothing on the way may hold a word back.
        turn, words = threading.Semaphore(1), []

        def say():
            for number in range(50):
                turn.acquire()
                yield b"%d" % number

        call = to.stream_stream(f"/{SERVICE}/Talk")(say(), timeout=20, metadata=[("call", "talk")])
        for word in call:
            words.append(word)
            turn.release()
        return {"words": len(words), "last": words[-1], **ended(call)}

    def talk_cancelled(to):
        def say():
            yield b"one"
            time.sleep(5)

        call = to.stream_stream(f"/{SERVICE}/Talk")(say(), timeout=20, metadata=[("call", "talk-cancelled")])
        word = next(call)
        call.cancel()
        return {"word": word, "code": call.code().name, "server": server.saw("talk-cancelled", "ended", 4)}

    def after(to):
        return received(to.stream_stream(f"/{SERVICE}/After")(iter([b"a", b"b"]), timeout=20, metadata=[("call", "after")]))

    def slow_reader(to):
        call = to.unary_stream(f"/{SERVICE}/Flood")(b"300", timeout=30, metadata=[("call", "flood")])
        first = [next(call)]
        time.sleep(1)
        return {"first": digest(first[0]), **received(call)}

    def many(to):
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            return sorted(str(one) for one in pool.map(lambda n: unary(to, "Echo", b"%d" % n * 1000, f"many-{n}")["answer"], range(200)))

    return {
        "unary": echo,
        "unary, nothing in it": lambda to: unary(to, "Echo", b"", "empty"),
        "unary, 20 MB": lambda to: unary(to, "Echo", bytes(range(256)) * 80_000, "big"),
        "unary, large metadata": lambda to: unary(to, "Echo", b"x", "large", extra=[("long", "y" * 6000)]),
        "trailers only": lambda to: unary(to, "Fail", b"x", "fail"),
        "no such method": lambda to: unary(to, "Nothing", b"x", "nothing"),
        "deadline": deadline,
        "cancelled unary": cancel_unary,
        "cancelled stream": cancel_stream,
        "server streams": down,
        "server breaks off": broken,
        "client streams": up,
        "both stream, word for word": talk,
        "both stream, cancelled": talk_cancelled,
        "server speaks when the client has ended": after,
        "slow reader": slow_reader,
        "200 at once": many,
    }
