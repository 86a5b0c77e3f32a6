"""How many: in all, over time by a key, and of the most frequent values of a key."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tidegate.errors import QueryError
from tidegate.store.catalog import AnyRef, BlockCache
from tidegate.store.query import Query
from tidegate.store.questions.answers import Bars, Histogram, Top
from tidegate.store.questions.scan import Group, Rooms, groups, known, scan

#: Intervals of a histogram.
MAX_INTERVALS = 10_000

#: Intervals that a histogram has at most when nobody says how long they are.
INTERVALS = 60

#: Values that `top` counts one by one; with more, those that are rare are given up.
MAX_VALUES = 100_000

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
    counter: Counter[tuple[Group, int]] = Counter()
    rooms = Rooms()
    to_open = []
    for ref in refs:
        found = known(query, ref) if by is None else None
        place = (ref.index.first - start) // interval
        if found is None or place != (ref.index.last - start) // interval:
            to_open.append(ref)
        elif found:
            counter[None, place] += found
    other: Counter[int] = Counter()
    for part in scan(cache, query, to_open):
        times = part.pick(part.rows.times)
        if by is None:
            for place, found in _runs(times, start, interval):
                counter[None, place] += found
        else:
            places = [(time - start) // interval for time in times]
            _add(counter, other, rooms, Counter(zip(groups(part.values(by)), places, strict=True)))
    bars = [Bars(group, counts) for group, counts in _dense(counter, number).items()]
    bars.sort(key=lambda each: (-each.total, each.value or ""))
    rest = Bars(None, [other[place] for place in range(number)]) if rooms.is_full else None
    return Histogram(start, interval, bars, rest)


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


def _dense(counter: Counter[tuple[Group, int]], number: int) -> dict[Group, list[int]]:
    out: dict[Group, list[int]] = {}
    for (group, place), found in counter.items():
        out.setdefault(group, [0] * number)[place] = found
    return out


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
    counter: Counter[Group] = Counter()
    total = missing = error = 0
    for part in scan(cache, query, refs):
        counter.update(groups(part.values(key)))
        total += len(part.found)
        if len(counter) > 2 * MAX_VALUES:
            error += _thin(counter)
    missing = counter.pop(None, 0)
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return Top([(str(value), number) for value, number in ordered[:limit]], total - missing, missing, error)


def _thin(counter: Counter[Group]) -> int:
    """Give up the rarest values, and say by how much all others are lower now (J. Misra, D. Gries: Finding repeated
    elements, 1982; merged as in P. K. Agarwal et al.: Mergeable summaries, 2012)."""
    missing = counter.pop(None, 0)
    less = counter.most_common(MAX_VALUES + 1)[-1][1]
    kept = {value: number - less for value, number in counter.items() if number > less}
    counter.clear()
    counter.update(kept)
    if missing:
        counter[None] = missing
    return less
