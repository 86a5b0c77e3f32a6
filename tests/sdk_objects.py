"""The SDK's own objects of any content, as an application may make them, and the rows that a store has of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics import export as m
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from moving import S64, TEXT, U32, U64
from tidegate.record import logs, metrics, spans
from tidegate.records import Resource as StoredResource
from tidegate.store import block, codec
from tidegate.store.rows import AnyRows, open_block
from tidegate.store.sealed.gathering import Gathered

RESOURCE = Resource({"service.name": "shop", "host.cpus": 4}, "https://example.com/resource")
STORED = StoredResource(dict(RESOURCE.attributes), RESOURCE.schema_url)

#: A store knows one NaN.
FLOAT = st.floats(allow_nan=False) | st.just(math.nan)

KEYS = st.text(min_size=1, max_size=8)

#: What attributes may be, and what a message carries as it is.
VALUES = st.recursive(
    st.none() | st.booleans() | S64 | FLOAT | TEXT | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=4,
)

TRACE_IDS = st.sampled_from([1, 0xABC << 100]) | st.integers(1, (1 << 128) - 1)
SPAN_IDS = st.integers(1, (1 << 64) - 1)
#: Times as they come: near each other, and at the ends of what OTLP has room for.
TIMES = st.sampled_from([0, 1, (1 << 64) - 1]) | U64 | st.integers(1_760_000_000 * 10**9, 1_760_000_001 * 10**9)
FLAGS = st.integers(0, 255).map(TraceFlags)
STATES = st.sampled_from([None, TraceState(), TraceState([("ot", "th:c"), ("vendor", "x y")])])


def attributes() -> Any:
    return st.builds(_bounded, st.dictionaries(KEYS, VALUES, max_size=3), U32)


def _bounded(values: dict[str, Any], dropped: int) -> BoundedAttributes:
    made = BoundedAttributes(attributes=values)
    made.dropped = dropped
    return made


def scopes() -> Any:
    # of texts: for the SDK scopes are equal whose attributes are 1 and True
    texts = st.dictionaries(KEYS, TEXT, max_size=2)
    made = st.builds(InstrumentationScope, TEXT, TEXT, TEXT, texts)
    return st.sampled_from([InstrumentationScope("a"), InstrumentationScope("b", "1.0")]) | made


def _context(trace_id: int, span_id: int, is_remote: bool, flags: Any, state: Any) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote, flags, state)


def _several(items: st.SearchStrategy[Any]) -> Any:
    return st.builds(_list_of, st.lists(items, max_size=2), U32)


def _list_of(items: list[Any], dropped: int) -> BoundedList[Any]:
    made = BoundedList.from_seq(max(len(items), 1), items)
    made.dropped = dropped
    return made


CONTEXTS = st.builds(_context, TRACE_IDS, SPAN_IDS, st.booleans(), FLAGS, STATES)

EVENTS = st.builds(Event, TEXT, attributes(), TIMES)
LINKS = st.builds(Link, CONTEXTS, attributes())
STATUSES = st.builds(Status, st.just(StatusCode.ERROR), st.none() | TEXT) | st.builds(
    Status, st.sampled_from([StatusCode.UNSET, StatusCode.OK])
)

SPANS: Any = st.builds(
    ReadableSpan,
    name=TEXT,
    context=CONTEXTS,
    parent=st.none() | CONTEXTS,
    resource=st.just(RESOURCE),
    attributes=attributes(),
    events=_several(EVENTS),
    links=_several(LINKS),
    kind=st.sampled_from(SpanKind),
    status=STATUSES,
    start_time=TIMES,
    end_time=TIMES.filter(bool),
    instrumentation_scope=scopes(),
)


def _log(scope: InstrumentationScope, given: dict[str, Any], ids: tuple[int, int, Any]) -> ReadableLogRecord:
    made = LogRecord(**given)
    made.trace_id, made.span_id, made.trace_flags = ids
    return ReadableLogRecord(made, RESOURCE, scope)


LOGS: Any = st.builds(
    _log,
    scopes(),
    st.fixed_dictionaries(
        {
            "timestamp": st.none() | TIMES,
            "observed_timestamp": TIMES,
            "severity_text": st.none() | TEXT,
            "severity_number": st.none() | st.sampled_from(SeverityNumber),
            "body": VALUES,
            "attributes": attributes(),
            "event_name": st.none() | TEXT,
        }
    ),
    st.tuples(st.just(0) | TRACE_IDS, st.just(0) | SPAN_IDS, FLAGS),
)

_PLAIN = attributes().map(dict)
_NUMBER = S64 | FLOAT
_IDS: Any = st.just({}) | st.fixed_dictionaries({"trace_id": TRACE_IDS, "span_id": SPAN_IDS})
_EXEMPLARS = st.lists(
    st.builds(lambda ids, *rest: Exemplar(*rest, **ids), _IDS, _PLAIN, _NUMBER, U64),
    max_size=2,
)
_POINT = {"attributes": _PLAIN, "start_time_unix_nano": TIMES.filter(bool), "time_unix_nano": TIMES}
_COUNTS = st.lists(U64, max_size=3)
_SUMS = {"count": U64, "sum": _NUMBER, "min": FLOAT, "max": FLOAT, "exemplars": _EXEMPLARS}
_BUCKETS = st.builds(m.Buckets, st.integers(-(1 << 31), (1 << 31) - 1), _COUNTS)
_TEMPORALITY = st.sampled_from([m.AggregationTemporality.DELTA, m.AggregationTemporality.CUMULATIVE])

_DATA = st.one_of(
    st.builds(
        m.Gauge,
        st.lists(
            st.builds(
                m.NumberDataPoint, **{**_POINT, "start_time_unix_nano": st.none()}, value=_NUMBER, exemplars=_EXEMPLARS
            ),
            min_size=1,
            max_size=2,
        ),
    ),
    st.builds(
        m.Sum,
        st.lists(st.builds(m.NumberDataPoint, **_POINT, value=_NUMBER, exemplars=_EXEMPLARS), min_size=1, max_size=2),
        _TEMPORALITY,
        st.booleans(),
    ),
    st.builds(
        m.Histogram,
        st.lists(
            st.builds(
                m.HistogramDataPoint,
                **_POINT,
                **_SUMS,
                bucket_counts=_COUNTS,
                explicit_bounds=st.lists(FLOAT, max_size=3),
            ),
            min_size=1,
            max_size=2,
        ),
        _TEMPORALITY,
    ),
    st.builds(
        m.ExponentialHistogram,
        st.lists(
            st.builds(
                m.ExponentialHistogramDataPoint,
                **_POINT,
                **_SUMS,
                scale=st.integers(-10, 20),
                zero_count=U64,
                positive=_BUCKETS,
                negative=_BUCKETS,
                flags=st.integers(0, 1),
            ),
            min_size=1,
            max_size=2,
        ),
        _TEMPORALITY,
    ),
)

_METRICS = st.lists(
    st.builds(m.Metric, KEYS, TEXT, TEXT, _DATA), min_size=1, max_size=3, unique_by=lambda metric: metric.name
)

METRICS: Any = st.builds(
    lambda scopes_of: m.MetricsData(
        [
            m.ResourceMetrics(
                RESOURCE,
                [m.ScopeMetrics(scope, found, scope.schema_url) for scope, found in scopes_of],
                RESOURCE.schema_url,
            )
        ]
    ),
    st.lists(st.tuples(scopes(), _METRICS), max_size=2, unique_by=lambda each: each[0].name),
)


def active(batch: block.Batch, resource: StoredResource = STORED) -> AnyRows:
    """The rows that a reader finds of a block."""
    index, frame = block.encode(batch, 0)
    header = SimpleNamespace(resource=resource, segment="0123456789abcdef")
    ref: Any = SimpleNamespace(index=index, header=header, key=())
    return open_block(codec.decompress(frame), ref)


def sealed(parts: Sequence[AnyRows]) -> AnyRows:
    """The rows of the block that these become."""
    gathered = Gathered(parts[0].signal)
    for each in parts:
        gathered.add(each)
    made = gathered.encode()
    ref: Any = SimpleNamespace(index=made.index, key=())
    return open_block(codec.decompress(made.frame), ref)


def rows_of(signal: str, made: Any) -> list[AnyRows]:
    """Blocks of what was recorded, one for each window of time."""
    if signal == "metrics":
        return [active(batch) for _, batch in metrics.batches(made)]
    encode: Any = spans.batch if signal == "spans" else logs.batch
    return [active(encode(part)) for part in block.by_window(encode(made), made)]
