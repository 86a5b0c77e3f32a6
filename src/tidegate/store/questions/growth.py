"""By how much a cumulative value has grown since an earlier one."""

from __future__ import annotations

from typing import Any

from tidegate.store.metrics import merging
from tidegate.store.metrics.merging import Value

_EXTREMES = ("min", "max")


def growth(former: Value, value: Value) -> Value:
    """``value`` less ``former``. Its ``min`` and ``max`` are those of ``value``: they are not known of a part, but are
    bounds of it. When something in it has fallen, counting began anew, and it is ``value`` itself."""
    grown = merging.add([_without(value), _negative(_without(former))])
    return value if _falls(grown) else {**grown, **{name: value[name] for name in _EXTREMES if name in value}}


def _without(value: Value) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in _EXTREMES}


def _negative(value: Value) -> Value:
    """What added takes ``value`` away."""
    return {name: _negated(name, item) for name, item in value.items()}


def _negated(name: str, item: Any) -> Any:
    if name in ("positive", "negative") and item:
        return {**item, "bucket_counts": [-count for count in item.get("bucket_counts") or ()]}
    if name in ("bucket_counts", merging.REST):
        return [-count for count in item or ()]
    return -item if name in ("as_int", "as_double", "count", "sum", "zero_count") and item is not None else item


def _falls(value: Value) -> bool:
    counts = [*(value.get("bucket_counts") or ())]
    for side in ("positive", "negative"):
        counts += (value.get(side) or {}).get("bucket_counts") or ()
    return merging.size(value) < 0 or any(count < 0 for count in counts)
