"""What tests of real processes share: what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded, read


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """Without instrumentations, which take a program of the standard library more time to load than all the rest."""
    return {**environ, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


@pytest.fixture
def recorded(store_dir: Path) -> Callable[[], Recorded]:
    """``recorded()``: everything in the test's store by now."""
    return lambda: read(store_dir)
