"""Records that no decent program would write, and the order in which files are made to last."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from making import T0, log, put, resource, span
from tidegate.store.sinks import FileSink
from tormenting import commit, identities, is_sound, keep

FAR = (1 << 63) - 1 - T0

HOSTILE = {
    "a path": "../../../../etc/passwd",
    "an absolute path": "/etc/passwd",
    "SQL": "'; DROP TABLE blocks; --",
    "SQL in quotes": '"x" UNION SELECT * FROM frames',
    "a format": "%s%n{0}{self.__class__}",
    "NUL": "shop\0.active",
    "a surrogate": "shop\udc80",
    "nothing": "",
    "a tag": "$bytes",
    "lines": "a\nb\r\n\x1b[31m",
    "a glob": "*.sealed",
    "a bidi override": "\u202eshop",
    "long": "x" * 300_000,
}

MONSTERS: dict[str, Callable[[int], Any]] = {
    "10 MB": lambda at: log("a" * (10 << 20), at),
    "10 MB of noise": lambda at: log(os.urandom(5 << 20).hex(), at),
    "10,000 attributes": lambda at: log("many", at, attributes={f"key.{n}": n for n in range(10_000)}),
    "surrogates": lambda at: log("\ud800 and \udfff", at, attributes={"\udc80": "\udc80"}),
    "NUL bytes": lambda at: log("\0" * 1000, at, attributes={"\0": "\0"}),
    "NaN and infinities": lambda at: log(
        math.nan, at, attributes={"a": math.nan, "b": math.inf, "c": [-math.inf, 0.0]}
    ),
    "integers beyond 64 bits": lambda at: log(1 << 100, at, attributes={"a": -(1 << 200), "b": (1 << 64) - 1}),
    "bytes": lambda at: log(b"\xff\0", at, attributes={"a": b"\x80"}),
    "nesting": lambda at: log({"a": [{"b": {"$int": "1"}}] * 20}, at),
    "time 0": lambda at: log("epoch", -T0),
    "time 1": lambda at: span("epoch", 1 - T0),
    "the far future": lambda at: log("far", FAR),
    "the far future's span": lambda at: span("far", FAR, duration=1),
    "a span that takes for ever": lambda at: span("long", at, duration=1 << 62),
    "severity 24": lambda at: log("fatal", at, severity=24),
    "10,000 letters in a name": lambda at: span("n" * 10_000, at),
}


def shown(directory: Path) -> list[str]:
    """Every record with all that is in it, and its cursor."""
    with tidegate.store.open(directory) as reader:
        records: list[Any] = [*reader.logs(), *reader.spans()]
        assert reader.damaged == 0
        return sorted(repr({**record.to_dict(), "cursor": record.cursor}) for record in records)


@pytest.mark.parametrize("monster", MONSTERS.values(), ids=MONSTERS)
def test_a_monster_is_the_same_when_it_is_sealed_and_its_neighbours_are_there(
    store_dir: Path, monster: Callable[[int], Any]
) -> None:
    sink = FileSink(str(store_dir))
    for number in range(3):
        put(sink, [log("before", number)])
        put(sink, [monster(number)])
        put(sink, [span("after", number)])
    sink.close()
    active = shown(store_dir)
    assert len(active) == 9
    assert is_sound(store_dir)
    keep(str(store_dir), "default=99999d, error=99999d, debug=99999d")
    assert shown(store_dir) == active
    assert not list(store_dir.glob("*.active"))


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_only_ever_a_name(store_dir: Path, tmp_path: Path, name: str) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log("shop", 1)])
    put(sink, [log(name, 2, attributes={name or "empty": name})], resource(name))
    put(sink, [span(name, 3, attributes={name or "empty": name})], resource(name))
    sink.close()
    for _ in ("active", "sealed"):
        with tidegate.store.open(store_dir) as reader:
            assert [each.body for each in reader.logs(where={name or "empty": name})] == [name]
            assert [each.name for each in reader.spans(name=name)] == [name]
            assert len(list(reader.logs())) == 2
            if name:
                assert [each.body for each in reader.logs(service=name)] == [name]
        keep(str(store_dir))
    ours = re.compile(r"\d{20}-\d{20}-[0-9a-f]{16}\.[a-z-]+\.sealed|[a-z]+\.(lock|checkpoint)")
    assert [path.name for path in store_dir.iterdir() if not ours.fullmatch(path.name)] == []
    assert [path.name for path in tmp_path.iterdir()] == [store_dir.name]


def fill(directory: Path, segments: int = 4) -> None:
    for number in range(segments):
        sink = FileSink(str(directory))
        for block in range(4):
            commit(sink, str(number), block)
        sink.close()


def test_a_reader_that_has_begun_ends_well_while_segments_are_sealed(store_dir: Path) -> None:
    fill(store_dir)
    expected = identities(store_dir)
    with tidegate.store.open(store_dir) as reader:
        records = iter(reader.logs())
        found = [next(records) for _ in range(3)]
        keep(str(store_dir))
        found += records
    bodies = [str(record.body) for record in found]
    assert sorted(bodies) == sorted(name for name in expected if name.split(".")[1] != "3")
    assert {str(record.body): record.cursor for record in found}.items() <= expected.items()


def test_a_reader_that_has_begun_ends_without_an_error_when_everything_is_removed(store_dir: Path) -> None:
    fill(store_dir)
    keep(str(store_dir))
    with tidegate.store.open(store_dir) as reader:
        records = iter(reader.logs())
        found = [next(records) for _ in range(3)]
        keep(str(store_dir), "default=0.001s, error=0.001s, debug=0.001s")
        assert not list(store_dir.glob("*.sealed"))
        found += records
        assert len({record.cursor for record in found}) == len(found)
        assert reader.damaged == 0


# --- what lasts when the power fails


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was done to files and directories, in order: their names and what."""
    done: list[tuple[str, str]] = []

    def noting(call: Callable[..., Any], note: Callable[..., tuple[str, str]]) -> Callable[..., Any]:
        def noted(*args: Any, **options: Any) -> Any:
            told = note(*args)
            result = call(*args, **options)
            done.append(told)
            return result

        return noted

    def of_descriptor(descriptor: int) -> tuple[str, str]:
        return "fsync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))

    name = os.path.basename
    monkeypatch.setattr(os, "fsync", noting(os.fsync, of_descriptor))
    monkeypatch.setattr(os, "rename", noting(os.rename, lambda old, new: ("rename", name(new))))
    monkeypatch.setattr(os, "unlink", noting(os.unlink, lambda path: ("unlink", name(path))))
    return done


def test_new_files_last_before_the_exchange_is_decided_and_that_before_old_ones_go(
    store_dir: Path, journal: list[tuple[str, str]]
) -> None:
    fill(store_dir)
    old = {path.name for path in store_dir.glob("*.active")}
    journal.clear()
    keep(str(store_dir))
    decided = journal.index(("rename", "exchange.json"))
    first_gone = min(at for at, (what, name) in enumerate(journal) if what == "unlink" and name in old)
    last_gone = max(at for at, (what, name) in enumerate(journal) if what == "unlink" and name in old)
    new = [name for what, name in journal if what == "rename" and name.endswith(".sealed")]
    assert len(new) >= 4
    for name in new:
        assert journal.index(("fsync", f"{name}.fresh")) < decided < journal.index(("rename", name))
    assert journal.index(("fsync", "exchange.json.partial")) < decided
    assert ("fsync", store_dir.name) in journal[decided:first_gone]
    forgotten = len(journal) - journal[::-1].index(("unlink", "exchange.json")) - 1
    assert ("fsync", store_dir.name) in journal[last_gone:forgotten]


def test_a_commit_waits_for_no_disk(store_dir: Path, journal: list[tuple[str, str]]) -> None:
    fill(store_dir)
    assert [what for what, _ in journal if what == "fsync"] == []


def test_after_a_power_failure_that_left_zeros_all_before_them_is_sealed(store_dir: Path) -> None:
    fill(store_dir, 1)
    expected = identities(store_dir)
    path = next(store_dir.glob("*.active"))
    path.write_bytes(path.read_bytes() + bytes(8192))
    assert identities(store_dir) == expected
    keep(str(store_dir))
    assert identities(store_dir) == expected
    assert [path.suffix for path in store_dir.iterdir() if path.name != "upkeep.lock"] == [".sealed"] * 5
