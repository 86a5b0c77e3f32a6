"""Values of the log context that cross services: those that are opted in, as W3C baggage.

Baggage goes along with every outgoing request that is instrumented, to whomever it is sent. So
nothing is added to it but what the setting ``baggage`` names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote_plus

from opentelemetry import baggage
from opentelemetry.context import Context

from tidegate.api.calls.complaints import complain
from tidegate.format import value_text
from tidegate.record.plain import text

#: Entries that there are at most when we add one, and the longest in bytes as it is sent. The propagator prints a
#: warning for each request with 180 of them, one entry of more than 4,096, or 8,192 in all.
MAX_ENTRIES = 64
MAX_ENTRY_BYTES = 4096
MAX_BYTES = 8192

#: Names that are opted in.
names: tuple[str, ...] = ()


def opt_in(chosen: tuple[str, ...]) -> None:
    """Let these names cross, in place of those that did."""
    global names
    names = chosen


def carry(context: Context, values: Mapping[str, Any], former: Collection[str]) -> Context:
    """``context`` with baggage that has what is opted in of ``values``, and no more what is only in ``former``."""
    for name in names:
        if name in values:
            context = _with(context, name, _sendable(values[name]))
        elif name in former:
            context = baggage.remove_baggage(name, context)
    return context


def _sendable(value: Any) -> str:
    """As text; the propagator fails on a lone surrogate, and the request with it."""
    return value_text(value).encode("utf-8", "replace").decode()


def _with(context: Context, name: str, value: str) -> Context:
    entries = baggage.get_all(context)
    if entries.get(name) == value:
        return context
    others = [_bytes(other, entry) for other, entry in entries.items() if other != name]
    mine = _bytes(name, value)
    if mine > MAX_ENTRY_BYTES or len(others) >= MAX_ENTRIES or sum(others) + len(others) + mine > MAX_BYTES:
        complain("baggage", name, "baggage: there is no room for %s (%d bytes); it stays here.", name, mine)
        return baggage.remove_baggage(name, context)
    return baggage.set_baggage(name, value, context)


def _bytes(name: object, value: object) -> int:
    """How long an entry is when it is sent."""
    return len(quote_plus(text(name), errors="replace")) + 1 + len(quote_plus(text(value), errors="replace"))


def came_in(context: Context) -> dict[str, str]:
    """What is opted in of the baggage of this context."""
    entries = baggage.get_all(context)
    return {name: text(entries[name]) for name in names if name in entries} if entries else {}
