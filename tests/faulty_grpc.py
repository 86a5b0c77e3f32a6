"""A real receiver of OTLP over gRPC on a loopback port that fails on command, and keeps what it is sent."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otlp_receiver import OtlpReceiver

grpc: Any = importlib.import_module("grpc")  # it has no types

#: Gets the request's bytes and the call; returns the response's bytes, or ends the call otherwise.
Behaviour = Callable[[bytes, Any], bytes]

_PATHS = {"Trace": "/v1/traces", "Logs": "/v1/logs", "Metrics": "/v1/metrics"}


def healthy() -> Behaviour:
    return lambda body, call: b""


def abort(code: str, details: str = "", *metadata: tuple[str, bytes]) -> Behaviour:
    """Ends with this status, and with metadata behind it."""

    def behave(body: bytes, call: Any) -> bytes:
        call.set_trailing_metadata(metadata)
        call.abort(grpc.StatusCode[code], details)
        return b""

    return behave


def refuse_marked(marker: bytes) -> Behaviour:
    refuse = abort("INVALID_ARGUMENT", "marked")
    return lambda body, call: refuse(body, call) if marker in body else b""


def partial_success(rejected: int, message: str) -> Behaviour:
    made = ExportTraceServiceResponse()
    made.partial_success.rejected_spans, made.partial_success.error_message = rejected, message
    return lambda body, call: made.SerializeToString()


class GrpcReceiver(OtlpReceiver):
    """``calls`` holds the method and metadata of every request, accepted or not."""

    def __init__(self) -> None:
        super().__init__("")
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.released = threading.Event()
        self._behaviour = healthy()

    def behave(self, behaviour: Behaviour) -> None:
        """From now on."""
        self._behaviour = behaviour

    def hang(self) -> None:
        """From now on, never answer."""
        self._behaviour = lambda body, call: b"" * self.released.wait(60)

    def answer(self, method: str, body: bytes, call: Any) -> bytes:
        self.calls.append((method, dict(call.invocation_metadata())))
        response = self._behaviour(body, call)
        service = method.rsplit("/", 2)[-2].rsplit(".", 1)[-1].removesuffix("Service")
        self.receive(_PATHS[service], body)
        return response


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, receiver: GrpcReceiver) -> None:
        self._receiver = receiver

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda body, call: self._receiver.answer(details.method, body, call))


@contextmanager
def grpc_receiver(port: int = 0) -> Iterator[GrpcReceiver]:
    """A receiver that listens while the block runs, and is healthy until told otherwise."""
    receiver = GrpcReceiver()
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([_Handler(receiver)])
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    server.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.stop(0).wait()
