"""What the values of a policy document may be: each kind checks a node, and describes itself as JSON Schema.

A document's structure is one table of kinds (`tidegate.gate.policies.document`), which both reads it and makes
its schema, so that the two cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.gate.policies.lines import Mistake, Node

#: The most that a budget or a rate per second may be; more is a slip of the finger.
MAX_PER_SECOND = 1e9

#: Characters of a text in a policy.
MAX_TEXT = 1000

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,12})?) ?%")
_PER = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?/ ?([smh])")

Schema = dict[str, Any]


class Kind(NamedTuple):
    """``read`` makes the value of a node or raises `Mistake`; ``schema`` says the same to an editor."""

    read: Callable[[Node], Any]
    schema: Schema


def number(low: float, high: float, rule: str) -> Kind:
    def read(node: Node) -> float:
        value = node.value
        if isinstance(value, str) and re.fullmatch(r"[-+.0-9]+", value):
            raise Mistake.at(node, f"{rule}; write it without quotes.")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise Mistake.at(node, f"{rule}.")
        return float(value)

    return Kind(read, {"type": "number", "minimum": low, "maximum": high})


_RATIO = number(0, 1, "a rate is a number from 0 (drop) to 1 (keep)")
_PER_SECOND = number(0, MAX_PER_SECOND, f"a budget is a number per second from 0 to {MAX_PER_SECOND:,.0f}")


def _read_rate(node: Node) -> float:
    value = node.value
    if isinstance(value, str) and (percent := _PERCENT.fullmatch(value)) and float(percent[1]) <= 100:
        return float(percent[1]) / 100
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 < value <= 100:
        raise Mistake.at(node, f"a rate is a number from 0 (drop) to 1 (keep); for {value:g} percent write {value}%.")
    rate: float = _RATIO.read(node)
    return rate


def per_second(text: str) -> float | None:
    """``100/s``, ``30/m`` or ``5/h`` as a number per second, None for what is not written so."""
    found = _PER.fullmatch(text)
    return min(float(found[1]) / _SECONDS[found[2]], MAX_PER_SECOND) if found else None


def _read_budget(node: Node) -> float:
    found = per_second(node.value) if isinstance(node.value, str) else None
    if found is not None:
        return found
    budget: float = _PER_SECOND.read(node)
    return budget


def _read_text(node: Node) -> str:
    if not isinstance(node.value, str) or not node.value or len(node.value) > MAX_TEXT:
        quotes = "; put it in quotes" if isinstance(node.value, (bool, int, float)) else ""
        raise Mistake.at(node, f"it must be text of at most {MAX_TEXT:,} characters{quotes}.")
    return node.value


def _read_true(node: Node) -> bool:
    if node.value is not True:
        raise Mistake.at(node, "it can only be true; leave it out, or give a rate or a budget instead.")
    return True


def reference(name: str) -> Schema:
    """To one of a schema's definitions."""
    return {"$ref": f"#/$defs/{name}"}


#: Definitions of a schema that many places refer to.
DEFINITIONS: Schema = {
    "rate": {"anyOf": [_RATIO.schema, {"type": "string", "pattern": f"^{_PERCENT.pattern}$"}]},
    "budget": {"anyOf": [_PER_SECOND.schema, {"type": "string", "pattern": f"^{_PER.pattern}$"}]},
}

RATE = Kind(_read_rate, reference("rate"))
BUDGET = Kind(_read_budget, reference("budget"))
TEXT = Kind(_read_text, {"type": "string", "minLength": 1, "maxLength": MAX_TEXT})
TRUE = Kind(_read_true, {"const": True})


def mapping(kinds: Mapping[str, Kind], example: str) -> Kind:
    """A mapping with these keys, none of them needed, but at least one."""

    def read(node: Node) -> dict[str, Any]:
        found = as_mapping(node, example)
        for key, item in found.items():
            known(key, kinds, item)
        return {key: kinds[key].read(item) for key, item in found.items()}

    properties = {key: kind.schema for key, kind in kinds.items()}
    return Kind(read, {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1})


def table(value: Kind, example: str, key: Callable[[str, Node], str] = lambda key, node: key) -> Kind:
    """A mapping with any keys, all values of one kind; ``key`` may refuse a key or write it as it should be."""

    def read(node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, item in as_mapping(node, example).items():
            own = key(name, item)
            if own in found:
                raise Mistake(item.line, f"{item.path} is there twice, as {own!r} too; leave one of them.")
            found[own] = value.read(item)
        return found

    return Kind(read, {"type": "object", "additionalProperties": value.schema, "minProperties": 1})


def listing(item: Kind, most: int) -> Kind:
    def read(node: Node) -> list[Any]:
        if not isinstance(node.value, list):
            raise Mistake.at(node, "it must be a list; begin each of its items with '-'.")
        if len(node.value) > most:
            raise Mistake(node.line, f"{node.path} has {len(node.value):,} items; at most {most:,} are allowed.")
        return [item.read(each) for each in node.value]

    return Kind(read, {"type": "array", "items": item.schema, "maxItems": most})


def as_mapping(node: Node, example: str) -> dict[str, Node]:
    """The items of a mapping that is not empty."""
    if not isinstance(node.value, dict) or not node.value:
        raise Mistake.at(node, f"it must be a mapping such as {example}.")
    return node.value


def known(word: str, words: Mapping[str, Any] | Sequence[str], node: Node) -> str:
    """The word if it is one of ``words``; else what may have been meant is said."""
    if word in words:
        return word
    raise Mistake(node.line, f"{node.path or repr(word)} is not known: {near(word, words)}.")


def beside(root: Node, words: Sequence[str]) -> list[str]:
    """What stands beside what is read of another format than ours, as lines that say so; ours cannot stand there."""
    others = [(key, item) for key, item in root.value.items() if key not in words]
    for key, item in others:
        if key in ("traces", "logs"):
            raise Mistake(item.line, f"{key!r} would not be obeyed beside {_of(words, root)!r}; write one of the two.")
    return [f"line {item.line}: {key[:80]!r} is not done here." for key, item in others]


def _of(words: Sequence[str], root: Node) -> str:
    return next(word for word in words if word in root.value)


def near(word: str, words: Mapping[str, Any] | Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(words), 1) or get_close_matches(word.upper(), list(words), 1)
    allowed = f"it must be one of {', '.join(words)}"
    return f"did you mean {close[0]!r}? {allowed}" if close else allowed
