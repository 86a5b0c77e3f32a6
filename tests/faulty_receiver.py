"""A real receiver of OTLP on a loopback port that fails on command, and keeps and counts what it is sent.

    with faulty_receiver() as receiver:
        receiver.behave(status(503))                  # from now on
        receiver.next(hang(), status(429, retry_after="2"))      # the next requests, one each
        receiver.stop(); receiver.resume()            # connections are refused, and accepted again

A behaviour gets the request and answers as it likes. Spans, log records and metrics of requests that
were accepted are in ``spans``, ``logs`` and ``metrics``, as in `OtlpReceiver`.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import struct
import threading
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otlp_receiver import OtlpReceiver

_RESPONSES: dict[str, tuple[Any, str]] = {
    "/v1/traces": (ExportTraceServiceResponse, "rejected_spans"),
    "/v1/logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "/v1/metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}

#: Longest time in seconds that a request hangs, should nobody end the receiver.
_LONGEST = 60.0


class Request:
    """One request; ``answer`` and ``reset`` are for behaviours, ``body`` is read and decompressed when asked for."""

    def __init__(self, handler: Any, receiver: FaultyReceiver) -> None:
        self.path: str = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.released = receiver.released
        self.handler = handler
        self._receiver = receiver

    @cached_property
    def body(self) -> bytes:
        sent = self.handler.rfile.read(int(self.headers["content-length"]))
        encoding = self.headers.get("content-encoding")
        if encoding == "gzip":
            return gzip.decompress(sent)
        return zlib.decompress(sent) if encoding == "deflate" else sent

    def answer(self, code: int = 200, body: bytes = b"", **headers: str) -> None:
        """Send a status line, headers and a body. With a status below 300 the request is accepted."""
        self._receiver.settle(self, code)  # first: whoever gets the answer may look at once
        self.handler.send_response(code)
        headers = {"content_length": str(len(body)), "content_type": "application/x-protobuf", **headers}
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        connection: socket.socket = self.handler.connection
        self.handler.close_connection = True
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())  # files made of it keep it open otherwise

    def wait(self, seconds: float = _LONGEST) -> None:
        """Until the receiver ends."""
        self.released.wait(seconds)

    def response(self, rejected: int, message: str) -> bytes:
        """The bytes of a partial success."""
        kind, name = _RESPONSES[self.path]
        made: bytes = kind(partial_success={name: rejected, "error_message": message}).SerializeToString()
        return made


Behaviour = Callable[[Request], None]


def healthy() -> Behaviour:
    return Request.answer


def status(code: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answers with this status; ``retry_after="2"`` becomes the header ``retry-after``."""
    return lambda request: request.answer(code, body, **headers)


def refuse_marked(marker: bytes, code: int = 400) -> Behaviour:
    """Refuses requests in which ``marker`` occurs, and accepts the others."""
    return lambda request: request.answer(code, b"marked") if marker in request.body else request.answer()


def partial_success(rejected: int, message: str = "") -> Behaviour:
    return lambda request: request.answer(200, request.response(rejected, message))


def partial_success_in_json(rejected: int, message: str = "") -> Behaviour:
    names = {"/v1/traces": "rejectedSpans", "/v1/logs": "rejectedLogRecords", "/v1/metrics": "rejectedDataPoints"}

    def behave(request: Request) -> None:
        body = {"partialSuccess": {names[request.path]: str(rejected), "errorMessage": message}}
        request.answer(200, json.dumps(body).encode(), content_type="application/json")

    return behave


def hang() -> Behaviour:
    """Takes the request and never answers."""

    def behave(request: Request) -> None:
        assert request.body
        request.wait()
        request.handler.close_connection = True

    return behave


def hang_in_answer(code: int = 200) -> Behaviour:
    """Begins to answer, and never gets to the end."""

    def behave(request: Request) -> None:
        request.answer(code, b"half of", content_length="1000")
        request.wait()
        request.handler.close_connection = True

    return behave


def drip(seconds: float) -> Behaviour:
    """Answers one byte at a time, with a pause of so many seconds between two, and never gets to the end."""

    def behave(request: Request) -> None:
        request.answer(200, b"", content_length=str(1 << 40))
        while not request.released.wait(seconds):
            request.handler.wfile.write(b".")
        request.handler.close_connection = True

    return behave


def answer_and_close() -> Behaviour:
    """Answers, and closes the connection without a word."""

    def behave(request: Request) -> None:
        request.answer()
        request.handler.close_connection = True

    return behave


def slow(seconds: float) -> Behaviour:
    def behave(request: Request) -> None:
        request.wait(seconds)
        request.answer()

    return behave


def reset() -> Behaviour:
    """Resets the connection in the middle of the request's body."""
    return Request.reset


def reset_in_answer(code: int = 200) -> Behaviour:
    """Resets the connection in the middle of the answer's body."""

    def behave(request: Request) -> None:
        request.answer(code, b"half of", content_length="1000")
        request.reset()

    return behave


class FaultyReceiver(OtlpReceiver):
    """``requests`` holds every request in order, ``accepted`` those that were, ``statuses`` counts the answers."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__("")
        self._tls = tls
        self.requests: list[Request] = []
        self.accepted: list[Request] = []
        self.statuses: Counter[int] = Counter()
        self.connections: list[socket.socket] = []
        self.released = threading.Event()
        self._behaviour = healthy()
        self._next: deque[Behaviour] = deque()
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    @property
    def log_bodies(self) -> list[str]:
        return [log.body.string_value for log in self.logs]

    @property
    def closed(self) -> int:
        """Connections that this side has closed, since it listens."""
        return self._server.closed if self._server is not None else 0

    def behave(self, behaviour: Behaviour) -> None:
        """From now on."""
        self._behaviour = behaviour

    def next(self, *behaviours: Behaviour) -> None:
        """The next requests, one each, before `behave` holds again."""
        self._next.extend(behaviours)

    def forget(self) -> None:
        """Be healthy, and as if nothing had arrived."""
        self._next.clear()
        self.behave(healthy())
        for received in (self.requests, self.accepted, self.statuses, self.spans, self.logs, self.metrics):
            received.clear()

    def resume(self) -> None:
        """Accept connections, at the same port as before."""
        self.released.clear()
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_port
        self.endpoint = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections; those that exist end, and requests that hang with them."""
        if self._server is None or self._thread is None:
            return
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended before
                pass
        self.connections.clear()
        self._server.server_close()
        self._server = self._thread = None

    def begin(self, handler: Any) -> None:
        """A request's headers are there."""
        request = Request(handler, self)
        with self._lock:
            self.requests.append(request)
            behaviour = self._next.popleft() if self._next else self._behaviour
        behaviour(request)

    def settle(self, request: Request, code: int) -> None:
        """The request is about to be answered."""
        body = request.body
        with self._lock:
            self.statuses[code] += 1
            if code < 300:
                self.accepted.append(request)
                if request.headers.get("content-type") == "application/x-protobuf":
                    self.receive(request.path, body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64
    closed = 0

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed += 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is what the tests are about."""


def _handler(receiver: FaultyReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes

        def setup(self) -> None:
            super().setup()
            receiver.connections.append(self.connection)

        def do_POST(self) -> None:
            receiver.begin(self)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def faulty_receiver(tls: ssl.SSLContext | None = None) -> Iterator[FaultyReceiver]:
    """A receiver that listens while the block runs, and is healthy until told otherwise."""
    receiver = FaultyReceiver(tls)
    receiver.resume()
    try:
        yield receiver
    finally:
        receiver.stop()
