"""Dataclasses from JSON and back, their fields by name and checked: for data that strangers send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar, get_origin, get_type_hints

T = TypeVar("T")


class FromDict:
    """A dataclass that can be read from what its ``to_dict`` gives."""

    __slots__ = ()

    @classmethod
    def from_dict(cls: type[T], data: Mapping[str, Any]) -> T:  # noqa: PYI019 — typing.Self needs Python 3.11
        return read(cls, data)


def read(kind: Callable[..., T], data: Mapping[str, Any], **given: Any) -> T:
    """A ``kind`` with the fields that are ``given``, and the others from ``data``; raises ValueError."""
    for name, types, is_needed in _plain(kind):
        if name in given:
            continue
        if issubclass(types, FromDict):
            given[name] = types.from_dict(typed(data, name, dict))
        elif name in data:
            given[name] = typed(data, name, types)
        elif is_needed:
            raise ValueError(f"{name} is missing")
    return kind(**given)


@cache
def _plain(kind: Any) -> list[tuple[str, type, bool]]:
    """Name, type, and whether there is no default, of each field that is not a list."""
    hints = {name: object if hint is Any else get_origin(hint) or hint for name, hint in get_type_hints(kind).items()}
    return [
        (each.name, hints[each.name], each.default is MISSING and each.default_factory is MISSING)
        for each in fields(kind)
        if hints[each.name] in (str, int, bool, Mapping, object) or issubclass(hints[each.name], FromDict)
    ]


def typed(data: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """One item, empty if it is not there; raises ValueError unless it is of its type, a number of 64 bits."""
    value = data[name] if name in data else kind()
    if not isinstance(value, kind) or (_is_too_large(value) and kind is not object):
        raise ValueError(f"{name} is {repr(value)[:80]}")
    return value


def each(data: Mapping[str, Any], name: str, make: Callable[[Any], T]) -> list[T]:
    """What ``make`` makes of each item of a list."""
    return [make(item) for item in typed(data, name, list)]


def plain(record: object) -> dict[str, Any]:
    """The fields of a record that stand in JSON as they are."""
    kind: Any = type(record)
    return {name: getattr(record, name) for name, *_ in _plain(kind)}


def _is_too_large(value: object) -> bool:
    return isinstance(value, int) and not -(1 << 63) <= value < 1 << 64
