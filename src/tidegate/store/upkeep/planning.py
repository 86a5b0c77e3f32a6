"""What to seal and to merge with what: pure, from names, times and sizes of files.

A sealed file belongs to the hour in which its oldest segment was begun. While that hour lasts, files of about
the same size are put together now and then; when it is over, all of the hour become one of each class, and
when the day is over, all of the day, as far as they are no larger than a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from tidegate.store.retention import ENDED, File

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS

#: Time in ns after which an hour or day is over: a segment is written for an hour at most (and then as long as its
#: process writes nothing more).
GRACE_NS = HOUR_NS

#: Ended segments are sealed when there are at least so many of them, or they have so many bytes.
SEAL_FROM, SEAL_BYTES = 24, 1 << 20

#: Time in ns after which fewer are sealed too.
SEAL_AFTER_NS = HOUR_NS

#: Files of an hour that lasts are merged when there are at least so many of about the same size.
MERGE_FROM = 8

#: A sealed file grows no larger than about this, nor than a share of all that the store may take (but for the least),
#: so that retention removes small parts.
SEALED_BYTES, SEALED_SHARE, LEAST_SEALED_BYTES = 64 << 20, 1 / 16, 256 << 10

#: So many are merged at a time: each is open meanwhile.
MOST_MERGED = 64

#: What is this many times as large as all that would come to it is not written again for so little.
TOO_LITTLE = 16


def batches(
    files: Iterable[File], now: int, most_files: int, most_bytes: int, *, eager: bool = False
) -> list[list[File]]:
    """Ended segments to be sealed together, those of one hour each; none while it is not worth it, unless ``eager``."""
    ended = sorted((file for file in files if file.kind == ENDED), key=lambda file: (file.start, file.path))
    if not eager and not _is_worth_it(ended, now):
        return []
    return [batch for _, hour in groupby(ended, key=hour_of) for batch in _packed(list(hour), most_bytes, most_files)]


def most_bytes(store_size: int) -> int:
    """How large a sealed file may grow in a store that may take so many bytes."""
    return min(SEALED_BYTES, max(LEAST_SEALED_BYTES, int(store_size * SEALED_SHARE)))


def _is_worth_it(ended: Sequence[File], now: int) -> bool:
    size = sum(file.size for file in ended)
    waits = any(not 0 <= now - file.end < SEAL_AFTER_NS for file in ended)
    return len(ended) >= SEAL_FROM or size >= SEAL_BYTES or waits


def hour_of(file: File) -> int:
    return file.start // HOUR_NS


def merges(files: Iterable[File], now: int, most_bytes: int = SEALED_BYTES) -> list[list[File]]:
    """Sealed files to be merged, those of one class each."""
    files = sorted(files, key=lambda file: (file.kind, file.start, file.path))
    out: list[list[File]] = []
    for _, of_day in groupby(files, key=lambda file: (file.kind, file.start // DAY_NS)):
        day = list(of_day)
        if _is_over(day[0].start // DAY_NS, DAY_NS, now):
            out += _whole(day, most_bytes)
        else:
            for hour, of_hour in groupby(day, key=hour_of):
                make = _whole if _is_over(hour, HOUR_NS, now) else _alike
                out += make(list(of_hour), most_bytes)
    return out


def _is_over(number: int, length: int, now: int) -> bool:
    return now >= (number + 1) * length + GRACE_NS


def _whole(files: Sequence[File], most_bytes: int) -> list[list[File]]:
    """All, as far as they go into one file, unless a large one would be written again for next to nothing."""
    return [group for group in _packed(files, most_bytes, MOST_MERGED) if len(group) > 1 and not _is_too_little(group)]


def _is_too_little(group: Sequence[File]) -> bool:
    largest = max(file.size for file in group)
    rest = sum(file.size for file in group) - largest
    return len(group) < MERGE_FROM and largest > TOO_LITTLE * rest


def _alike(files: Sequence[File], most_bytes: int) -> list[list[File]]:
    """Files of about the same size (within a factor of 16), when there are many: each is written again seldom."""
    by_size: Callable[[File], Any] = lambda file: file.size.bit_length() // 4  # noqa: E731
    tiers = groupby(sorted(files, key=lambda file: (by_size(file), file.start)), key=by_size)
    many = [tier for tier in (list(files) for _, files in tiers) if len(tier) >= MERGE_FROM]
    return [group for tier in many for group in _packed(tier, most_bytes, MOST_MERGED) if len(group) > 1]


def _packed(files: Sequence[File], most_bytes: int, most_files: int) -> Iterator[list[File]]:
    """The files in groups of at most so many bytes, or one file, and so many files."""
    group: list[File] = []
    size = 0
    for file in files:
        if group and (size + file.size > most_bytes or len(group) >= most_files):
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group
