"""Jaeger's sampling strategies as a policy for traces.

Two formats (https://www.jaegertracing.io/docs/latest/sampling/): what a collector or agent answers to
``GET /sampling?service=NAME``, and the file of strategies that such a server reads itself.

An operation is a span's name. A probability becomes a rate, a limit a budget. The guaranteed lower bound
of traces per second and operation is not obeyed, which is told: rules have none. What a server may leave
out is what Jaeger's own clients take for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from tidegate.gate.policies.kinds import BUDGET, RATE, TEXT, as_mapping, beside
from tidegate.gate.policies.lines import Mistake, Node
from tidegate.gate.policy import Condition, Policy, TracePolicy, TraceRule

#: Strategies, of services and operations together.
MAX_STRATEGIES = 2000

#: What a file without a default strategy means (jaeger, cmd/…/sampling/strategyprovider/static).
_DEFAULT_PROBABILITY = 0.001

_ANSWER = ("operationSampling", "rateLimitingSampling", "probabilisticSampling")
_FILE = ("service_strategies", "default_strategy")

_BOUND = "defaultLowerBoundTracesPerSecond"


def is_format(root: Node) -> bool:
    keys = root.value if isinstance(root.value, dict) else ()
    return any(key in keys for key in (*_ANSWER, *_FILE, "strategyType"))


def policy(root: Node) -> Policy:
    """Raises `Mistake` when it is not what Jaeger writes."""
    is_file = any(key in root.value for key in _FILE)
    ignored = beside(root, _FILE if is_file else (*_ANSWER, "strategyType"))
    if is_file:
        return _policy(None, _of_file(root.value), ignored)
    answer = {key: root.value[key] for key in _ANSWER if key in root.value and root.value[key].value is not None}
    if "operationSampling" in answer:
        return _policy(None, _of_operations(answer["operationSampling"], ignored), ignored)
    if "rateLimitingSampling" in answer:
        budget = _number(answer["rateLimitingSampling"], "maxTracesPerSecond")
        return _policy(budget, (), ignored)
    if "probabilisticSampling" in answer:
        return _policy(None, (_rule(_probability(answer["probabilisticSampling"], "samplingRate")),), ignored)
    raise Mistake(root.line, f"it has none of {', '.join(_ANSWER)}, so it says nothing about sampling.")


def _policy(budget: float | None, strategies: Iterable[TraceRule], ignored: list[str]) -> Policy:
    rules = tuple(islice(strategies, MAX_STRATEGIES + 1))
    if len(rules) > MAX_STRATEGIES:
        raise Mistake(1, f"it has more than {MAX_STRATEGIES:,} strategies, which are tried in turn.")
    return Policy(TracePolicy(budget, rules), ignored=tuple(ignored))


def _rule(rate: float, *conditions: Condition, budget: float | None = None) -> TraceRule:
    name = " ".join(str(condition.value) for condition in conditions) or "default"
    return TraceRule(conditions, rate, budget, name)


def _operation(name: str) -> Condition:
    return Condition("name", name, "equals")


def _of_operations(node: Node, ignored: list[str]) -> Iterator[TraceRule]:
    found = as_mapping(node, '{"defaultSamplingProbability": 0.1, "perOperationStrategies": […]}')
    for item in _list(found, "perOperationStrategies"):
        rate = _probability(_of(item, "probabilisticSampling"), "samplingRate")
        yield _rule(rate, _operation(TEXT.read(_of(item, "operation"))))
    bound = found.get(_BOUND)
    if bound is not None and bound.value:
        ignored.append(f"line {bound.line}: {_BOUND} is not obeyed, as rules have no lower bound.")
    upper = found.get("defaultUpperBoundTracesPerSecond")
    budget = BUDGET.read(upper) if upper is not None and upper.value else None
    yield _rule(_probability(node, "defaultSamplingProbability"), budget=budget)


def _of_file(found: Mapping[str, Node]) -> Iterator[TraceRule]:
    """The operations of a service, those of all services, then the service itself: the way Jaeger merges them."""
    default = found.get("default_strategy")
    if default is not None and default.value is None:
        default = None
    common = _list(as_mapping(default, "{type: probabilistic}"), "operation_strategies") if default else []
    for strategy in _list(found, "service_strategies"):
        service = Condition("service", TEXT.read(_of(strategy, "service")), "equals")
        own = _list(strategy.value, "operation_strategies")
        if "type" not in strategy.value and not own:
            raise Mistake(strategy.line, f"{strategy.path} has neither a type nor operation_strategies.")
        for item in (*own, *common):
            yield _strategy(item, service, _operation(TEXT.read(_of(item, "operation"))))
        if "type" in strategy.value:
            yield _strategy(strategy, service)
    for item in common:
        yield _strategy(item, _operation(TEXT.read(_of(item, "operation"))))
    yield _strategy(default) if default else _rule(_DEFAULT_PROBABILITY)


def _strategy(node: Node, *conditions: Condition) -> TraceRule:
    kind = TEXT.read(_of(node, "type"))
    if kind == "probabilistic":
        return _rule(_probability(node, "param"), *conditions)
    if kind == "ratelimiting":
        return _rule(1.0, *conditions, budget=_number(node, "param"))
    raise Mistake(node.line, f"{node.path}.type is {kind[:80]!r}; it must be probabilistic or ratelimiting.")


def _of(node: Node, key: str) -> Node:
    found = as_mapping(node, f'{{"{key}": …}}').get(key)
    if found is None:
        raise Mistake(node.line, f"{node.path or 'the document'} has no {key!r}, which is needed.")
    return found


def _list(found: Mapping[str, Node], key: str) -> list[Node]:
    node = found.get(key)
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, list):
        raise Mistake.at(node, "it must be a list.")
    if len(node.value) > MAX_STRATEGIES:
        raise Mistake(node.line, f"{node.path} has {len(node.value):,} items; at most {MAX_STRATEGIES:,} are allowed.")
    return node.value


def _probability(node: Node, key: str) -> float:
    rate: float = RATE.read(_of(node, key))
    return rate


def _number(node: Node, key: str) -> float:
    budget: float = BUDGET.read(_of(node, key))
    return budget
