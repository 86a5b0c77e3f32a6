"""Export, then import, gives the same store."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidegate.store
from making import log, put, resource, span
from metering import Made, gauge, histogram, put_points, updown
from moving import ODD, RECORDS, TELLS, shown
from tidegate.move.exporting import SIGNALS, Export
from tidegate.move.files import source, target
from tidegate.move.importing import Import
from tidegate.move.writing import BLOCK_RECORDS, Writer
from tidegate.store.sinks import FileSink

MANY = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))

FORMATS = pytest.mark.parametrize("form", ["otlp-json", "otlp-proto", "ndjson"])

NewDir = Callable[[], Path]


@pytest.fixture
def new_dir(tmp_path: Path) -> NewDir:
    """``new_dir()``: a directory of its own for each example."""
    number = iter(range(1_000_000))
    return lambda: tmp_path / str(next(number))


def write(directory: Path, records: Iterable[tuple[str, Any]]) -> None:
    """Put records into a store in the order in which they are given."""
    sink = FileSink(str(directory))
    writer = Writer(sink)
    for signal, record in records:
        writer.add(signal, [record], 0)
    writer.flush()
    sink.close()


def content(directory: Path) -> Counter[str]:
    """All that a store holds."""
    with tidegate.store.open(directory, missing_ok=True) as reader:
        found = Counter(shown(record) for signal in SIGNALS for record in getattr(reader, signal)())
        assert reader.damaged == 0
    return found


def moved(store: Path, file: Path, other: Path, form: str) -> None:
    """From one store by a file into the other."""
    with tidegate.store.open(store) as reader, target(str(file)) as out:
        export = Export(reader, form)
        for _ in export.run(out.write, [(signal, {}) for signal in SIGNALS]):
            pass
    assert export.left_out == 0
    sink = FileSink(str(other))
    with source(str(file)) as opened:
        for _ in Import(Writer(sink)).run(opened):
            pass
    sink.close()


@MANY
@given(data=st.data())
def test_a_store_holds_what_the_writer_was_given(new_dir: NewDir, data: st.DataObject) -> None:
    signal = data.draw(st.sampled_from(SIGNALS))
    records = data.draw(st.lists(ODD[signal], min_size=1, max_size=4))
    store = new_dir()
    expected = Counter(map(shown, records))
    write(store, [(signal, record) for record in records])
    assert content(store) == expected


@FORMATS
@MANY
@given(data=st.data())
def test_a_store_comes_back_whole(new_dir: NewDir, form: str, data: st.DataObject) -> None:
    signal = data.draw(st.sampled_from(SIGNALS))
    records = (ODD if form == "ndjson" else RECORDS)[signal].filter(TELLS[signal])
    store, file, other = new_dir(), new_dir(), new_dir()
    write(store, [(signal, record) for record in data.draw(st.lists(records, min_size=1, max_size=4))])
    moved(store, file, other, form)
    assert content(other) == content(store)


@FORMATS
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_more_than_a_block_of_several_services_comes_back_whole(new_dir: NewDir, form: str, ending: str) -> None:
    store, other = new_dir(), new_dir()
    sink = FileSink(str(store))
    for service in ("shop", "payments"):
        of = resource(service, pid=1)
        put(sink, [span(f"s{i}", i, trace=i + 1, id=i + 1, parent=i // 2) for i in range(2 * BLOCK_RECORDS)], of)
        put(sink, [log(f"message {i}", i, attributes={"i": i}) for i in range(BLOCK_RECORDS + 1)], of)
    sink.close()
    moved(store, new_dir().with_suffix(ending), other, form)
    assert content(other) == content(store)


@FORMATS
def test_the_same_records_give_the_same_bytes(new_dir: NewDir, form: str) -> None:
    store = new_dir()
    sink = FileSink(str(store))
    put(sink, [log(f"message {i}", i) for i in range(10)])
    sink.close()
    outs = []
    for _ in range(2):
        out = io.BytesIO()
        with tidegate.store.open(store) as reader:
            list(Export(reader, form).run(out.write, [("logs", {})]))
        outs.append(out.getvalue())
    assert outs[0] == outs[1] != b""


def test_the_place_of_a_call_is_kept_beside_the_attributes_again(new_dir: NewDir) -> None:
    from tidegate.move.columns import logs
    from tidegate.records import Log, Resource, Scope

    place = {"code.file.path": "/app/shop.py", "code.line.number": 7, "code.function.name": "buy"}
    made = [Log(1, 1, Resource(), Scope(), attributes={**place, "order": i}, template="order %d") for i in range(2)]
    columns = logs(made).columns
    assert columns["origins"] == [["order %d", "/app/shop.py", 7, "buy"]]
    assert columns["attributes"] == [{"order": 0}, {"order": 1}]


#: Points of one process: of each collection, how much was counted since the last one, and whether it began anew.
PROCESSES = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=3
)


def record(directory: Path, process: int, steps: Iterable[tuple[int, bool]]) -> None:
    """A process that counts, and ends."""
    sink, start, total = FileSink(str(directory)), 0, 0
    for at, (counted, is_new) in enumerate(steps, start=1):
        start, total = (at, counted) if is_new else (start, total + counted)
        points = Made("orders", total, at, start), histogram("wait", [total, 1], [5.0], at, start=start)
        put_points(
            *(sink, *points, updown("open", total, at, start=start), gauge("heat", counted, at)),
            of=resource(**{"service.instance.id": str(process)}),
        )
    sink.close()


def amounts(directory: Path) -> Counter[str]:
    """What the metrics of a store amount to."""
    with tidegate.store.open(directory) as reader:
        return Counter(shown(point) for point in reader.current_metrics())


@FORMATS
@MANY
@given(processes=PROCESSES)
def test_metrics_amount_to_the_same_when_the_processes_have_ended(
    new_dir: NewDir, form: str, processes: list[list[tuple[int, bool]]]
) -> None:
    store, other = new_dir(), new_dir()
    for number, steps in enumerate(processes):
        record(store, number, steps)
    moved(store, new_dir(), other, form)
    assert amounts(other) == amounts(store)


@FORMATS
def test_what_conflicting_instruments_have_counted_is_added_again(new_dir: NewDir, form: str) -> None:
    store, other = new_dir(), new_dir()
    sink = FileSink(str(store))
    for at in (1, 2, 3):
        put_points(sink, Made("orders", 10 * at, at), Made("orders", at, at))
    sink.close()
    moved(store, new_dir(), other, form)
    assert amounts(other) == amounts(store)


def test_points_that_come_newest_first_amount_to_the_newest(new_dir: NewDir) -> None:
    store = new_dir()
    record(store, 1, [(2, False)] * 5)
    with tidegate.store.open(store) as reader:
        points = list(reader.metrics())
    for waiting in (len(points), 1):  # all in one block, and each in its own
        other = new_dir()
        sink = FileSink(str(other))
        writer = Writer(sink)
        for number in range(0, len(points), waiting):
            writer.add("metrics", points[number : number + waiting], 0)
            writer.flush()
        sink.close()
        assert amounts(other) == amounts(store)
