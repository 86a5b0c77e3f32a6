"""The benchmarks run; what they find is for people to judge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest


@pytest.mark.servers
def test_each_row_is_a_ratio_to_a_baseline_of_the_same_run(
    run: Callable[..., CompletedProcess[str]], root: Path
) -> None:
    shown = run([sys.executable, "-m", "benchmarks", "recording", "--repeats", "1"], cwd=root, timeout=300).stdout
    assert shown.count("| span | ") == 3
    assert "OTLP encoding alone" in shown
