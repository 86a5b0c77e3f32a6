"""A real receiver of OTLP over HTTP on a loopback port, which keeps what it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_REQUESTS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}


class OtlpReceiver:
    """``endpoint`` is for OTEL_EXPORTER_OTLP_ENDPOINT; records arrive in ``spans``, ``logs`` and ``metrics``."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.spans: list[Any] = []
        self.logs: list[Any] = []
        self.metrics: list[Any] = []
        self.bodies: list[bytes] = []

    @property
    def span_names(self) -> set[str]:
        return {span.name for span in self.spans}

    def receive(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        request = _REQUESTS[path].FromString(body)
        if path == "/v1/traces":
            self.spans += [
                span for block in request.resource_spans for part in block.scope_spans for span in part.spans
            ]
        elif path == "/v1/logs":
            self.logs += [
                log for block in request.resource_logs for part in block.scope_logs for log in part.log_records
            ]
        else:
            self.metrics += [
                m for block in request.resource_metrics for part in block.scope_metrics for m in part.metrics
            ]


@contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    """A receiver that listens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.receive(self.path, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    receiver = OtlpReceiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
