"""Regular expressions of a user's, which must not take for ever on what a stranger sent.

Python's `re` goes back and tries again. What that costs is bounded here before it is let in: how many
repetitions can share the same characters (time grows with that power of the text's length), and in how
many ways optional parts can be filled. Whatever is not understood counts as the worst.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from math import log2
from typing import Any

if sys.version_info >= (3, 11):
    from re import _constants as _names  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
else:
    import sre_constants as _names
    import sre_parse as _parser

#: Characters of a text that an expression sees at most, by the power of it that its time may grow with.
SEEN = {0: 1024, 1: 1024, 2: 1024, 3: 128}
LONGEST = SEEN[0]

#: That power for an expression of which all matches in a text are looked for: its texts are not cut off.
MOST_FOUND = 2

#: A repetition up to this count is as good as writing it out.
_SHORT = 8

#: Ways to match that short repetitions and alternatives may give together, as a power of two.
_MOST_BITS = 8

_REPEATS = (_names.MAX_REPEAT, _names.MIN_REPEAT, *filter(None, [getattr(_names, "POSSESSIVE_REPEAT", None)]))
_ANCHORS = (_names.AT_BEGINNING, _names.AT_BEGINNING_STRING)
_REFERENCES = (_names.GROUPREF, _names.GROUPREF_EXISTS)
_INSTEAD = "A glob (`*` and `?`) may do instead, with any number of stars."

#: Characters by number; above ASCII, all letters and digits stand for each other, all blanks, and all the rest.
_ASCII, _WORD, _BLANK, _REST = 128, 128, 129, 130
_ABOVE = frozenset((_WORD, _BLANK, _REST))
_ALL = frozenset(range(_ASCII)) | _ABOVE

_DIGITS, _BLANKS, _WORDS = (
    frozenset(number for number in range(_ASCII) if re.match(category, chr(number))) | {above}
    for category, above in ((r"\d", _WORD), (r"\s", _BLANK), (r"\w", _WORD))
)
_CATEGORIES = {
    _names.CATEGORY_DIGIT: _DIGITS,
    _names.CATEGORY_SPACE: _BLANKS,
    _names.CATEGORY_WORD: _WORDS,
    _names.CATEGORY_NOT_DIGIT: _ALL - _DIGITS | {_WORD},
    _names.CATEGORY_NOT_SPACE: _ALL - _BLANKS,
    _names.CATEGORY_NOT_WORD: _ALL - _WORDS,
}

#: What characters one node of an expression can take.
Characters = frozenset[int]


def compile_regex(pattern: str) -> Callable[[str], bool]:
    """Whether ``pattern`` is found in the first characters of a text (`SEEN`); raises ValueError as `checked` does."""
    try:
        compiled, degree = checked(pattern)
    except ValueError as error:
        raise ValueError(f"{error} {_INSTEAD}") from None
    search, longest = compiled.search, SEEN[degree]
    return lambda value: search(value[:longest]) is not None


def checked(pattern: str, most: int = max(SEEN)) -> tuple[re.Pattern[str], int]:
    """``pattern`` compiled, and the power of a text's length that its time may grow with, at most ``most``.

    Raises ValueError when it is no expression of `re`; when a repetition is inside another or has
    alternatives that begin alike, when too many parts are optional, or when it refers back to a group,
    since such may take exponential time; and when more repetitions than ``most`` allows (each counts, and so does
    not to begin with ``^``) can share the same characters.
    """
    try:
        compiled = re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the regular expression {pattern!r} is not valid: {error}.") from None
    degree = _most_shared(tree) + (not _is_anchored(tree))
    for is_refused, why in (
        (any(op in _REFERENCES for op, _ in _walk(tree)), "refers back to a group; it must not"),
        (any(map(_is_explosive, _repeated(tree))), "has a repetition inside a repetition; it must not, write it flat"),
        (_bits(tree) > _MOST_BITS, "can match one text in too many ways; it must have fewer optional parts"),
        (
            degree > most,
            f"has too many repetitions that match the same text; {most - 1} of them may, {most} after `^`",
        ),
    ):
        if is_refused:
            raise ValueError(f"the regular expression {pattern!r} {why}, as it could take for ever.")
    return compiled, degree


def _walk(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every node of a parsed expression: (operation, argument)."""
    for operation, argument in tree:
        yield operation, argument
        for part in _parts(argument):
            yield from _walk(part)


def _parts(argument: Any) -> Iterator[Any]:
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from _parts(item)


def _repeated(tree: Any) -> Iterator[Any]:
    """What stands under a long repetition of varying count."""
    for operation, argument in _walk(tree):
        if _is_long(operation, argument):
            yield argument[2]


def _is_long(operation: Any, argument: Any) -> bool:
    return bool(operation in _REPEATS and argument[1] > _SHORT and argument[0] != argument[1])


def _is_explosive(body: Any) -> bool:
    for operation, argument in _walk(body):
        if operation in _REPEATS and argument[0] != argument[1]:
            return True
        if operation is _names.BRANCH and _begin_alike(argument[1]):
            return True
    return False


def _bits(tree: Any) -> float:
    """In how many ways, as a power of two, short repetitions and alternatives can match at most."""
    found = 0.0
    for operation, argument in tree:
        if operation in _REPEATS:
            low, high, body = argument
            found += 0 if _is_long(operation, argument) else log2(high - low + 1) + high * _bits(body)
        elif operation is _names.BRANCH:
            alternatives = argument[1]
            found += max(map(_bits, alternatives)) + (log2(len(alternatives)) if _begin_alike(alternatives) else 0)
        else:
            found += sum(map(_bits, _parts(argument)))
    return found


def _begin_alike(alternatives: Any) -> bool:
    """Whether two alternatives could begin with the same character; the parser took common beginnings out."""
    firsts = [alternative[0] if len(alternative) else (None, None) for alternative in alternatives]
    if any(operation is not _names.LITERAL for operation, _ in firsts):
        return True
    return len({character for _, character in firsts}) < len(firsts)


def _most_shared(tree: Any) -> int:
    """How many long repetitions can share one stretch of characters, at most.

    A character that must come between two and that the first cannot take keeps them apart.
    """
    active: list[Characters] = []
    most = 0
    for characters, is_long, is_needed in _sequence(tree):
        if is_needed:
            active = [other for other in active if other & characters]
        if is_long:
            active.append(characters)
            most = max(most, sum(bool(other & characters) for other in active))
    return most


def _sequence(tree: Any) -> Iterator[tuple[Characters, bool, bool]]:
    """The nodes from left to right: characters that each can take, is it a long repetition, must it come."""
    for operation, argument in tree:
        if operation in _REPEATS:
            is_needed = argument[0] > 0 and all(_is_one_character(*node) for node in argument[2])
            if _is_long(operation, argument):
                yield _characters(argument[2]), True, is_needed
            else:
                yield from ((*node[:2], node[2] and argument[0] > 0) for node in _sequence(argument[2]))
        elif operation is _names.SUBPATTERN:
            yield from _sequence(argument[-1])
        elif operation is _names.BRANCH:
            for alternative in argument[1]:
                yield from ((*node[:2], False) for node in _sequence(alternative))
        elif _is_one_character(operation, argument):
            yield _characters([(operation, argument)]), False, True
        else:
            for part in _parts(argument):
                yield from ((*node[:2], False) for node in _sequence(part))


def _is_one_character(operation: Any, argument: Any) -> bool:
    return operation in (_names.LITERAL, _names.NOT_LITERAL, _names.ANY, _names.IN)


def _characters(tree: Any) -> Characters:
    """All that a part of an expression can take; letters in either case, since a flag may make them alike."""
    found: set[int] = set()
    for operation, argument in _walk(tree):
        if operation is _names.LITERAL:
            found |= _either_case(argument)
        elif operation is _names.IN:
            found |= _class(argument)
        elif operation in (_names.NOT_LITERAL, _names.ANY):
            return _ALL
    return frozenset(found)


def _class(items: Any) -> Characters:
    if items[0][0] is _names.NEGATE:
        return _ALL - frozenset().union(*(_surely(*item) for item in items[1:]))
    return frozenset().union(*(_item(*item) for item in items))


def _item(operation: Any, argument: Any) -> Characters:
    if operation is _names.LITERAL:
        return _either_case(argument)
    if operation is _names.RANGE:
        low, high = argument
        above = _ABOVE if high >= _ASCII else frozenset()
        return above.union(*map(_either_case, range(low, min(high, _ASCII - 1) + 1)))
    return _CATEGORIES.get(argument, _ALL)


def _surely(operation: Any, argument: Any) -> Characters:
    """What an item of a class takes whatever the flags are."""
    if operation is _names.LITERAL:
        return frozenset({argument}) if argument < _ASCII else frozenset()
    if operation is _names.RANGE:
        return frozenset(range(argument[0], min(argument[1], _ASCII - 1) + 1))
    return _CATEGORIES.get(argument, frozenset()) - _ABOVE


def _either_case(number: int) -> Characters:
    if number >= _ASCII:
        return _ABOVE
    # with the flag for it, a few letters above are the same as one below, such as the long s and the sign of kelvin
    return frozenset((ord(chr(number).lower()), ord(chr(number).upper()))) | (
        {_WORD} if chr(number) in "kKsSiI" else set()
    )


def _is_anchored(tree: Any) -> bool:
    return bool(len(tree)) and tree[0][0] is _names.AT and tree[0][1] in _ANCHORS
