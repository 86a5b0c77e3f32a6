"""The checkpoint of metrics, which is brought up to date before what it counts is sealed or removed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Sequence

from tidegate.errors import FormatError, StoreError
from tidegate.store import location
from tidegate.store.retention import File, Policy
from tidegate.store.upkeep.files import listed, of_segments
from tidegate.store.upkeep.pace import Pace

_logger = logging.getLogger("tidegate")

#: Age in ns at which the checkpoint is brought up to date: a reader has no more to catch up on.
CHECKPOINT_NS = 600 * 10**9


def covered(directory: str) -> int:
    """The time in ns before which all that was written is in the checkpoint."""
    try:
        found = os.stat(os.path.join(directory, location.CHECKPOINT)).st_mtime_ns
    except FileNotFoundError:
        return 0
    return found if found <= time.time_ns() else 0  # the clock has been set back


def size(directory: str) -> int:
    """The bytes of the checkpoint; 0 when there is none."""
    try:
        return os.stat(os.path.join(directory, location.CHECKPOINT)).st_size
    except FileNotFoundError:
        return 0


def is_due(directory: str, files: Sequence[File], age: int = CHECKPOINT_NS) -> bool:
    """Whether the checkpoint, or where there is none the store, has reached this age."""
    since = covered(directory) or min((file.start for file in files), default=0)
    return bool(files) and not 0 <= time.time_ns() - since < age


def cover(directory: str, policy: Policy, pace: Pace, files: Iterable[File] | None = None) -> bool:
    """See that all that was written to these files, or to any, is in the checkpoint; False when there is no way.

    Raises `FormatError` when a newer version looks after the checkpoint, and `Stopped`.
    """
    if files is not None and all(file.end < covered(directory) for file in files):
        return True
    from tidegate.store.metrics import checkpoint

    try:
        checkpoint.keep(directory, lambda: of_segments(listed(directory)), policy.age("metric") / 1e9, pace.step_first)
    except FormatError:
        raise
    except (OSError, StoreError) as error:
        _logger.debug("totals of metrics could not be written: %s", error)
        return False
    return True
