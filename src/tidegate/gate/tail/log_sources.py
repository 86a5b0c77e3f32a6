"""One log gate for several services: rules may ask for the service, or for what else a resource says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.gate.logs.gate import LogGate
from tidegate.gate.logs.known import Known
from tidegate.gate.logs.rates import Alternatives, Rates
from tidegate.gate.policy import LogPolicy

#: Kinds of resources that rules tell apart and that are remembered.
MAX_RESOURCES = 1000


class Source(str):
    """A logger of a service: what the gate takes for the logger. ``rates`` are those that hold for its resource."""

    __slots__ = ("logger", "rates")

    logger: str
    rates: Rates


class SourcesGate(LogGate):
    """A `LogGate` to be asked about `Source`s."""

    def apply(self, policy: LogPolicy) -> None:
        super().apply(policy)
        asked = [condition for rule in policy.rules for condition in rule.conditions]
        self._keys = sorted({each.key for each in asked if each.field == "resource"})
        self._differ = any(each.field in {"service", "resource"} for each in asked)
        self._of_resources: dict[tuple[str, ...], Rates] = {}

    def charge(self, now: float) -> None:
        """A record is sent that was not judged to be: the common budget pays."""
        if self._budget is not None:
            self._budget.charge(now, certain=True)

    def source(self, resource: Mapping[str, Any], logger: str) -> Source:
        """The logger of this name of a service with these resource attributes."""
        service = str(resource.get("service.name", ""))
        named = (service, *(repr(resource.get(key)) for key in self._keys))
        source = Source("\0".join((*named, logger)))
        source.logger, source.rates = logger, self._rates
        if self._differ:
            source.rates = self._of_resources.get(named) or self._compiled(named, resource)
        return source

    def _compiled(self, named: tuple[str, ...], resource: Mapping[str, Any]) -> Rates:
        if len(self._of_resources) >= MAX_RESOURCES:
            self._of_resources.clear()
        rates = self._of_resources[named] = Rates(self.policy, resource)
        return rates

    def _find(self, known: Known, severity: int, logger: str) -> Alternatives:
        if not isinstance(logger, Source):
            return super()._find(known, severity, logger)
        return logger.rates.find(known.id, known.template, severity, logger.logger)
