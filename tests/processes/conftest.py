"""What tests of real processes share: what was recorded, and waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded, read

Wait = Callable[..., None]


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """Without instrumentations, which take a program of the standard library more time to load than all the rest."""
    return {**environ, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


@pytest.fixture
def recorded(store_dir: Path) -> Callable[[], Recorded]:
    """``recorded()``: everything in the test's store by now."""
    return lambda: read(store_dir)


@pytest.fixture(scope="session")
def wait_for() -> Wait:
    """``wait_for(condition, timeout=20)`` returns once ``condition()`` is true, and fails when it takes longer."""

    def wait_for(condition: Callable[[], object], timeout: float = 20) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail("it did not happen in time", pytrace=True)
            time.sleep(0.02)

    return wait_for
