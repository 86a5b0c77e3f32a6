"""What is decided on a trace, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tidegate.gate.threshold import MAX

#: Where a span or log record stands: the id of its segment, and its sequence there.
Place = tuple[str, int]

#: Why a trace is kept, the first of those whose threshold is the lowest. What is dropped has a reason of the same name
#: where its chance was spoken of (an error beyond the reserve, a rule), else ``head``: chance did not choose it.
REASONS = ("error", "slow", "new", "rule", "head", "remote")

#: The span attribute that says which of them it was, and that of what stands for another number than ``th`` says.
REASON, COUNT = "tidegate.sampling.reason", "tidegate.adjusted_count"


class Verdict(NamedTuple):
    """What is remembered of a trace that was judged."""

    keep: bool
    #: By which it was kept; None when that is unknown.
    threshold: int | None
    reason: str
    #: Whether an error, or slowness, were looked at.
    error: bool = False
    slow: bool = False

    @property
    def is_final(self) -> bool:
        """Whether a rule dropped it, so that nothing that comes late matters."""
        return not self.keep and self.reason == "rule" and self.threshold == MAX


#: What most traces come to: nothing asked for them.
DROPPED = Verdict(False, MAX, "head")


@dataclass(slots=True)
class Judged:
    """A verdict on one trace, or on some of its spans; ``trace_id`` and ``key`` are "" for spans judged one by one.

    ``spans`` are the places of those that are kept. ``reason`` is "" where nothing is to be said of it. ``threshold``
    is to be written as ``th``; None leaves the spans' own trace state as it is. ``spans_seen`` counts the spans that
    are judged for the first time, and ``late`` says that there was a verdict on others of the trace before. With
    ``error``, the trace is kept and has one: all its log records are to be kept too. What ``counts`` not is there to be
    read, and stands for nothing: its adjusted count is 0.
    """

    trace_id: str
    keep: bool
    threshold: int | None
    reason: str
    spans: list[Place] = field(default_factory=list)
    key: str = ""
    spans_seen: int = 0
    late: bool = False
    error: bool = False
    counts: bool = True
