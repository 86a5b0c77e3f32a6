"""Quantiles and error rates by a key: exact up to a number of values, then from sketches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from tidegate.errors import QueryError
from tidegate.store.catalog import AnyRef, BlockCache
from tidegate.store.query import Query
from tidegate.store.questions.answers import Quantiles, QuantilesBy
from tidegate.store.questions.scan import Group, Part, Rooms, groups, in_rooms, scan
from tidegate.store.questions.sketch import Sketch, rank
from tidegate.store.sealed.shapes import MISSING

#: Values that one question keeps; with more, all go into sketches.
MAX_KEPT = 200_000

#: The group of all that have no room of their own; no value of a key is this object.
_OTHER: Any = object()


class Distribution:
    """Values by their groups."""

    def __init__(self, rooms: Rooms) -> None:
        self.missing = 0
        self._rooms = rooms
        self.errors: dict[Group, int] = defaultdict(int)
        self._kept: dict[Group, list[float]] = defaultdict(list)
        self._sketches: dict[Group, Sketch] | None = None
        self._number = 0

    def add(self, group: Group, values: Sequence[float], errors: int) -> None:
        room = group if self._rooms.has(group) else _OTHER
        self.errors[room] += errors
        if self._sketches is None:
            self._kept[room] += values
            self._number += len(values)
            if self._number > MAX_KEPT:
                self._condense()
        else:
            self._sketches[room].add(values)

    def _condense(self) -> None:
        self._sketches = defaultdict(Sketch)
        for group, values in self._kept.items():
            self._sketches[group].add(values)
        self._kept.clear()

    def answer(self, q: Sequence[float]) -> QuantilesBy:
        if self._sketches is None:
            found = {group: self._exact(group, sorted(values), q) for group, values in self._kept.items()}
            error = 0.0
        else:
            found = {group: self._estimated(group, sketch, q) for group, sketch in self._sketches.items()}
            error = max(sketch.relative_error for sketch in self._sketches.values())
        other = found.pop(_OTHER, None)
        ordered = sorted(found.values(), key=lambda each: (-each.count, each.value or ""))
        return QuantilesBy(ordered, error, other, self.missing, self._rooms.error)

    def _exact(self, group: Group, values: Sequence[float], q: Sequence[float]) -> Quantiles:
        return self._made(group, len(values), [values[rank(share, len(values))] for share in q])

    def _estimated(self, group: Group, sketch: Sketch, q: Sequence[float]) -> Quantiles:
        return self._made(group, sketch.count, [sketch.quantile(share) for share in q])

    def _made(self, group: Group, count: int, quantiles: Sequence[float]) -> Quantiles:
        return Quantiles(None if group is _OTHER else group, count, self.errors[group], quantiles)


def quantiles(
    cache: BlockCache, query: Query, refs: Sequence[AnyRef], of: str, by: str | None, q: Sequence[float]
) -> QuantilesBy:
    """Quantiles of a number by the values of a key; see `tidegate.store.Reader.quantiles`."""

    def answer(rooms: Rooms) -> QuantilesBy:
        found = Distribution(rooms)
        text = has_numbers = False
        for part in scan(cache, query, refs):
            values = part.values(of)
            are_numbers = _are_numbers(values)
            number = sum(are_numbers)
            found.missing += len(values) - number
            has_numbers = has_numbers or number > 0
            text = text or values.count(MISSING) + number < len(values)
            if number:
                _add(found, part, values, are_numbers, by)
        if text and not has_numbers:
            raise QueryError(
                f"{of!r} is no number in any of these records; quantiles are of numbers: name another key."
            )
        return found.answer(q)

    def names() -> Iterator[Sequence[Group]]:
        """The groups of the records that have a number."""
        for part in scan(cache, query, refs):
            yield list(compress(groups(part.values(by or "")), _are_numbers(part.values(of))))

    return in_rooms(answer, names)


def _add(found: Distribution, part: Part, values: Sequence[Any], are_numbers: Sequence[bool], by: str | None) -> None:
    names: Sequence[Group] = [None] * len(values) if by is None else groups(part.values(by))
    errors = part.errors()
    if not all(are_numbers):
        names, errors = list(compress(names, are_numbers)), list(compress(errors, are_numbers))
        values = list(compress(values, are_numbers))
    if by is None:
        found.add(None, values, sum(errors))
        return
    numbers: dict[Group, list[float]] = defaultdict(list)
    for name, value in zip(names, values, strict=True):
        numbers[name].append(value)
    failed: dict[Group, int] = defaultdict(int)
    for name in compress(names, errors):
        failed[name] += 1
    for name, each in numbers.items():
        found.add(name, each, failed[name])


def _are_numbers(values: Sequence[Any]) -> Sequence[bool]:
    kinds = set(map(type, values))
    if kinds == {int}:
        return [True] * len(values)
    if float not in kinds and int not in kinds:
        return [False] * len(values)
    # what is subtracted from itself is 0, unless it is infinite or no number
    return [type(value) is int or (type(value) is float and value - value == 0) for value in values]
