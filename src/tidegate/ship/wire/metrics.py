"""Metric points, one message for all of a metric (opentelemetry/proto/metrics/v1).

There are as many points as series in each interval, which is little: they are written from records, not from columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import pack
from typing import TYPE_CHECKING, Any

from tidegate.otlp.dialect import as_real
from tidegate.otlp.schema import TEMPORALITY
from tidegate.records import Metric, Point
from tidegate.ship.wire.pieces import (
    I64,
    LEN,
    S32_MAX,
    S32_MIN,
    S64_MAX,
    S64_MIN,
    U64_MAX,
    double,
    fixed64,
    heads,
    nearest,
    number,
    tag,
    texts,
    varint,
)
from tidegate.ship.wire.values import attributes

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark

Value = Mapping[str, Any]

_NAME, _DESCRIPTION, _UNIT = texts(1), texts(2), texts(3)

#: The field of a metric's data, by its type; a type of another version is taken for a gauge.
_DATA = {"gauge": 5, "sum": 7, "histogram": 9, "exponential_histogram": 10, "summary": 11}

_POINT = heads(1)


def messages(rows: Any, picked: Sequence[int], marks: Sequence[Mark] | None) -> Iterable[tuple[Metric, bytes]]:
    """Each picked point with the metric that it is of. Marks say nothing of points."""
    for row in picked:
        point: Point = rows.record(row)
        yield point.metric, _POINTS.get(point.metric.type, _of_number)(point, point.value)


def folded(points: Iterable[tuple[Metric, bytes]]) -> Iterable[bytes]:
    """A message for each metric, of the messages of its points."""
    found: dict[Metric, list[bytes]] = {}
    for metric, message in points:
        found.setdefault(metric, []).extend((_POINT[len(message)], message))
    return [_metric(metric, b"".join(parts)) for metric, parts in found.items()]


def _metric(metric: Metric, points: bytes) -> bytes:
    data = points
    if metric.type in ("sum", "histogram", "exponential_histogram"):
        data += number(2, TEMPORALITY.numbers.get(metric.temporality, 0))
    if metric.type == "sum":
        data += number(3, int(metric.is_monotonic))
    definition = _NAME[metric.name] + _DESCRIPTION[metric.description] + _UNIT[metric.unit]
    return definition + _sized(_DATA.get(metric.type, _DATA["gauge"]), data)


def _sized(field: int, content: bytes) -> bytes:
    return tag(field, LEN) + varint(len(content)) + content


def _u64(field: int, value: Any) -> bytes:
    return tag(field, I64) + fixed64(nearest(0, U64_MAX, value or 0))


def _real(field: int, value: Any) -> bytes:
    """Nothing for None, which is not the same as 0."""
    return b"" if value is None else tag(field, I64) + double(as_real(value))


def _s32(field: int, value: int) -> bytes:
    """Zigzag: numbers near 0 are short, of either sign."""
    near = nearest(S32_MIN, S32_MAX, value)
    return tag(field) + varint((near << 1) ^ (near >> 31))


def _number(value: Value, as_double: int, as_int: int = 6) -> bytes:
    """What is no integer of 64 bits is a double."""
    whole = value.get("as_int")
    if whole is None:
        return _real(as_double, value.get("as_double"))
    if type(whole) is int and S64_MIN <= whole <= S64_MAX:
        return tag(as_int, I64) + pack("<q", whole)
    return _real(as_double, whole)


def _common(point: Point, mappings: int, exemplars: int, flags: int) -> bytes:
    """The times, 2 and 3, are the same everywhere; what else all points have, has other fields."""
    return b"".join(
        (
            attributes(mappings).of(point.attributes),
            _u64(2, point.start_time_unix_nano),
            _u64(3, point.time_unix_nano),
            *(_sized(exemplars, _exemplar(each)) for each in point.exemplars),
            number(flags, point.flags),
        )
    )


def _of_number(point: Point, value: Value) -> bytes:
    return _common(point, 7, 5, 8) + _number(value, 4)


def _of_histogram(point: Point, value: Value) -> bytes:
    counts = [nearest(0, U64_MAX, count) for count in value.get("bucket_counts") or ()]
    bounds = [as_real(bound) for bound in value.get("explicit_bounds") or ()]
    return b"".join(
        (
            _common(point, 9, 8, 10),
            _sums(value),
            _sized(6, pack(f"<{len(counts)}Q", *counts)),
            _sized(7, pack(f"<{len(bounds)}d", *bounds)),
            _real(11, value.get("min")),
            _real(12, value.get("max")),
        )
    )


def _of_exponential(point: Point, value: Value) -> bytes:
    return b"".join(
        (
            _common(point, 1, 11, 10),
            _sums(value),
            _s32(6, value.get("scale") or 0),
            _u64(7, value.get("zero_count")),
            _buckets(8, value.get("positive") or {}),
            _buckets(9, value.get("negative") or {}),
            _real(12, value.get("min")),
            _real(13, value.get("max")),
            _real(14, value.get("zero_threshold")),
        )
    )


def _of_summary(point: Point, value: Value) -> bytes:
    quantiles = (
        _sized(6, _real(1, each.get("quantile")) + _real(2, each.get("value")))
        for each in value.get("quantile_values") or ()
    )
    return b"".join((_common(point, 7, 5, 8), _sums(value), *quantiles))


_POINTS: dict[str, Callable[[Point, Value], bytes]] = {
    "histogram": _of_histogram,
    "exponential_histogram": _of_exponential,
    "summary": _of_summary,
}


def _sums(value: Value) -> bytes:
    return _u64(4, value.get("count")) + _real(5, value.get("sum"))


def _buckets(field: int, buckets: Value) -> bytes:
    counts = b"".join([varint(nearest(0, U64_MAX, count)) for count in buckets.get("bucket_counts") or ()])
    return _sized(field, _s32(1, buckets.get("offset") or 0) + _sized(2, counts)) if counts else b""


def _exemplar(exemplar: Value) -> bytes:
    trace_id, span_id = (bytes.fromhex(exemplar.get(name) or "") for name in ("trace_id", "span_id"))
    return b"".join(
        (
            attributes(7).of(exemplar.get("filtered_attributes") or {}),
            _u64(2, exemplar.get("time_unix_nano")),
            _number(exemplar, 3),
            _sized(4, span_id) + _sized(5, trace_id) if trace_id else b"",
        )
    )
