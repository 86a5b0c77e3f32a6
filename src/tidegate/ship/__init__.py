"""4 SEND: what the gate kept goes to its destinations, from the store.

    wire          columns straight to OTLP protobuf: `Picked` rows in, the bytes of an export request out
    rebuild       the SDK's objects again, for exporters that are not OTLP's

One direction: rows of blocks that a reader found go out; nothing is written back but how far each destination
has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark, Picked

__all__ = ["Mark", "Picked"]

_HOMES = {
    "Mark": "wire",
    "Picked": "wire",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate.ship' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tidegate.ship.{_HOMES[name]}"), name)
