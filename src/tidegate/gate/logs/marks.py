"""What is put on a log record that the gate keeps."""

from __future__ import annotations

from typing import Any

from tidegate.patterns import Pattern

#: The count is 0 for what was released by an error: those that chance kept stand for it already, so that the sum over
#: all kept records is, in expectation, what was emitted.
TEMPLATE, PATTERN, COUNT, REASON = (
    "log.record.template",
    "tidegate.pattern.id",
    "tidegate.adjusted_count",
    "tidegate.keep.reason",
)


def marks(pattern: Pattern, count: float, reason: str) -> dict[str, Any]:
    """The attributes of a kept record; the reason only where it was not kept by its rate."""
    more: dict[str, Any] = {TEMPLATE: pattern.template, PATTERN: pattern.id, COUNT: float(count)}
    if reason != "rate":
        more[REASON] = reason
    return more
