"""Exchanges: cut off anywhere and begun again, the end is the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tidegate.errors import FormatError, StoreError
from tidegate.store import exchange

pytestmark = pytest.mark.damaging  # its files are no store

OLD = [f"{number:020d}-00112233445566aa.active" for number in (1, 2)]
NEW = [f"{1:020d}-{2:020d}-8899aabbccddeeff.{kind}.sealed" for kind in ("error", "info")]


@pytest.fixture
def prepared(store_dir: Path) -> Path:
    """Two segments, one with its lock, and what is to take their place."""
    store_dir.mkdir(exist_ok=True)
    for name in (*OLD, OLD[0].replace(".active", ".lock"), *(name + ".fresh" for name in NEW)):
        (store_dir / name).write_text(name.removesuffix(".fresh"))
    return store_dir


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


EXCHANGED = {name: name for name in NEW}


def test_files_take_the_place_of_others(prepared: Path) -> None:
    exchange.commit(str(prepared), NEW, OLD)
    assert contents(prepared) == EXCHANGED


class Killed(BaseException):
    """What a process does not survive."""


@pytest.mark.parametrize("call", range(12))
def test_an_exchange_that_was_cut_off_happens_whole_or_not_at_all(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    before, calls = contents(prepared), 0

    def mortal(original: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call + 1:
                raise Killed
            return original(*args, **kwargs)

        return function

    with monkeypatch.context() as patch:
        for name in ("rename", "unlink", "fsync"):
            patch.setattr(os, name, mortal(getattr(os, name)))
        with pytest.raises(Killed):
            exchange.commit(str(prepared), NEW, OLD)
    decided = exchange.finish(str(prepared))
    after = contents(prepared)
    after.pop("exchange.json.partial", None)
    assert after == (EXCHANGED if decided else before)


def test_finishing_again_changes_nothing(prepared: Path) -> None:
    exchange.commit(str(prepared), NEW, OLD)
    exchange.replace(str(prepared / exchange.NAME), orjson.dumps({"format": 1, "add": NEW, "remove": OLD}))
    assert exchange.finish(str(prepared))
    assert contents(prepared) == EXCHANGED


def test_a_reader_is_told_both_sides(prepared: Path) -> None:
    exchange.replace(str(prepared / exchange.NAME), orjson.dumps({"format": 1, "add": NEW, "remove": OLD}))
    assert exchange.read(str(prepared)) == exchange.Exchange(tuple(NEW), frozenset(OLD))


@pytest.mark.parametrize("place", ["", "missing", "file"])
def test_where_nothing_is_exchanged_there_is_none(store_dir: Path, place: str) -> None:
    store_dir.mkdir(exist_ok=True)
    (store_dir / "file").touch()
    assert exchange.read(str(store_dir / place)) is None


def test_a_newer_format_is_refused_and_left_alone(prepared: Path) -> None:
    (prepared / exchange.NAME).write_bytes(orjson.dumps({"format": 2, "add": NEW, "remove": OLD}))
    before = contents(prepared)
    with pytest.raises(FormatError, match="format 2"):
        exchange.finish(str(prepared))
    assert contents(prepared) == before


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "upkeep.lock", "", 5, f"{1:020d}-a/../../b"])
def test_nothing_but_segments_is_ever_exchanged(prepared: Path, name: Any) -> None:
    (prepared / exchange.NAME).write_bytes(orjson.dumps({"format": 1, "add": [], "remove": [name]}))
    before = contents(prepared)
    with pytest.raises(StoreError, match="no segment"):
        exchange.finish(str(prepared))
    assert contents(prepared) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format":1}', b'{"format":"x","add":[],"remove":[]}'])
def test_what_nobody_has_written_is_refused(prepared: Path, content: bytes) -> None:
    (prepared / exchange.NAME).write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        exchange.read(str(prepared))


def test_a_file_that_cannot_be_replaced_is_left_and_nothing_beside_it(
    store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store_dir.mkdir(exist_ok=True)
    exchange.replace(str(store_dir / "file"), b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        exchange.replace(str(store_dir / "file"), b"new")
    assert contents(store_dir) == {"file": "old"}


@pytest.mark.parametrize("renamed", [0, 1])
@pytest.mark.parametrize("gone", NEW)
def test_where_a_new_file_is_gone_the_old_ones_stay_and_the_other_new_ones_go(
    prepared: Path, caplog: pytest.LogCaptureFixture, gone: str, renamed: int
) -> None:
    before = {name: text for name, text in contents(prepared).items() if not name.endswith(".fresh")}
    decide(prepared)
    for name in NEW[:renamed]:
        (prepared / (name + ".fresh")).rename(prepared / name)
    (prepared / gone).unlink(missing_ok=True)
    (prepared / (gone + ".fresh")).unlink(missing_ok=True)
    assert exchange.Exchange(tuple(NEW), frozenset(OLD)).applied(set(contents(prepared))) >= set(OLD)
    assert exchange.finish(str(prepared))
    assert contents(prepared) == before
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_where_a_new_file_is_gone_after_an_old_one_was_nothing_more_goes(prepared: Path) -> None:
    decide(prepared)
    (prepared / OLD[0]).unlink()
    (prepared / (NEW[0] + ".fresh")).unlink()
    assert exchange.finish(str(prepared))
    assert {NEW[1], OLD[1]} <= contents(prepared).keys()


def test_an_exchange_that_is_not_finished_is_not_replaced_by_the_next(prepared: Path) -> None:
    decide(prepared)
    before = contents(prepared)
    with pytest.raises(StoreError, match="not finished"):
        exchange.commit(str(prepared), [], OLD[:1])
    assert contents(prepared) == before


def decide(directory: Path) -> None:
    """An exchange that was cut off as soon as it was decided."""
    exchange.replace(str(directory / exchange.NAME), orjson.dumps({"format": 1, "add": NEW, "remove": OLD}))
