"""Telemetry Policies, as OTEP 4738 describes them, as rules of the gates.

    {"policies": [{"id": "quiet", "name": "Quieten the cache", "log": {
        "match": [{"log_field": "body", "regex": "cache (hit|miss)"}], "keep": "5%"}}]}

The OTEP leaves the words of ``match`` and ``keep`` to a schema that is still in development; read here is
that of its prototype (https://github.com/usetero/policy, tero.policy.v1). One policy, a list, and
``{"policies": [...]}``, the answer of a provider, are accepted.

Where several policies match, the most restrictive wins: none, then so many a second or minute, then a
percentage, then all (OTEP 4738, runtime conflict resolution). Rules of a gate are tried in order and the
first decides, so they are put in this order, equal ones by their id.

What cannot be obeyed is left out and told (`tidegate.gate.policy.Policy.ignored`), policy by policy, as
the OTEP demands: metrics, transformations, fields that are unknown when a span starts. ERROR and above is
kept whatever a policy says. A document with no policy that can be obeyed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.gate.policies.conditions import ALWAYS_KEPT, severity, span_kind
from tidegate.gate.policies.kinds import BUDGET, RATE, TEXT, as_mapping, beside, per_second
from tidegate.gate.policies.lines import Mistake, Node
from tidegate.gate.policies.matching import predicate
from tidegate.gate.policy import Condition, LogPolicy, LogRule, Policy, TracePolicy, TraceRule

#: Policies of a document. The rules are tried one after the other, so there may not be as many as an OTEP dreams of.
MAX_POLICIES = 1000

_TARGETS = ("log", "trace", "metric")
_ABOUT = ("id", "name", "description", "enabled", "created_at_unix_nano", "modified_at_unix_nano", "labels")

#: Fields by the name that the schema gives them, in lower case and without its prefix.
_LOG_FIELDS = {"body": "body", "severity_text": "severity", "event_name": "event_name"}
_TRACE_FIELDS = {"name": "name"}

#: How a matcher compares; each but exact, exists and regex becomes a regular expression.
_COMPARISONS: Mapping[str, Callable[[str], str]] = {
    "exact": lambda text: rf"^{re.escape(text)}\Z",
    "starts_with": lambda text: f"^{re.escape(text)}",
    "ends_with": lambda text: rf"{re.escape(text)}\Z",
    "contains": re.escape,
    "regex": str,
}


class _Keep(NamedTuple):
    """What becomes of what matches; sorts as the most restrictive first."""

    order: int
    amount: float
    id: str
    rate: float
    budget: float | None


def is_format(root: Node) -> bool:
    """Whether it is one policy, a list of them, or a provider's answer, and not a slip in our own format."""
    if not isinstance(root.value, dict):
        return isinstance(root.value, list)
    targets = [root.value[name].value for name in _TARGETS if name in root.value]
    is_one = "id" in root.value or any(isinstance(target, dict) and "match" in target for target in targets)
    return "policies" in root.value or bool(targets and is_one)


def policy(root: Node) -> Policy:
    """Raises `Mistake` when nothing of it can be obeyed."""
    found: dict[str, list[tuple[_Keep, tuple[Condition, ...]]]] = {"log": [], "trace": []}
    ignored = beside(root, ("policies",)) if isinstance(root.value, dict) and "policies" in root.value else []
    for each in _policies(root):
        try:
            _take(each, found, ignored)
        except Mistake as mistake:
            ignored.append(f"{_named(each)}, line {mistake.line}: {mistake}")
    if not any(found.values()):
        reasons = f": {'; '.join(ignored[:3])}" if ignored else "; write one, or leave the document out"
        raise Mistake(root.line, f"none of its policies can be obeyed{reasons}")
    logs, traces = (sorted(found[target], key=lambda pair: pair[0]) for target in ("log", "trace"))
    return Policy(
        TracePolicy(rules=tuple(TraceRule(match, keep.rate, keep.budget, keep.id) for keep, match in traces))
        if traces
        else None,
        LogPolicy(rules=tuple(LogRule(match, keep.rate, keep.budget, keep.id) for keep, match in logs))
        if logs
        else None,
        ignored=tuple(ignored),
    )


def _policies(root: Node) -> list[Node]:
    node = root
    if isinstance(root.value, dict):
        if "policies" not in root.value:
            return [root]
        node = root.value["policies"]
    if not isinstance(node.value, list):
        raise Mistake.at(node, "it must be a list of policies.")
    if len(node.value) > MAX_POLICIES:
        raise Mistake(node.line, f"it has {len(node.value):,} policies; at most {MAX_POLICIES:,} are tried in turn.")
    return node.value


def _named(node: Node) -> str:
    name = node.value.get("id") if isinstance(node.value, dict) else None
    return f"policy {name.value[:80]!r}" if name and isinstance(name.value, str) else node.path or "the policy"


def _take(node: Node, found: dict[str, list[tuple[_Keep, tuple[Condition, ...]]]], ignored: list[str]) -> None:
    fields = as_mapping(node, '{"id": …, "name": …, "log": {"match": […], "keep": …}}')
    if "enabled" in fields and not _flag(fields["enabled"]):
        return  # as if it did not exist, says the OTEP
    id_ = TEXT.read(_needed(node, "id"))
    targets = [name for name in _TARGETS if name in fields]
    if len(targets) != 1:
        raise Mistake(node.line, "it must have exactly one of log, trace, metric.")
    if targets == ["metric"]:
        raise Mistake(fields["metric"].line, "metrics are not sampled here.")
    target = fields[targets[0]]
    match, keep = _match(_needed(target, "match"), targets[0]), _keep(target, id_, ignored)
    ignored += _others(node, (*_ABOUT, *targets), id_)
    ignored += _others(target, ("match", "keep"), id_)
    found[targets[0]].append((keep, match))


def _needed(node: Node, key: str) -> Node:
    value = as_mapping(node, f'{{"{key}": …}}').get(key)
    if value is None:
        raise Mistake(node.line, f"{key!r} is missing.")
    return value


def _others(node: Node, known: Sequence[str], id_: str) -> list[str]:
    """What stands beside a match and what to keep changes neither, so that these are obeyed all the same."""
    others = ((key, item.line) for key, item in node.value.items() if key not in known)
    return [f"policy {id_!r}, line {line}: {key[:80]!r} is not done here." for key, line in others]


def _match(node: Node, target: str) -> tuple[Condition, ...]:
    if not isinstance(node.value, list) or not node.value:
        raise Mistake.at(node, "it must be a list of at least one matcher.")
    return tuple(_matcher(item, target) for item in node.value)


def _matcher(node: Node, target: str) -> Condition:
    """One comparison. Whatever is not understood would make the policy match more than is meant, so it is refused."""
    said = dict(as_mapping(node, '{"log_field": "body", "exact": …}'))
    negate, fold = (_flag(said.pop(name, None)) for name in ("negate", "case_insensitive"))
    comparisons = [name for name in (*_COMPARISONS, "exists") if name in said]
    kind = said.pop("span_kind", None) if target == "trace" else None
    if kind is not None and comparisons in ([], ["exists"]) and len(said) == len(comparisons):
        return Condition("kind", span_kind(TEXT.read(kind), kind), "equals", negate=negate != _is_false(said))
    if len(comparisons) != 1 or len(said) != 2 or kind is not None:
        what = ", ".join((*_COMPARISONS, "exists"))
        raise Mistake(node.line, f"{node.path} must have exactly one field and one of {what}; it has {_keys(node)}.")
    how = said.pop(comparisons[0])
    ((field_name, field_node),) = said.items()
    field, key = _field(field_name, field_node, target)
    if comparisons == ["exists"]:
        return Condition(field, None, "exists", key, negate is _flag(how))
    return _comparison(field, key, comparisons[0], how, negate=negate, fold=fold)


def _keys(node: Node) -> str:
    return ", ".join(key[:80] for key in node.value)


def _is_false(said: Mapping[str, Node]) -> bool:
    return "exists" in said and not _flag(said["exists"])


def _comparison(field: str, key: str, name: str, how: Node, *, negate: bool, fold: bool) -> Condition:
    text = TEXT.read(how)
    if field == "severity" and name == "exact":
        text = severity(text, how)
        if text in ALWAYS_KEPT and not negate:
            raise Mistake(how.line, f"{text} is always kept, so it is obeyed anyway, or never.")
    if name == "exact" and not fold:
        condition = Condition(field, text, "equals", key, negate)
    else:
        condition = Condition(field, ("(?i)" if fold else "") + _COMPARISONS[name](text), "regex", key, negate)
    try:
        predicate(condition)
    except ValueError as error:
        raise Mistake(how.line, f"{how.path}: {error}") from None
    return condition


def _field(name: str, node: Node, target: str) -> tuple[str, str]:
    fields, attribute = (_LOG_FIELDS, "log_attribute") if target == "log" else (_TRACE_FIELDS, "span_attribute")
    if name == f"{target}_field":
        word = _word(node, f"{target}_field_")
        if word in fields:
            return fields[word], ""
        raise Mistake(node.line, f"{node.path} is {word!r}, which cannot be looked at here; {', '.join(fields)} can.")
    if name in (attribute, "resource_attribute"):
        key = _path(node)
        if name == "resource_attribute":
            return ("service", "") if key == "service.name" else ("resource", key)
        return "attribute", key
    raise Mistake(node.line, f"{node.path} cannot be looked at here, as it is not known in time.")


def _path(node: Node) -> str:
    """A key, which may be a list of one; what is nested in a value is not looked at."""
    if isinstance(node.value, dict) and list(node.value) == ["segments"]:
        node = node.value["segments"]
    if isinstance(node.value, list):
        if len(node.value) != 1:
            raise Mistake(node.line, f"{node.path} goes into nested values, which is not done here.")
        node = node.value[0]
    key: str = TEXT.read(node)
    return key


def _word(node: Node, prefix: str) -> str:
    word: str = TEXT.read(node).lower().removeprefix(prefix)
    return word


def _flag(node: Node | None) -> bool:
    if node is not None and not isinstance(node.value, bool):
        raise Mistake.at(node, "it must be true or false.")
    return bool(node and node.value)


def _keep(target: Node, id_: str, ignored: list[str]) -> _Keep:
    node = target.value.get("keep")
    if node is None:
        raise Mistake(target.line, "it has no 'keep', and nothing else is done here.")
    if isinstance(node.value, dict):
        return _sampling(node, id_, ignored)
    value = ("all" if node.value else "none") if isinstance(node.value, bool) else node.value
    if value in ("all", "none"):
        return _Keep(0, 0, id_, 0.0, None) if value == "none" else _Keep(4, 0, id_, 1.0, None)
    if isinstance(value, str) and per_second(value) is not None:
        budget: float = BUDGET.read(node)
        return _Keep(1 if value.rstrip().endswith("s") else 2, budget, id_, 1.0, budget)
    if isinstance(value, str) and value.endswith("%"):
        rate: float = RATE.read(node)
        return _Keep(3, rate, id_, rate, None)
    raise Mistake.at(node, 'it must be all, none, such as 5%, 100/s or 30/m, or {"percentage": 5}.')


def _sampling(node: Node, id_: str, ignored: list[str]) -> _Keep:
    """``{"percentage": 5}``, with modes of the collector: here the trace's own randomness decides, as in equalizing."""
    percentage = _needed(node, "percentage")
    value: Any = percentage.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise Mistake.at(percentage, "it must be a number from 0 to 100.")
    for key, item in node.value.items():
        if key not in ("percentage", "sampling_precision") and (key, item.value) != ("mode", "equalizing"):
            ignored.append(f"policy {id_!r}, line {item.line}: {key[:80]!r}; the trace's own randomness decides.")
    return _Keep(3 if value else 0, value / 100, id_, value / 100, None)
