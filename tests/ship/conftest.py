"""What tests of sending share: messages as what they say, whatever order it is said in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS: dict[str, Any] = {
    "spans": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}

Said = dict[tuple[bytes, ...], list[bytes]]


@pytest.fixture(scope="session")
def said() -> Callable[..., Said]:
    """``said(signal, message)``: the messages of all records by resource and scope, ``message`` being bytes or
    the official class; without what the standard encoder leaves out."""

    def said(signal: str, message: Any) -> Said:
        request = REQUESTS[signal].FromString(message if isinstance(message, bytes) else message.SerializeToString())
        return {
            (_bytes(top.resource), top.schema_url.encode(), _bytes(part.scope), part.schema_url.encode()): sorted(
                each for record in getattr(part, _RECORDS[signal]) for each in _PARTS[signal](record)
            )
            for top in getattr(request, f"resource_{signal}")
            for part in getattr(top, f"scope_{signal}")
        }

    return said


_RECORDS = {"spans": "spans", "logs": "log_records", "metrics": "metrics"}


def _bytes(message: Any) -> bytes:
    """By fields in order; unlike ``==``, it takes NaN for NaN, and 0.0 not for -0.0."""
    made: bytes = message.SerializeToString(deterministic=True)
    return made


def _span(span: Any) -> list[bytes]:
    span.flags &= ~0xFF
    for link in span.links:
        link.flags &= ~0xFF
        link.ClearField("trace_state")
    return [_bytes(span)]


def _points(metric: Any) -> list[bytes]:
    """Each point as the only one of its metric."""
    data = getattr(metric, metric.WhichOneof("data"))
    points = [_bytes(point) for point in data.data_points]
    data.ClearField("data_points")
    return [_bytes(metric) + point for point in points]


_PARTS: dict[str, Callable[[Any], list[bytes]]] = {
    "spans": _span,
    "logs": lambda log: [_bytes(log)],
    "metrics": _points,
}
