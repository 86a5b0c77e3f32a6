"""Policies as people write them: one document in JSON or YAML for both gates.

    traces:
      budget: 100                                        # traces per second
      rules:                                             # the first that matches decides
        - drop: health checks
        - name: payments
          match: {service: shop, route: /pay/*}
          keep: true
        - match: {attributes: {http.request.method: [GET, HEAD]}, not: {kind: SERVER}}
          rate: 0.1
    logs:
      severity_rates: {DEBUG: 0.01}
      budget: 200                                        # records per second
      rules:
        - match: {logger: uvicorn.access, body: "*GET /metrics*"}
          drop: true

The Telemetry Policies of OTEP 4738 (`tidegate.gate.policies.otep`) and Jaeger's sampling strategies
(`tidegate.gate.policies.jaeger`) are read too. What cannot be read as a whole is refused as a whole: a document
never becomes "send everything" by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, TypeVar

from tidegate.errors import ConfigurationError
from tidegate.gate.policies import conditions, jaeger, kinds, otep
from tidegate.gate.policies.conditions import ALWAYS_KEPT, LOG_MATCH, TRACE_MATCH, always_holds, severity
from tidegate.gate.policies.kinds import (
    BUDGET,
    MAX_PER_SECOND,
    RATE,
    TEXT,
    TRUE,
    Kind,
    Schema,
    known,
    listing,
    mapping,
    number,
    table,
)
from tidegate.gate.policies.lines import Mistake, Node, read
from tidegate.gate.policies.presets import LOG_PRESETS, TRACE_PRESETS
from tidegate.gate.policy import SEVERITY_RATES, Condition, LogPolicy, LogRule, Policy, TracePolicy, TraceRule

Rule = TypeVar("Rule", bound=TraceRule | LogRule)

#: Rules of one gate.
MAX_RULES = 1000

#: What may become of what a rule matches.
_EFFECTS = ("keep", "drop", "rate", "budget")


def parse(text: bytes | str, name: str) -> Policy:
    """The policy that a document says; ``name`` is where it comes from, its file or URL.

    Raises `ConfigurationError` that names the document, the line, the value and its rule.
    """
    try:
        policy = _policy(read(text, name))
    except Mistake as mistake:
        raise ConfigurationError(f"{name}, line {mistake.line}: {mistake}") from None
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return replace(policy, name=policy.name or name, revision=blake2b(content, digest_size=8).hexdigest())


def _policy(root: Node) -> Policy:
    for format_ in (otep, jaeger):
        if format_.is_format(root):
            policy: Policy = format_.policy(root)
            return policy
    return _own(root)


def _own(root: Node) -> Policy:
    found = _DOCUMENT.read(root)
    if "traces" not in found and "logs" not in found:
        raise Mistake(root.line, "it says nothing about traces or logs; give it 'traces:' or 'logs:', or leave it out.")
    return Policy(found.get("traces"), found.get("logs"), found.get("name", ""))


def _rules(kind: Callable[..., Rule], match: Kind, presets: dict[str, tuple[tuple[Condition, ...], ...]]) -> Kind:
    """The list of rules of one gate; a preset stands for several rules."""
    keys = {"name": TEXT, "match": match, "keep": TRUE, "drop": _drop(presets), "rate": RATE, "budget": BUDGET}
    one = mapping(keys, "{match: {…}, rate: 0.1}")

    def rule(node: Node) -> list[Rule]:
        said = one.read(node)
        effects = [key for key in _EFFECTS if key in said]
        if not effects:
            raise Mistake(node.line, f"{node.path} has no effect; give it one of {', '.join(_EFFECTS)}.")
        if len(effects) > 1 and effects != ["rate", "budget"]:
            raise Mistake(node.line, f"{node.path} has {' and '.join(effects)}, which exclude each other; leave one.")
        drop, name = said.get("drop"), said.get("name", "")
        wanted: tuple[Condition, ...] = said.get("match", ())
        rate = 0.0 if drop else said.get("rate", 1.0)
        if isinstance(drop, str):
            signs = [(*each, *wanted) for each in presets[drop]]
            return [kind(each, rate, None, name or f"drop {drop}") for each in signs]
        return [kind(wanted, rate, said.get("budget"), name)]

    rules = listing(Kind(rule, {**one.schema, "anyOf": [{"required": [key]} for key in _EFFECTS]}), MAX_RULES)

    def read_all(node: Node) -> tuple[Rule, ...]:
        found: list[list[Rule]] = rules.read(node)
        for each, later in zip(found, node.value[1:], strict=False):
            if all(map(always_holds, each[0].conditions)):
                raise Mistake(later.line, f"{later.path} is never reached: the rule before it is about everything.")
        return tuple(rule for each in found for rule in each)

    return Kind(read_all, rules.schema)


def _drop(presets: Iterable[str]) -> Kind:
    names = tuple(presets)

    def read(node: Node) -> bool | str:
        if isinstance(node.value, str):
            known(node.value, names, node._replace(path=f"{node.path}: {node.value[:80]!r}"))
            return node.value
        if node.value is not True:
            raise Mistake.at(node, f"it can only be true, or one of {', '.join(names)}.")
        return True

    return Kind(read, {"enum": [True, *names]})


def _severity_key(name: str, node: Node) -> str:
    found = severity(name, node)
    if found in ALWAYS_KEPT and node.value not in (1, "100%"):
        raise Mistake.at(node, f"{found} is always kept, whatever a policy says; leave this line out.")
    return found


_AT_LEAST_ONE = number(1, 1000, "it multiplies a rate, by 1 to 1000")
_MIN_RATE = number(0, MAX_PER_SECOND, "it is a number of records per second, 0 for all patterns")
_TRACE_KINDS: dict[str, Kind] = {"budget": BUDGET, "rules": _rules(TraceRule, TRACE_MATCH, TRACE_PRESETS)}
_LOG_KINDS: dict[str, Kind] = {
    "severity_rates": table(RATE, "{DEBUG: 0.05, INFO: 0.2}", _severity_key),
    "pattern_rates": table(RATE, '{"user * logged in": 0.01}'),
    "logger_rates": table(RATE, "{uvicorn.access: 0.1}"),
    "global_rate": RATE,
    "budget": BUDGET,
    "min_rate": _MIN_RATE,
    "anomaly_boost": _AT_LEAST_ONE,
    "rules": _rules(LogRule, LOG_MATCH, LOG_PRESETS),
}
_TRACES = mapping(_TRACE_KINDS, "{budget: 100}")
_LOGS = mapping(_LOG_KINDS, "{budget: 100}")


def _trace_policy(node: Node) -> TracePolicy:
    return TracePolicy(**_TRACES.read(node))


def _log_policy(node: Node) -> LogPolicy:
    """Rates by severity replace those of the built-in table, a global rate all the others."""
    found: dict[str, Any] = _LOGS.read(node)
    said = frozenset(found) | ({"severity_rates"} if "global_rate" in found else frozenset())
    rates = {name: rate for name, rate in found.get("severity_rates", {}).items() if name not in ALWAYS_KEPT}
    found["severity_rates"] = rates if "global_rate" in found else {**SEVERITY_RATES, **rates}
    return LogPolicy(**found, said=said)


_DOCUMENT = mapping(
    {
        "$schema": TEXT,
        "name": TEXT,
        "description": TEXT,
        "traces": Kind(_trace_policy, _TRACES.schema),
        "logs": Kind(_log_policy, _LOGS.schema),
    },
    "{traces: {budget: 100}}",
)


def schema() -> Schema:
    """JSON Schema of Tidegate's own format, made from what reads it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tidegate policy",
        **_DOCUMENT.schema,
        "anyOf": [{"required": ["traces"]}, {"required": ["logs"]}],
        "$defs": {**kinds.DEFINITIONS, **conditions.DEFINITIONS},
    }


__all__: Sequence[str] = ("MAX_RULES", "parse", "schema")
