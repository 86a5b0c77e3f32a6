"""``tidegate prune``: what it removes, what it says, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

import tidegate.store
from making import T0, log, put
from tidegate.cli import main
from tidegate.store.sinks import FileSink

Prune = Callable[..., Result]


@pytest.fixture
def prune(store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Prune:
    """``prune(*arguments)`` on a store of three debug records, two errors and one of information."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    sink = FileSink(str(store_dir))
    put(sink, [log(f"record {at}", at, severity=severity) for at, severity in enumerate((5, 5, 5, 17, 17, 9))])
    sink.close()
    return lambda *arguments: CliRunner().invoke(main, ["prune", "--store", str(store_dir), *arguments])


def left(directory: Path) -> list[str]:
    with tidegate.store.open(directory) as reader:
        return sorted(str(record.body) for record in reader.logs())


def rows(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = [orjson.loads(line) for line in result.stdout.splitlines()]
    return {row["class"]: row for row in found}


def test_what_the_policy_does_not_keep_is_removed(prune: Prune, store_dir: Path) -> None:
    time.sleep(0.01)
    assert prune("--retention", "debug=0.001s, default=7d").exit_code == 0
    assert left(store_dir) == ["record 3", "record 4", "record 5"]


def test_it_says_of_each_class_what_went_and_what_is_left(prune: Prune) -> None:
    time.sleep(0.01)
    found = rows(prune("--retention", "debug=0.001s, default=7d", "--json"))
    counts = {name: (row["removed_files"], row["files"]) for name, row in found.items()}
    none = (0, 0)
    assert counts == {
        "error": (0, 1),
        "warning": none,
        "info": (0, 1),
        "debug": (1, 0),
        "error-trace": none,
        "trace": none,
        "metric": none,
    }
    assert found["debug"]["removed_bytes"] > 0
    assert found["error"]["bytes"] > 0


def test_people_get_a_table_and_a_sentence(prune: Prune, store_dir: Path) -> None:
    time.sleep(0.01)
    shown = prune("--retention", "debug=0.001s, default=7d").stdout.splitlines()
    assert shown[0].split()[0] == "CLASS"
    assert shown[-1].startswith("Removed 1 file of ")
    assert shown[-1].endswith(f"bytes are left in {store_dir}.")


def test_without_anything_to_do_it_says_so(prune: Prune, store_dir: Path) -> None:
    assert "Removed 0 files of 0 bytes" in prune().stdout
    assert len(left(store_dir)) == 6


def test_a_dry_run_changes_nothing(prune: Prune, store_dir: Path) -> None:
    os.utime(next(store_dir.iterdir()), (1000, 1000))
    before = sorted(store_dir.iterdir())
    found = rows(prune("--dry-run", "--json"))
    assert (found["ended"]["removed_files"], found["ended"]["dry_run"]) == (1, True)
    assert (sorted(store_dir.iterdir()), len(left(store_dir))) == (before, 6)


def test_a_dry_run_says_would(prune: Prune) -> None:
    prune()
    assert "Would remove 0 files" in prune("--dry-run").stdout


def test_bytes_over_the_size_go_except_for_what_is_reserved(prune: Prune, store_dir: Path) -> None:
    ballast = store_dir / f"{1:020d}-{2:020d}-0011223344556677.info.sealed"
    assert prune().exit_code == 0
    ballast.write_bytes(b"\0" * (4 << 20))
    prune("--size", "4MiB", "--retention", "error=30d 25%")
    assert (ballast.exists(), len(left(store_dir))) == (False, 6)


def test_what_is_older_than_a_time_is_deleted(prune: Prune, store_dir: Path) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(T0 / 1e9)) + ".000000003Z"
    assert prune("--before", moment).exit_code == 0
    assert left(store_dir) == ["record 3", "record 4", "record 5"]


def test_what_living_processes_write_stays(prune: Prune, store_dir: Path) -> None:
    sink = FileSink(str(store_dir))
    put(sink, [log("living")])
    found = rows(prune("--retention", "default=0.001s, error=0.001s, debug=0.001s", "--json"))
    assert (left(store_dir), found["active"]["files"]) == (["living"], 1)
    sink.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--retention", "errors=7d"], "argument retention is 'errors=7d'; it must be CLASS=LIMITS"),
        (["--size", "1KiB"], "argument store_size is '1KiB'"),
        (["--before", "soon"], "soon"),
    ],
)
def test_a_mistake_is_refused_and_nothing_goes(prune: Prune, store_dir: Path, arguments: list[str], said: str) -> None:
    result = prune(*arguments)
    assert (result.exit_code, said in result.output, len(left(store_dir))) == (2, True, 6)


@pytest.mark.parametrize("place", ["memory:", "off", "http://127.0.0.1:1"])
def test_what_is_no_directory_is_refused(prune: Prune, place: str) -> None:
    result = CliRunner().invoke(main, ["prune", place])
    assert (result.exit_code, "a directory is pruned" in result.output) == (2, True)


def test_a_directory_that_is_missing_is_refused(prune: Prune, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["prune", str(tmp_path / "missing")])
    assert (result.exit_code, "there is no store" in result.output) == (2, True)


def test_the_settings_in_force_are_the_policy(prune: Prune, store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time.sleep(0.01)
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_RETENTION", "default=0.001s, debug=0.001s")
    prune()
    assert left(store_dir) == ["record 3", "record 4"]


def test_what_is_given_makes_up_for_a_setting_that_is_wrong(prune: Prune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_RETENTION", "errors=forever")
    assert [prune("--retention", "default=7d").exit_code, prune().exit_code] == [0, 2]


@pytest.mark.parametrize("name", ["notes.txt", "report.partial", None])
def test_a_directory_of_other_things_is_refused_and_left_as_it_is(prune: Prune, tmp_path: Path, name: str) -> None:
    place = tmp_path / "other"
    place.mkdir()
    before = [name] if name else []
    for each in before:
        (place / each).write_text("mine")
    result = CliRunner().invoke(main, ["prune", str(place)])
    assert (result.exit_code, "there is no store" in result.output, os.listdir(place)) == (2, True, before)


def test_a_dry_run_says_how_much_it_cannot_judge_before_it_is_sealed(prune: Prune, store_dir: Path) -> None:
    size = next(store_dir.glob("*.active")).stat().st_size
    shown = prune("--dry-run").stdout.splitlines()
    assert shown[-2].startswith("Would remove at least 0 files")
    assert shown[-1].startswith(f"Not sealed yet: {size} bytes")


def fill(disk: Path, *more: Any) -> None:
    """Record something, and then take all the room that there is."""
    sink = FileSink(str(disk / "store"))
    put(sink, [log("a"), *more])
    sink.close()
    (disk / "store" / "upkeep.lock").touch(0o600)
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


def test_a_full_disk_is_told(small_disk: Path) -> None:
    fill(small_disk)
    result = CliRunner().invoke(main, ["prune", str(small_disk / "store")])
    assert (result.exit_code, left(small_disk / "store")) == (1, ["a"])
    assert f"'{small_disk / 'store'}' cannot be pruned: what has ended could not be sealed" in result.stderr
    assert not list((small_disk / "store").glob("*.partial"))


def test_on_a_full_disk_what_is_older_goes_as_far_as_it_is_whole_files(small_disk: Path) -> None:
    fill(small_disk)
    result = CliRunner().invoke(main, ["prune", str(small_disk / "store"), "--before", "1s"])
    assert (result.exit_code, left(small_disk / "store")) == (0, [])
    assert "Removed 1 file" in result.stdout


def test_on_a_full_disk_it_says_of_what_is_older_that_it_is_still_there(small_disk: Path) -> None:
    fill(small_disk, log("young", time.time_ns() - T0))
    result = CliRunner().invoke(main, ["prune", str(small_disk / "store"), "--before", "1h"])
    assert (result.exit_code, left(small_disk / "store")) == (1, ["a", "young"])
    assert f"'{small_disk / 'store'}' cannot be pruned: what is older, but in one file" in result.stderr
    assert not list((small_disk / "store").glob("*.partial"))


def test_as_a_command(run: Callable[..., CompletedProcess[str]], prune: Prune, store_dir: Path) -> None:
    assert "Would remove" in run(["tidegate", "prune", "--dry-run", store_dir]).stdout
