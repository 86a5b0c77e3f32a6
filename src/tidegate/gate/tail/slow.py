"""Which traces are slow: measured against what others of the same key took before."""

from __future__ import annotations

import math

#: A key's durations are looked at once there are so many; beyond `MEMORY`, what is known of the past is halved.
LEAST = 100
MEMORY = 2000
#: Slow is longer than what this part of the key's takes, or than `FAR` times what `MOST` of them take, but never less
#: than `FACTOR` times the median. So at most 1 in 100 are, or up to 1 in 10 where these stand far apart.
NORMAL, MOST, FAR = 0.99, 0.9, 4.0
FACTOR = 1.5
#: Keys that are told apart; the others share one. Those not seen for so many seconds make room, which is looked for
#: every so many seconds.
MAX_KEYS = 1000
FORGOTTEN = 300.0
CLEARING = 10.0
#: What is left of a count when it was halved too often is nothing.
NOTHING = 0.1


class Durations:
    """The durations of one key: a histogram of eight steps an octave, in which the past fades."""

    __slots__ = ("_counts", "_due", "_seen", "limit", "used")

    def __init__(self) -> None:
        self._counts: dict[int, float] = {}
        self._seen = 0.0
        self._due = float(LEAST)
        #: What takes longer (ns) is slow.
        self.limit: float = math.inf
        self.used = 0.0

    def add(self, duration: int) -> None:
        step = _step(duration)
        self._counts[step] = self._counts.get(step, 0.0) + 1.0
        self._seen += 1.0
        if self._seen >= self._due:
            self._update()

    def _update(self) -> None:
        if self._seen >= MEMORY:
            self._counts = {step: count / 2 for step, count in self._counts.items() if count > 2 * NOTHING}
            self._seen = sum(self._counts.values())
        self._due = self._seen * 1.125
        middle, most, normal = self._quantiles(0.5, MOST, NORMAL)
        self.limit = max(min(normal, FAR * most), FACTOR * middle)

    def _quantiles(self, *parts: float) -> list[float]:
        """For ascending parts of all, how long these took at most."""
        found: list[float] = []
        below = 0.0
        for step in sorted(self._counts):
            below += self._counts[step]
            while len(found) < len(parts) and below >= parts[len(found)] * self._seen:
                found.append(_longest(step))
        return found


class SlowKeys:
    """Durations by key. ``slow`` is "auto", "off", or a number of seconds that is too long for any."""

    def __init__(self, slow: str | float, max_keys: int = MAX_KEYS) -> None:
        self._fixed: float | None = None if slow == "auto" else math.inf if slow == "off" else float(slow) * 1e9
        self._max_keys = max_keys
        self._keys: dict[str, Durations] = {}
        self._others = Durations()
        self._cleared = -math.inf

    def is_slow(self, key: str, duration: int, now: float) -> bool:
        """Whether that many ns is slow for ``key``, by what came before; adds it."""
        if self._fixed is not None:
            return duration > self._fixed
        known = self._keys.get(key)
        if known is None:
            known = self._begin(key, now)
        known.used = now
        is_slow = duration > known.limit
        known.add(duration)
        return is_slow

    def _begin(self, key: str, now: float) -> Durations:
        """Those of a key that is told apart from now on, if there is room."""
        if len(self._keys) >= self._max_keys and now - self._cleared >= CLEARING:
            self._cleared = now
            self._keys = {each: known for each, known in self._keys.items() if now - known.used < FORGOTTEN}
        if len(self._keys) >= self._max_keys:
            return self._others
        known = self._keys[key] = Durations()
        return known


def _step(duration: int) -> int:
    """The place in the histogram: the octave, and the eighth of it."""
    duration = duration if duration > 8 else 8  # noqa: FURB136 - min() and max() take three times as long
    bits = duration.bit_length()
    return bits << 3 | (duration >> bits - 4) & 7


def _longest(step: int) -> float:
    """The longest duration in a place of the histogram."""
    return float(((step & 7) + 9 << (step >> 3) - 4) - 1)
