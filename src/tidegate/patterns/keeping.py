"""Which patterns are kept: so many of them and so many bytes, those in use, their counts exact in sum."""

from __future__ import annotations

from typing import Any

from tidegate.patterns.mask import LOOKED_AT
from tidegate.patterns.pattern import Pattern, identify, living

#: What a pattern takes with its entries in the tables, in bytes, measured; its texts come on top.
PATTERN_BYTES = 480
#: The share of patterns that goes at a time, so that finding them costs little for each.
SHARE = 10
_DIGITS = b"0123456789"


class Keeper:
    """The patterns by id, by masked text, and by what was recently seen."""

    def __init__(self, max_patterns: int, max_bytes: int) -> None:
        self.max_patterns = max_patterns
        self.max_bytes = max_bytes
        self.evicted = 0
        self.other = Pattern(identify("other", ""), "<*>", "other")
        self.by_id: dict[str, Pattern] = {}
        self.masked: dict[str, Pattern] = {}
        self.recent: dict[bytes, Pattern] = {}
        self._indexes: list[dict[Any, Any]] = []
        self._bytes = 0
        self._recent_bytes = 0

    def new(self, kind: str, name: str, template: str) -> Pattern:
        """The pattern of this name: made, or the one there is."""
        id = identify(kind, name)
        known = self.by_id.get(id)
        if known is not None:
            return living(known)
        if len(self.by_id) >= self.max_patterns or self._bytes >= self.max_bytes:
            self._make_room()
        pattern = self.by_id[id] = Pattern(id, template, kind)
        self._bytes += PATTERN_BYTES + 2 * len(template)
        return pattern

    def put(self, pattern: Pattern) -> None:
        """A pattern from elsewhere."""
        self.by_id[pattern.id] = pattern
        self._bytes += PATTERN_BYTES + 2 * len(pattern.template)

    def recall(self, text: str) -> Pattern | None:
        """What `remember` was told."""
        pattern = self.recent.get(text[:LOOKED_AT].encode().translate(None, _DIGITS))
        return pattern if pattern is not None and pattern.into is None else None

    def remember(self, text: str, pattern: Pattern) -> None:
        """Next time, the text is known at once, whatever its digits are."""
        key = text[:LOOKED_AT].encode().translate(None, _DIGITS)
        if not key.strip():  # only digits, which are not to be taken for nothing
            return
        self._recent_bytes += 120 + len(key)
        if self._recent_bytes > self.max_bytes // 2:
            self.recent.clear()
            self._recent_bytes = 0
        self.recent[key] = pattern

    def index(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Puts a value into a table that is emptied of what went, and never larger than the patterns may be."""
        if not any(known is table for known in self._indexes):
            self._indexes.append(table)
        if len(table) >= 2 * self.max_patterns:
            table.clear()
        table[key] = value

    def count_other(self, count: int) -> Pattern:
        """Counts what has no pattern."""
        self.other.count += count
        return self.other

    def living(self) -> list[Pattern]:
        """Patterns that count, the other one included once it does."""
        alive = [pattern for pattern in self.by_id.values() if pattern.into is None]
        return [*alive, self.other] if self.other.count else alive

    def _make_room(self) -> None:
        """Lets those go that were not used since the last time, the rarest first; aliases go with what they became."""
        patterns = list(self.by_id.values())
        alive = [pattern for pattern in patterns if pattern.into is None]
        alive.sort(key=lambda pattern: (pattern.count != pattern.seen, pattern.count))
        keep = max(0, len(patterns) - max(1, self.max_patterns // SHARE))
        aliases = len(patterns) - len(alive)
        for pattern in alive[: max(1, min(len(alive) // SHARE + 1, len(alive) - max(0, keep - aliases)))]:
            self.other.count += pattern.count
            pattern.into = self.other
            self.evicted += 1
        for pattern in alive:
            pattern.seen = pattern.count
        if aliases > len(patterns) // 2:
            patterns = alive
        self.by_id = {pattern.id: pattern for pattern in patterns if living(pattern) is not self.other}
        self.masked = {text: pattern for text, pattern in self.masked.items() if pattern.into is None}
        self.recent.clear()
        for table in self._indexes:
            for key in [
                key for key, value in table.items() if _pattern_of(value) is not None and _pattern_of(value).gone
            ]:
                del table[key]
        self._bytes = sum(PATTERN_BYTES + 2 * len(pattern.template) for pattern in self.by_id.values())


def _pattern_of(value: Any) -> Any:
    return value if isinstance(value, Pattern) else value.pattern
