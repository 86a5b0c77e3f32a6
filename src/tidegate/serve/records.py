"""Endpoints that answer from the store: records as lines of JSON or as an array, metrics also as Prometheus text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tidegate import ndjson
from tidegate.serve import encoding, following
from tidegate.serve.message import AGAIN, JSON, NDJSON, Body, Problem, Request, Response, answer
from tidegate.serve.prometheus import OPENMETRICS, TEXT

if TYPE_CHECKING:
    from tidegate.records import Point, Trace
    from tidegate.serve.site import Site

Signal = Literal["logs", "spans", "metrics"]

#: A chunk goes out when it has so many bytes, or when so many seconds of search went into it: then it is the
#: turn of others, and the search goes on when its client has taken what was found.
CHUNK_BYTES = 1 << 16
STEP_S = 0.02

#: Lines of JSON, and None where a search may be interrupted.
Steps = Iterable[bytes | None]


def logs(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _lines(site, request, "logs", values)


def logs_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _array_of(site, "logs", values)


def spans(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _lines(site, request, "spans", values)


def spans_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _array_of(site, "spans", values)


def traces(site: Site, request: Request, values: dict[str, Any]) -> Response:
    if values.pop("follow", False):
        return following.lines(site, request, "traces", values)
    return lines(_traces(site, values))


def traces_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return array(_traces(site, values))


def trace(site: Site, request: Request, values: dict[str, Any]) -> Response:
    found = site.reader.trace(values["trace_id"])
    if found is None:
        raise Problem(404, f"no trace begins with {values['trace_id']!r}; {request.base}/traces lists them.")
    logs = [{**log.to_dict(), "cursor": log.cursor} for log in found.logs]
    return answer(ndjson.dumps({**trace_dict(found, spans=True), "logs": logs}))


def metrics(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """Points, unless Prometheus asks: it scrapes ``/metrics`` when nobody told it otherwise."""
    media = encoding.preferred(request.headers.get("accept", ""), (NDJSON, TEXT, OPENMETRICS))
    if media == NDJSON:
        found = _lines(site, request, "metrics", values)
    else:
        for name in values:
            if name not in ("since", "service", "name", "where", "text"):
                raise Problem(400, f"the parameter {name!r} is for points; Prometheus text shows each series once.")
        found = _exposition(site, request, media, values)
    found.headers.append(("vary", "Accept"))
    return found


def metrics_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _array_of(site, "metrics", values)


def current_metrics(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return lines(ndjson.dumps(point.to_dict()) for point in _current(site, request, values))


def prometheus(site: Site, request: Request, values: dict[str, Any]) -> Response:
    media = encoding.preferred(request.headers.get("accept", ""), (TEXT, OPENMETRICS))
    found = _exposition(site, request, media, values)
    found.headers.append(("vary", "Accept"))
    return found


def _exposition(site: Site, request: Request, media: str, values: dict[str, Any]) -> Response:
    points = _current(site, request, values)
    return Response(Body(site.exposition.render(points, openmetrics=media == OPENMETRICS)), media)


def _current(site: Site, request: Request, values: dict[str, Any]) -> Sequence[Point]:
    return () if request.method == "HEAD" else site.reader.current_metrics(**values)


def services(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return lines(_services(site, request))


def services_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return array(_services(site, request))


def _services(site: Site, request: Request) -> Iterator[bytes]:
    found = () if request.method == "HEAD" else site.reader.services()
    return (ndjson.dumps(service.to_dict()) for service in found)


def _lines(site: Site, request: Request, signal: Signal, values: dict[str, Any]) -> Response:
    if values.pop("follow", False):
        return following.lines(site, request, signal, values)
    return lines(_records(site, signal, values))


def _array_of(site: Site, signal: Signal, values: dict[str, Any]) -> Response:
    return array(_records(site, signal, values))


def _records(site: Site, signal: Signal, values: dict[str, Any]) -> Steps:
    return _page(values, partial(site.reader.line_steps, signal))


def _traces(site: Site, values: dict[str, Any]) -> Steps:
    spans = values.pop("spans", False)

    def found(**filters: Any) -> Steps:
        traces = site.reader.trace_steps(**filters)
        return (None if trace is None else ndjson.dumps(trace_dict(trace, spans=spans)) for trace in traces)

    return _page(values, found)


def trace_dict(trace: Trace, *, spans: bool) -> dict[str, Any]:
    """A trace's summary, with its spans if wanted."""
    found = {**trace.to_dict(), "cursor": trace.cursor}
    if spans:
        found["spans"] = [{**span.to_dict(), "cursor": span.cursor} for span in trace.spans]
    return found


def _page(values: dict[str, Any], question: Callable[..., Steps]) -> Steps:
    """The lines that a question has, without the first ``offset``."""
    offset = values.pop("offset", 0)
    if not offset:
        return question(**values)
    if "limit" in values:
        values["limit"] += offset
    return _without(question(**values), offset)


def _without(found: Steps, offset: int) -> Steps:
    for line in found:
        if line is None or offset <= 0:
            yield line
        else:
            offset -= 1


def lines(found: Steps) -> Response:
    """Lines of JSON, streamed."""
    return Response(Body(chunks(found)), NDJSON)


def array(found: Steps) -> Response:
    """One array of the objects that the lines hold, streamed."""
    return Response(Body(chunks(_array(found))), JSON)


def _array(found: Steps) -> Steps:
    between = b"["
    for line in found:
        if line is None:
            yield None
        else:
            yield between + line
            between = b","
    yield b"[]\n" if between == b"[" else b"]\n"


def chunks(found: Steps) -> Iterator[bytes]:
    """Lines put together into chunks as `CHUNK_BYTES` and `STEP_S` say, `AGAIN` where there are none."""
    held: list[bytes] = []
    length, began = 0, time.monotonic()
    for line in found:
        if line is not None:
            held.append(line)
            length += len(line)
        if length >= CHUNK_BYTES or (line is None and time.monotonic() - began >= STEP_S):
            yield b"".join(held) or AGAIN
            held, length, began = [], 0, time.monotonic()
    if held:
        yield b"".join(held)
