"""Patterns that a text is tried against before it is masked: those that masking led to, by their first or last word.

A text is a pattern's when what is constant stands in it, in order, and what lies between are values of the variables.
What is refused here is masked, and nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tidegate.patterns import spans, tokens
from tidegate.patterns.line import ANY
from tidegate.patterns.pattern import Pattern

#: Patterns tried for one word, and patterns that are tried at all.
TRIED, KNOWN = 8, 4096
#: Places where a value with blanks may end that are tried besides the first.
ENDS = 4
#: Longest value that is masked to see what it is, and variables whose values are, when they have no form that is known.
LONGEST = 256
MASKED = frozenset(("(<list>)", "<list>", "<obj>", "<id>", "<exc>"))

_QUOTED = rf"[bru]?'(?:[^'\\]|\\.)*'|\"(?!(?:{spans.METHODS}) )(?:[^\"\\]|\\.)*\"|`[^`]*`"
_OBJECT = rf"[\w.]*<(?!(?:{tokens.NAMES})>)[A-Za-z_][^<>]*>"
_DUR, _SIZE = rf"0+(?:\.0+)? (?:{spans.TIMES})", r"0+(?:\.0+)? (?:[kKMGTP]i?B|bytes?|B)"
#: What values look like besides those that are one token, every digit being 0.
_FORMS = {
    "<num>": tokens.VERSION,
    "<str>": _QUOTED,
    "<obj>": rf"{_OBJECT}|True|False",
    "<path>": rf"[\w.-]+(?:/[\w.-]+){{2,}}|[\w.-]+/[\w.-]*0[\w.-]*|[\w.-]*{tokens.FILE}",
    "<time>": spans.DATE,
    "<dur>": _DUR,
    "<size>": rf"{_SIZE}(?: \({_SIZE}\))?",
    ANY: rf"[^\s=:,;|()\[\]{{}}\"'@#<>`]*[^\s=:,;|()\[\]{{}}\"'@#<>`.]|{_OBJECT}|{_QUOTED}|{_DUR}|{_SIZE}",
}
#: A request, as a status follows it.
_LOGGED = rf'"[^"\\]*"|{_QUOTED}'
_VARIABLE = re.compile(rf"(\(<list>\)|<(?:{tokens.NAMES})>)")

Check = Callable[[str], object]
#: A pattern, its template then, what it begins and ends with, the variables but the last, each with the constant that
#: follows it, and the last one.
Entry = tuple[Pattern, str, str, str, list[tuple[Check, str]], Check]


class Guesses:
    """Patterns by their first word, or by their last where the first has a variable; the latest that fitted first.

    Texts have their digits made 0; ``mask`` masks such a text.
    """

    __slots__ = ("_known", "_mask", "_tried")

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._tried: dict[str, list[Entry]] = {}
        self._known: dict[Pattern, str] = {}

    def find(self, text: str) -> Pattern | None:
        """The living pattern that a text is surely of, if one is known."""
        if "  " in text or "\n" in text:
            text = " ".join(text.split())
        tried = self._tried
        return (
            ((entries := tried.get(text.partition(" ")[0])) and _found(entries, text))
            or ((entries := tried.get("\0" + text.rpartition(" ")[2])) and _found(entries, text))
            or ((entries := tried.get("")) and _found(entries, text))
            or None
        )

    def learn(self, pattern: Pattern, stretch_of: Callable[[Pattern], int]) -> None:
        """From now on, a pattern is tried; ``stretch_of``: where in its template a variable of any length begins."""
        template = pattern.template
        if self._known.get(pattern) is template:
            return
        if len(self._known) >= KNOWN:
            self.forget()
        self._known[pattern] = template
        pieces = _VARIABLE.split(template)
        constants, names = pieces[::2], pieces[1::2]
        if not names or "" in constants[1:-1] or not any(map(str.strip, constants)):
            return
        checks = [
            tokens.compiled(_LOGGED).fullmatch if (name, after) == ("<str>", " ") else self._check(name)
            for name, after in zip(names, constants[1:], strict=True)
        ]
        if ANY in names and (stretch := stretch_of(pattern)) >= 0:
            checks[_VARIABLE.sub("\0", template[:stretch]).count("\0")] = _anything
        self._put(
            (
                pattern,
                template,
                constants[0],
                constants[-1],
                list(zip(checks, constants[1:-1], strict=False)),
                checks[-1],
            )
        )

    def _put(self, entry: Entry) -> None:
        begin, has_first, _ = entry[2].partition(" ")
        _, has_last, end = entry[3].rpartition(" ")
        entries = self._tried.setdefault(begin if has_first else "\0" + end if has_last else "", [])
        entries.insert(0, entry)
        for one in entries[TRIED:]:
            self._known.pop(one[0], None)
        del entries[TRIED:]

    def _check(self, name: str) -> Check:
        fits = form_of(name).fullmatch
        if name not in MASKED:
            return fits
        mask = self._mask
        return lambda value: fits(value) or (len(value) <= LONGEST and mask(value) == name)

    def forget(self) -> None:
        """Knows nothing any more: patterns went."""
        self._tried.clear()
        self._known.clear()


@cache
def form_of(name: str) -> re.Pattern[str]:
    """What a variable's values look like, several of them that masking makes one included."""
    if name == ANY:
        return re.compile("|".join([_FORMS[ANY], *(form for _, form in tokens.TYPES)]))
    forms = [form for kind, form in tokens.TYPES if kind == name[1:-1]]
    if name in _FORMS:
        forms.append(_FORMS[name])
    one = f"(?:{'|'.join(forms) or '(?!)'})(?<![,;:.!?])"
    return re.compile(f"{one}(?:,? {one})*")


def _anything(value: str) -> object:
    return True


def _found(entries: list[Entry], text: str) -> Pattern | None:
    """The pattern of the first entry that a text fits, which is the first one from now on."""
    for entry in entries:
        pattern, template, first, last, middle, check = entry
        if text.startswith(first) and text.endswith(last):
            at = len(first)
            for test, constant in middle:
                end = text.find(constant, at)
                if end < 0 or not (test(text[at:end]) or (end := _later(text, at, end, test, constant)) > 0):
                    break
                at = end + len(constant)
            else:
                if check(text[at : len(text) - len(last)]):
                    if pattern.into is not None or pattern.template is not template:
                        entries.remove(entry)
                        return None
                    if entry is not entries[0]:
                        entries.remove(entry)
                        entries.insert(0, entry)
                    return pattern
    return None


def _later(text: str, at: int, end: int, test: Check, constant: str) -> int:
    """Where a value ends that has in it what follows it; -1 where none does."""
    for _ in range(ENDS):
        end = text.find(constant, end + 1)
        if end < 0 or test(text[at:end]):
            return end
    return -1
