"""Endpoints that answer from the store: records as lines of JSON or as an array, metrics also as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

from tidegate import ndjson
from tidegate.serve import encoding, following
from tidegate.serve.message import JSON, NDJSON, Body, Problem, Request, Response, answer
from tidegate.serve.prometheus import OPENMETRICS, TEXT

if TYPE_CHECKING:
    from tidegate.records import Point, Trace
    from tidegate.serve.site import Site

Signal = Literal["logs", "spans", "metrics"]

#: Bytes that a chunk of a response has at least, unless it is the last.
CHUNK_BYTES = 1 << 16


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
    gone = Event()
    return lines(_traces(site, values, gone), gone)


def traces_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    gone = Event()
    return array(_traces(site, values, gone), gone)


def trace(site: Site, request: Request, values: dict[str, Any]) -> Response:
    found = site.reader.trace(values["trace_id"])
    if found is None:
        raise Problem(404, f"no trace begins with {values['trace_id']!r}; {request.root}/traces lists them.")
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
    gone = Event()
    return lines(_records(site, signal, values, gone), gone)


def _array_of(site: Site, signal: Signal, values: dict[str, Any]) -> Response:
    gone = Event()
    return array(_records(site, signal, values, gone), gone)


def _records(site: Site, signal: Signal, values: dict[str, Any], gone: Event) -> Iterator[bytes]:
    return _page(values, lambda **filters: site.reader.lines(signal, stop=gone.is_set, **filters))


def _traces(site: Site, values: dict[str, Any], gone: Event) -> Iterator[bytes]:
    spans = values.pop("spans", False)

    def found(**filters: Any) -> Iterator[bytes]:
        traces = site.reader.traces(stop=gone.is_set, **filters)
        return (ndjson.dumps(trace_dict(trace, spans=spans)) for trace in traces)

    return _page(values, found)


def trace_dict(trace: Trace, *, spans: bool) -> dict[str, Any]:
    """A trace's summary, with its spans if wanted."""
    found = {**trace.to_dict(), "cursor": trace.cursor}
    if spans:
        found["spans"] = [{**span.to_dict(), "cursor": span.cursor} for span in trace.spans]
    return found


def _page(values: dict[str, Any], question: Callable[..., Iterator[bytes]]) -> Iterator[bytes]:
    """The lines that a question has, without the first ``offset``."""
    offset = values.pop("offset", 0)
    if offset and "limit" in values:
        values["limit"] += offset
    return islice(question(**values), offset, None)


def lines(found: Iterable[bytes], gone: Event | None = None) -> Response:
    """Lines of JSON, streamed. ``gone`` is set when the client has had enough, which may be in the middle."""
    return Response(Body(chunks(found), gone.set if gone else None), NDJSON)


def array(found: Iterable[bytes], gone: Event | None = None) -> Response:
    """One array of the objects that the lines hold, streamed."""
    return Response(Body(chunks(_array(found)), gone.set if gone else None), JSON)


def _array(found: Iterable[bytes]) -> Iterator[bytes]:
    between = b"["
    for line in found:
        yield between + line
        between = b","
    yield b"[]\n" if between == b"[" else b"]\n"


def chunks(found: Iterable[bytes]) -> Iterator[bytes]:
    """Lines put together into chunks of at least `CHUNK_BYTES`."""
    held: list[bytes] = []
    length = 0
    for line in found:
        held.append(line)
        length += len(line)
        if length >= CHUNK_BYTES:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)
