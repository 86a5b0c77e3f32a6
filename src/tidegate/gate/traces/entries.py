"""What was decided on traces when they first came in here, for those that come in again.

A service that a trace enters several times must judge all entries alike. Else the trace is cut up; and since
keeping or dropping the first entry moves the budget, the chance of the second would depend on the very bits that
decide, and weights would be wrong.
"""

from __future__ import annotations

from collections.abc import Hashable

#: Entries that are remembered at most, and the seconds after which they are forgotten at the latest; at the earliest
#: after half of both.
MOST, LONGEST_S = 4096, 60.0


class Entries:
    """What is known of traces: two generations, of which the elder is forgotten as a whole.

    A trace that started here is put in by its id, one that came in by its id and the budget that judged it. Not safe
    for threads by itself.
    """

    __slots__ = ("_elder", "_since", "_younger")

    def __init__(self) -> None:
        self._younger: dict[Hashable, tuple[float, int]] = {}
        self._elder: dict[Hashable, tuple[float, int]] = {}
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._younger) + len(self._elder)

    def chance(self, trace_id: int, budget: Hashable, least: int, now: float) -> float | None:
        """With which to keep what comes in, kept by ``least`` before; None when the trace is not known.

        What was kept here goes out with a threshold. Whatever comes in with that is kept, or it would be thinned again.
        """
        if not 0 <= now - self._since < LONGEST_S / 2:
            self._age(now)
        key = trace_id, budget
        younger, elder = self._younger, self._elder
        start = younger.get(trace_id) or elder.get(trace_id)
        if start is not None and least >= start[1]:
            return 1.0
        found = younger.get(key) or elder.get(key)
        return None if found is None else 1.0 if least >= found[1] else found[0]

    def put(self, key: Hashable, chance: float, threshold: int, now: float) -> None:
        """Remember a budget's ``chance``, and the threshold of what was kept; `threshold.MAX` when it was not."""
        if len(self._younger) >= MOST // 2 or not 0 <= now - self._since < LONGEST_S / 2:
            self._age(now)
        self._younger[key] = chance, threshold

    def _age(self, now: float) -> None:
        """A generation ends. What is older than both, or was put in at a time yet to come, is forgotten at once."""
        self._elder = self._younger if 0 <= now - self._since < LONGEST_S else {}
        self._younger, self._since = {}, now
