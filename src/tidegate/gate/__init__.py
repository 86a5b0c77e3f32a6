"""3 DECIDE: what is sent, by budget and by pattern.

    sampler       the gate for traces: `AdaptiveSampler`, an OpenTelemetry Sampler; `traces` is what it decides by
    processor     the gate for log records: `PatternLogRecordProcessor`, in front of any other; `logs` likewise
    budget        how often something of a key may be kept, so that a rate per second holds (`ledger`, `shares`)
    page          one budget for all processes of a host: what they tell each other (`worker`, `division`, `steering`)
    threshold     probabilities as thresholds on a trace's 56 random bits
    policy        the user's rules and rates, as data; `policies` reads, fetches and applies them

Only `sampler` and `processor` know OpenTelemetry; the rest is arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.gate.processor import PatternLogRecordProcessor
    from tidegate.gate.sampler import AdaptiveSampler
    from tidegate.gate.traces.rules import DROP_HEALTH_CHECKS

__all__ = ["DROP_HEALTH_CHECKS", "AdaptiveSampler", "PatternLogRecordProcessor"]

_HOMES = {
    "AdaptiveSampler": "sampler",
    "DROP_HEALTH_CHECKS": "traces.rules",
    "PatternLogRecordProcessor": "processor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate.gate' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tidegate.gate.{_HOMES[name]}"), name)
