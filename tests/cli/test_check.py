"""`tidegate check`: what people and programs are told, and by which exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from damaging import overwrite
from making import log, put
from sealing import seal
from store_files import places
from tidegate.store.metrics import checkpoint
from tidegate.store.sinks import FileSink

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def check(record: Callable[..., None], tidegate: Tidegate, store_dir: Path) -> Tidegate:
    """``check(*options)``: the command over a store of this test's own."""
    record()
    return lambda *options: tidegate("check", str(store_dir), *options, check=False)


@pytest.fixture
def damaged(check: Tidegate, store_dir: Path) -> Path:
    path = next(store_dir.glob("*.active"))
    overwrite(path, places(path.read_bytes())[0] + 10, 20)
    return path


def test_a_sound_store_is_one_line_and_status_0(check: Tidegate, store_dir: Path) -> None:
    done = check()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{store_dir} is sound.\n", "")


def test_damage_is_told_with_file_and_place_and_status_1(check: Tidegate, damaged: Path) -> None:
    done = check()
    assert done.returncode == 1
    headings, row, verdict = done.stdout.splitlines()
    assert headings.split() == ["WHAT", "IT", "IS", "FILE", "WHERE", "WHAT", "IS", "WRONG", "REPAIR"]
    assert row.startswith(f"damage      {damaged.name}  byte ")
    assert "the block cannot be read" in row
    assert verdict.startswith("1 damaged place in ")
    assert verdict.endswith("`tidegate check --repair` can do something about 1.")


def test_programs_get_a_line_of_json_for_each_finding(check: Tidegate, damaged: Path) -> None:
    done = check("--json")
    [finding] = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name: finding[name] for name in ("file", "severity", "repaired")} == {
        "file": damaged.name,
        "severity": "damage",
        "repaired": False,
    }
    assert finding["offset"] > 0
    assert done.returncode == 1


def test_a_repair_ends_with_0_and_so_does_the_check_after_it(check: Tidegate, damaged: Path) -> None:
    done = check("--repair")
    assert (done.returncode, done.stdout.splitlines()[1].split()[0]) == (0, "repaired")
    done = check()
    assert done.returncode == 0
    assert f"{damaged.name}.damaged" in done.stdout


def test_what_is_not_a_directory_is_refused_with_2(check: Tidegate, tidegate: Tidegate, tmp_path: Path) -> None:
    for store in (str(tmp_path / "none"), "http://127.0.0.1:4319", "memory:"):
        done = tidegate("check", store, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize("options", [[], ["--repair"]], ids=" ".join)
def test_a_directory_that_is_no_store_is_refused_with_2(tidegate: Tidegate, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "notes.txt").touch()
    done = tidegate("check", str(tmp_path), *options, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"'{tmp_path}' is not a store: the files in it are not a store's" in done.stderr


#: The command, by a user who may not read all there is.
STRANGER = """
import os, sys
from tidegate.cli import main
import tidegate.cli.checking, tidegate.cli.commands.check, tidegate.store.check, tidegate.store.sealed.file
if os.getuid() == 0:
    os.setuid(65534)  # root may read everything
main(sys.argv[1:])
"""


@pytest.mark.parametrize("options", [[], ["--repair"]], ids=" ".join)
@pytest.mark.parametrize("unreadable", ["*.active", "*.sealed", "metrics.checkpoint", ""])
def test_what_may_not_be_read_is_an_error_with_2(run: Tidegate, unreadable: str, options: list[str]) -> None:
    # not below pytest's own directory, where a stranger cannot even look for it
    with tempfile.TemporaryDirectory() as place:
        sink = FileSink(place)
        put(sink, [log()])
        sink.close()
        if unreadable == "*.sealed":
            seal(place)
        if unreadable == "metrics.checkpoint":
            checkpoint.keep(place, list, 1e9)
        for path in Path(place).iterdir():
            path.chmod(0o666)
        os.chmod(place, 0o777)
        closed = next(Path(place).glob(unreadable)) if unreadable else Path(place)
        closed.chmod(0)
        done = run([sys.executable, "-c", STRANGER, "check", place, *options], check=False)
        os.chmod(place, 0o700)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.endswith("ask as the user whose programs record there, with room on the disk.\n")


def test_a_name_from_a_hostile_hand_is_shown_harmlessly(check: Tidegate, store_dir: Path) -> None:
    (store_dir / "\x1b[31m.partial").touch()
    done = check()
    assert (done.returncode, "\x1b" in done.stdout) == (0, False)
