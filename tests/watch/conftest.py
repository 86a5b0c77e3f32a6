"""What tests of health share: a registry of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.watch.check import Check
from tidegate.watch.registry import Registry


@pytest.fixture
def builtin() -> list[Callable[[], list[Check]]]:
    """What makes the built-in checks of `registry`."""
    return []


@pytest.fixture
def registry(builtin: list[Callable[[], list[Check]]]) -> Iterator[Registry]:
    """A registry with a scheduler of its own, which ends with the test."""
    registry = Registry(builtin)
    yield registry
    registry.close()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``mounted(*options)``: a file system in memory of its own, made as root in CI and unmounted afterwards."""
    points: list[Path] = []

    def mounted(options: str) -> Path:
        point = tmp_path / "mounted"
        point.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)], check=True, timeout=10)
        points.append(point)
        return point

    yield mounted
    for point in points:
        subprocess.run(["umount", "--lazy", str(point)], check=True, timeout=10)
