"""Hand-made records with everything but what a test is about filled in."""

from __future__ import annotations

from typing import Any

from tidegate.records import Log, Metric, Point, Resource, Scope, Span, Trace

SHOP = Resource({"service.name": "shop"})
PAYMENTS = Resource({"service.name": "payments"})
SCOPE = Scope("sample")
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
MS = 10**6
#: Start of all samples: a moment long ago, so that the date shows.
T0 = 1_700_000_000 * 10**9


def span(name: str, *, id: str = "", parent: str = "", start: float = 0, end: float = 10, **fields: Any) -> Span:
    """A span of `TRACE_ID`; ``start`` and ``end`` in ms since `T0`, its id made of its name."""
    return Span(
        TRACE_ID,
        id or span_id(name),
        name,
        T0 + round(start * MS),
        T0 + round(end * MS),
        **{"resource": SHOP, "scope": SCOPE, "parent_span_id": span_id(parent) if parent else "", **fields},
    )


def span_id(name: str) -> str:
    return name.encode().hex().ljust(16, "0")[:16]


def log(body: Any, *, at: float = 0, under: str = "", severity: int = 9, **fields: Any) -> Log:
    """A log record ``at`` ms since `T0`, of the span named ``under``."""
    moment = T0 + round(at * MS)
    identity = {"trace_id": TRACE_ID, "span_id": span_id(under)} if under else {}
    return Log(
        moment,
        moment,
        **{"resource": SHOP, "scope": SCOPE, "severity_number": severity, "body": body, **identity, **fields},
    )


def point(
    name: str, value: dict[str, Any], *, kind: str = "sum", unit: str = "", at: float = 0, **fields: Any
) -> Point:
    return Point(
        Metric(name, kind, unit),
        T0 + round(at * MS),
        T0,
        **{"resource": SHOP, "scope": SCOPE, "value": value, **fields},
    )


def trace(*spans: Span, logs: tuple[Log, ...] = ()) -> Trace:
    return Trace(TRACE_ID, sorted(spans, key=lambda span: span.start_time_unix_nano), logs)
