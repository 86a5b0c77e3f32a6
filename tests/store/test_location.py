from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from making import log, put
from store_files import segments
from storing import Store
from tidegate.errors import StoreError, StoreNotFound
from tidegate.store import default_location, location
from tidegate.store.sinks import FileSink, MemorySink

#: Below a file nothing can be made, not even by root.
UNWRITABLE = "/dev/null/home"

PRIVATE = f"{tempfile.gettempdir()}/tidegate-{os.getuid()}"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/shop", "XDG_STATE_HOME": "/x", "HOME": "/tmp"}, "/var/lib/shop/tidegate"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a/tidegate"),
        ({"STATE_DIRECTORY": "relative", "XDG_STATE_HOME": "/x"}, "/x/tidegate"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/tmp"}, "/x/tidegate"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/tmp"}, "/tmp/.local/state/tidegate"),
        ({"XDG_STATE_HOME": "", "HOME": "/tmp"}, "/tmp/.local/state/tidegate"),
        ({"HOME": "relative"}, PRIVATE),
        ({"HOME": UNWRITABLE}, PRIVATE),
        ({"HOME": ""}, PRIVATE),
        ({}, PRIVATE),
    ],
    ids=str,
)
def test_the_default_is_the_first_place_there_is(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_location() == expected


def test_a_directory_is_made_with_what_is_above_it(tmp_path: Path) -> None:
    location.make_directory(str(tmp_path / "a" / "b" / "store"))
    assert (tmp_path / "a" / "b" / "store").is_dir()


def test_a_directory_that_exists_is_taken(tmp_path: Path) -> None:
    location.make_directory(str(tmp_path))
    assert tmp_path.is_dir()


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is not a directory; name another with OTEL_PYTHON_TIDEGATE_STORE"):
        location.check_writable(str(tmp_path / "file"))


def test_a_place_where_nothing_can_be_made_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot be written by user"):
        location.check_writable(UNWRITABLE)


def test_checking_a_place_makes_nothing(tmp_path: Path) -> None:
    location.check_writable(str(tmp_path / "a" / "store"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("/etc", path)], ids=["directory", "link"])
def test_what_somebody_else_made_in_the_temporary_directory_is_refused(
    make: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = str(tmp_path / "tidegate-1")
    make(place)
    monkeypatch.setattr(os, "getuid", lambda: os.lstat(place).st_uid + 1)
    with pytest.raises(StoreError, match="belongs to user"):
        location.make_directory(place)


def test_a_store_that_is_not_there_says_what_to_do(store_dir: Path) -> None:
    with pytest.raises(
        StoreNotFound, match=r"there is no store at .*; run a program under opentelemetry-instrument first"
    ):
        tidegate.store.open(store_dir)


def test_a_store_that_is_not_there_may_be_read_as_an_empty_one(store_dir: Path) -> None:
    with tidegate.store.open(store_dir, missing_ok=True) as reader:
        assert (list(reader.logs()), store_dir.exists()) == ([], False)


def test_an_empty_reader_sees_the_store_when_it_appears(store_dir: Path) -> None:
    with tidegate.store.open(store_dir, missing_ok=True) as reader:
        sink = FileSink(str(store_dir))
        put(sink, [log("first")])
        sink.close()
        assert [record.body for record in reader.logs()] == ["first"]


def test_the_environment_names_the_store_to_read(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_STORE", str(store_dir))
    with tidegate.store.open(missing_ok=True) as reader:
        assert reader.location == str(store_dir)


def test_without_a_name_the_users_own_store_is_read() -> None:
    with tidegate.store.open(missing_ok=True) as reader:
        assert reader.location == default_location()


def test_a_store_that_is_off_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_STORE", "off")
    with pytest.raises(StoreError, match=r"the store is switched off .*; name a directory to read"):
        tidegate.store.open()


STRANGER = """
import os, sys
import tidegate.store
from tidegate.errors import StoreError
reader = tidegate.store.open(sys.argv[1])
if os.getuid() == 0:
    os.setuid(65534)  # root may read everything
try:
    reader.services()
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("unreadable", ["directory", "file"])
def test_a_store_of_somebody_else_says_whom_to_ask_as(unreadable: str, run: Callable[..., Any]) -> None:
    # not below pytest's own directory, where a stranger cannot even look for it
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        sink = FileSink(place)
        put(sink, [log()])
        sink.close()
        os.chmod(segments(Path(place))[0], 0)
        os.chmod(place, 0o311 if unreadable == "directory" else 0o755)
        said = run([sys.executable, "-c", STRANGER, place]).stdout
        os.chmod(place, 0o755)
    assert "cannot be read by user" in said
    assert "ask as the user whose programs record there" in said


@pytest.mark.damaging
def test_files_that_are_no_segments_are_let_be(store_dir: Path) -> None:
    store_dir.mkdir()
    for name in ("notes.txt", "upkeep.lock", "0.active", ".merged"):
        (store_dir / name).write_text("not a segment")
    with tidegate.store.open(store_dir) as reader:
        assert list(reader.logs()) == []


@pytest.mark.damaging
def test_other_peoples_files_are_no_damage_whatever_they_end_in(directory: Store) -> None:
    put(directory.writer(), [log("ours")])
    for name in ("report.sealed", "shop.active", "old.merged", "car.damaged"):
        (Path(directory.location) / name).write_text("not a segment")
    with tidegate.store.open(directory.location) as reader:
        assert ([record.body for record in reader.logs()], reader.damaged) == (["ours"], 0)


def test_the_ring_in_memory_keeps_the_newest_blocks() -> None:
    sink = MemorySink(limit=2000)
    for number in range(100):
        put(sink, [log(f"{number} " + os.urandom(100).hex(), number)])
    with tidegate.store.open("memory:") as reader:
        kept = [int(str(record.body).split()[0]) for record in reader.logs()]
    assert kept == list(range(99, 99 - len(kept), -1))
    assert 2 < len(kept) < 30


def test_a_block_larger_than_the_ring_is_kept_alone() -> None:
    sink = MemorySink(limit=100)
    put(sink, [log("small")])
    put(sink, [log(os.urandom(1000).hex())])
    with tidegate.store.open("memory:") as reader:
        assert [len(str(record.body)) for record in reader.logs()] == [2000]
