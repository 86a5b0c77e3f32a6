"""From messages to the patterns that they are counted under."""

from __future__ import annotations

import os
from typing import Any

from tidegate.patterns import codes, saving
from tidegate.patterns.guesses import Guesses
from tidegate.patterns.keeping import Keeper, seen_as
from tidegate.patterns.line import Line
from tidegate.patterns.mask import LOOKED_AT, ZEROS, Masker
from tidegate.patterns.merging import Merger
from tidegate.patterns.pattern import Pattern, living
from tidegate.patterns.sites import Site, location
from tidegate.patterns.templates import shown
from tidegate.patterns.texts import text_of

_DIGITS = b"0123456789"


class Miner:
    """Finds the pattern of each message, online and within bounds; not safe for threads by itself.

    ``max_patterns``       patterns kept (1 or more); beyond, those that were not used for longest go, and the "other"
                           pattern counts on for them, so that the sum of all counts stays exact
    ``max_bytes``          about what everything may take in memory
    ``keep_status_codes``  in mined text, HTTP status and exit codes tell patterns apart instead of being ``<num>``

    ``evicted`` counts patterns that went, ``overflowed`` messages that no pattern could be made for.
    """

    def __init__(
        self, *, max_patterns: int = 10_000, max_bytes: int = 16 << 20, keep_status_codes: bool = False
    ) -> None:
        if max_patterns < 1:
            raise ValueError(f"max_patterns is {max_patterns!r}; it is a number of patterns, 1 or more")
        if max_bytes < 1 << 16:
            raise ValueError(f"max_bytes is {max_bytes!r}; less than 64 KiB holds no patterns worth having")
        self.max_patterns = max_patterns
        self.max_bytes = max_bytes
        self.keep_status_codes = keep_status_codes
        self.overflowed = 0
        self._masker = Masker()
        self._merger = Merger(max_bytes)
        self._guesses = Guesses(self._masker.mask_zeroed)
        self._keeper = Keeper(max_patterns, max_bytes // 2, self._forget)
        self._recent = self._keeper.recent
        self._templates: dict[str, Pattern] = {}
        self._sites: dict[tuple[str, int], Pattern] = {}
        self._places: dict[tuple[str, int], Site] = {}

    @property
    def evicted(self) -> int:
        """Patterns that made room for others."""
        return self._keeper.evicted

    # -- the three ways, fastest first

    def match_template(self, template: str) -> Pattern:
        """The pattern of a logging call whose template is known: %-style, {}-style, or a structlog event."""
        try:
            pattern = self._templates[template]
        except Exception:  # unknown, or no text at all
            return self._new_template(template)
        pattern.count += 1
        return pattern

    def match_site(self, path: str, line: int, function: str, message: object) -> Pattern:
        """The pattern of a call site while it shows the text of one statement; mined where it does not."""
        try:
            pattern = self._sites[path, line]
        except Exception:  # unknown, or not what a call site is made of
            return self._new_site(path, line, function, message)
        if pattern.count < pattern.due:
            pattern.count += 1
            return pattern
        return self._look(self._places.get((path, line)), message)

    def match(self, message: object) -> Pattern:
        """The pattern of a message, from its text alone; any object is one, and nothing is ever raised."""
        try:
            text = message[:LOOKED_AT].encode()  # type: ignore[index]
            key = text.translate(None, _DIGITS)
            pattern = self._recent.get(key)
        except Exception:  # no text, or one that cannot be encoded
            return self._guarded(message)
        if pattern is None or pattern.into is not None:
            pattern = self._guess(message, text, key)
            if pattern is None:
                return self._guarded(message)
        pattern.count += 1
        return pattern

    def match_record(
        self, body: object, template: str = "", path: str = "", line: int = 0, function: str = ""
    ) -> Pattern:
        """The pattern of a record: by its template where values were filled in, else by its call site, else mined."""
        if template and (type(body) is not str or template != body):  # comparing other objects may do anything
            return self.match_template(template)
        return self.match_site(path, line, function, body) if path else self.match(body)

    # -- what is there

    def resolve(self, id: str) -> Pattern | None:
        """The pattern that counts now what this id named, after merges; None when it is unknown or went."""
        pattern = self._keeper.by_id.get(id)
        return None if pattern is None else living(pattern)

    def patterns(self) -> list[Pattern]:
        """The living patterns, the one that counts what went included once it counts."""
        return self._keeper.living()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the patterns, their counts and what ids became to a file, whole or not at all. Raises OSError."""
        saving.write(path, saving.dump(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Miner:
        """A miner as it was saved. Raises OSError, or ConfigurationError for a file that is not one."""
        return saving.restore(cls, saving.read(path), os.fspath(path))

    # -- what is new

    def _guess(self, message: object, text: bytes, key: bytes) -> Pattern | None:
        """The pattern that a text fits as it is, where one was found by masking before."""
        if type(message) is not str or len(message) > LOOKED_AT or text[:1] == b"{" or self.keep_status_codes:
            return None
        pattern = self._guesses.find(text.translate(ZEROS).decode())
        if pattern is not None:
            self._keeper.remember(key, pattern)
        return pattern

    def _guarded(self, message: object) -> Pattern:
        try:
            return self._mine(message)
        except Exception:  # a guest never raises: what cannot be mined is counted
            self.overflowed += 1
            return self._keeper.count_other()

    def _mine(self, message: object) -> Pattern:
        text = text_of(message)
        if self.keep_status_codes:
            text = codes.keep(text)
            pattern = self._keeper.recall(seen_as(text))
            if pattern is not None:
                pattern.count += 1
                return pattern
        masked = self._masker.mask(text).translate(codes.SHOWN) if self.keep_status_codes else self._masker.mask(text)
        pattern = self._keeper.masked.get(masked)
        if pattern is None or pattern.into is not None:
            pattern = self._place(masked) if pattern is None or pattern.gone else living(pattern)
            self._keeper.note(masked, pattern)
        pattern.count += 1
        if pattern.count > 1:
            self._guesses.learn(pattern, self._merger.gaps.stretch)
        if isinstance(message, str):
            self._keeper.remember(seen_as(text), pattern)
        return pattern

    def _forget(self) -> None:
        self._merger.forget()
        self._guesses.forget()

    def _place(self, masked: str) -> Pattern:
        """The pattern of a masked line that was never seen: one that it fits, or a new one."""
        line = Line(masked)
        pattern = self._merger.find(line)
        if pattern is not None and not pattern.gone:
            return living(pattern)
        pattern = self._merger.add(line, self._keeper.new("mined", masked, masked))
        self._keeper.note(pattern.template, pattern)
        return pattern

    def _new_template(self, template: Any) -> Pattern:
        if not isinstance(template, str):
            return self.match(template)
        template = str.__str__(template)  # a subclass may have any hash
        pattern = self._keeper.new("template", template, shown(template))
        self._keeper.index(self._templates, template, pattern)
        pattern.count += 1
        return pattern

    def _new_site(self, path: Any, line: Any, function: Any, message: object) -> Pattern:
        try:
            pattern = self._keeper.new("site", location(path, line, function), "")
            site = Site(pattern, path, line)
            self._keeper.index(self._sites, (path, line), pattern)
            self._keeper.index(self._places, (path, line), site)
        except Exception:  # a place that is none: its text says what it is
            return self.match(message)
        return self._look(site, message)

    def _look(self, site: Site | None, message: object) -> Pattern:
        before = site.pattern if site is not None else None
        try:
            text = text_of(message)
            is_one = site is not None and site.look(text, self._masker.mask(text))
        except Exception:  # as _guarded
            is_one = True
        if site is None or before is None or before.into is not None:
            return self.match(message)
        if not is_one:
            return self._from_wrapper(before, message) if not site.varies else self.match(message)
        before.count += 1
        return before

    def _from_wrapper(self, before: Pattern, message: object) -> Pattern:
        """What a wrapper showed when it showed one text only is counted where that text is mined."""
        mined = self._keeper.masked.get(before.template)
        if mined is None or mined.into is not None:
            mined = self._place(before.template)
            self._keeper.note(before.template, mined)
        if mined is not before and before.into is None:
            mined.count += before.count
            before.into = mined
        return self.match(message)
