"""Conditions of a policy as functions, and rules for traces as one fast question."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Any

from tidegate.gate.policy import TRACE_FIELDS, Condition, TraceRule
from tidegate.regexes import compile_regex

Predicate = Callable[[Any], bool]
Attributes = Mapping[str, Any]

#: Where the route or, failing that, the path of a request stands when its span starts.
ROUTES = ("http.route", "url.path", "http.target", "url.full", "http.url")

#: Attributes that semantic conventions renamed. Whoever asks for one means the other as well.
RENAMED: Mapping[str, str] = {
    new: old
    for one, other in (
        ("http.request.method", "http.method"),
        ("url.full", "http.url"),
        ("url.path", "http.target"),
        ("url.scheme", "http.scheme"),
        ("server.address", "net.host.name"),
        ("server.port", "net.host.port"),
        ("client.address", "http.client_ip"),
        ("user_agent.original", "http.user_agent"),
    )
    for new, old in ((one, other), (other, one))
}

#: Answers that a matcher remembers, by (name, kind, route); then it starts over.
REMEMBERED = 1024

#: Characters of name and route together up to which an answer is remembered.
LONGEST = 512

#: Characters of a value that conditions look at.
LONGEST_SEEN = 1024


def predicate(condition: Condition) -> Predicate:
    """Whether a value, or None where there is none, holds ``condition``.

    Texts are compared with case, numbers and booleans as JSON writes them, by their first `LONGEST_SEEN`
    characters. One item of a value that is a sequence is enough, and one of a condition's several values.
    None holds only a negated condition. Raises ValueError for a regular expression that is wrong or could
    take for ever.
    """
    holds = _of_any(_compare(condition))
    if condition.negate:
        return lambda value: not holds(value)
    return holds


def _of_any(holds: Predicate) -> Predicate:
    def is_held(value: Any) -> bool:
        if isinstance(value, str):
            return holds(value[:LONGEST_SEEN])
        if value is None:
            return False
        if isinstance(value, (list, tuple)):
            return any(holds(text(item)[:LONGEST_SEEN]) for item in value)
        return holds(text(value)[:LONGEST_SEEN])

    return is_held


def text(value: Any) -> str:
    """A value as conditions see it: as JSON writes it, but without quotes. Never raises."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return str(value)
    except Exception:  # an application's object, whose failure is not ours
        return ""


def _compare(condition: Condition) -> Callable[[str], bool]:
    operator, value = condition.operator, condition.value
    if operator == "exists":
        return lambda value: True
    values = [text(item) for item in (value if isinstance(value, (list, tuple, set, frozenset)) else (value,))]
    if operator in ("equals", "in"):
        return frozenset(values).__contains__
    if operator == "glob":
        return globs(values)
    tests = [compile_regex(item) for item in values]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def globs(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether one of them matches. ``*`` is any text and ``?`` any character; no other character is special."""
    plain = frozenset(pattern for pattern in patterns if "*" not in pattern and "?" not in pattern)
    fixed = {pattern: pattern.rstrip("*") for pattern in patterns if pattern not in plain}
    begins = tuple(begin for begin in fixed.values() if "*" not in begin and "?" not in begin)
    # the translation never goes back to an earlier star, so that no text takes for ever
    others = [translate(pattern.replace("[", "[[]")) for pattern, begin in fixed.items() if begin not in begins]
    if not others:
        return plain.__contains__ if not begins else lambda value: value in plain or value.startswith(begins)
    match = re.compile("|".join(others)).match
    return lambda value: value in plain or value.startswith(begins) or match(value) is not None


def attribute(attributes: Attributes, name: str) -> Any:
    """An attribute by its new or old name."""
    value = attributes.get(name)
    if value is not None or name not in RENAMED:
        return value
    value = attributes.get(RENAMED[name])
    return path(value) if name == "url.path" and isinstance(value, str) else value


def route(attributes: Attributes | None) -> str | None:
    """The route that a span starts with or, without one, the path; from ``/``, which Django leaves out."""
    if not attributes:
        return None
    for name in ROUTES:
        value = attributes.get(name)
        if value:
            value = (value if isinstance(value, str) else text(value))[:LONGEST_SEEN]
            found = value if name == "http.route" else path(value)
            return found if found[:1] == "/" else f"/{found}"
    return None


def route_in_name(name: str) -> str | None:
    """The route in a span's name such as ``GET /users/{id}``, which may be all there is when a span starts."""
    method, _, rest = name.partition(" ")
    return f"/{rest.removeprefix('/')}" if rest and method in _METHODS else None


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"))


def path(url: str) -> str:
    """The path of a URL or of a request's target."""
    target = url.partition("#")[0].partition("?")[0]
    return "/" + target.partition("://")[2].partition("/")[2] if "://" in target else target


class TraceMatcher:
    """Finds the first rule that the start of a span matches.

    What hangs on name, kind and route alone is remembered for these, so that only conditions on
    attributes are looked at each time. Threads need no lock: they may forget, but never mix up.
    Raises ValueError when a condition cannot be used. What nothing is known of when a span starts
    (resource attributes that were not given) counts as missing.
    """

    def __init__(self, rules: Sequence[TraceRule], service: str = "", resource: Attributes | None = None) -> None:
        resource = {"service.name": service or None, **(resource or {})}
        known = ((index, _without_constants(rule, service, resource)) for index, rule in enumerate(rules))
        self._rules = [(index, *_tests(conditions)) for index, conditions in known if conditions is not None]
        looked_at = {place for _, tests, _ in self._rules for place, _ in tests}
        self._by_kind = _PLACES.index("kind") in looked_at
        self._by_route = _PLACES.index("route") in looked_at
        self._memory: dict[_Start, list[_Candidate]] = {}

    def __bool__(self) -> bool:
        """Whether any rule can match at all."""
        return bool(self._rules)

    def match(self, name: str, kind: Any, attributes: Attributes | None) -> int:
        """The index of the first rule that matches, or -1. ``kind`` is a text or an enum with such names."""
        key = (name, kind if self._by_kind else None, route(attributes) if self._by_route else None)
        candidates = self._memory.get(key)
        if candidates is None:
            candidates = self._remember(key)
        for index, tests in candidates:
            for attribute_name, holds in tests:
                if not holds(attribute(attributes or {}, attribute_name)):
                    break
            else:
                return index
        return -1

    def _remember(self, start: _Start) -> list[_Candidate]:
        """The rules that such a start could match, with what is left to be tested of each."""
        name, kind, route = start
        values = (name, str(getattr(kind, "name", kind)).lower(), route_in_name(name) if route is None else route)
        candidates = []
        for index, tests, on_attributes in self._rules:
            for place, holds in tests:
                if not holds(values[place]):
                    break
            else:
                candidates.append((index, on_attributes))
                if not on_attributes:
                    break
        if len(name) + len(route or "") <= LONGEST:
            if len(self._memory) >= REMEMBERED:
                self._memory = {}
            self._memory[start] = candidates
        return candidates


_Start = tuple[str, Any, "str | None"]
_Candidate = tuple[int, list[tuple[str, Predicate]]]

#: What a `_Start` has in which place.
_PLACES = ("name", "kind", "route")


def _tests(conditions: Sequence[Condition]) -> tuple[list[tuple[int, Predicate]], list[tuple[str, Predicate]]]:
    """Conditions on a start, by place, and on attributes, by name."""
    return (
        [
            (_PLACES.index(item.field), _predicate_of_kind(item) if item.field == "kind" else predicate(item))
            for item in conditions
            if item.field in _PLACES
        ],
        [(item.key, predicate(item)) for item in conditions if item.field == "attribute"],
    )


def _predicate_of_kind(condition: Condition) -> Predicate:
    """Kinds are words of OpenTelemetry, in which case says nothing."""
    value = condition.value
    lower = [text(item).lower() for item in value] if isinstance(value, (list, tuple)) else text(value).lower()
    return predicate(Condition("kind", lower, condition.operator, negate=condition.negate))


def _without_constants(rule: TraceRule, service: str, resource: Attributes) -> list[Condition] | None:
    """A rule's conditions on single spans, or None when those on the process do not hold."""
    left = []
    for condition in rule.conditions:
        if condition.field in ("name", "kind", "route", "attribute"):
            left.append(condition)
        elif condition.field in ("service", "resource"):
            value = resource.get(condition.key) if condition.field == "resource" else service or None
            if not predicate(condition)(value):
                return None
        else:
            raise ValueError(
                f"a rule for traces looks at {condition.field!r}; it must be one of {', '.join(TRACE_FIELDS)}."
            )
    return left


def compile_trace_rules(
    rules: Sequence[TraceRule], service: str = "", resource: Attributes | None = None
) -> Callable[[str, Any, Attributes | None], int]:
    """``match(name, kind, attributes)`` of a `TraceMatcher`: the index of the first rule, or -1."""
    return TraceMatcher(rules, service, resource).match
