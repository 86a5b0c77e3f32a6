"""Upkeep as tests call it: the whole pass, with bounds of their own."""

from __future__ import annotations

import os

from tidegate.kinds import Limits
from tidegate.store.retention import Policy
from tidegate.store.upkeep.once import Report, upkeep
from tidegate.store.upkeep.pace import Pace

MUCH, LONG = 1 << 40, 1e9


def tidy(
    directory: str | os.PathLike[str], max_bytes: int = MUCH, max_age_s: float = LONG, pace: Pace | None = None
) -> Report | None:
    """One pass; what is too old (seconds) or too much (bytes) goes, whatever its class."""
    return upkeep(os.fspath(directory), Policy({"default": Limits(age=max_age_s)}, max_bytes), pace)
