"""Upkeep that is killed at random points: the short run of ``python -m benchmarks.torture``."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.torture import torture


@pytest.mark.servers
def test_killed_at_random_points_it_loses_doubles_and_changes_nothing(tmp_path: Path) -> None:
    assert torture(tmp_path, rounds=20, seed=20261121) == []
