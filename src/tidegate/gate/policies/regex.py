"""Regular expressions of a policy, which must not take for ever on what a stranger sent."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import log2
from typing import Any

if sys.version_info >= (3, 11):
    from re import _constants as _names  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
else:
    import sre_constants as _names
    import sre_parse as _parser

#: Characters of a text that an expression sees at most, and fewer where its time grows with their cube.
LONGEST, LONGEST_OF_SLOW = 1024, 256

#: A repetition up to this count is as good as writing it out.
_SHORT = 8

#: Ways to match that short repetitions and alternatives may give together, as a power of two.
_MOST_BITS = 12

_REPEATS = (_names.MAX_REPEAT, _names.MIN_REPEAT)
_ANCHORS = (_names.AT_BEGINNING, _names.AT_BEGINNING_STRING)
_NEXT_STEP = "A glob (`*` and `?`) may have any number of stars"


def compile_regex(pattern: str) -> Callable[[str], bool]:
    """Whether ``pattern`` is found in the first `LONGEST` characters of a text.

    Raises ValueError when it is no expression of `re`, when a repetition is inside another or has
    alternatives that begin alike or too many parts are optional, since such take exponential time,
    and when more than two repetitions can match the same characters.
    """
    try:
        compiled = re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the regular expression {pattern!r} is not valid: {error}.") from None
    if any(_is_explosive(body) for body in _repeated(tree)):
        raise ValueError(
            f"the regular expression {pattern!r} has a repetition inside a repetition, which can take for ever;"
            f" it must not, write it flat. {_NEXT_STEP}."
        )
    if _bits(tree) > _MOST_BITS:
        raise ValueError(
            f"the regular expression {pattern!r} can match one text in too many ways, which can take for ever;"
            f" it must have fewer optional parts. {_NEXT_STEP}."
        )
    degree = sum(map(_is_wide, _repeated(tree))) + _adjacent(tree) + (not _is_anchored(tree))
    if degree > 3:
        raise ValueError(
            f"the regular expression {pattern!r} has too many repetitions that match the same text; at most two"
            f" such as `.*` are allowed, three when it begins with `^`. {_NEXT_STEP}."
        )
    search, longest = compiled.search, LONGEST if degree < 3 else LONGEST_OF_SLOW
    return lambda value: search(value[:longest]) is not None


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


_NARROW = (_names.CATEGORY_DIGIT, _names.CATEGORY_SPACE)


def _is_wide(body: Any) -> bool:
    """Whether a repetition takes most characters, so that the next one can take them as well."""
    return any(
        operation in (_names.ANY, _names.NOT_LITERAL)
        or (operation is _names.IN and any(item[0] in _WIDE and item[1] not in _NARROW for item in argument))
        for operation, argument in body
    )


_WIDE = (_names.NEGATE, _names.CATEGORY)


def _adjacent(tree: Any) -> int:
    """How many long repetitions follow another at once, so that they may share its characters."""
    long = [_is_long(*node) for node in _flat(tree)]
    return sum(one and other for one, other in pairwise(long))


def _flat(tree: Any) -> Iterator[tuple[Any, Any]]:
    """The nodes in a row, without the groups around them."""
    for operation, argument in tree:
        if operation is _names.SUBPATTERN:
            yield from _flat(argument[-1])
        else:
            yield operation, argument


def _is_anchored(tree: Any) -> bool:
    return bool(len(tree)) and tree[0][0] is _names.AT and tree[0][1] in _ANCHORS
