"""Places in the order in which processes commit blocks, which outlive whoever reads.

Nothing numbers the blocks of a store: every process writes segments of its own. A place is therefore
one number for each segment that may still grow, and a moment for all others.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from tidegate.errors import QueryError
from tidegate.store.segment import BlockRef
from tidegate.store.sinks import ROTATE_NS

if TYPE_CHECKING:
    from tidegate.store.sealed.file import SealedRef

#: Segments that a watermark names at most, those that grew last: one that fits into a header of HTTP, and any.
MAX_SEGMENTS, MOST_SEGMENTS = 256, 1024

#: Clocks agree within this time (ns); after one was set back, whoever follows next has come by then.
CLOCK_NS = 300 * 10**9

#: Segments that began longer than this (ns) before the newest one have ended: their process went on to
#: another file. The rest is for clocks that do not agree.
HORIZON_NS = ROTATE_NS + CLOCK_NS

#: Length of a text with `MAX_SEGMENTS`, and of any that is looked at.
MAX_TEXT, MOST_TEXT = 8000, 32_000

_PART = re.compile(r"([0-9a-f]{16})-([0-9a-f]{1,12})", re.ASCII)
_FLOOR = re.compile(r"[0-9a-f]{1,16}", re.ASCII)


@dataclass(slots=True, eq=False)
class Piece:
    """Some records of one segment, in the order in which their process committed them: those with a sequence from
    ``first`` up to before ``end``. ``count`` of them, the last with the time ``last`` (ns), may be wanted; ``refs``
    are the blocks where these are."""

    segment: str
    created: int
    first: int
    end: int
    last: int = 0
    count: int = 0
    refs: list[BlockRef | SealedRef] = field(default_factory=list)

    @classmethod
    def of(cls, ref: BlockRef) -> Piece:
        header, index = ref.header, ref.index
        # a block of which some records were deleted still ends where it ended
        end = index.sequence + getattr(ref, "whole", index.count)
        return cls(header.segment, header.created, index.sequence, end, index.last, index.count, [ref])

    def skip(self, start: int) -> None:
        """Leave out what is before a sequence."""
        self.count = max(0, self.count - (start - self.first))
        self.first = start


@dataclass(frozen=True, slots=True)
class Watermark:
    """A place in commit order, the same for all readers of a store, whichever process they run in.

    ``positions`` holds for each named segment the sequence of the first record that is not behind the
    watermark. Of segments without a name, those that began until ``floor`` (ns) are behind it as a
    whole, later ones not at all.
    """

    floor: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)

    def start(self, piece: Piece) -> int:
        """The sequence at which what is not behind the watermark begins in a piece; its end when all is behind."""
        return int(min(max(piece.first, self.position(piece.segment, piece.created)), piece.end))

    def position(self, segment: str, created: int) -> float:
        """The sequence of a segment's first record that is not behind the watermark; infinite when all are."""
        known = self.positions.get(segment)
        if known is not None:
            return known
        return math.inf if created <= self.floor else 0

    def corrected(self, pieces: Iterable[Piece], now: int) -> Watermark:
        """The place when the clock is ``now`` (ns) and ``pieces`` are there.

        By a clock that was set back, what begins now would be behind the ``floor``. What began within the last
        `CLOCK_NS` without being named is new then, or comes again if it began when it was that time before; all else
        that is there stays behind.
        """
        if self.floor < now:
            return self
        behind: dict[str, int] = {}
        for piece in pieces:
            if now < piece.created <= self.floor:
                behind[piece.segment] = max(behind.get(piece.segment, 0), piece.end)
        return Watermark(now - CLOCK_NS, {**behind, **self.positions})

    def text(self) -> str:
        """Letters, digits, ``-`` and ``_``: fit for a header, a URL or an event's id."""
        parts = (f"{segment}-{position:x}" for segment, position in self.positions.items())
        return "_".join([f"{max(self.floor, 0):x}", *(part for part in parts if _PART.fullmatch(part))])

    @classmethod
    def parse(cls, text: str) -> Watermark:
        """The inverse of `text`; raises `QueryError`."""
        floor, *parts = text.split("_", MOST_SEGMENTS + 1) if len(text) <= MOST_TEXT else [""]
        found = [_PART.fullmatch(part) for part in parts]
        positions = {part[1]: int(part[2], 16) for part in found if part}
        if not _FLOOR.fullmatch(floor) or len(positions) < len(parts) or len(positions) > MOST_SEGMENTS:
            raise QueryError(f"the watermark is {text[:80]!r}; it must be the text of one that a follower gave.")
        return cls(int(floor, 16), positions)


class Progress:
    """What a follower has seen: how far each segment goes, and from when on a segment would be new.

    Bounded: of segments that have ended, and of those beyond ``most``, only the moment is kept.
    """

    def __init__(self, pieces: Iterable[Piece] = (), floor: int = 0, most: int | None = None) -> None:
        self._floor, self._most = floor, most or MAX_SEGMENTS
        self._newest = 0
        #: Segment to (creation, next sequence), the one that grew last at the end.
        self._ends: dict[str, tuple[int, int]] = {}
        furthest: dict[str, Piece] = {}
        for piece in pieces:
            if piece.segment not in furthest or piece.end > furthest[piece.segment].end:
                furthest[piece.segment] = piece
        for piece in sorted(furthest.values(), key=lambda piece: piece.last):
            self._ends[piece.segment] = (piece.created, piece.end)
            self._newest = max(self._newest, piece.created)

    def note(self, piece: Piece) -> None:
        """A piece was seen, after all that stand before it in its segment."""
        end = max(piece.end, self._ends.pop(piece.segment, (0, 0))[1])
        # what grows although it should have ended, since the clock was set back, is known until the floor moves on
        self._ends[piece.segment] = (max(piece.created, self._floor + 1), end)
        self._newest = max(self._newest, piece.created)

    def start(self, piece: Piece) -> int:
        """The sequence at which what was not seen begins in a piece, as far as that is still known."""
        return min(max(piece.first, self._ends.get(piece.segment, (0, 0))[1]), piece.end)

    def position(self, segment: str, created: int) -> float:
        """The sequence of a segment's first record that was not seen; infinite when all were."""
        if segment in self._ends:
            return self._ends[segment][1]
        return math.inf if created <= self._floor else 0

    def forget(self) -> None:
        """Let go of segments that have ended, or grew too long ago."""
        # a segment from the future, by a clock that is wrong, does not make the others old
        self._floor = max(self._floor, min(self._newest, time.time_ns()) - HORIZON_NS)
        for segment in [each for each, (created, _) in self._ends.items() if created <= self._floor]:
            del self._ends[segment]
        for segment in list(self._ends)[: -self._most]:
            self._floor = max(self._floor, self._ends.pop(segment)[0])

    def watermark(self, waiting: Iterable[Piece], undecided: Mapping[str, int] = MappingProxyType({})) -> Watermark:
        """The place before all that is ``waiting``, and behind everything else that was seen; also before the first
        ``undecided`` sequence of some segments.

        When more segments wait than can be named, a segment that is not may come again, but is not passed by.
        """
        heads = {segment: self._undecided(segment, first) for segment, first in undecided.items()}
        for piece in waiting:
            head = heads.setdefault(piece.segment, piece)
            if piece.first < head.first:
                heads[piece.segment] = piece
        # those without a name are to be the newest, of which nothing was handed out yet
        first = sorted(heads.values(), key=_is_untouched_since) if len(heads) > self._most else list(heads.values())
        positions = {piece.segment: piece.first for piece in first[: self._most]}
        grown = [segment for segment in reversed(self._ends) if segment not in heads]
        room = self._most - len(positions)
        positions.update((segment, self._ends[segment][1]) for segment in grown[:room])
        floor = max([self._floor, *(self._ends[segment][0] for segment in grown[room:])])
        return Watermark(min([floor, *(piece.created - 1 for piece in first[self._most :])]), positions)

    def _undecided(self, segment: str, first: int) -> Piece:
        # one that is forgotten may have been begun at any time
        return Piece(segment, self._ends.get(segment, (0, 0))[0], first, first)


def _is_untouched_since(piece: Piece) -> tuple[bool, int]:
    """Whether a segment's first waiting piece is its first of all, and when the segment began."""
    return piece.first == 0, piece.created
