"""What a follower has not seen yet: pieces of segments, wherever their records are by now.

An active block is a piece. What was committed and sealed before it was seen is spread over blocks of
several classes, each with rows of other segments too; so a sealed segment is cut into pieces by its
sequence, and a piece knows the blocks in which it has rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tidegate.store.catalog import AnyRef, BlockCache, Catalog
from tidegate.store.query import Query
from tidegate.store.rows import AnyRows, Record
from tidegate.store.sealed.file import SealedFile, SealedRef
from tidegate.store.segment import BlockRef, Key
from tidegate.store.selection import selected
from tidegate.store.stream import Entry, matches, records
from tidegate.store.watermark import Piece


class Seen(Protocol):
    """How far somebody has come: `tidegate.store.watermark.Progress` or `Watermark`."""

    def start(self, piece: Piece) -> int: ...

    def position(self, segment: str, created: int) -> float: ...


@dataclass(frozen=True, slots=True)
class Portion:
    """Some rows of one block: ``picked`` are their numbers in ``rows``, rising; a range where all are meant.
    ``rows.places[row]`` is a row's identity, its segment and its sequence there."""

    rows: AnyRows
    picked: Sequence[int]


@dataclass(frozen=True, slots=True)
class Unseen:
    """``reached`` is what is new, all signals and services of it; ``wanted`` the pieces with something that matches."""

    reached: Sequence[Piece]
    wanted: Sequence[Piece]


def _is_of(route: str | None, process: Mapping[str, Any]) -> bool:
    return route is None or process.get("route", "") == route


def reached(catalog: Catalog, blocks: Iterable[AnyRef], route: str | None = None) -> Iterator[Piece]:
    """How far each segment of a route, or of all, goes: by its active blocks, or by what its sealed files say.

    May raise `Moved`.
    """
    for ref in blocks:
        if isinstance(ref, BlockRef) and _is_of(route, ref.header.process):
            yield Piece.of(ref)
    for file in _files(blocks):
        for source in catalog.sources(file):
            if _is_of(route, source.process):
                yield Piece(source.segment, source.created, 0, source.next_sequence, source.ended)


def unseen(
    cache: BlockCache, query: Query, blocks: Sequence[AnyRef], seen: Seen, size: int, route: str | None = None
) -> Unseen:
    """What of these blocks was not seen of a route, or of all; sealed segments in pieces of ``size`` numbers.

    May raise `Moved`.
    """
    fresh: dict[Key, Piece] = {}
    for ref in blocks:
        if isinstance(ref, BlockRef) and _is_of(route, ref.header.process):
            new = Piece.of(ref)
            new.skip(seen.start(new))
            if new.first < new.end:
                fresh[ref.key] = new
    rest, files = _rest(cache.catalog, _files(blocks), seen, route)
    sealed = [ref for ref in blocks if not isinstance(ref, BlockRef) and ref.file.name in files]
    wanted = [fresh[ref.key] for ref in blocks if ref.key in fresh and query.wants(ref)]
    cut: dict[tuple[str, int], Piece] = {}
    for ref in sealed:
        for segment, number, time in _places(cache, query, ref, rest):
            whole = rest[segment]
            rank = (number - whole.first) // size
            piece = cut.get((segment, rank))
            if piece is None:
                first = whole.first + rank * size
                piece = cut[segment, rank] = Piece(segment, whole.created, first, min(first + size, whole.end), time)
            piece.last = max(piece.last, time)
            piece.count += 1
            if not piece.refs or piece.refs[-1] is not ref:
                piece.refs.append(ref)
    in_order = sorted(cut.values(), key=lambda piece: (piece.segment, piece.first))
    return Unseen([*fresh.values(), *rest.values()], [*wanted, *in_order])


def _files(blocks: Iterable[AnyRef]) -> Iterable[SealedFile]:
    return {ref.file.name: ref.file for ref in blocks if not isinstance(ref, BlockRef)}.values()


def _rest(
    catalog: Catalog, files: Iterable[SealedFile], seen: Seen, route: str | None
) -> tuple[dict[str, Piece], set[str]]:
    """Of each source of some files, what was not seen, and the names of the files with any of it."""
    out, names = {}, set()
    for file in files:
        for source in catalog.sources(file):
            first = seen.position(source.segment, source.created)
            if first < source.next_sequence and _is_of(route, source.process):
                names.add(file.name)
                out[source.segment] = Piece(
                    source.segment, source.created, int(first), source.next_sequence, source.ended
                )
    return out, names


def _places(
    cache: BlockCache, query: Query, ref: SealedRef, within: Mapping[str, Piece]
) -> Iterator[tuple[str, int, int]]:
    """Segment, number and time of the rows of a sealed block that match and are within these pieces."""
    rows = cache.rows(ref, query) if query.wants(ref) else None
    if rows is None:
        return
    places, times = rows.places, rows.times
    for row in selected(query, rows, ref):
        segment, number = places[row]
        piece = within.get(segment)
        if piece is not None and piece.first <= number < piece.end:
            yield segment, number, times[row]


def matches_of(cache: BlockCache, query: Query, pieces: Iterable[Piece]) -> list[Entry[Record]]:
    """The matching rows of some pieces, in no order. Raises `Moved`; `relocate` finds them then."""
    found: list[Entry[Record]] = []
    for ref, within in _blocks_of(pieces):
        entries = matches(cache, query, ref, records)
        if not _is_whole(ref, within):
            entries = [entry for entry in entries if _is_within(within.get(entry[1], ()), entry[2])]
        found += entries
    return found


def portions_of(cache: BlockCache, pieces: Iterable[Piece]) -> list[Portion]:
    """The rows of some pieces, by their blocks. Raises `Moved`, as `matches_of` does."""
    found = []
    for ref, within in _blocks_of(pieces):
        rows = cache.rows(ref)
        if rows is None:
            continue
        picked: Sequence[int] = range(rows.count)
        if not _is_whole(ref, within):
            places = enumerate(rows.places)
            picked = [row for row, (name, number) in places if _is_within(within.get(name, ()), number)]
        if picked:
            found.append(Portion(rows, picked))
    return found


def _blocks_of(pieces: Iterable[Piece]) -> Iterable[tuple[AnyRef, Mapping[str, Sequence[Piece]]]]:
    """The blocks of some pieces, each once, with its pieces by their segments."""
    found: dict[Key, tuple[AnyRef, dict[str, list[Piece]]]] = {}
    for piece in pieces:
        for ref in piece.refs:
            found.setdefault(ref.key, (ref, {}))[1].setdefault(piece.segment, []).append(piece)
    return found.values()


def _is_whole(ref: AnyRef, within: Mapping[str, Sequence[Piece]]) -> bool:
    """Whether one of its pieces has all of a block."""
    if not isinstance(ref, BlockRef):
        return False
    whole = Piece.of(ref)
    return any(piece.first <= whole.first and whole.end <= piece.end for piece in within[whole.segment])


def _is_within(pieces: Iterable[Piece], number: int) -> bool:
    return any(piece.first <= number < piece.end for piece in pieces)


def relocate(cache: BlockCache, query: Query, pieces: Iterable[Piece]) -> None:
    """Find the blocks where the rows of some pieces are now. Raises `Moved` when they are moving again."""
    by_segment: dict[str, list[Piece]] = {}
    found: dict[Piece, list[AnyRef]] = {}
    for piece in pieces:
        found[piece] = []
        by_segment.setdefault(piece.segment, []).append(piece)
    for group in cache.catalog.groups():
        if isinstance(group, BlockRef):
            whole = Piece.of(group)
            for piece in by_segment.get(whole.segment, ()):
                if piece.first < whole.end and whole.first < piece.end and query.wants(group):
                    found[piece].append(group)
        elif query.wants(group) and any(each.segment in by_segment for each in cache.catalog.sources(group.file)):
            for ref in group.refs:
                for piece in _pieces_in(cache, query, ref, by_segment):
                    found[piece].append(ref)
    for piece, refs in found.items():
        piece.refs = refs


def _pieces_in(
    cache: BlockCache, query: Query, ref: SealedRef, by_segment: Mapping[str, Sequence[Piece]]
) -> Iterable[Piece]:
    """The pieces of which a sealed block has rows."""
    rows = cache.rows(ref, query) if query.wants(ref) else None
    if rows is None:
        return ()
    return {
        piece: None
        for segment, number in rows.places
        for piece in by_segment.get(segment, ())
        if piece.first <= number < piece.end
    }
