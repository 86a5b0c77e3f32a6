"""One text without its secrets, and who decides what is written instead."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tidegate.kinds import Named
from tidegate.record.redaction.formats import Format
from tidegate.record.redaction.marks import applicable, encoded
from tidegate.regexes import MOST_FOUND, SEEN, checked

REDACTED = "[redacted]"

_logger = logging.getLogger("tidegate")

#: How many characters a user's expression reads in one go, and by how many the next stretch begins before its end.
_STRETCH = 2 * SEEN[MOST_FOUND]
_OVERLAP = SEEN[MOST_FOUND]


@dataclass(frozen=True, slots=True)
class Match:
    """What was found: ``name`` is the attribute's or "", ``text`` what would go, ``rule`` what it was found by: the
    name of a format, ``name of the attribute``, or the regular expression of a setting.

    >>> Match("http.url", "it", "bearer token")
    Match(name='http.url', rule='bearer token')
    """

    name: str
    text: str = field(repr=False)  # a report on a failure would show it
    rule: str


#: What a user may have decided by: the text to write instead, None for the marker.
Callback = Callable[[Match], "str | None"]


class Decision:
    """What is written instead of a secret. A callback that fails hides it; ``failed`` counts that."""

    def __init__(self, callback: Callback | None = None) -> None:
        self.callback = callback
        self.failed = 0

    def __call__(self, name: str, text: str, rule: str) -> str:
        if self.callback is None:
            return REDACTED
        try:
            answer: object = self.callback(Match(name, text, rule))
            if answer is None or isinstance(answer, str):
                return REDACTED if answer is None else answer
            problem = f"it returned {type(answer).__name__}, and must return text or None"
        except Exception as error:  # its own text might show what must not be seen
            is_named = isinstance(self.callback, Named) and type(error) is LookupError
            problem = str(error) if is_named else type(error).__name__
        self.failed += 1
        if self.failed == 1:
            _logger.warning("redact_callback failed (%s); what it was asked about is hidden.", problem)
        return REDACTED


_HIDE = Decision()


def clean(text: str) -> str:
    """``text`` with ``[redacted]`` in place of what looks like a secret."""
    return cleaned(text, applicable(encoded(text)))


def cleaned(text: str, formats: Iterable[Format], name: str = "", decide: Decision = _HIDE) -> str:
    """``text`` without what these formats find in it."""
    for form in formats:
        text = _replaced(text, form.pattern.finditer(text), form, name, decide)
    return text


def _replaced(text: str, matches: Iterable[re.Match[str]], form: Format | Own, name: str, decide: Decision) -> str:
    parts: list[str] = []
    at = 0
    for match in matches:
        start, end = match.span(form.group)
        found = text[start:end]
        if start < at or (form.check is not None and not form.check(found)):
            continue
        parts += (text[at:start], decide(name, found, form.rule))
        at = end
    return "".join(parts) + text[at:] if parts else text


class Own:
    """A user's expression. It has no marks, and so is looked for in every text, in stretches that bound the time."""

    check = None

    def __init__(self, source: str) -> None:
        self.rule = source
        self._pattern, _ = checked(source, MOST_FOUND)
        self.group: int | str = "secret" if "secret" in self._pattern.groupindex else 0

    def is_in(self, text: str) -> bool:
        return next(self._matches(text), None) is not None

    def cleaned(self, text: str, name: str, decide: Decision) -> str:
        return _replaced(text, self._matches(text), self, name, decide)

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        at = 0
        while True:
            end = at + _STRETCH
            is_last = end >= len(text)
            for match in self._pattern.finditer(text, at, end):
                if match.start() >= end - _OVERLAP and not is_last:
                    break  # the next stretch has more of it
                if match.end() > match.start():
                    yield match
                    at = match.end()
            if is_last:
                return
            at = max(at, end - _OVERLAP)


def own(sources: Sequence[str]) -> tuple[Own, ...]:
    return tuple(map(Own, sources))
