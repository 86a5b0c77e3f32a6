"""How many: in all, over time by a key, and of the most frequent values of a key."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tidegate.errors import QueryError
from tidegate.store.catalog import AnyRef, BlockCache
from tidegate.store.query import Query
from tidegate.store.questions.answers import Bars, Histogram, Top
from tidegate.store.questions.scan import Frequencies, Group, Rooms, groups, in_rooms, known, scan

#: Intervals of a histogram.
MAX_INTERVALS = 10_000

#: Intervals that a histogram has at most when nobody says how long they are.
INTERVALS = 60

_S = 10**9

#: Lengths that people read easily, in seconds; beyond the last one its multiples.
_READABLE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def count(cache: BlockCache, query: Query, refs: Sequence[AnyRef]) -> int:
    """How many records match; blocks whose indexes say it are not opened."""
    numbers = {id(ref): known(query, ref) for ref in refs}
    opened = scan(cache, query, [ref for ref in refs if numbers[id(ref)] is None])
    return sum(number or 0 for number in numbers.values()) + sum(len(part.found) for part in opened)


def histogram(
    cache: BlockCache, query: Query, refs: Sequence[AnyRef], interval: int | None, by: str | None
) -> Histogram:
    """Counts over time; see `tidegate.store.Reader.histogram`."""
    start, interval, number = intervals(query, refs, interval)
    if by is None:
        return Histogram(start, interval, _bars(_by_time(cache, query, refs, start, interval), number))

    def answer(rooms: Rooms) -> Histogram:
        counter: Counter[tuple[Group, int]] = Counter()
        other: Counter[int] = Counter()
        for part in scan(cache, query, refs):
            places = [(time - start) // interval for time in part.pick(part.rows.times)]
            _add(counter, other, rooms, Counter(zip(groups(part.values(by)), places, strict=True)))
        rest = Bars(None, [other[place] for place in range(number)]) if rooms.is_full else None
        return Histogram(start, interval, _bars(counter, number), rest, rooms.error)

    return in_rooms(answer, lambda: (groups(part.values(by)) for part in scan(cache, query, refs)))


def _by_time(
    cache: BlockCache, query: Query, refs: Sequence[AnyRef], start: int, interval: int
) -> Counter[tuple[Group, int]]:
    """Counts of one group of all; blocks whose indexes say them are not opened."""
    counter: Counter[tuple[Group, int]] = Counter()
    to_open = []
    for ref in refs:
        found = known(query, ref)
        place = (ref.index.first - start) // interval
        if found is None or place != (ref.index.last - start) // interval:
            to_open.append(ref)
        elif found:
            counter[None, place] += found
    for part in scan(cache, query, to_open):
        for place, found in _runs(part.pick(part.rows.times), start, interval):
            counter[None, place] += found
    return counter


def _runs(times: Sequence[int], start: int, interval: int) -> Iterator[tuple[int, int]]:
    """Intervals and how many of the times are in each: a block's are nearly in order, and in few intervals."""
    ordered = sorted(times)
    at = 0
    while at < len(ordered):
        place = (ordered[at] - start) // interval
        end = bisect_left(ordered, start + (place + 1) * interval, at)
        yield place, end - at
        at = end


def _add(
    counter: Counter[tuple[Group, int]], other: Counter[int], rooms: Rooms, found: Counter[tuple[Group, int]]
) -> None:
    for key, number in found.items():
        if rooms.has(key[0]):
            counter[key] += number
        else:
            other[key[1]] += number


def _bars(counter: Counter[tuple[Group, int]], number: int) -> list[Bars]:
    """A count for each interval of each group, the greatest group first."""
    dense: dict[Group, list[int]] = {}
    for (group, place), found in counter.items():
        dense.setdefault(group, [0] * number)[place] = found
    bars = [Bars(group, counts) for group, counts in dense.items()]
    return sorted(bars, key=lambda each: (-each.total, each.value or ""))


def intervals(query: Query, refs: Sequence[AnyRef], interval: int | None) -> tuple[int, int, int]:
    """Where the first interval starts, how long each is, how many there are; all that matches is within."""
    first, last = time_range(query, refs)
    length = readable(first, last) if interval is None else interval
    start = first // length * length
    number = (last - start) // length + 1
    if number > MAX_INTERVALS:
        raise QueryError(
            f"there are {number:,} intervals between the first and the last record; at most {MAX_INTERVALS:,} can be"
            " had: give since and until, or a longer interval."
        )
    return start, length, number


def time_range(query: Query, refs: Iterable[AnyRef]) -> tuple[int, int]:
    """The times between which matches are, both included; as narrow as indexes and the question say."""
    found = [(ref.index.first, ref.index.last) for ref in refs]
    nothing = 0 if query.until is None else query.until - 1
    first = query.since if query.since is not None else min((first for first, _ in found), default=nothing)
    last = query.until - 1 if query.until is not None else max((last for _, last in found), default=first)
    return first, max(first, last)


def readable(first: int, last: int, number: int = INTERVALS) -> int:
    """A length of time in ns of which so many intervals at most reach from the first time to the last."""
    for seconds in _READABLE:
        if last // (seconds * _S) - first // (seconds * _S) < number:
            return seconds * _S
    day = 86400 * _S
    return ((last - first) // (number - 1) // day + 1) * day


def top(cache: BlockCache, query: Query, refs: Sequence[AnyRef], key: str, limit: int) -> Top:
    """The most frequent values of a key; see `tidegate.store.Reader.top`."""
    found, total = Frequencies(), 0
    for part in scan(cache, query, refs):
        found.add(groups(part.values(key)))
        total += len(part.found)
    missing = found.counts.pop(None, 0)
    ordered = sorted(found.counts.items(), key=lambda item: (-item[1], item[0]))
    return Top([(str(value), number) for value, number in ordered[:limit]], total - missing, missing, found.error)
