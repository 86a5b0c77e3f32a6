"""What waits for its block is bounded, and a store that takes no more is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE
from recorded import read
from tidegate.move import writing
from tidegate.move.writing import BLOCK_RECORDS, Writer
from tidegate.records import Log, Resource, Scope
from tidegate.store.block import Batch
from tidegate.store.sinks import FileSink, MemorySink


@pytest.fixture
def sink(store_dir: Path) -> Iterator[FileSink]:
    sink = FileSink(str(store_dir))
    yield sink
    sink.close()


def logs(count: int, service: str = "shop") -> list[Any]:
    resource, scope = Resource({"service.name": service}), Scope()
    return [Log(number + 1, 0, resource, scope, body="x") for number in range(count)]


def test_records_of_one_resource_make_blocks(sink: FileSink) -> None:
    writer = Writer(sink)
    for _ in range(BLOCK_RECORDS - 1):
        writer.add("logs", logs(1), 1)
    assert writer.written["logs"] == 0
    writer.add("logs", logs(1), 1)
    assert writer.written["logs"] == BLOCK_RECORDS


def test_times_too_far_from_each_other_for_one_block_are_in_several() -> None:
    ring = MemorySink(1 << 20)
    writer = Writer(ring)
    of = Resource(), Scope()
    writer.add("logs", [Log(time, 0, *of) for time in (1, 1 << 63, 2)], 1)
    writer.flush()
    assert [(ref.index.first, ref.index.last) for ref, _ in ring.ring] == [(1, 2), (1 << 63, 1 << 63)]
    assert writer.written["logs"] == 3


def test_no_more_records_wait_than_the_bound(sink: FileSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_PENDING", 10)
    writer = Writer(sink)
    for number in range(9):
        writer.add("logs", logs(1, f"s{number}"), 1)
    assert writer.written["logs"] == 0
    writer.add("logs", logs(1, "last"), 1)
    assert writer.written["logs"] == 10


def test_no_more_bytes_wait_than_the_bound(sink: FileSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_PENDING_BYTES", 1000)
    writer = Writer(sink)
    writer.add("logs", logs(1), 999)
    assert writer.written["logs"] == 0
    writer.add("logs", logs(1), 1)
    assert writer.written["logs"] == 2


def test_resources_are_cleaned_like_records(sink: FileSink) -> None:
    def redact(batch: Batch) -> None:
        batch.columns["attributes"] = [dict.fromkeys(attributes, "-") for attributes in batch.columns["attributes"]]

    import tidegate.store

    writer = Writer(sink, redact)
    writer.add("logs", logs(1), 1)
    writer.flush()
    with tidegate.store.open(sink.location) as reader:
        [log] = reader.logs()
    assert log.resource.attributes == {"service.name": "-"}


def test_a_full_disk_is_said_with_what_was_imported(run: Any, tmp_path: Path) -> None:
    body = '{{"timeUnixNano":"{0}","body":{{"stringValue":"{1}"}}}}'
    with (tmp_path / "in").open("w") as file:
        for number in range(4 * BLOCK_RECORDS):
            record = body.format(number + 1, f"{number * 7919 % 10007:x}" * 8)
            file.write(f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}\n')
    # no file may be longer than so many KiB
    done = run(["bash", "-c", f"ulimit -f 16; {TIDEGATE} import in"], cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "cannot be written (No space left on device); make room for it" in done.stderr
    imported = len(read(tmp_path / "store").logs)
    assert imported % BLOCK_RECORDS == 0 < imported
    assert f"Imported {imported} log records." in done.stderr
