"""`tidegate check`: what people and programs are told, and by which exit status."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from damaging import overwrite
from store_files import places

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


def test_a_name_from_a_hostile_hand_is_shown_harmlessly(check: Tidegate, store_dir: Path) -> None:
    (store_dir / "\x1b[31m.partial").touch()
    done = check()
    assert (done.returncode, "\x1b" in done.stdout) == (0, False)
