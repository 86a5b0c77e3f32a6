"""Records come back from their ``to_dict`` as they were, and what is no record is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import ndjson
from tidegate.records import Event, Link, Log, Metric, Point, Resource, Scope, Service, Span, Trace

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(1 << 63), (1 << 64) - 1)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
attributes = st.dictionaries(texts, values, max_size=3)
flags = st.integers(0, 255)
common = dict(
    resource=st.builds(Resource, attributes, texts),
    scope=st.builds(Scope, texts, texts, texts, attributes),
    attributes=attributes,
    flags=flags,
    cursor=texts,
)
counts = st.integers(0, 1 << 32)
links = st.builds(Link, texts, texts, texts, flags, attributes, counts, st.booleans())
events = st.builds(Event, texts, numbers, attributes, counts)
spans = st.builds(
    Span,
    *(texts, texts, texts, numbers, numbers),
    **common,
    parent_span_id=texts,
    parent_is_remote=st.booleans(),
    kind=texts,
    trace_state=texts,
    status_code=texts.filter(bool),
    status_message=texts,
    events=st.lists(events, max_size=2),
    links=st.lists(links, max_size=2),
    dropped_attributes_count=counts,
    dropped_events_count=counts,
    dropped_links_count=counts,
)
logs = st.builds(
    Log,
    *(numbers, numbers),
    **common,
    severity_number=counts,
    severity_text=texts,
    body=values,
    event_name=texts,
    trace_id=texts,
    span_id=texts,
    template=texts,
    dropped_attributes_count=counts,
)
points = st.builds(
    Point,
    st.builds(Metric, texts, texts, texts, texts, texts, st.booleans()),
    *(numbers, numbers),
    **common,
    value=st.dictionaries(st.sampled_from(["as_int", "as_double", "sum", "bucket_counts"]), values),
    exemplars=st.lists(attributes, max_size=2),
)
services = st.builds(Service, texts, counts, counts, counts, counts, counts, numbers, numbers)


def through_json(record: Any) -> Any:
    """What another process makes of the record's line."""
    return type(record).from_dict(orjson.loads(ndjson.dumps({**record.to_dict(), "cursor": record.cursor})))


@given(record=st.one_of(spans, logs, points))
def test_a_record_comes_back_as_it_was(record: Span | Log | Point) -> None:
    assert through_json(record) == record


@given(service=services)
def test_a_service_comes_back_as_it_was(service: Service) -> None:
    assert Service.from_dict(orjson.loads(ndjson.dumps(service.to_dict()))) == service


@given(trace_id=texts, spans=st.lists(spans, min_size=1, max_size=3), logs=st.lists(logs, max_size=2))
def test_a_trace_comes_back_with_its_spans_and_logs(trace_id: str, spans: list[Span], logs: list[Log]) -> None:
    data = {
        "trace_id": trace_id,
        "cursor": "c",
        "spans": [{**span.to_dict(), "cursor": span.cursor} for span in spans],
        "logs": [{**log.to_dict(), "cursor": log.cursor} for log in logs],
    }
    assert Trace.from_dict(orjson.loads(ndjson.dumps(data))) == Trace(trace_id, spans, logs, "c")


@pytest.mark.parametrize("is_remote", [True, False])
def test_flags_say_as_in_otlp_whether_the_parent_is_in_another_process(is_remote: bool) -> None:
    span = Span("a" * 32, "b" * 16, "s", 1, 2, Resource(), Scope(), flags=1, parent_is_remote=is_remote)
    assert span.to_dict()["flags"] == (0x301 if is_remote else 1)


LOG = {"time_unix_nano": 1, "observed_time_unix_nano": 1}


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (Log.from_dict, {"observed_time_unix_nano": 1}, "time_unix_nano is missing"),
        (Log.from_dict, {**LOG, "time_unix_nano": "now"}, "time_unix_nano is 'now'"),
        (Log.from_dict, {**LOG, "time_unix_nano": 1 << 64}, "time_unix_nano is 18446744073709551616"),
        (Log.from_dict, {**LOG, "attributes": [1]}, r"attributes is \[1\]"),
        (Log.from_dict, {**LOG, "resource": "shop"}, "resource is 'shop'"),
        (Log.from_dict, {**LOG, "scope": {"name": 5}}, "name is 5"),
        (Span.from_dict, {"status": []}, r"status is \[\]"),
        (Span.from_dict, {"events": [{"name": "e"}]}, "time_unix_nano is missing"),
        (Trace.from_dict, {"trace_id": "a", "spans": []}, "there are no spans"),
        (Service.from_dict, {}, "name is missing"),
    ],
)
def test_what_is_no_record_is_refused(read: Callable[[Any], Any], data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(data)
