"""The benchmarks run; what they find is for people to judge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from benchmarks import api_calls, encoding, store_processes, store_reading, store_writing

pytestmark = pytest.mark.servers


def _titles(tables: str) -> list[str]:
    return [line.removeprefix("## ") for line in tables.splitlines() if line.startswith("## ")]


def test_one_can_be_run_by_its_name(run: Callable[..., CompletedProcess[str]], root: Path) -> None:
    shown = run([sys.executable, "-m", "benchmarks", "early_drop", "--repeats", "1"], cwd=root, timeout=300).stdout
    assert len(_titles(shown)) == 1


def test_writing_and_sealing_are_held_against_their_baselines() -> None:
    assert _titles(store_writing.run(1, 512)) == [
        "CPU from the SDK's object to a committed block (µs a record)",
        "The same with redaction, and with patterns",
        "CPU of sealing",
        "Bytes of a record in sealed files, all of them counted",
    ]


def test_every_question_has_an_answer_from_both_stores() -> None:
    tables = store_reading.run(1, 20_000, 2)
    assert len([line for line in tables.splitlines() if line.startswith("| ") and "ms" not in line]) == 7


def test_encoding_is_held_against_the_standard_one() -> None:
    lines = encoding.run(1, 512).splitlines()
    names = [line.split(" | ")[0].removeprefix("| ") for line in lines[4:] if line]
    assert names == ["span", "span, sealed", "log record", "log record, sealed"]


def test_one_pass_finds_all_segments_of_dead_processes() -> None:
    assert store_processes._dead(60)[-1] < 20


def test_what_an_application_calls_is_held_against_the_same_by_hand() -> None:
    lines = api_calls.run(1).splitlines()
    assert len([line for line in lines if line.startswith("| `")]) >= 8
