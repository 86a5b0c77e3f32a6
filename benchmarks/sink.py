"""A receiver of OTLP over HTTP in a process of its own: ``python -m benchmarks.sink``.

It prints its port, keeps what it is sent as it came, and obeys lines on its standard input: ``down`` closes the port,
``up`` opens it again, ``report`` prints one line of JSON: when each record came, by name or body, and its identity.
"""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_received: list[tuple[float, str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        _received.append((time.time(), self.path, body))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def process_request(self, request: Any, client_address: Any) -> None:
        _connections.append(request)
        super().process_request(request, client_address)


_connections: list[Any] = []


def _listen(port: int) -> _Server:
    server = _Server(("127.0.0.1", port), _Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


def _close(server: _Server) -> None:
    server.shutdown()
    server.server_close()
    while _connections:
        connection = _connections.pop()
        with suppress(OSError):  # the client has gone
            connection.shutdown(socket.SHUT_RDWR)  # closed alone, it is open until its handler is done with it
        connection.close()


def _report() -> dict[str, list[Any]]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: list[Any] = []
    logs: list[Any] = []
    for at, path, body in _received:
        raw = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        if path.endswith("/v1/traces"):
            found = [
                span for block in ExportTraceServiceRequest.FromString(raw).resource_spans for span in _spans(block)
            ]
            spans += [
                (at, each.name, each.trace_id.hex(), each.span_id.hex(), each.end_time_unix_nano / 1e9)
                for each in found
            ]
        elif path.endswith("/v1/logs"):
            for logged in ExportLogsServiceRequest.FromString(raw).resource_logs:
                logs += [(at, log.body.string_value) for part in logged.scope_logs for log in part.log_records]
    return {"spans": spans, "logs": logs}


def _spans(block: Any) -> Iterator[Any]:
    for part in block.scope_spans:
        yield from part.spans


def main() -> None:
    server = _listen(0)
    port = server.server_port
    print(port, flush=True)
    for line in sys.stdin:
        if line.strip() == "down":
            _close(server)
        elif line.strip() == "up":
            server = _listen(port)
        print(json.dumps(_report()) if line.strip() == "report" else "done", flush=True)


class Sink:
    """The process, seen from a benchmark."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.endpoint = f"http://127.0.0.1:{self._line()}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, word: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._line()

    def report(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = json.loads(self.tell("report"))
        return found


@contextmanager
def sink() -> Iterator[Sink]:
    command = [sys.executable, "-m", "benchmarks.sink"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Sink(process)
        finally:
            process.kill()


if __name__ == "__main__":
    main()
