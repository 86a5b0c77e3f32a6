"""A policy: what the user wants of both gates, as data.

It is read from a document by `tidegate.gate.policies.document`, or made in code. Rules are tried in their
order and the first that matches decides. Rates and budgets mean the same everywhere: a rate is a
probability from 0 (drop) to 1 (keep), a budget is a number of traces or log records per second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

#: What a `Condition` may look at. ``attribute`` and ``resource`` need a key.
TRACE_FIELDS = ("service", "name", "route", "kind", "attribute", "resource")
LOG_FIELDS = ("service", "logger", "severity", "body", "event_name", "template", "pattern", "attribute", "resource")

#: ``glob`` has ``*`` and ``?``; ``in`` takes several values; ``exists`` takes none.
OPERATORS = ("equals", "glob", "regex", "in", "exists")

#: The built-in table (severity name → rate). ERROR and above are always kept and cannot be named.
SEVERITY_RATES: Mapping[str, float] = MappingProxyType({"TRACE": 0.05, "DEBUG": 0.05, "INFO": 0.2, "WARN": 0.5})


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold: ``field`` (and ``key``, for an attribute) compared with ``value``."""

    field: str
    value: Any = None
    operator: str = "glob"
    key: str = ""
    negate: bool = False


@dataclass(frozen=True, slots=True)
class TraceRule:
    """What becomes of traces whose root span matches all ``conditions``.

    ``rate`` 1 keeps them, 0 drops them. With a ``budget`` (traces per second) of its own, what the
    rate lets through is shared among its keys, apart from the common budget.
    """

    conditions: tuple[Condition, ...] = ()
    rate: float = 1.0
    budget: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class LogRule:
    """What becomes of log records that match all ``conditions``; never applied to ERROR and above."""

    conditions: tuple[Condition, ...] = ()
    rate: float = 1.0
    budget: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class TracePolicy:
    """What is wanted of traces. ``budget`` in traces per second; None leaves the sampler's own."""

    budget: float | None = None
    rules: tuple[TraceRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """What is wanted of log records.

    The rate of a record is the first of: its rule's, its pattern's (``pattern_rates``: id, template
    or glob of it), its logger's (``logger_rates``: name or glob), its severity's, ``global_rate``. It
    applies to patterns above ``min_rate`` records per second, 0 for all. ``budget`` is in records per
    second, shared fairly among patterns; None is no limit. The rate of a pattern whose frequency
    jumps is multiplied by ``anomaly_boost``. ``said`` names the fields that go before what a gate was
    made with; by default those that are not as they are here.
    """

    severity_rates: Mapping[str, float] = field(default_factory=lambda: SEVERITY_RATES)
    pattern_rates: Mapping[str, float] = field(default_factory=dict)
    logger_rates: Mapping[str, float] = field(default_factory=dict)
    global_rate: float = 1.0
    budget: float | None = None
    min_rate: float = 1.0
    anomaly_boost: float = 2.0
    rules: tuple[LogRule, ...] = ()
    said: frozenset[str] | None = field(default=None, compare=False)

    def over(self, base: LogPolicy) -> LogPolicy:
        """``base``, with what this policy says in its place."""
        said = self.said
        if said is None:
            default = LogPolicy()
            said = frozenset(f.name for f in fields(self) if getattr(self, f.name) != getattr(default, f.name))
        return replace(base, **{name: getattr(self, name) for name in said})


@dataclass(frozen=True, slots=True)
class Policy:
    """Both gates' part; None where the document does not speak of one.

    ``revision`` is a hash of its text. ``ignored`` says what of the document cannot be obeyed here, and why.
    """

    traces: TracePolicy | None = None
    logs: LogPolicy | None = None
    name: str = ""
    revision: str = ""
    ignored: tuple[str, ...] = ()
