"""What rules match, as a policy document writes it: ``match: {route: /health*, not: {kind: CLIENT}}``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tidegate.gate.policies.kinds import MAX_TEXT, Kind, Schema, as_mapping, known, near, reference
from tidegate.gate.policies.lines import Mistake, Node
from tidegate.gate.policies.matching import predicate
from tidegate.gate.policy import LOG_FIELDS, TRACE_FIELDS, Condition
from tidegate.records import SEVERITIES, SPAN_KINDS

#: Values that one condition may list.
MAX_VALUES = 1000

#: Other names of severities: the standard library's, and syslog's.
ALIASES = {"WARNING": "WARN", "CRITICAL": "FATAL", "EMERGENCY": "FATAL", "NOTICE": "INFO"}

#: Severities that no rate applies to.
ALWAYS_KEPT = ("ERROR", "FATAL")

#: Fields with a key, under the plural that a document groups them by.
_GROUPS = {"attributes": "attribute", "resource": "resource"}

#: Ways to say more of a value than a glob can.
_OPERATORS = ("equals", "regex")

#: Fields that no span is without.
_ALWAYS_THERE = ("name", "kind")

_VALUE_RULE = (
    "it must be text in which * and ? stand for any, a number, a list of which one must match, true for 'is there',"
    " false for 'is not there', or {equals: …} or {regex: …}"
)


def severity(name: str, node: Node) -> str:
    """OpenTelemetry's name of a severity."""
    upper = ALIASES.get(name.upper(), name.upper())
    if upper not in SEVERITIES:
        raise Mistake(node.line, f"{node.path}: {name[:80]!r} is no severity; {near(name, tuple(SEVERITIES))}.")
    return upper


def span_kind(name: str, node: Node) -> str:
    upper = name.upper().removeprefix("SPAN_KIND_")
    if upper not in SPAN_KINDS:
        raise Mistake(node.line, f"{node.path}: {name[:80]!r} is no kind of span; {near(name, SPAN_KINDS)}.")
    return upper


def _rule_severity(name: str, node: Node) -> str:
    found = severity(name, node)
    if found in ALWAYS_KEPT:
        raise Mistake(node.line, f"{node.path} is {name!r}; {found} is always kept, so no rule is needed or obeyed.")
    return found


#: Fields whose values are names from a list.
_NAMES: dict[str, Callable[[str, Node], str]] = {"severity": _rule_severity, "kind": span_kind}


#: Fields that a rule would be obeyed wrongly by, since nothing is known of them in time.
_TOO_LATE = {"scope": "which library starts a span is not known when its trace is sampled; match its name or kind"}


def match(fields: Sequence[str], example: str) -> Kind:
    """The conditions of a rule over ``fields``; all must hold, and those in ``not`` must not."""
    plain = tuple(name for name in fields if name not in _GROUPS.values())
    keys = (*plain, *_GROUPS, "not")

    def read(node: Node) -> tuple[Condition, ...]:
        return tuple(_conditions(node, keys, example))

    properties = {name: reference("values" if name in _GROUPS else "value") for name in (*plain, *_GROUPS)}
    inner = {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}
    return Kind(read, {**inner, "properties": {**properties, "not": inner}})


def always_holds(condition: Condition) -> bool:
    """Whether it is about everything, such as ``name: "*"``."""
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    says_all = condition.operator == "exists" or (condition.operator == "glob" and any(_is_all(one) for one in values))
    return condition.field in _ALWAYS_THERE and says_all and not condition.negate


def _is_all(value: Any) -> bool:
    return isinstance(value, str) and not value.strip("*")


def _conditions(node: Node, keys: Sequence[str], example: str, *, negate: bool = False) -> Iterator[Condition]:
    for name, item in as_mapping(node, f"{example}, or be left out for a rule about everything").items():
        if name in _TOO_LATE and "kind" in keys:
            raise Mistake(item.line, f"{item.path} cannot be asked for: {_TOO_LATE[name]}.")
        known(name, keys, item)
        if name == "not":
            yield from _conditions(item, [key for key in keys if key != "not"], example, negate=True)
        elif name in _GROUPS:
            for key, value in as_mapping(item, "{http.request.method: GET}").items():
                yield _condition(_GROUPS[name], key, value, negate=negate)
        else:
            yield _condition(name, "", item, negate=negate)


def _condition(field: str, key: str, node: Node, *, negate: bool) -> Condition:
    operator, value = _operator(node)
    if isinstance(value.value, bool):
        condition = Condition(field, None, "exists", key, negate is value.value)
    else:
        condition = Condition(field, _values(field, value, operator), operator, key, negate)
    try:
        predicate(condition)
    except ValueError as error:
        raise Mistake(value.line, f"{value.path}: {error}") from None
    return condition


def _operator(node: Node) -> tuple[str, Node]:
    if not isinstance(node.value, dict):
        return "glob", node
    if len(node.value) != 1:
        raise Mistake.at(node, f"{_VALUE_RULE}.")
    ((name, value),) = node.value.items()
    known(name, _OPERATORS, value)
    if name == "regex" and not isinstance(value.value, (str, list)):
        raise Mistake.at(value, "a regular expression is text; put it in quotes.")
    if isinstance(value.value, bool):
        raise Mistake.at(value, "put it in quotes, as attributes are compared by their text.")
    return name, value


def _values(field: str, node: Node, operator: str) -> Any:
    """One text or number, or a tuple of them."""
    if not isinstance(node.value, list):
        return _value(field, node, operator)
    if not 0 < len(node.value) <= MAX_VALUES:
        raise Mistake(node.line, f"{node.path} has {len(node.value):,} values; it may list 1 to {MAX_VALUES:,}.")
    return tuple(_value(field, item, operator) for item in node.value)


def _value(field: str, node: Node, operator: str) -> Any:
    value = node.value
    if not isinstance(value, (str, int, float)) or value == "" or value != value:  # noqa: PLR0124 — NaN
        raise Mistake.at(node, f"{_VALUE_RULE}.")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise Mistake(node.line, f"{node.path} has {len(value):,} characters; at most {MAX_TEXT:,} are compared.")
    if field in _NAMES and operator != "regex":
        return _NAMES[field](str(value), node)
    return value


_ONE: Schema = {"type": ["string", "number"], "minLength": 1, "maxLength": MAX_TEXT}
_SOME: Schema = {
    "anyOf": [
        _ONE,
        {"type": "array", "items": {**_ONE, "type": ["string", "number", "boolean"]}, "minItems": 1},
    ]
}

#: JSON Schema of what a condition compares with, and of such by their keys.
DEFINITIONS: Schema = {
    "value": {
        "anyOf": [
            *_SOME["anyOf"],
            {"type": "boolean"},
            *(
                {"type": "object", "properties": {name: _SOME}, "required": [name], "additionalProperties": False}
                for name in _OPERATORS
            ),
        ]
    },
    "values": {"type": "object", "additionalProperties": reference("value"), "minProperties": 1},
}

TRACE_MATCH = match(TRACE_FIELDS, "{route: /orders/*}")
LOG_MATCH = match(LOG_FIELDS, "{logger: shop.*}")
