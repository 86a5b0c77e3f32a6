"""A leader knows what the one before it decided of late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tidegate.store
from leading import lead
from making import put, span
from tidegate.gate.tail.traces import TraceTail
from tidegate.gate.tail.verdict import REASON
from tidegate.ship.frames import Frame
from tidegate.ship.recalling import MOST, RECENT_NS, Recalled, recalled
from tidegate.ship.verdicts import VerdictLog
from tidegate.store.sinks import FileSink

NOW = 1_700_000_000 * 10**9
MARKS = [[0, [[REASON, "error"]], False], [1 << 55, [[REASON, "head"]], False], [None, [], False]]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[VerdictLog]:
    (tmp_path / "route").mkdir()
    leadership = lead(tmp_path / "route")
    log = VerdictLog(str(tmp_path / "route"), leadership)
    yield log
    log.close()
    leadership.release()


@pytest.fixture
def segment(store_dir: Path) -> str:
    """Five spans of four traces."""
    sink = FileSink(str(store_dir))
    put(sink, [span(trace=number, id=number) for number in (1, 2, 3, 4)] + [span(trace=1, id=5)])
    sink.close()
    (path,) = store_dir.glob("*.active")
    return path.stem.rpartition("-")[2]


def found(store_dir: Path, log: VerdictLog) -> list[Recalled]:
    with tidegate.store.open(str(store_dir)) as reader:
        return sorted(recalled(reader, log, NOW))


def test_kept_traces_are_recalled_with_threshold_and_reason(store_dir: Path, log: VerdictLog, segment: str) -> None:
    log.append(Frame(NOW, marks=MARKS, spans={segment: [(0, 0), (4, 0)]}))
    log.append(Frame(NOW, marks=MARKS[1:], spans={segment: [(1, 0), (2, 1)]}))
    assert found(store_dir, log) == [
        (f"{1:032x}", True, 0, "error"),
        (f"{2:032x}", True, 1 << 55, "head"),
        (f"{3:032x}", True, None, ""),
    ]


def test_older_verdicts_are_not_recalled(store_dir: Path, log: VerdictLog, segment: str) -> None:
    log.append(Frame(NOW - RECENT_NS - 1, marks=MARKS, spans={segment: [(0, 0)]}))
    log.append(Frame(NOW - RECENT_NS, marks=MARKS, spans={segment: [(1, 1)]}))
    assert [trace_id for trace_id, *_ in found(store_dir, log)] == [f"{2:032x}"]


def test_no_more_spans_are_looked_at_than_may_be(store_dir: Path, log: VerdictLog, segment: str) -> None:
    log.append(Frame(NOW, marks=MARKS, spans={segment: [(0, 0)]}))
    log.append(Frame(NOW, marks=MARKS, spans={"gone": [(row, 0) for row in range(MOST)]}))
    log.append(Frame(NOW, marks=MARKS, spans={segment: [(3, 1)]}))
    assert [trace_id for trace_id, *_ in found(store_dir, log)] == [f"{4:032x}"]


def test_a_log_without_verdicts_recalls_nothing(store_dir: Path, log: VerdictLog, segment: str) -> None:
    assert found(store_dir, log) == []


def test_the_judge_lets_late_spans_follow(store_dir: Path, log: VerdictLog, segment: str) -> None:
    log.append(Frame(NOW, marks=MARKS, spans={segment: [(0, 0)]}))
    tail = TraceTail()
    with tidegate.store.open(str(store_dir)) as reader:
        tail.recall(recalled(reader, log, NOW), 0.0)
        (portion,) = reader.rows_at("spans", {segment: [4]})
    tail.see(portion.rows, portion.picked, 0.0)  # type: ignore[arg-type]
    (judged,) = tail.judge(0.0)
    assert (judged.keep, judged.late, judged.threshold, judged.reason) == (True, True, 0, "error")
