"""Sealing and merging: what goes into which file, and what happens to what is damaged or has no room."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from making import log, put, resource, span
from store_files import places, segments
from tidegate.store.retention import Policy
from tidegate.store.sealed.file import SealedFile
from tidegate.store.segment import SegmentScanner
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep import outputs
from tidegate.store.upkeep.once import upkeep
from tidegate.store.upkeep.pace import Pace
from tidegate.store.upkeep.planning import HOUR_NS
from tidying import tidy


def write(directory: Path, *blocks: list[Any], of: str = "shop") -> Path:
    """A process that commits these blocks and ends; the path of its segment."""
    sink = FileSink(str(directory))
    for block in blocks:
        put(sink, block, resource(of))
    sink.close()
    return segments(directory)[-1]


def seal(directory: Path) -> None:
    assert upkeep(str(directory), Policy(), eager=True) is not None


def contents(directory: Path) -> dict[str, list[str]]:
    """The texts of each class, in order."""
    out: dict[str, list[str]] = {}
    with tidegate.store.open(directory) as reader:
        texts = {log.cursor.partition(".")[2]: str(log.body) for log in reader.logs()}
        texts |= {span.cursor.partition(".")[2]: span.name for span in reader.spans()}
    for path in segments(directory):
        if path.suffix == ".sealed":
            with contextlib.closing(SealedFile(str(path))) as file:
                for ref in file.refs:
                    found = sealing_places(file, ref.id)
                    out.setdefault(file.kind, []).extend(texts[each] for each in found)
    return out


def sealing_places(file: SealedFile, id: int) -> list[str]:
    from tidegate.store import codec
    from tidegate.store.rows import open_block

    [ref] = [ref for ref in file.refs if ref.id == id]
    rows = open_block(codec.decompress(file.frame(id)), ref)
    return [f"{segment}.{sequence:x}" for segment, sequence in rows.places]


def services(directory: Path) -> list[tuple[str, str, int]]:
    out = []
    for path in segments(directory):
        with contextlib.closing(SealedFile(str(path))) as file:
            out += [(file.kind, ref.service, ref.index.count) for ref in file.refs]
    return sorted(out)


def test_log_records_are_sealed_by_severity(store_dir: Path) -> None:
    write(store_dir, [log(str(severity), severity, severity=severity) for severity in (1, 5, 9, 12, 13, 17, 24)])
    seal(store_dir)
    assert contents(store_dir) == {"debug": ["1", "5"], "info": ["9", "12"], "warning": ["13"], "error": ["17", "24"]}


def test_a_trace_with_an_error_is_kept_whole(store_dir: Path) -> None:
    write(store_dir, [span("a", 1, trace=1, id=1), span("b", 2, trace=2, id=2)])
    write(store_dir, [span("c", 3, trace=1, id=3, error=True), span("d", 4, trace=3, id=4)])
    seal(store_dir)
    assert contents(store_dir) == {"error-trace": ["a", "c"], "trace": ["b", "d"]}


def test_a_trace_with_an_error_is_found_beside_attributes_that_are_named_as_columns_are(store_dir: Path) -> None:
    named = {"a": 1, "traces": ["x"], "trace": [1, 1], "status": [0, 0]}
    write(store_dir, [span("a", 1, trace=1, id=1, attributes=named), span("b", 2, trace=2, id=2, error=True)])
    seal(store_dir)
    assert contents(store_dir) == {"error-trace": ["b"], "trace": ["a"]}


@pytest.mark.parametrize("many", [False, True])
def test_what_comes_later_of_a_trace_with_an_error_joins_it(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    if many:
        monkeypatch.setattr("tidegate.store.upkeep.faulty.LOOK_UPS", 0)
    write(store_dir, [span("a", 1, trace=1 << 100, id=1, error=True)])
    seal(store_dir)
    write(store_dir, [span("b", 2, trace=1 << 100, id=2), span("c", 3, trace=(1 << 100) + 1, id=3)])
    seal(store_dir)
    assert contents(store_dir) == {"error-trace": ["a", "b"], "trace": ["c"]}


def test_an_error_that_comes_later_joins_nothing_that_was_sealed(store_dir: Path) -> None:
    write(store_dir, [span("a", 1, trace=1, id=1)])
    seal(store_dir)
    write(store_dir, [span("b", 2, trace=1, id=2, error=True)])
    seal(store_dir)
    assert contents(store_dir) == {"error-trace": ["b"], "trace": ["a"]}


def test_a_block_has_one_service(store_dir: Path) -> None:
    for service in ("shop", "till", "shop"):
        write(store_dir, [log()], of=service)
    seal(store_dir)
    assert services(store_dir) == [("info", "shop", 2), ("info", "till", 1)]


def test_a_file_says_whose_records_it_has_and_how_far_they_had_got(store_dir: Path) -> None:
    path = write(store_dir, [log("a", severity=5)], [log("b"), log("c")])
    seal(store_dir)
    for sealed in segments(store_dir):
        with contextlib.closing(SealedFile(str(sealed))) as file:
            [source] = file.sources
            assert (source.segment, source.created, source.next_sequence) == (path.name[21:37], int(path.name[:20]), 3)
            assert (source.service, source.process["pid"]) == ("shop", os.getpid())


def test_what_waits_to_become_blocks_is_bounded(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "WAITING_BYTES", 3000)
    for number in range(20):
        write(store_dir, [log("x" * 500, number)], of=f"service {number % 10}")
    most: list[int] = []
    add = outputs.Outputs.add

    def watched(self: outputs.Outputs, *args: Any) -> None:
        add(self, *args)
        most.append(sum(each.size for each in self._waiting.values()))

    monkeypatch.setattr(outputs.Outputs, "add", watched)
    seal(store_dir)
    assert 1500 < max(most) <= 3000
    assert sum(count for _, _, count in services(store_dir)) == 20


def test_large_blocks_are_made_of_small_ones(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "BLOCK_ROWS", 50)
    for _ in range(12):
        write(store_dir, [log(str(row), row) for row in range(10)])
    seal(store_dir)
    assert services(store_dir) == [("info", "shop", 20), ("info", "shop", 50), ("info", "shop", 50)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """``clock(hours)``: so much later, or earlier, than it is."""
    real = time.time_ns

    def move(hours: float) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: real() + int(hours * HOUR_NS))

    return move


def test_when_the_day_is_over_there_is_one_file_of_a_class(store_dir: Path, clock: Callable[[float], None]) -> None:
    start = time.time_ns() // (24 * HOUR_NS) * 24 * HOUR_NS
    for hour in range(3):
        path = write(store_dir, [log(str(hour), hour)])
        path.rename(path.with_name(f"{start + hour * HOUR_NS:020d}{path.name[20:]}"))
        seal(store_dir)
    clock(26)
    seal(store_dir)
    assert (len(segments(store_dir)), contents(store_dir)) == (1, {"info": ["0", "1", "2"]})


@pytest.mark.parametrize("hours", [-1000, 1000])
def test_a_clock_that_jumps_loses_nothing(store_dir: Path, clock: Callable[[float], None], hours: float) -> None:
    policy = Policy.of("default=9999d", 1 << 30)
    write(store_dir, [log("a", 1)])
    upkeep(str(store_dir), policy, eager=True)
    clock(hours)
    write(store_dir, [log("b", 2)])
    upkeep(str(store_dir), policy, eager=True)
    clock(0)
    write(store_dir, [log("c", 3)])
    upkeep(str(store_dir), policy, eager=True)
    assert sorted(contents(store_dir)["info"]) == ["a", "b", "c"]


@pytest.mark.damaging
@pytest.mark.parametrize("block", [0, 1])
def test_of_a_damaged_segment_what_can_be_read_is_sealed_and_the_rest_set_aside(store_dir: Path, block: int) -> None:
    path = write(store_dir, [log("a")], [log("b")], [log("c")])
    broken = bytearray(path.read_bytes())
    broken[places(broken)[block] + 12] ^= 1
    data = bytes(broken)
    path.write_bytes(data)
    seal(store_dir)
    assert contents(store_dir) == {"info": [text for text in "abc" if text != "abc"[block]]}
    aside = path.with_name(path.name + ".damaged")
    assert (aside.read_bytes(), path.exists()) == (data, False)
    with tidegate.store.open(store_dir) as reader:
        assert len(list(reader.logs())) == 2
        assert reader.damaged == 1


@pytest.mark.damaging
def test_what_was_set_aside_goes_when_it_is_old(store_dir: Path) -> None:
    aside = store_dir / f"{1:020d}-0011223344556677.active.damaged"
    store_dir.mkdir()
    aside.touch()
    tidy(store_dir, max_age_s=3600)
    assert aside.exists()
    os.utime(aside, (1000, 1000))
    tidy(store_dir, max_age_s=3600)
    assert not aside.exists()


@pytest.mark.damaging
def test_where_files_cannot_have_two_names_a_damaged_one_is_copied(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*paths: str) -> None:
        raise OSError(1, "Operation not permitted")

    path = write(store_dir, [log("a")], [log("b")])
    data = path.read_bytes() + b"what is this"
    path.write_bytes(data)
    monkeypatch.setattr(os, "link", no_links)
    fsync, lasting = os.fsync, []

    def watched(descriptor: int) -> None:
        lasting.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    seal(store_dir)
    aside = path.with_name(path.name + ".damaged")
    assert (aside.read_bytes(), stat.S_IMODE(aside.stat().st_mode)) == (data, 0o600)
    assert lasting.index(f"{aside}.partial") < lasting.index(str(store_dir / "exchange.json.partial"))


@pytest.mark.damaging
def test_one_segment_that_nobody_could_have_written_does_not_hold_up_the_others(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = write(store_dir, [log("strange")])
    write(store_dir, [log("a")])
    scan = SegmentScanner.scan

    def fail(self: SegmentScanner) -> Any:
        if self.path == str(strange):
            raise LookupError("strange")
        return scan(self)

    monkeypatch.setattr(SegmentScanner, "scan", fail)
    seal(store_dir)
    assert contents(store_dir) == {"info": ["a"]}
    assert strange.with_name(strange.name + ".damaged").exists()


def test_without_room_nothing_changes_and_the_next_pass_goes_on(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = write(store_dir, [log("a")])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        seal(store_dir)
    assert sorted(each.name for each in store_dir.iterdir()) == sorted([path.name, "upkeep.lock"])
    seal(store_dir)
    assert contents(store_dir) == {"info": ["a"]}


def test_on_a_full_disk_retention_makes_room(small_disk: Path) -> None:
    store = small_disk / "store"
    for number in range(5):
        path = write(store, [log(os.urandom(300_000).hex(), number)])
        os.utime(path, (time.time() - 100 + number,) * 2)
    fill(small_disk)
    before = len(segments(store))
    upkeep(str(store), Policy.of("", 1 << 30), eager=True)
    assert [path.suffix for path in segments(store)] == [".active"] * before
    upkeep(str(store), Policy.of("", 600_000), eager=True)
    with tidegate.store.open(store) as reader:
        assert [log.time_unix_nano % 10 for log in reader.logs()] == [4]


def test_on_a_full_disk_it_says_what_it_could_not_do_and_leaves_nothing_of_it(small_disk: Path) -> None:
    store = small_disk / "store"
    path = write(store, [log(os.urandom(300_000).hex())])
    upkeep(str(store), Policy(), eager=True)  # makes its lock
    again = write(store, [log("more")])
    before = [each.name for each in segments(store)]
    fill(small_disk)
    report = upkeep(str(store), Policy(), eager=True)
    assert report is not None
    [problem] = report.problems
    assert problem.startswith("what has ended could not be sealed: ")
    assert (path.exists(), again.exists()) == (False, True)
    assert sorted(each.name for each in store.iterdir() if each.suffix != ".lock") == sorted(before)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


def flood(directory: Path, rotate_bytes: int) -> None:
    """Errors, and then so much information that the store has no room for it."""
    sink = FileSink(str(directory), rotate_bytes)
    put(sink, [log(f"error {number}", number, severity=17) for number in range(50)])
    for number in range(20):
        put(sink, [log(os.urandom(5_000).hex(), 100 + number * 10 + row) for row in range(10)])
    sink.close()


def left(directory: Path) -> int:
    """How many errors there still are."""
    with tidegate.store.open(directory) as reader:
        return len(list(reader.logs(min_level="error")))


@pytest.mark.parametrize("rotate_bytes", [20_000, 1 << 30])
def test_errors_that_are_not_sealed_yet_outlive_a_flood(store_dir: Path, rotate_bytes: int) -> None:
    flood(store_dir, rotate_bytes)
    report = upkeep(str(store_dir), Policy.of("", 200_000), eager=True)
    assert report is not None
    assert (left(store_dir), {reason for _, reason in report.removed}) == (50, {"size"})
    assert sum(file.size for file in report.left) <= 200_000


def test_errors_that_are_not_sealed_yet_outlive_a_flood_at_the_end_of_a_process(store_dir: Path) -> None:
    flood(store_dir, 20_000)
    pace = Pace.last(only_retains=True)
    pace._end = float("inf")
    upkeep(str(store_dir), Policy.of("", 200_000), pace)
    assert left(store_dir) == 50
    assert sum(path.stat().st_size for path in segments(store_dir)) <= 200_000


def test_errors_that_are_not_sealed_go_last_but_go_where_there_is_no_room_to_seal(small_disk: Path) -> None:
    flood(small_disk / "store", 1 << 30)
    fill(small_disk)
    upkeep(str(small_disk / "store"), Policy.of("", 200_000), eager=True)
    assert segments(small_disk / "store") == []


def test_a_directory_that_is_gone_does_no_harm(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store_dir, [log("a")])
    gather = outputs.Outputs.finish

    def remove_first(self: outputs.Outputs, *args: Any) -> None:
        shutil.rmtree(store_dir)
        gather(self, *args)

    monkeypatch.setattr(outputs.Outputs, "finish", remove_first)
    with contextlib.suppress(OSError):
        upkeep(str(store_dir), Policy(), eager=True)
    assert not store_dir.exists()


def test_two_containers_with_the_same_pids_share_a_volume(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    sinks = [FileSink(str(store_dir)) for _ in range(2)]
    for number, sink in enumerate(sinks):
        put(sink, [log(str(number), number)])
    sinks[0].close()
    seal(store_dir)
    put(sinks[1], [log("2", 2)])
    sinks[1].close()
    seal(store_dir)
    with tidegate.store.open(store_dir) as reader:
        assert sorted(str(log.body) for log in reader.logs()) == ["0", "1", "2"]
        assert [path.suffix for path in segments(store_dir)] == [".sealed", ".sealed"]
