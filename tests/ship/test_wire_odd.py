"""What a message cannot hold is sent as text or as the nearest number, and takes nothing else along."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from moving import ODD
from sdk_objects import active, sealed
from tidegate import otlp
from tidegate.move import columns
from tidegate.records import Event, Log, Metric, Origin, Point, Resource, Scope, Span
from tidegate.ship.wire import Picked, encode, values
from tidegate.ship.wire.pieces import MAX_BYTES, MAX_PIECES
from tidegate.ship.wire.values import attributes
from tidegate.store.rows import AnyRows

MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

EVERY = pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])


def rows_of(signal: str, record: Any) -> AnyRows:
    make: Any = getattr(columns, signal)
    return active(make([record]), record.resource)


def is_empty(value: Any) -> bool:
    return isinstance(value, dict) and not value["bucket_counts"]


@EVERY
@MANY
@given(data=st.data())
def test_whatever_a_store_holds_is_written_by_the_rules_of_exported_files(
    said: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, signal: str, data: st.DataObject
) -> None:
    made = data.draw(ODD[signal])
    if signal == "logs":
        made.template = ""  # which only files carry
        assume(made.body is not None)  # for which only they write nothing
    rows = rows_of(signal, made)
    monkeypatch.setattr(values, "_MANY", 1)
    for each in (rows, sealed([rows])):
        found: Any = each.record(0)
        if signal == "metrics":  # sides without buckets, which only files have
            found.value = {name: value for name, value in found.value.items() if not is_empty(value)}
        assert said(signal, encode(signal, [Picked(each, [0])])) == said(signal, otlp.write("proto", signal, [found]))


def sent_span(**fields: Any) -> Any:
    given: dict[str, Any] = {"name": "s", "start_time_unix_nano": 1, "end_time_unix_nano": 2, **fields}
    span = Span("0" * 31 + "1", "0" * 15 + "2", resource=Resource(), scope=Scope(), **given)
    request = ExportTraceServiceRequest.FromString(encode("spans", [Picked(rows_of("spans", span), [0])]))
    return request.resource_spans[0].scope_spans[0].spans[0]


def sent_log(**fields: Any) -> Any:
    log = Log(1, 2, Resource(), Scope(), **fields)
    request = ExportLogsServiceRequest.FromString(encode("logs", [Picked(rows_of("logs", log), [0])]))
    return request.resource_logs[0].scope_logs[0].log_records[0]


def sent_metric(point: Point) -> Any:
    request = ExportMetricsServiceRequest.FromString(encode("metrics", [Picked(rows_of("metrics", point), [0])]))
    return request.resource_metrics[0].scope_metrics[0].metrics[0]


def test_times_beyond_64_bits_are_the_nearest_that_fit() -> None:
    span = sent_span(start_time_unix_nano=-5, end_time_unix_nano=1 << 64)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (0, (1 << 64) - 1)


def test_the_time_of_an_event_is_the_nearest_that_fits() -> None:
    assert [each.time_unix_nano for each in sent_span(events=[Event("e", -1), Event("f", 1 << 70)]).events] == [
        0,
        (1 << 64) - 1,
    ]


def test_counts_and_severities_beyond_their_bits_are_the_nearest_that_fit() -> None:
    assert sent_span(dropped_attributes_count=1 << 40).dropped_attributes_count == (1 << 32) - 1
    log = sent_log(severity_number=1 << 40, flags=1 << 40, dropped_attributes_count=-3)
    assert (log.severity_number, log.flags, log.dropped_attributes_count) == ((1 << 31) - 1, (1 << 32) - 1, 0)


@pytest.mark.parametrize(
    ("value", "text"), [(1 << 64, str(1 << 64)), ("a\ud800", "a\\ud800")], ids=["large", "surrogate"]
)
def test_a_value_that_no_message_holds_is_text(value: Any, text: str) -> None:
    log = sent_log(body=value, attributes={"a": value})
    assert (log.body.string_value, log.attributes[0].value.string_value) == (text, text)


def test_a_value_that_no_message_holds_leaves_the_others_alone() -> None:
    log = sent_log(attributes={"huge": 1 << 70, "fine": 5})
    assert [each.key for each in log.attributes] == ["huge", "fine"]
    assert log.attributes[1].value.int_value == 5


def test_equal_values_of_other_types_keep_their_types() -> None:
    """Python takes 1, 1.0 and True for one key, and 0.0 and -0.0."""
    values = [1, True, 1.0, 0.0, -0.0, False, 0]
    log = sent_log(attributes={"list": values}, body=[{"k": value} for value in values])
    kinds = [each.WhichOneof("value") for each in log.attributes[0].value.array_value.values]
    assert kinds == [f"{kind}_value" for kind in ("int", "bool", "double", "double", "double", "bool", "int")]
    single = [sent_log(attributes={"k": value}).attributes[0].value for value in values]
    assert [each.WhichOneof("value") for each in single] == kinds
    assert math.copysign(1, single[4].double_value) == -1


COLUMNS: dict[str, Callable[[int], Any]] = {
    "texts": lambda n: f"é{n}",
    "surrogates": lambda n: f"\ud800{n}",
    "numbers": lambda n: n * n * n,
    "the least numbers": lambda n: n - (1 << 63),
    "numbers beyond": lambda n: (1 << 63) - 5 + n,
    "few texts": lambda n: "ab"[n % 2],
    "equal ones": lambda n: (1, True, 1.0)[n % 3],
    "zeros": lambda n: (0.0, -0.0)[n % 2],
    "lists": lambda n: [n],
    "nothing": lambda n: (None, {})[n % 2],
}


@pytest.mark.parametrize("made", COLUMNS.values(), ids=COLUMNS)
def test_a_column_is_written_as_each_of_its_values_alone(made: Callable[[int], Any]) -> None:
    many = list(map(made, range(40)))
    batch = columns.logs([Log(1, 2, Resource(), Scope(), attributes={"k": value}) for value in many])
    request = ExportLogsServiceRequest.FromString(encode("logs", [Picked(active(batch), range(40))]))
    found = request.resource_logs[0].scope_logs[0].log_records
    assert [each.SerializeToString() for each in found] == [
        sent_log(attributes={"k": value}).SerializeToString() for value in many
    ]


def test_a_number_of_a_point_beyond_64_bits_is_a_double() -> None:
    point = Point(Metric("n", "gauge"), 1, 0, Resource(), Scope(), {"as_int": 1 << 70})
    assert sent_metric(point).gauge.data_points[0].as_double == float(1 << 70)


def test_a_count_below_zero_is_zero() -> None:
    value = {"count": -1, "sum": 1, "bucket_counts": [-1, 1 << 70], "explicit_bounds": [1]}
    [point] = sent_metric(Point(Metric("n", "histogram"), 1, 1, Resource(), Scope(), value)).histogram.data_points
    assert (point.count, list(point.bucket_counts)) == (0, [0, (1 << 64) - 1])


SITE: dict[str, Any] = {"code.file.path": "/app/a.py", "code.line.number": 7, "code.function.name": "f"}


def test_the_call_site_that_capture_knows_is_among_the_attributes() -> None:
    log = sent_log(attributes={**SITE, "a": 1})
    assert [each.key for each in log.attributes] == [*SITE, "a"]
    assert log.attributes[1].value.int_value == 7


def test_attributes_of_a_call_site_that_the_application_gives_itself_win() -> None:
    batch = columns.logs([Log(1, 2, Resource(), Scope(), attributes={**SITE, "a": 1})])
    batch.columns["attributes"] = [{"code.line.number": 8}]
    batch.columns["origins"] = [list(Origin("", *SITE.values()))]
    request = ExportLogsServiceRequest.FromString(encode("logs", [Picked(active(batch), [0])]))
    found = request.resource_logs[0].scope_logs[0].log_records[0].attributes
    assert sorted((each.key, each.value.int_value) for each in found) == [
        ("code.file.path", 0),
        ("code.function.name", 0),
        ("code.line.number", 8),
    ]


def test_what_is_remembered_of_attributes_is_bounded() -> None:
    fields = attributes(1)
    for number in range(2 * MAX_PIECES):
        fields.of({"number": number, "text": "x" * MAX_BYTES})
    assert len(fields._known) <= MAX_PIECES
    assert max(map(len, fields._known.values())) <= MAX_BYTES
