from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recording import Recording


@pytest.fixture
def recording(store_dir: Path) -> Iterator[Recording]:
    """A recorder as a process has it, real providers that write to it, and what a reader finds."""
    made = Recording(store_dir)
    yield made
    made.recorder.close()
