"""What senders do, as metrics and events of this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from typing import Any

from tidegate import otel
from tidegate.ship.breaker import CLOSED, OPEN, STATES, CircuitBreaker
from tidegate.ship.sender import Sender

_Points = list[tuple[int, Mapping[str, str]]]


def observe(provider: Any, senders: Callable[[], Sequence[Sender]]) -> None:
    """Have a meter provider tell of the senders that there are when it collects. Counters begin with their first count.

    The state of a breaker is 0 for CLOSED, 1 for OPEN and 2 for HALF_OPEN.
    """

    def all_of(read: Callable[[Sender], _Points]) -> Callable[[], _Points]:
        return lambda: [(value, {**_whose(each), **more}) for each in senders() for value, more in read(each)]

    for name, description, unit, read in _COUNTERS:
        otel.observable_counter(provider, f"tidegate.ship.{name}", description, all_of(read), unit)
    states = all_of(lambda sender: [(STATES.index(sender.breaker.state), {})])
    description = "State of a destination's circuit breaker: 0 closed, 1 open, 2 half open."
    otel.observable_counter(provider, "tidegate.ship.breaker.state", description, states, "1", "gauge")


def tell(breaker: CircuitBreaker, former: str, state: str) -> None:
    """Emit a change of a breaker's state as the event `tidegate.ship.breaker.transition`.

    It is a record like others, and sent like them. It does not feed on itself: a breaker changes three times in its
    ``recovery_timeout`` at most, whatever there is to send.
    """
    severity, number = ("WARN", 13) if (former, state) == (CLOSED, OPEN) else ("INFO", 9)
    body = f"the circuit breaker of {breaker.name} is {state}, was {former}"
    attributes = {"tidegate.destination": breaker.name, **_change(former, state), "tidegate.failures": breaker.failures}
    name = "tidegate.ship.breaker.transition"
    event = otel.event(name, time.time_ns(), severity, number, body, attributes)
    Context().run(otel.emit_event, event)  # nothing is recorded in the context of an exporter's own work


def _change(former: str, state: str) -> dict[str, str]:
    return {"tidegate.from": former, "tidegate.to": state}


def _whose(sender: Sender) -> dict[str, str]:
    return {"tidegate.destination": sender.destination.name}


def _counted(count: int, attributes: Mapping[str, str] | None = None) -> _Points:
    return [(count, attributes or {})] if count else []


def _refused(sender: Sender) -> _Points:
    return [(count, {"tidegate.reason": reason}) for reason, count in list(sender.refused.items())]


def _transitions(sender: Sender) -> _Points:
    found = list(sender.breaker.transitions.items())
    return [(count, _change(*states)) for states, count in found]


_COUNTERS: list[tuple[str, str, str, Callable[[Sender], _Points]]] = [
    ("sent", "Records that a destination took.", "{record}", lambda sender: _counted(sender.sent)),
    ("bytes", "Bytes that a destination took, before compression.", "By", lambda sender: _counted(sender.bytes)),
    ("refused", "Records that a destination refused for good, by reason.", "{record}", _refused),
    ("retries", "Attempts after a failed one.", "{attempt}", lambda sender: _counted(sender.retries)),
    ("breaker.transitions", "Changes of a circuit breaker's state.", "{transition}", _transitions),
]
