"""What is still to be sent, as retention finds it in a store, and what it tells of what went all the same."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

import tidegate.store
from making import log, put
from store_files import segments
from tidegate.store import unsent
from tidegate.store.check import check, repair
from tidegate.store.retention import Policy
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep.files import listed
from tidegate.store.upkeep.once import upkeep
from tidegate.store.upkeep.pruning import prune
from tidying import tidy

#: When no segment has been begun yet.
LATER = 1 << 62

ROUTE, OTHER = "0123456789abcdef", "fedcba9876543210"


def end_segment(directory: Path, body: str, route: str = ROUTE) -> str:
    """Commit a record in a segment of its own, and end it; returns the segment's id."""
    sink = FileSink(str(directory), route=route)
    put(sink, [log(body)])
    sink.close()
    return segments(directory)[-1].name[-23:-7]


def tell(directory: Path, segments: Any, route: str = ROUTE, *, since: int = LATER) -> Path:
    """Let a route have something of these segments still to send, and of all begun since a time."""
    return write(directory, orjson.dumps({"since": since, "segments": segments}), route)


def write(directory: Path, content: bytes, route: str = ROUTE) -> Path:
    place = directory / "routes" / route
    place.mkdir(parents=True, exist_ok=True)
    (place / "unsent.json").write_bytes(content)
    return place


def bodies(directory: Path) -> list[str]:
    with tidegate.store.open(directory) as reader:
        return sorted(record.body for record in reader.logs())


def routes_of(directory: Path) -> list[tuple[str, ...]]:
    """Of each file, the routes that have something to send of it."""
    files = sorted(unsent.marked(listed(str(directory)), unsent.read(str(directory))), key=lambda file: file.path)
    return [file.unsent for file in files]


@pytest.fixture
def three(store_dir: Path) -> tuple[Path, list[str]]:
    """A store with three ended segments of about the same size, and their ids."""
    return store_dir, [end_segment(store_dir, body) for body in ("first", "second", "third")]


@pytest.fixture
def apart(store_dir: Path) -> tuple[Path, list[str]]:
    """The same, each sealed in a file of its own."""
    ids = []
    for body in ("first", "second", "third"):
        ids.append(end_segment(store_dir, body))
        prune(str(store_dir), Policy())
    return store_dir, ids


def size_of(directory: Path, files: int) -> int:
    """Room for so many of the files that there are."""
    return max(path.stat().st_size for path in segments(directory)) * files


def test_nothing_is_unsent_where_no_route_says_so(three: tuple[Path, list[str]]) -> None:
    assert routes_of(three[0]) == [(), (), ()]


def test_the_segments_that_a_route_names_are_unsent(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    tell(directory, ids[:1])
    assert routes_of(directory) == [(ROUTE,), (), ()]


def test_segments_of_the_route_that_were_begun_since_are_unsent(store_dir: Path) -> None:
    end_segment(store_dir, "before")
    tell(store_dir, [], since=time.time_ns())
    for route in ("", OTHER, ROUTE):
        end_segment(store_dir, "since", route)
    assert routes_of(store_dir) == [(), (), (), (ROUTE,)]


def test_several_routes_may_have_something_to_send_of_one_file(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    for route in (ROUTE, OTHER):
        tell(directory, ids, route)
    assert routes_of(directory) == [(ROUTE, OTHER)] * 3


def test_a_sealed_file_is_unsent_when_one_of_its_segments_is(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    prune(str(directory), Policy())
    tell(directory, ids[1:2])
    assert routes_of(directory) == [(ROUTE,)]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"{}", b'{"since": 0}', b'{"since": 0, "segments": [[]]}'])
def test_what_cannot_be_read_holds_nothing(three: tuple[Path, list[str]], content: bytes) -> None:
    write(three[0], content)
    assert routes_of(three[0]) == [(), (), ()]


def test_what_is_unsent_goes_last(apart: tuple[Path, list[str]]) -> None:
    directory, ids = apart
    tell(directory, ids[:1])
    upkeep(str(directory), Policy(size=size_of(directory, 1)))
    assert bodies(directory) == ["first"]


def test_what_goes_unsent_is_added_up(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    place = tell(directory, ids[:2])
    size = sum(path.stat().st_size for path in segments(directory)[:2])
    for path in segments(directory)[:2]:
        os.utime(path, (time.time() - 100,) * 2)
        tidy(directory, max_age_s=40)
    found = orjson.loads((place / "lost.json").read_bytes())
    assert abs(int(found.pop("time")) - time.time_ns()) < 3600 * 10**9
    assert found == {"files": 2, "records": 2, "bytes": size}


def test_what_is_unsent_grows_twice_as_old(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    tell(directory, ids[:1])
    for path in segments(directory)[:2]:
        os.utime(path, (time.time() - 1000,) * 2)
    tidy(directory, max_age_s=700)
    assert bodies(directory) == ["first", "third"]


def test_what_the_user_deletes_goes_unsent_or_not_and_is_not_added_up(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    place = tell(directory, ids)
    prune(str(directory), Policy(), before=time.time_ns())
    assert (bodies(directory), (place / "lost.json").exists()) == ([], False)


def test_upkeep_and_checks_leave_routes_alone(three: tuple[Path, list[str]]) -> None:
    directory, ids = three
    place = tell(directory, ids)
    before = {path: path.read_bytes() for path in place.iterdir()}
    prune(str(directory), Policy(), before=time.time_ns())
    assert [*check(str(directory)), *repair(str(directory))] == []
    assert {path: path.read_bytes() for path in place.iterdir()} == before


def test_a_preview_of_pruning_spares_what_is_unsent_too(apart: tuple[Path, list[str]]) -> None:
    directory, ids = apart
    tell(directory, ids[:1])
    first = segments(directory)[0].name
    report = prune(str(directory), Policy(size=size_of(directory, 1)), dry_run=True)
    assert [os.path.basename(file.path) for file in report.left] == [first]
