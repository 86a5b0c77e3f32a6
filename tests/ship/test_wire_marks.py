"""What the gate writes on records that are sent."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sdk_objects import active, sealed
from tidegate.gate.threshold import MAX
from tidegate.gate.traces.tracestate import MAX_LENGTH
from tidegate.move import columns
from tidegate.records import Log, Resource, Scope, Span
from tidegate.ship.wire import Mark, Picked, encode
from tidegate.ship.wire.marks import marked_state

HALF = MAX // 2

REASON = "tidegate.sampling.reason"


@pytest.mark.parametrize(
    ("state", "threshold", "marked"),
    [
        ("", 0, "ot=th:0"),
        ("", HALF, "ot=th:8"),
        ("ot=th:c", HALF, "ot=th:8"),
        ("ot=th:c;rv:6e6d1a75832a2f", 0, "ot=th:0;rv:6e6d1a75832a2f"),
        ("ot=rv:6e6d1a75832a2f;x:1", HALF, "ot=th:8;rv:6e6d1a75832a2f;x:1"),
        ("vendor=x", HALF, "ot=th:8,vendor=x"),
        ("a=1, ot=th:c ,b=2", HALF, "ot=th:8,a=1,b=2"),
        ("a=1,ot=th:c,b=2", None, "a=1,b=2"),
        ("ot=th:c;rv:6e6d1a75832a2f", None, "ot=rv:6e6d1a75832a2f"),
        ("ot=nonsense", HALF, "ot=th:8;nonsense"),
        ("vendor=x", None, "vendor=x"),
    ],
)
def test_a_threshold_takes_the_place_of_the_one_before(state: str, threshold: int | None, marked: str) -> None:
    assert marked_state(state, threshold) == marked


def test_other_sub_keys_that_leave_no_room_for_a_threshold_stay() -> None:
    rest = "x:" + "y" * (MAX_LENGTH - 2)
    assert marked_state(f"ot={rest}", HALF) == f"ot={rest}"


def test_a_member_too_many_is_the_last_one() -> None:
    state = ",".join(f"k{number}=v" for number in range(32))
    assert marked_state(state, 0).split(",") == ["ot=th:0", *(f"k{number}=v" for number in range(31))]


def span(number: int, **fields: Any) -> Span:
    trace_id, span_id = f"{number:032x}", f"{number:016x}"
    return Span(trace_id, span_id, f"s{number}", 1, 2, Resource(), Scope(), **fields)


def sent(spans: list[Span], marks: list[Mark], *, is_sealed: bool = False) -> list[Any]:
    rows = active(columns.spans(spans))
    rows = sealed([rows]) if is_sealed else rows
    request = ExportTraceServiceRequest.FromString(encode("spans", [Picked(rows, range(len(spans)), marks)]))
    return list(request.resource_spans[0].scope_spans[0].spans)


def attributes(record: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in record.attributes}


@pytest.mark.parametrize("is_sealed", [False, True])
def test_each_span_has_what_its_own_mark_says(is_sealed: bool) -> None:
    marks = [Mark(0, ((REASON, "error"),)), Mark(), Mark(None, (), True), Mark(HALF, ((REASON, "head"),))]
    spans = [span(number, trace_state="ot=th:c,v=x", attributes={"a": 1}) for number in range(1, 5)]
    found = sent(spans, marks, is_sealed=is_sealed)
    assert [each.trace_state for each in found] == ["ot=th:0,v=x", "ot=th:c,v=x", "v=x", "ot=th:8,v=x"]
    assert [attributes(each) for each in found] == [
        {"a": 1, REASON: "error"},
        {"a": 1},
        {"a": 1},
        {"a": 1, REASON: "head"},
    ]


def test_an_attribute_of_a_mark_takes_the_place_of_one_that_is_there() -> None:
    [found] = sent([span(1, attributes={REASON: "mine", "b": 2})], [Mark(0, ((REASON, "error"),))])
    assert len(found.attributes) == 2
    assert attributes(found) == {REASON: "error", "b": 2}


def test_marks_belong_to_the_picked_rows_in_their_order() -> None:
    rows = active(columns.spans([span(1), span(2), span(3)]))
    request = ExportTraceServiceRequest.FromString(encode("spans", [Picked(rows, [2, 0], [Mark(0), Mark(HALF)])]))
    found = request.resource_spans[0].scope_spans[0].spans
    assert [(each.name, each.trace_state) for each in found] == [("s3", "ot=th:0"), ("s1", "ot=th:8")]


def test_a_log_record_takes_the_attributes_of_its_mark() -> None:
    rows = active(columns.logs([Log(1, 2, Resource(), Scope(), attributes={"a": 1})]))
    mark = Mark(0, (("tidegate.adjusted_count", 5),))
    request = ExportLogsServiceRequest.FromString(encode("logs", [Picked(rows, [0], [mark])]))
    [log] = request.resource_logs[0].scope_logs[0].log_records
    assert attributes(log) == {"a": 1, "tidegate.adjusted_count": 5}
