"""What cannot be recorded is counted, and costs nothing but itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)

import tidegate.store
from making import SCOPE, T0, log
from recording import RESOURCE, Recording
from tidegate.record import logs, metrics, spans
from tidegate.record.blocks import Blocks
from tidegate.record.recorder import Recorder
from tidegate.store import codec
from tidegate.store.sinks import FileSink, MemorySink


@pytest.fixture
def stuck(store_dir: Path) -> Recording:
    """A recorder whose writer has to wait, as for a slow disk."""
    recording = Recording(store_dir, queue_size=10)
    assert recording.recorder._write_lock.acquire(timeout=5)
    return recording


def test_a_full_queue_drops_and_counts(stuck: Recording) -> None:
    for _ in range(25):
        stuck.tracer.start_span("work").end()
    dropped = stuck.recorder.dropped["queue_full"]
    stuck.recorder._write_lock.release()
    assert stuck.recorder.flush()
    with tidegate.store.open(stuck.directory) as reader:
        assert (len(list(reader.spans())), dropped) == (25 - dropped, 15)


def test_a_full_queue_is_warned_of_once(stuck: Recording, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tidegate"):
        for _ in range(2):
            for _ in range(25):
                stuck.tracer.start_span("work").end()
            stuck.recorder._write_lock.release()
            assert stuck.recorder.flush()
            assert stuck.recorder._write_lock.acquire(timeout=5)
    stuck.recorder._write_lock.release()
    assert [record.getMessage() for record in caplog.records] == [
        "15 records dropped: all 10 places of the queue were taken"
    ]


#: In four windows of 2**53 ns.
AGES = (1, 1 << 53, 2, 1_700_000_000 * 10**9, (1 << 64) - 1)

#: What blocks of these have as their first and last times.
WINDOWS = [(1, 2), *((time, time) for time in sorted(AGES)[2:])]


def test_no_block_has_times_so_far_from_each_other_that_numbers_are_not_exact() -> None:
    sink = MemorySink(1 << 20)
    written = [("logs", log(time, time - T0)) for time in AGES]
    Blocks(sink, {"logs": logs.batch}, None, None).write(written)
    assert sorted((ref.index.first, ref.index.last) for ref, _ in sink.ring) == WINDOWS


def test_points_far_from_each_other_are_in_batches_of_their_own() -> None:
    points = [NumberDataPoint({}, 0, time, 1) for time in AGES]
    scopes = [ScopeMetrics(SCOPE, [Metric("heat", "", "", Gauge(points))], "")]
    found = metrics.batches(MetricsData([ResourceMetrics(RESOURCE, scopes, "")]))
    assert sorted((batch.first, batch.last) for _, batch in found) == WINDOWS


def test_a_record_that_cannot_be_encoded_costs_only_itself(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "tidegate"):
        for number in range(20):
            record = LogRecord(timestamp=1 + number, body=number)
            if number == 7:
                record.severity_number = "loud"  # type: ignore[assignment]
            recording.recorder.put("logs", _emitted(recording, record))
        assert recording.recorder.flush()
    assert dict(recording.recorder.dropped) == {"encoding": 1}
    with tidegate.store.open(recording.directory) as reader:
        assert sorted(log.body for log in reader.logs()) == [number for number in range(20) if number != 7]
    assert "1 records could not be recorded (encoding)" in caplog.text


def test_records_too_large_for_one_block_are_kept_in_several(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "MAX_BLOCK_BYTES", 10_000)
    for number in range(20):
        body = f"{number} " + "x" * 2_000
        recording.recorder.put("logs", logs.taken(_emitted(recording, LogRecord(timestamp=1 + number, body=body))))
    assert recording.recorder.flush()
    with tidegate.store.open(recording.directory) as reader:
        assert sorted(int(log.body.split()[0]) for log in reader.logs()) == list(range(20))
    assert not recording.recorder.dropped


def _emitted(recording: Recording, record: LogRecord) -> Any:
    from opentelemetry.sdk._logs import ReadableLogRecord

    return ReadableLogRecord(record, recording.loggers.resource)


def test_a_disk_that_fails_later_is_counted_and_recording_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = FailingSink(str(tmp_path / "store"))
    recorder = Recorder(
        sink, {"spans": spans.batch}, commit_interval=1, queue_size=100, fallback=lambda: MemorySink(1000)
    )
    recording = Recording(tmp_path / "unused")
    for fails in (False, True, False):
        sink.fails = fails
        span = recording.tracer.start_span("work")
        span.end()
        recorder.put("spans", span)
        assert recorder.flush()
    recorder.close()
    with tidegate.store.open(tmp_path / "store") as reader:
        assert (len(list(reader.spans())), dict(recorder.dropped)) == (2, {"disk": 1})
    recording.recorder.close()


class FailingSink(FileSink):
    """A disk that is full at times."""

    fails = False

    def append(self, *block: Any) -> None:
        if self.fails:
            raise OSError(28, "No space left on device")
        super().append(*block)
