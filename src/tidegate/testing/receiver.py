"""A receiver of OTLP over HTTP on a loopback port, which keeps what it is sent and fails on demand."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any

import orjson

from tidegate import otlp
from tidegate.records import Log, Point, Span

_SIGNALS = {"/v1/traces": "spans", "/v1/logs": "logs", "/v1/metrics": "metrics"}

#: Longest time in seconds that a request hangs, should nobody end the receiver.
_LONGEST = 60.0


@dataclass(frozen=True)
class Received:
    """One request: path, headers with names in lower case, decompressed body, and the status that it was answered with
    (0: none)."""

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    status: int


@dataclass(frozen=True)
class _Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hangs: bool = False


class OTLPReceiver:
    """Listens at a free port of 127.0.0.1 while it is entered; ``endpoint`` is for ``OTEL_EXPORTER_OTLP_ENDPOINT``.

    What it accepts, protobuf or JSON, plain or compressed by gzip or deflate, is in ``spans``, ``logs`` and ``points``,
    as `tidegate.records`; every request is in ``requests``. It is healthy until it is told otherwise.

    >>> import urllib.request
    >>> with OTLPReceiver() as receiver:
    ...     body = b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]}'
    ...     request = urllib.request.Request(receiver.endpoint + "/v1/logs", body, {"content-type": "application/json"})
    ...     status = urllib.request.urlopen(request).status
    >>> [log.body for log in receiver.logs]
    ['hello']
    """

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: list[Span] = []
        self.logs: list[Log] = []
        self.points: list[Point] = []
        self.requests: list[Received] = []
        self._answer, self._next = _Answer(), deque[_Answer]()
        self._connections: list[socket] = []
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    # --- what it does

    def fail(self, status: int = 503, *, times: int | None = None, retry_after: float | None = None) -> None:
        """Refuse requests with an HTTP status, from now on or the next ``times``; ``retry_after`` in seconds."""
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        self._behave(_Answer(status, headers), times)

    def delay(self, seconds: float, *, times: int | None = None) -> None:
        """Accept requests, and answer so many seconds later."""
        self._behave(_Answer(delay=seconds), times)

    def hang(self, *, times: int | None = None) -> None:
        """Take requests and never answer."""
        self._behave(_Answer(hangs=True), times)

    def recover(self) -> None:
        """Be healthy: accept requests, listen again."""
        with self._changed:
            self._answer = _Answer()
            self._next.clear()
        if self._server is None:
            self._listen()

    def refuse(self) -> None:
        """Refuse connections, until `recover`; those that there are end."""
        self._stop()

    def clear(self) -> None:
        """Forget what was received."""
        with self._changed:
            for received in (self.spans, self.logs, self.points, self.requests):
                received.clear()

    def wait_for(self, condition: Callable[[OTLPReceiver], Any], timeout: float = 10.0) -> None:
        """Return once ``condition(receiver)`` is true, such as ``lambda r: r.spans``; raises TimeoutError after so many
        seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                held = f"{len(self.spans)} spans, {len(self.logs)} log records, {len(self.points)} points"
                raise TimeoutError(f"it did not come within {timeout:g} s; there are {held}.")

    def _behave(self, answer: _Answer, times: int | None) -> None:
        with self._changed:
            if times is None:
                self._answer = answer
            else:
                self._next.extend([answer] * times)

    # --- its life

    def __enter__(self) -> OTLPReceiver:
        self._listen()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def _listen(self) -> None:
        self._released.clear()
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_port
        self.endpoint = f"http://127.0.0.1:{self._port}"
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, name="otlp-receiver")
        self._thread.start()

    def _stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        for connection in self._connections:
            try:
                connection.shutdown(SHUT_RDWR)
            except OSError:  # it has ended before
                pass
        self._connections.clear()
        self._server.server_close()  # waits for the threads of requests
        self._server = self._thread = None

    # --- requests

    def handle(self, handler: Any) -> None:
        """One request, whose headers are there."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = _decompressed(handler.rfile.read(int(headers.get("content-length", "0"))), headers)
        with self._changed:
            answer = self._next.popleft() if self._next else self._answer
        if answer.hangs:
            self._settle(Received(handler.path, headers, body, 0))
            self._released.wait(_LONGEST)
            handler.close_connection = True
            return
        self._released.wait(answer.delay)
        status = self._settle(Received(handler.path, headers, body, answer.status))
        _respond(handler, status, {**answer.headers, "content-type": headers.get("content-type", "")})

    def _settle(self, request: Received) -> int:
        """Keep a request; first of all, since whoever gets the answer may look at once."""
        records: dict[str, list[Any]] = {}
        if 200 <= request.status < 300:
            try:
                records = _records(request)
            except (ValueError, KeyError):
                request = Received(request.path, request.headers, request.body, 400)
        with self._changed:
            self.requests.append(request)
            self.spans += records.get("spans", ())
            self.logs += records.get("logs", ())
            self.points += records.get("metrics", ())
            self._changed.notify_all()
        return request.status


def _decompressed(body: bytes, headers: Mapping[str, str]) -> bytes:
    encoding = headers.get("content-encoding")
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


def _records(request: Received) -> dict[str, list[Any]]:
    signal = _SIGNALS[request.path]
    if "json" in request.headers.get("content-type", ""):
        return {signal: otlp.read("json", signal, orjson.loads(request.body))}
    return {signal: otlp.read("proto", signal, request.body)}


def _respond(handler: Any, status: int, headers: Mapping[str, str]) -> None:
    body = b"{}" if "json" in headers["content-type"] else b""
    handler.send_response(status)
    for name, value in {"content-length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is what some tests are about."""


def _handler(receiver: OTLPReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes

        def setup(self) -> None:
            super().setup()
            receiver._connections.append(self.connection)

        def do_POST(self) -> None:
            receiver.handle(self)

        def log_message(self, *args: object) -> None:
            pass

    return Handler
