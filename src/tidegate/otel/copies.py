"""Copies of the SDK's objects with some fields changed; what its limits dropped is still told by them."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from typing import Any

Fields = dict[str, Any]


def copied_span(span: Any, attributes: Fields, events: Sequence[Any], links: Sequence[Any], **fields: Any) -> Any:
    """A span with these instead of its own; ``fields`` are others by their public names."""
    copied = copy.copy(span)
    # the properties give plain copies, which do not know what was dropped
    kept = [getattr(span, f"_{name}", None) or getattr(span, name) for name in ("attributes", "events", "links")]
    copied._attributes = copied_attributes(kept[0], attributes)
    copied._events = _copied_list(kept[1], events)
    copied._links = _copied_list(kept[2], links)
    for name, value in fields.items():
        setattr(copied, f"_{name}", value)
    return copied


def copied_attributes(attributes: Any, values: Fields) -> Any:
    """Attributes that have these values."""
    return _copied(attributes, "_dict", values, values)


def _copied_list(items: Any, values: Sequence[Any]) -> Any:
    return _copied(items, "_dq", deque(values), tuple(values))


def _copied(original: Any, name: str, value: Any, otherwise: Any) -> Any:
    if not hasattr(original, name):  # another SDK, or made by hand
        return otherwise
    copied = copy.copy(original)
    setattr(copied, name, value)
    return copied
