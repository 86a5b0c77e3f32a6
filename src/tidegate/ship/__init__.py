"""4 SEND: what the gate kept goes to its destinations, from the store.

    route         where records may go and by which rules; `election` says which process leads one
    shipper       a process's part: its `lead`, if it has one, is a `judge` and for each destination a `sending`
    verdicts      the log of what was decided, by `frames`; `cursors` are how far each destination is in it
    status        how all that stands, from the files that the leader keeps; `state` is what it tells
    wire          columns straight to OTLP protobuf: `Picked` rows in, the bytes of an export request out
    rebuild       the SDK's objects again, for exporters that are not OTLP's
    destinations  the configured exporters, each with a name; `transport` is one attempt, `outcome` what came of it
    sender        batches to one destination, with a circuit `breaker` and `backoff`; `refused` is set aside
    measures      what senders do, as metrics; `problems` what keeps them from it, for health

One direction: rows of blocks that a reader found go out; nothing is written back but how far each destination
has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.ship.backoff import exponential_backoff, should_retry
    from tidegate.ship.breaker import CircuitBreaker, CircuitBreakerOpen
    from tidegate.ship.wire import Mark, Picked

__all__ = ["CircuitBreaker", "CircuitBreakerOpen", "Mark", "Picked", "exponential_backoff", "should_retry"]

_HOMES = {
    "CircuitBreaker": "breaker",
    "CircuitBreakerOpen": "breaker",
    "exponential_backoff": "backoff",
    "should_retry": "backoff",
    "Mark": "wire",
    "Picked": "wire",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate.ship' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tidegate.ship.{_HOMES[name]}"), name)
