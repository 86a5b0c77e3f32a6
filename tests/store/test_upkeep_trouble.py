"""Upkeep in trouble: what it cannot read or finish it leaves, and what it can do beside that it does."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tidegate.store
from making import T0, log, put
from metering import Made, put_points
from store_files import segments
from tidegate.kinds import Limits
from tidegate.store import codec, deleted, exchange
from tidegate.store.retention import Policy
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep import alone as alone_module
from tidegate.store.upkeep import merging, outputs, sealing
from tidegate.store.upkeep.alone import alone
from tidegate.store.upkeep.files import listed
from tidegate.store.upkeep.once import Report, upkeep

pytestmark = pytest.mark.damaging

DAY_NS = 86400 * 10**9


def write(directory: Path, *bodies: str) -> Path:
    """A process that commits a block and ends; the path of its segment."""
    sink = FileSink(str(directory))
    put(sink, [log(body, at) for at, body in enumerate(bodies)])
    sink.close()
    return segments(directory)[-1]


def keep(directory: Path, age: float = 1e9) -> Report:
    report = upkeep(str(directory), Policy({"default": Limits(age=age)}, 1 << 30), eager=True)
    assert report is not None
    return report


def bodies(directory: Path) -> list[Any]:
    with tidegate.store.open(directory) as reader:
        return sorted(record.body for record in reader.logs())


def names(directory: Path, ending: str) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.endswith(ending))


def failing(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, error: Exception, when: Callable[..., bool] | None = None
) -> None:
    """Let a function raise this error, where ``when`` says so of its arguments."""
    original = getattr(module, name)

    def function(*args: Any, **kwargs: Any) -> Any:
        if when is None or when(*args):
            raise error
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, function)


def test_where_a_newer_version_looks_after_the_totals_their_points_are_left_to_it(store_dir: Path) -> None:
    sink = FileSink(str(store_dir))
    put_points(sink, Made("m", 1))
    sink.close()
    (store_dir / "metrics.checkpoint").write_bytes(codec.compress(b'{"format":99}'))
    os.utime(store_dir / "metrics.checkpoint", (1000, 1000))
    before = [path.name for path in segments(store_dir)]
    keep(store_dir)
    assert ([path.name for path in segments(store_dir)], names(store_dir, ".damaged")) == (before, [])


def test_an_error_of_ours_sets_nothing_aside(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store_dir, "a")
    write(store_dir, "b")
    failing(monkeypatch, outputs.Outputs, "add", TypeError("a bug"))
    report = keep(store_dir)
    assert (bodies(store_dir), names(store_dir, ".damaged")) == (["a", "b"], [])
    assert report.problems == ["what has ended could not be sealed: a bug"]


def test_a_segment_that_the_disk_does_not_give_back_does_not_hold_up_the_others(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = write(store_dir, "a")
    write(store_dir, "b")
    error = OSError(errno.EIO, "Input/output error")
    failing(monkeypatch, sealing, "read_frame", error, lambda ref: ref.path == str(lost))
    keep(store_dir)
    assert names(store_dir, ".active") == [lost.name]
    assert len(names(store_dir, ".sealed")) == 1


def test_a_deletion_is_not_forgotten_for_a_file_that_cannot_be_opened_just_now(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store_dir, "a", "b")
    keep(store_dir)
    deleted.add(str(store_dir), T0 + 1, time.time_ns())
    with monkeypatch.context() as patch:
        failing(patch, merging, "SealedFile", OSError(errno.EMFILE, "Too many open files"))
        keep(store_dir)
    assert bodies(store_dir) == ["b"]


@pytest.mark.parametrize("name", [deleted.NAME, exchange.NAME])
def test_beside_a_damaged_file_retention_goes_on_and_nothing_is_written_anew(
    store_dir: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    old, new = write(store_dir, "old"), write(store_dir, "new")
    os.utime(old, (1000, 1000))
    (store_dir / name).write_bytes(b"{")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            report = keep(store_dir, 3600)
    assert [path.name for path in segments(store_dir)] == [new.name]
    assert [name in record.getMessage() for record in caplog.records] == [True]
    assert [name in problem for problem in report.problems] == [True]


def test_a_pass_ends_with_an_exchange_that_it_cannot_carry_out_and_the_next_one_does(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        path = write(store_dir, str(number))
        path.rename(path.with_name(f"{int(path.name[:20]) - number * DAY_NS:020d}{path.name[20:]}"))
    before = bodies(store_dir)
    with monkeypatch.context() as patch:
        error = PermissionError(errno.EACCES, "Permission denied")
        failing(patch, os, "rename", error, lambda old, new: str(new).endswith(".sealed"))
        keep(store_dir)
        decided = exchange.read(str(store_dir))
        keep(store_dir)
        assert exchange.read(str(store_dir)) == decided is not None
        assert bodies(store_dir) == before
    keep(store_dir)
    assert (bodies(store_dir), exchange.is_decided(str(store_dir))) == (before, False)
    assert len(names(store_dir, ".sealed")) == 3


def test_what_was_committed_by_a_clock_that_was_ahead_does_not_stay_until_then(store_dir: Path) -> None:
    store_dir.mkdir()
    ahead = time.time_ns() + 3650 * DAY_NS
    path = store_dir / f"{ahead:020d}-{ahead:020d}-0011223344556677.info.sealed"
    path.touch()
    [file] = listed(str(store_dir))
    assert file.end == path.stat().st_mtime_ns


def test_what_was_written_by_a_clock_that_was_behind_is_no_older_for_it(store_dir: Path) -> None:
    store_dir.mkdir()
    now = time.time_ns() - DAY_NS
    path = store_dir / f"{now:020d}-{now:020d}-0011223344556677.info.sealed"
    path.touch()
    os.utime(path, (1000, 1000))
    [file] = listed(str(store_dir))
    assert file.end == now


@pytest.mark.parametrize("line", range(10))
def test_of_two_threads_one_keeps_a_store_wherever_they_meet(store_dir: Path, line: int) -> None:
    store_dir.mkdir()
    held: list[bool] = []
    done, tried = threading.Event(), threading.Event()

    def keep_it() -> None:
        with alone(str(store_dir)) as is_mine:
            held.append(is_mine)
            tried.set()
            done.wait(10)

    other, seen = threading.Thread(target=keep_it), 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal seen
        if frame.f_code is not alone_module._acquire.__code__:
            return None
        seen += event == "line"
        if event == "line" and seen == line + 1:
            other.start()
            tried.wait(10)
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        with alone(str(store_dir)) as is_mine:
            sys.settrace(former)
            held.append(is_mine)
    finally:
        sys.settrace(former)
        done.set()
        if other.ident is not None:
            other.join()
    assert held.count(True) == 1
