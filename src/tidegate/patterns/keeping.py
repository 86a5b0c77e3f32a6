"""Which patterns are kept: so many of them and so many bytes, those in use, their counts exact in sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidegate.patterns.mask import LOOKED_AT
from tidegate.patterns.pattern import Pattern, identify, living

#: What a pattern takes with its entries in the tables, and what a text seen recently takes, in bytes, measured.
PATTERN_BYTES, RECENT_BYTES = 480, 120
#: Of this many patterns one goes when room is made, so that finding them costs little for each.
SHARE = 5
_DIGITS = b"0123456789"


class Keeper:
    """The patterns by id, by masked text, and by what was recently seen. ``forget`` is called when some went."""

    def __init__(self, max_patterns: int, max_bytes: int, forget: Callable[[], object] = lambda: None) -> None:
        self._limit = max(1, max_patterns - 1)  # one is for what went
        self._max_bytes = max_bytes
        self._forget = forget
        self.evicted = 0
        self.other = Pattern(identify("other", ""), "<*>", "other")
        self.by_id: dict[str, Pattern] = {}
        self.masked: dict[str, Pattern] = {}
        self.recent: dict[bytes, Pattern] = {}
        self._indexes: list[dict[Any, Any]] = []
        self._bytes = 0
        self._recent_bytes = 0
        self._masked_bytes = 0

    def new(self, kind: str, name: str, template: str) -> Pattern:
        """The pattern of this name: made, or the one there is."""
        id = identify(kind, name)
        known = self.by_id.get(id)
        if known is not None:
            return living(known)
        if len(self.by_id) >= self._limit or self._bytes >= self._max_bytes:
            self._make_room()
        return self.put(Pattern(id, template, kind))

    def put(self, pattern: Pattern) -> Pattern:
        """A pattern from elsewhere."""
        self.by_id[pattern.id] = pattern
        self._bytes += PATTERN_BYTES + 2 * len(pattern.template)
        return pattern

    def note(self, masked: str, pattern: Pattern) -> None:
        """Next time, this masked text is the pattern's at once."""
        self._masked_bytes += RECENT_BYTES + len(masked)
        if self._masked_bytes > self._max_bytes // 2:
            self.masked = {one.template: one for one in self.by_id.values() if one.kind == "mined" and one.into is None}
            self._masked_bytes = self._max_bytes // 4  # at the least, so that this is seldom done
        self.masked[masked] = pattern

    def recall(self, key: bytes) -> Pattern | None:
        """What `remember` was told."""
        pattern = self.recent.get(key)
        return pattern if pattern is not None and pattern.into is None else None

    def remember(self, key: bytes, pattern: Pattern) -> None:
        """Next time, a text `seen_as` this is known at once."""
        if not key.strip():  # only digits, which are not to be taken for nothing
            return
        self._recent_bytes += RECENT_BYTES + len(key)
        if self._recent_bytes > self._max_bytes // 2:
            self.recent.clear()
            self._recent_bytes = 0
        self.recent[key] = pattern

    def index(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Puts a pattern, or what has one, into a table that is rid of what went and of bounded size."""
        if not any(known is table for known in self._indexes):
            self._indexes.append(table)
        if len(table) >= 2 * self._limit:
            table.clear()
        table[key] = value

    def count_other(self) -> Pattern:
        """Counts a message that no pattern can be made for."""
        self.other.count += 1
        return self.other

    def living(self) -> list[Pattern]:
        """Patterns that count, the other one included once it does."""
        alive = [pattern for pattern in self.by_id.values() if pattern.into is None]
        return [*alive, self.other] if self.other.count else alive

    def _make_room(self) -> None:
        """Lets patterns go that were not used since the last time, the rarest first."""
        alive = [pattern for pattern in self.by_id.values() if pattern.into is None]
        alive.sort(key=lambda pattern: (pattern.count != pattern.seen, pattern.count))
        for pattern in alive[: max(1, len(alive) // SHARE)]:
            self.other.count += pattern.count
            self.evicted += 1
            pattern.into, pattern.due = self.other, 0
        for pattern in alive:
            pattern.seen = pattern.count
        self._clean(forget_aliases=2 * len(alive) < len(self.by_id))

    def _clean(self, *, forget_aliases: bool) -> None:
        """Rids all tables of what went; of what others became, too, when that is most of it."""
        self.by_id = {
            id: pattern
            for id, pattern in self.by_id.items()
            if not pattern.gone and (pattern.into is None or not forget_aliases)
        }
        self.masked = {text: pattern for text, pattern in self.masked.items() if pattern.into is None}
        self.recent.clear()
        self._recent_bytes = 0
        for table in self._indexes:
            for key in [key for key, value in table.items() if _has_gone(value)]:
                del table[key]
        self._bytes = sum(PATTERN_BYTES + 2 * len(pattern.template) for pattern in self.by_id.values())
        self._forget()


def seen_as(text: str) -> bytes:
    """What is remembered of a text: what is looked at, without its digits."""
    return text[:LOOKED_AT].encode().translate(None, _DIGITS)


def _has_gone(value: Any) -> bool:
    pattern = value if isinstance(value, Pattern) else value.pattern
    return pattern is not None and pattern.gone
