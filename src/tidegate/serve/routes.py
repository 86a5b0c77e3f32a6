"""Every endpoint in one table: where it is, what answers, what it takes, what it gives, and a sentence of help.

The table routes requests, makes the index, and is what the OpenAPI description is written from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.serve import following, health, pages, parameters, patterns, records
from tidegate.serve.message import EVENTS, HTML, JSON, NDJSON, Request, Response
from tidegate.serve.prometheus import OPENMETRICS, TEXT
from tidegate.store.query import FILTERS, OF_PAGES

if TYPE_CHECKING:
    from tidegate.serve.site import Site

Endpoint = Callable[["Site", Request, dict[str, Any]], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` may end in ``{name}``, which stands for one more part. ``is_open``: no token is asked for;
    ``from_anywhere``: a link on a page of another site may lead here; ``is_quick``: no store is asked."""

    path: str
    endpoint: Endpoint
    help: str
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = (JSON,)
    methods: tuple[str, ...] = ("GET",)
    statuses: tuple[int, ...] = (200,)
    is_open: bool = False
    from_anywhere: bool = False
    is_quick: bool = False


#: A client ends its question itself.
_SPANS, _LOGS, _POINTS = (
    tuple(name for name in FILTERS[signal] if name != "timeout") for signal in ("spans", "logs", "metrics")
)
_TRACES = tuple(name for name in _SPANS if name != "trace_id")
_SERIES = ("since", "service", "name", "where", "text")
_PATTERNS = ("since", "until", "service", "limit", "price")


def _following(names: tuple[str, ...]) -> tuple[str, ...]:
    """Of these filters those that make sense for records to come."""
    return tuple(name for name in names if name not in ("since", "until", *OF_PAGES))


ROUTES = (
    Route("/logs", records.logs, "Log records, newest first.", (*_LOGS, "offset", "follow"), (NDJSON,)),
    Route("/logs/json", records.logs_json, "The same as one array.", (*_LOGS, "offset")),
    Route("/logs/stream", following.logs, "Log records as they are written.", _following(_LOGS), (EVENTS,)),
    Route("/spans", records.spans, "Spans, newest first.", (*_SPANS, "offset", "follow"), (NDJSON,)),
    Route("/spans/json", records.spans_json, "The same as one array.", (*_SPANS, "offset")),
    Route(
        "/traces",
        records.traces,
        "Traces of which a span matches, newest first.",
        (*_TRACES, "offset", "spans", "follow"),
        (NDJSON,),
    ),
    Route("/traces/json", records.traces_json, "The same as one array.", (*_TRACES, "offset", "spans")),
    Route(
        "/traces/stream", following.traces, "Traces as their root or entry spans end.", _following(_TRACES), (EVENTS,)
    ),
    Route("/traces/{trace_id}", records.trace, "One trace with its spans and log records.", statuses=(200, 404)),
    Route(
        "/metrics",
        records.metrics,
        "Metric points, newest first; Prometheus text for who asks for it.",
        (*_POINTS, "offset"),
        (NDJSON, TEXT, OPENMETRICS),
    ),
    Route("/metrics/json", records.metrics_json, "The same as one array.", (*_POINTS, "offset")),
    Route(
        "/metrics/current",
        records.current_metrics,
        "The value of each series now, summed over processes.",
        _SERIES,
        (NDJSON,),
    ),
    Route(
        "/metrics/prometheus",
        records.prometheus,
        "The same as Prometheus text or OpenMetrics.",
        _SERIES,
        (TEXT, OPENMETRICS),
    ),
    Route("/services", records.services, "What is stored of each service.", gives=(NDJSON,)),
    Route("/services/json", records.services_json, "The same as one array."),
    Route(
        "/patterns",
        patterns.patterns,
        "Patterns of log messages: how many came, were kept and sent, what is new or spikes; of the last hour.",
        (*_PATTERNS, "sort"),
        (NDJSON,),
    ),
    Route("/patterns/json", patterns.patterns_json, "The same as one array.", (*_PATTERNS, "sort")),
    Route(
        "/patterns/{pattern_id}",
        patterns.pattern,
        "One pattern by service, where its call stands, and its newest records.",
        _PATTERNS,
        statuses=(200, 404),
    ),
    Route("/health", health.full, "Health of every component.", statuses=(200, 503), is_quick=True),
    Route("/health/live", health.live, "Whether this process answers.", is_quick=True),
    Route(
        "/health/ready",
        health.ready,
        "Whether every critical component is fit for work.",
        statuses=(200, 503),
        is_quick=True,
    ),
    Route(
        "/stream",
        following.websocket,
        "A WebSocket with records as they are written.",
        ("signal", *_following((*_LOGS, "name", "errors"))),
        statuses=(426,),
        is_quick=True,
    ),
    Route(
        "/login",
        pages.login,
        "Change a token, or a login URL's code, for a cookie.",
        ("code",),
        (HTML,),
        ("GET", "POST"),
        (200, 303, 403),
        is_open=True,
        from_anywhere=True,
        is_quick=True,
    ),
    Route("/openapi.json", pages.openapi, "This description.", is_quick=True),
    Route("/", pages.index, "What there is.", gives=(JSON, HTML), is_quick=True),
)

_FIXED = {route.path: route for route in ROUTES if "{" not in route.path}
_NAMED = [(route.path.partition("{"), route) for route in ROUTES if "{" in route.path]


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and what its path's named part stands for."""

    route: Route
    named: dict[str, str] = field(default_factory=dict)

    def values(self, request: Request) -> dict[str, Any]:
        """The request's parameters, checked; raises `Problem`."""
        return {**parameters.parse(request.query, self.route.takes), **parameters.named(self.named)}


def find(path: str) -> Found | None:
    """The route of a path, with or without a slash at its end."""
    path = path.rstrip("/") or "/"
    if path in _FIXED:
        return Found(_FIXED[path])
    for (prefix, _, name), route in _NAMED:
        part = path.removeprefix(prefix)
        if part != path and part and "/" not in part:
            return Found(route, {name.removesuffix("}"): part})
    return None
