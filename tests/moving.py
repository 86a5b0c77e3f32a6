"""Records of any content that a store can have, and how they are compared."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from tidegate.records import SPAN_KINDS, STATUS_CODES, Event, Link, Log, Metric, Point, Resource, Scope, Span

U64, U32 = st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 32) - 1)
S32, S64 = st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(max_size=8)
FLOAT = st.floats()  # NaN and the infinities among them


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


TRACE_ID, SPAN_ID = ids(32), ids(16)

_SCALARS = st.none() | st.booleans() | S64 | FLOAT | TEXT | st.binary(max_size=8)

#: What OTLP carries as it is.
VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)

#: What a store can keep, but OTLP cannot: large integers, lone surrogates, keys like those of tags.
ODD_TEXT = st.text(st.characters(exclude_categories=()), max_size=4) | st.sampled_from(["$int", "$bytes", "tagged"])
ODD_VALUES = st.recursive(
    _SCALARS | st.integers() | ODD_TEXT | st.just(1 << 300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=6,
)


def attributes(values: st.SearchStrategy[Any] = VALUES, keys: st.SearchStrategy[str] = TEXT) -> Any:
    # the template has an attribute of its own
    return st.dictionaries(keys.filter(lambda key: key != "log.record.template"), values, max_size=4)


def resources(values: st.SearchStrategy[Any] = VALUES) -> Any:
    return st.builds(Resource, attributes(values), TEXT)


def scopes(values: st.SearchStrategy[Any] = VALUES) -> Any:
    return st.builds(Scope, TEXT, TEXT, TEXT, attributes(values))


def spans(values: st.SearchStrategy[Any] = VALUES, text: st.SearchStrategy[str] = TEXT) -> Any:
    event = st.builds(Event, text, U64, attributes(values), U32)
    flags = st.integers(0, 255)
    link = st.builds(Link, TRACE_ID, SPAN_ID, text, flags, attributes(values), U32, st.booleans())
    return st.builds(
        Span,
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        name=text,
        start_time_unix_nano=U64,
        end_time_unix_nano=U64,
        resource=resources(values),
        scope=scopes(values),
        parent_span_id=SPAN_ID | st.just(""),
        parent_is_remote=st.booleans(),
        kind=st.sampled_from(SPAN_KINDS),
        flags=flags,
        trace_state=text,
        status_code=st.sampled_from(STATUS_CODES),
        status_message=text,
        attributes=attributes(values, text),
        events=st.lists(event, max_size=2),
        links=st.lists(link, max_size=2),
        dropped_attributes_count=U32,
        dropped_events_count=U32,
        dropped_links_count=U32,
        cursor=st.just(""),
    )


def logs(values: st.SearchStrategy[Any] = VALUES, text: st.SearchStrategy[str] = TEXT) -> Any:
    place = st.fixed_dictionaries({"code.file.path": text, "code.line.number": S64, "code.function.name": text})
    some = attributes(values, text)
    located = st.builds(lambda place, others: {**place, **others}, place, some)
    return st.builds(
        Log,
        time_unix_nano=U64,
        observed_time_unix_nano=U64,
        resource=resources(values),
        scope=scopes(values),
        severity_number=st.integers(0, 24),
        severity_text=text,
        body=values,
        event_name=text,
        attributes=some | located,
        trace_id=TRACE_ID | st.just(""),
        span_id=SPAN_ID | st.just(""),
        flags=U32,
        template=text,
        dropped_attributes_count=U32,
        cursor=st.just(""),
    )


_NUMBER = st.fixed_dictionaries({"as_int": S64}) | st.fixed_dictionaries({"as_double": FLOAT})
_SUMS = {"count": U64, "sum": st.none() | FLOAT, "min": st.none() | FLOAT, "max": st.none() | FLOAT}
_COUNTS = st.lists(U64, max_size=3)
_BUCKETS = st.fixed_dictionaries({"offset": S32, "bucket_counts": _COUNTS})
_VALUES = {
    "gauge": _NUMBER,
    "sum": _NUMBER,
    "histogram": st.fixed_dictionaries(
        {**_SUMS, "bucket_counts": _COUNTS, "explicit_bounds": st.lists(FLOAT, max_size=3)}
    ),
    "exponential_histogram": st.fixed_dictionaries(
        {**_SUMS, "scale": st.integers(-64, 64), "zero_count": U64, "positive": _BUCKETS, "negative": _BUCKETS},
        optional={"zero_threshold": st.floats(min_value=0, exclude_min=True)},
    ),
    "summary": st.fixed_dictionaries(
        {
            "count": U64,
            "sum": FLOAT,
            "quantile_values": st.lists(st.fixed_dictionaries({"quantile": FLOAT, "value": FLOAT}), max_size=3),
        }
    ),
}


@st.composite
def points(draw: Any, values: st.SearchStrategy[Any] = VALUES) -> Point:
    kind = draw(st.sampled_from(sorted(_VALUES)))
    is_aggregated = kind in ("sum", "histogram", "exponential_histogram")
    temporality = draw(st.sampled_from(["", "delta", "cumulative"])) if is_aggregated else ""
    metric = Metric(draw(TEXT), kind, draw(TEXT), draw(TEXT), temporality, kind == "sum" and draw(st.booleans()))
    exemplars = st.lists(_exemplars(values), max_size=2) if kind != "summary" else st.just([])
    return Point(
        metric,
        time_unix_nano=draw(U64),
        start_time_unix_nano=draw(U64),
        resource=draw(resources(values)),
        scope=draw(scopes(values)),
        value=draw(_VALUES[kind]),
        attributes=draw(attributes(values)),
        exemplars=draw(exemplars),
        flags=draw(U32),
    )


@st.composite
def _exemplars(draw: Any, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    made = {"filtered_attributes": draw(attributes(values)), "time_unix_nano": draw(U64), **draw(_NUMBER)}
    if draw(st.booleans()):
        made.update(trace_id=draw(TRACE_ID), span_id=draw(SPAN_ID))
    return made


def shown(record: Any) -> str:
    """All of a record, the types of its values included: ``==`` takes 1, 1.0 and True for one, and NaN for none."""
    return repr(_sorted(record.to_dict()))


def _sorted(value: Any) -> Any:
    """With the protocol's own fields in order; a mapping keeps the order that it was given."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value


#: One strategy for each signal.
RECORDS: dict[str, Any] = {"spans": spans(), "logs": logs(), "metrics": points()}
ODD: dict[str, Any] = {
    "spans": spans(ODD_VALUES, ODD_TEXT),
    "logs": logs(ODD_VALUES, ODD_TEXT),
    "metrics": points(ODD_VALUES),
}

#: What every record of an application has, and what tells its signal in protobuf.
TELLS: dict[str, Any] = {
    "spans": lambda span: span.trace_id,
    "logs": lambda log: log.time_unix_nano or log.observed_time_unix_nano,
    "metrics": lambda point: point.metric.name,
}
