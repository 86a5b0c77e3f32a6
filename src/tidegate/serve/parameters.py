"""The parameters of all endpoints in one table, which parses them and describes them in OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from tidegate.errors import QueryError
from tidegate.serve.message import Problem
from tidegate.store import conditions

#: Parameters that one request may have.
MAX_PARAMETERS = 64

#: Greatest ``limit`` and ``offset``: more than a store holds.
MAX_NUMBER = 10**12

#: The latest time that a record can have, in ns since the epoch.
_MAX_TIME = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """``parse`` raises ValueError for what breaks the ``rule``; ``schema`` is the JSON Schema of one value."""

    name: str
    parse: Callable[[str], Any]
    rule: str
    schema: dict[str, Any]
    help: str
    repeated: bool = False


def _time(text: str) -> int:
    """What is before or after every time that a record can have is as good as the first or the last of them."""
    from tidegate.store import parse_time

    try:
        moment = parse_time(text)
    except QueryError:
        # a plus sign in a query string means a space, and stands before a time zone's offset
        moment = parse_time(text.replace(" ", "+"))
    return min(max(moment, 0), _MAX_TIME)


def _severity(text: str) -> str:
    from tidegate.store import parse_severity

    parse_severity(text)
    return text


def _text(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return parse


def _condition(text: str) -> str:
    conditions.Condition.parse(text)
    return text


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,18}", text) or not least <= int(text) <= MAX_NUMBER:
            raise ValueError
        return int(text)

    return parse


def _price(text: str) -> float:
    if not re.fullmatch("[0-9.eE+-]{1,40}", text) or not 0 <= float(text) <= _MAX_PRICE:
        raise ValueError
    return float(text)


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


_MAX_PRICE = 1_000_000

_TRACE_ID = "[0-9a-fA-F]{4,32}"
_CURSOR = "[0-9a-f]{1,16}[.][0-9A-Za-z_-]{1,64}[.][0-9a-f]{1,16}"

_TIME = "an age such as 15m or 2h, ISO-8601, or seconds since the epoch"
_SEVERITY = "one of trace, debug, info, warn, error, fatal"
_WORDS = {"type": "string", "minLength": 1}
_FLAG = {"type": "boolean"}
_LEVEL = {
    "type": "string",
    "enum": ["trace", "debug", "info", "warn", "warning", "err", "error", "critical", "fatal"],
}
_MOMENT = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": r"^[0-9]{1,9}([.][0-9]{1,9})?(ms|s|m|h|d|w)$"},
        {"type": "string", "pattern": r"^[0-9]{1,10}([.][0-9]{1,9})?$"},
    ],
    "examples": ["15m", "2026-11-21T08:00:00Z", "1763715600.5"],
}

_CONDITION = {
    "anyOf": [
        {"type": "string", "pattern": "^[^=<>]+="},
        {"type": "string", "pattern": f"^[^=<>]+[<>]=?{conditions.NUMBER}$"},
        {"type": "string", "pattern": f"^duration[<>]=?{conditions.LENGTH}$"},
        {"type": "string", "pattern": "^[^=<>]+[?]$"},
    ],
    "examples": ["http.route=/orders", "http.response.status_code>=500", "duration>=500ms", "user.id?"],
}

PARAMETERS = {
    each.name: each
    for each in (
        Parameter("since", _time, _TIME, _MOMENT, "Not older than this."),
        Parameter("until", _time, _TIME, _MOMENT, "Older than this."),
        Parameter("service", _text, "the name of a service", _WORDS, "Of this service only."),
        Parameter("name", _text, "a name", _WORDS, "With exactly this name."),
        Parameter("event_name", _text, "the name of an event", _WORDS, "Events of exactly this name."),
        Parameter(
            "trace_id",
            _matching(_TRACE_ID),
            "4 to 32 hexadecimal digits",
            {"type": "string", "pattern": f"^{_TRACE_ID}$"},
            "Of this trace only; the first digits of its id will do.",
        ),
        Parameter(
            "pattern_id",
            _matching(_TRACE_ID),
            "4 to 32 hexadecimal digits",
            {"type": "string", "pattern": f"^{_TRACE_ID}$"},
            "The pattern's id; the first digits of it will do.",
        ),
        Parameter("errors", _flag, "true or false", _FLAG, "Only what ended in an error."),
        Parameter("level", _severity, _SEVERITY, _LEVEL, "Of exactly this severity, in any case."),
        Parameter("min_level", _severity, _SEVERITY, _LEVEL, "Of this severity or higher."),
        Parameter("text", _text, "some text", _WORDS, "Containing this text, in any case."),
        Parameter(
            "where",
            _condition,
            "key=value, key!=value, key>5, key>=5, key<5, key<=5, key? (has it) or key!? (has not)",
            _CONDITION,
            "With such an attribute, of the record or its resource: equal (`key=value`) or not (`key!=value`), a number"
            " that is greater or less (`key>5`, `key>=5`, `key<5`, `key<=5`), there at all (`key?`) or not (`key!?`);"
            " or such a field: `name`, `scope`, `span_id`, of spans `kind`, `status`, `duration>=500ms`, of log records"
            " `severity`, `event_name`, `template`. May be repeated, all must match.",
            repeated=True,
        ),
        Parameter(
            "limit",
            _whole(1),
            f"a whole number from 1 to {MAX_NUMBER:,}",
            {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER},
            "At most so many. Default: all.",
        ),
        Parameter(
            "offset",
            _whole(0),
            f"a whole number from 0 to {MAX_NUMBER:,}",
            {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER},
            "Leave out so many of the newest; a cursor is quicker, and exact while records are added.",
        ),
        Parameter(
            "cursor",
            _matching(_CURSOR),
            "the `cursor` of a record of an earlier page",
            {"type": "string", "pattern": f"^{_CURSOR}$"},
            "Only what comes after the record with this cursor.",
        ),
        Parameter(
            "order",
            _matching("newest|oldest"),
            "newest or oldest",
            {"type": "string", "enum": ["newest", "oldest"]},
            "Which come first. Default: newest.",
        ),
        Parameter(
            "sort",
            _matching("count|bytes|rate|change|new|saved"),
            "count, bytes, rate, change, new or saved",
            {"type": "string", "enum": ["count", "bytes", "rate", "change", "new", "saved"]},
            "What comes first: the most frequent, the largest, the most frequent now, what has changed most, the"
            " newest, or what saves most. Default: count.",
        ),
        Parameter(
            "price",
            _price,
            f"a number from 0 to {_MAX_PRICE:,}",
            {"type": "number", "minimum": 0, "maximum": _MAX_PRICE},
            "What a GB (10⁹ bytes) of log records costs where they are sent: answers have `savings` then.",
        ),
        Parameter("code", _text, "the code of a login URL", _WORDS, "What a login URL carries; good for one use."),
        Parameter("follow", _flag, "true or false", _FLAG, "Go on with new records as they are written."),
        Parameter("spans", _flag, "true or false", _FLAG, "With the spans of each trace."),
        Parameter(
            "signal",
            _matching("logs|spans|traces"),
            "logs, spans or traces",
            {"type": "string", "enum": ["logs", "spans", "traces"]},
            "What to follow. Default: logs.",
        ),
    )
}


def parse(query: str, names: Iterable[str]) -> dict[str, Any]:
    """The values of a query string by name; raises `Problem` 400 that names parameter, value and rule."""
    known = tuple(names)
    values: dict[str, Any] = {}
    pairs = _pairs(query)
    for name, text in pairs:
        if name not in known:
            raise _unknown(name, known)
        parameter = PARAMETERS[name]
        value = _parsed(parameter, text)
        if parameter.repeated:
            _add(parameter, values.setdefault(name, []), value)
        elif name in values:
            raise _refused(name, text, "given once", f"the parameter {name!r} is there twice; give it once.")
        else:
            values[name] = value
    _check_span(values, dict(pairs))
    return values


def named(parts: dict[str, str]) -> dict[str, Any]:
    """The values of a path's named parts; raises `Problem` 400."""
    return {name: _parsed(PARAMETERS[name], text) for name, text in parts.items()}


def _pairs(query: str) -> list[tuple[str, str]]:
    if query.count("&") >= MAX_PARAMETERS:
        raise Problem(400, f"the query string has more than {MAX_PARAMETERS} parameters; send fewer.")
    return [_decoded(*part.split("=", 1)) for part in query.split("&") if part]


def _decoded(name: str, value: str = "") -> tuple[str, str]:
    """Both as they were before they were encoded; the `Problem` has no value, which may be anything."""
    rule = "percent-encoded UTF-8"
    plain = _unquoted(name)
    if plain is None:
        raise Problem(400, f"the name of a parameter in the query string is not {rule}; encode it.", rule=rule)
    text = _unquoted(value)
    if text is None:
        detail = f"the value of the parameter {plain[:100]!r} is not {rule}; encode it."
        raise Problem(400, detail, parameter=plain[:100], rule=rule)
    return plain, text


def _unquoted(text: str) -> str | None:
    try:
        return unquote_plus(text, errors="strict") if text.isascii() else None
    except UnicodeDecodeError:
        return None


def _parsed(parameter: Parameter, text: str) -> Any:
    try:
        return parameter.parse(text)
    except (ValueError, KeyError, OverflowError):
        detail = f"the parameter {parameter.name!r} is {text[:200]!r}; it must be {parameter.rule}."
        raise _refused(parameter.name, text, parameter.rule, detail) from None


def _add(parameter: Parameter, values: list[str], text: str) -> None:
    values.append(text)
    try:
        conditions.conditions(values)
    except QueryError as error:
        raise _refused(parameter.name, text, "true together with the others", str(error)) from None


def _check_span(values: dict[str, Any], texts: dict[str, str]) -> None:
    since, until = values.get("since"), values.get("until")
    if since is not None and until is not None and since > until:
        rule = "not later than until"
        detail = f"the parameter 'since' is {texts['since'][:200]!r}; it must be {rule}, {texts['until'][:200]!r}."
        raise _refused("since", texts["since"], rule, detail)


def _unknown(name: str, known: tuple[str, ...]) -> Problem:
    """Without the value: it may be a secret that somebody put where it must not be."""
    import difflib

    near = difflib.get_close_matches(name[:100], known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    rule = f"one of {', '.join(known)}" if known else "none: this endpoint takes no parameters"
    detail = f"the parameter {name[:100]!r} is not known here; it must be {rule}.{hint}"
    return Problem(400, detail, parameter=name[:100], rule=rule)


def _refused(name: str, value: str, rule: str, detail: str) -> Problem:
    return Problem(400, detail, parameter=name, value=value[:200], rule=rule)
