"""What is sealed is what was recorded, whatever it was, and keeps its place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, SpanContext, TraceFlags, TraceState

from making import T0, log, put, resource, span
from regrouping import active_rows, content, regroup, sealed_rows
from tidegate import ndjson
from tidegate.records import ORIGIN, Origin
from tidegate.store.block import Batch
from tidegate.store.lines import lines
from tidegate.store.rows import AnyRows
from tidegate.store.sealed.file import SealedFile
from tidegate.store.sealed.gathering import Gathered
from tidegate.store.sealed.shapes import MISSING
from tidegate.store.sealed.writing import Writer
from tidegate.store.sinks import FileSink
from tidegate.store.stream import records

texts = st.text(st.characters(exclude_categories=()), max_size=8)  # surrogates and NUL too
names = st.sampled_from(["a", "b", "http.route", "$bytes", "code.file.path", 'say "hi":', "\ud800", "tagged", "é"])


def nested(depth: int, inside: Any = "deep", key: str = "in") -> Any:
    for level in range(depth):
        inside = [inside] if level % 2 else {key: inside}
    return inside


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, 1e16]),
    st.binary(max_size=4),
    st.sampled_from([nested(30), nested(100), nested(240)]),
    texts,
)
odd = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names | texts, inner, max_size=3)),
    max_leaves=6,
)
attributes = st.dictionaries(names | texts, odd, max_size=4)
moments = st.sampled_from([0, 1, T0, T0 + 5, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
ids = st.integers(0, 3)
several = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@st.composite
def logs(draw: st.DrawFn) -> Any:
    made = log(draw(odd), attributes=draw(attributes), severity=draw(st.integers(1, 24)), trace=draw(ids))
    record = made.log_record
    record.timestamp, record.observed_timestamp = draw(moments), draw(moments)
    record.event_name = draw(st.none() | texts)
    if draw(st.booleans()):
        setattr(record, ORIGIN, Origin(draw(texts), draw(texts), draw(st.integers(0, 9)), draw(texts)))
    return made


@st.composite
def spans(draw: st.DrawFn) -> Any:
    trace, id = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    made = span(
        draw(texts), trace=trace, id=id, parent=draw(st.integers(0, 4)), remote=draw(st.booleans()),
        error=draw(st.booleans()), attributes=draw(attributes),
    )  # fmt: skip
    made._start_time, made._end_time = draw(moments), draw(moments)
    made._events = tuple(Event(draw(texts), draw(attributes), draw(moments)) for _ in range(draw(st.integers(0, 2))))
    state = TraceState([("vendor", "value")]) if draw(st.booleans()) else TraceState()
    other = SpanContext(7, 8, draw(st.booleans()), TraceFlags(1), state)
    made._links = tuple(Link(other, draw(attributes)) for _ in range(draw(st.integers(0, 2))))
    return made


@st.composite
def points(draw: st.DrawFn) -> Batch:
    count = draw(st.integers(1, 3))
    times = [draw(moments) for _ in range(count)]
    columns = {
        "t0": str(min(times)),
        "time": [time - min(times) for time in times],
        "age": [draw(st.none() | st.integers(0, 9)) for _ in range(count)],
        "metrics": [{"name": draw(texts), "type": "gauge"}, {"name": "made", "type": "sum", "is_monotonic": True}],
        "metric": [draw(st.integers(0, 1)) for _ in range(count)],
        "scopes": [{"name": "made", "attributes": draw(attributes)}],
        "value": [{"as_double": draw(odd)} for _ in range(count)],
        "attributes": [draw(attributes) for _ in range(count)],
        "exemplars": [[{"as_int": draw(scalars), "filtered_attributes": draw(attributes)}] for _ in range(count)],
    }  # fmt: skip
    return Batch("metrics", count, columns, min(times), max(times))


commits = st.lists(
    st.tuples(st.lists(logs(), min_size=1, max_size=4) | st.lists(spans(), min_size=1, max_size=5) | points(),
              st.booleans(), st.sampled_from([{}, {"a": 1}, {"a": 1.0}, {"a": True}, {"odd": math.nan}])),
    min_size=1, max_size=4,
)  # fmt: skip


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Path]:
    """Directories that were not there before."""
    return (tmp_path / str(number) for number in itertools.count())


def record(directory: Path, commits: list[tuple[Any, bool, dict[str, Any]]]) -> None:
    """Commit these, with a segment of its own for what is so marked."""
    directory.mkdir()
    sink = FileSink(str(directory))
    for made, is_new, of in commits:
        if is_new:
            sink.close()
        if isinstance(made, Batch):
            sink.append(resource(**of), made)
        else:
            put(sink, made, resource(**of))
    sink.close()


def shown(rows: list[AnyRows]) -> dict[tuple[str, int], str]:
    """Each record as text, in which 1, 1.0 and True differ and NaN is NaN."""
    return {place: repr(record.to_dict()) for place, record in content(rows).items()}


def recorded(directory: Path) -> list[AnyRows]:
    return [rows for rows, _ in active_rows(directory)]


@several
@given(commits=commits, most=st.sampled_from([1, 3, 100]))
@example(commits=[([log(1), log(True), log(1.0)], False, {})], most=100)
@example(commits=[([log(nested(100))], False, {}), ([log(b"bytes"), log(nested(28, b"bytes"))], False, {})], most=100)
@example(commits=[([log()], False, {"of": nested(27, math.nan)})], most=100)
def test_every_record_is_what_it_was(places: Iterator[Path], commits: list[Any], most: int) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places), most=most)) as file:
        assert shown(sealed_rows(file)) == shown(recorded(directory))


@several
@given(commits=commits, every=st.integers(2, 3))
def test_what_is_picked_is_what_it_was(places: Iterator[Path], commits: list[Any], every: int) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places), pick=lambda rows: range(0, rows.count, every))) as file:
        found, before = shown(sealed_rows(file)), shown(recorded(directory))
        assert found == {place: before[place] for place in found}
        assert len(found) == sum(len(range(0, rows.count, every)) for rows in recorded(directory))


@several
@given(commits=commits)
def test_sealed_blocks_that_are_put_together_are_what_they_were(places: Iterator[Path], commits: list[Any]) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places), most=1)) as file:
        together: dict[tuple[str, str], Gathered] = {}
        for ref, rows in zip(file.refs, sealed_rows(file), strict=True):
            together.setdefault((rows.signal, ref.service), Gathered(rows.signal)).add(rows)
        writer = Writer(str(next(places)), "trace", 1, 2)
        for key, gathered in together.items():
            writer.add(*key, gathered.encode())
        writer.finish()
        with closing(SealedFile(writer.path)) as again:
            assert shown(sealed_rows(again)) == shown(sealed_rows(file))


@several
@given(commits=commits)
def test_an_attribute_is_read_alone_as_with_its_record(places: Iterator[Path], commits: list[Any]) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places))) as file:
        for rows in sealed_rows(file):
            records = [rows.record(row) for row in range(rows.count)]
            for key in {key for record in records for key in record.attributes}:
                alone = [record.attributes.get(key, MISSING) for record in records]
                assert repr(list(rows.values_of(key))) == repr(alone)


@several
@given(commits=commits)
def test_the_index_says_what_is_in_the_block(places: Iterator[Path], commits: list[Any]) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places))) as file:
        for ref, rows in zip(file.refs, sealed_rows(file), strict=True):
            records = [rows.record(row) for row in range(rows.count)]
            assert (ref.index.first, ref.index.last) == (min(rows.times), max(rows.times))
            assert ref.index.errors == sum(map(rows.is_error, range(rows.count)))
            assert ref.index.severity == max(getattr(each, "severity_number", 0) for each in records)
            assert {each.service for each in records} == {ref.service}
        assert file.count == sum(rows.count for rows in recorded(directory))


@several
@given(commits=commits)
def test_every_trace_is_found_by_its_id_and_its_beginning(places: Iterator[Path], commits: list[Any]) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places), most=1)) as file:
        for ref, rows in zip(file.refs, sealed_rows(file), strict=True):
            for trace_id in filter(None, rows.trace_ids):
                for digits in (4, 5, 6, 8, 32):
                    assert ref.id in file.blocks_of_trace(trace_id[:digits])


@several
@given(commits=commits)
def test_a_line_is_that_of_the_record(places: Iterator[Path], commits: list[Any]) -> None:
    directory = next(places)
    record(directory, commits)
    with closing(regroup(directory, next(places))) as file:
        for ref, rows in zip(file.refs, sealed_rows(file), strict=True):
            line, make = lines(rows, ref), records(rows, ref)
            for made, row in ((make(row), row) for row in range(rows.count)):
                assert line(row) == ndjson.dumps({**made.to_dict(), "cursor": made.cursor})


def test_what_is_nested_too_deep_with_its_tags_is_cut_off_and_nothing_else(places: Iterator[Path]) -> None:
    directory = next(places)
    record(directory, [([log(nested(200, key="$in")), log("fine")], False, {}), ([log(b"bytes")], False, {})])
    with closing(regroup(directory, next(places))) as file:
        bodies = [record.to_dict()["body"] for record in content(sealed_rows(file)).values()]
    assert bodies[1:] == ["fine", b"bytes"]
    assert "…" in str(bodies[0])
