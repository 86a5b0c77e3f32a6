"""What comes into a store while somebody looks, handed out poll by poll.

What a follower promises:

- It hands out each record that is committed after it began, by whichever process, once. Its place is
  one in the order of commits, so that a record with an early time which is committed late is not lost.
- Within a poll records come oldest first; a later poll may have older ones, of other processes.
- A follower in another process that begins `after` a `Watermark` goes on exactly there. Whoever was
  given the records of a poll but not the watermark that followed it gets the records of that poll
  again; a record's ``cursor`` is its identity.
- Memory is bounded: about `PORTION` records are opened a poll (of what is sealed, the blocks that they are in);
  what waits is a reference to a block that the reader knows anyway; and when more than ``max_backlog`` records
  wait, the oldest blocks are passed by and counted in ``dropped``.

And what it cannot promise: what retention removes before it was handed out is gone. While nobody is
connected, more than `watermark.MAX_SEGMENTS` processes that write at once, or a process whose clock
is more than `watermark.HORIZON_NS` behind the others', may commit what the next follower passes by. When the clock
was set back by more than that, segments that began within `watermark.CLOCK_NS` before that time came for the first
time come again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TypeVar, cast

from tidegate.records import Span, Trace
from tidegate.store.catalog import AnyRef, BlockCache, Catalog, Moved, steadily
from tidegate.store.pieces import Seen, Unseen, matches_of, reached, relocate, unseen
from tidegate.store.query import Query
from tidegate.store.rows import Record
from tidegate.store.segment import BlockRef
from tidegate.store.stream import Entry
from tidegate.store.tracing import spans_of
from tidegate.store.watermark import Piece, Progress, Watermark

__all__ = ["MAX_BACKLOG", "SHARED_LOOK_S", "Follower", "TraceFollower", "Watermark", "forever"]

T = TypeVar("T")

#: Records that may wait for a follower before the oldest are passed by. One bound for who was away and for who is
#: connected: to have been away over a deploy and to be handed a burst are the same to catch up with. They wait
#: in the store, and a follower holds about 10 bytes for each of their blocks (10 MB if every one had a single record;
#: 600 more for a block that was removed meanwhile). A client that is further behind is better off with what is newest.
MAX_BACKLOG = 1_000_000

#: Records of the blocks that one poll opens; one block, however large, is always opened.
PORTION = 2048

#: What is sealed waits in pieces of a portion, or so small that a full backlog has this many.
_LEAST_PIECES = 16

#: Followers that ask within this time of each other (seconds) share one look at the store.
SHARED_LOOK_S = 0.1


class Following:
    """A place in a store that moves on: what every follower is. ``route`` restricts it to the segments of one route
    ("" those without); None is every segment."""

    def __init__(
        self,
        catalog: Catalog,
        cache: BlockCache,
        query: Query,
        *,
        after: Watermark | None = None,
        max_backlog: int = MAX_BACKLOG,
        within: float = SHARED_LOOK_S,
        route: str | None = None,
        most_segments: int | None = None,
    ) -> None:
        self.dropped = 0
        self._catalog, self._cache, self._query, self._route = catalog, cache, query, route
        self._within = within
        self._max_backlog = max_backlog
        self._waiting: deque[Piece] = deque()
        self._backlog = 0
        found, pieces = steadily(lambda: (found := catalog.blocks(), list(reached(catalog, found, route))))
        self._number = found[-1].number if found else 0
        if after:
            after = after.corrected(pieces, time.time_ns())
        self._progress = Progress(pieces, after.floor if after else 0, most_segments)
        if after:
            self._take(catalog.blocks, after)

    @property
    def pending(self) -> bool:
        """Whether more is known to wait, so that the next poll need not be put off."""
        return bool(self._waiting)

    def _look(self) -> None:
        self._take(lambda: self._catalog.newer(self._number, within=self._within), self._progress)

    def _take(self, look: Callable[[], Sequence[AnyRef]], seen: Seen) -> None:
        """Let what was not seen of the blocks that are found wait, oldest first, and as much of it as may."""
        size = max(1, min(PORTION, self._max_backlog // _LEAST_PIECES))
        blocks, found = steadily(lambda: (blocks := look(), self._unseen(blocks, seen, size)))
        if not blocks:
            return
        self._number = blocks[-1].number
        for piece in _oldest_first(found.reached):
            self._progress.note(piece)
        for piece in _oldest_first(found.wanted):
            self._waiting.append(piece)
            self._backlog += piece.count
        self._progress.forget()
        while self._backlog > self._max_backlog and len(self._waiting) > 1:
            self.dropped += self._next().count

    def _unseen(self, blocks: Sequence[AnyRef], seen: Seen, size: int) -> Unseen:
        return unseen(self._cache, self._query, blocks, seen, size, self._route)

    def _next(self) -> Piece:
        piece = self._waiting.popleft()
        self._backlog -= piece.count
        return piece

    def _opened(self, of: Callable[[list[Piece]], list[T]]) -> list[T]:
        """What there is ``of`` the pieces that are next. It raises `Moved` where their blocks are elsewhere by now."""
        chosen: list[Piece] = []
        room = PORTION
        while self._waiting and (not chosen or self._waiting[0].count <= room):
            chosen.append(self._next())
            room -= chosen[-1].count
        try:
            return steadily(lambda: self._found(of, chosen))
        except BaseException:  # they are the next once more
            self._waiting.extendleft(reversed(chosen))
            self._backlog += sum(piece.count for piece in chosen)
            raise

    def _found(self, of: Callable[[list[Piece]], list[T]], chosen: list[Piece]) -> list[T]:
        try:
            return of(chosen)
        except Moved:
            # all at once: where one has gone, others that wait have gone too
            relocate(self._cache, self._query, [*chosen, *(piece for piece in self._waiting if not _is_active(piece))])
            raise


class Follower(Following):
    """A place in a store that moves on with every `poll`; made by `Reader.follower`. For one thread at a time.

    ``dropped`` counts the records of the blocks that were passed by since more than ``max_backlog``
    records waited: of all blocks that might have held a match by their indexes (signal, service, times,
    severity, errors, trace), so a few more than what a filter on attributes or text would have let
    through; of what was sealed before it was seen, those that match. One block waits however large it is.
    """

    _told = 0

    @property
    def signal(self) -> str:
        """``logs``, ``spans``, ``metrics`` or ``traces``."""
        return self._query.signal

    @property
    def watermark(self) -> Watermark:
        """The place behind all that was handed out or passed by, and before all else."""
        return self._progress.watermark(self._waiting)

    def newly_dropped(self) -> int:
        """How many more were dropped since this was last asked; the first time, since the place it began ``after``."""
        before, self._told = self._told, self.dropped
        return self.dropped - before

    def poll(self) -> Sequence[Record | Trace]:
        """What has come since the last poll, oldest first, about `PORTION` records at most.

        It may be nothing although more is ``pending``, when filters let nothing of a portion through.
        """
        self._look()
        return self._made(sorted(self._opened(lambda pieces: matches_of(self._cache, self._query, pieces))))

    def _made(self, found: list[Entry[Record]]) -> Sequence[Record | Trace]:
        return [make(row) for *_, row, make in found]


class TraceFollower(Follower):
    """Follows the traces of which a root span, or one whose parent is in another process, has come.

    Each poll hands out a trace once, with all its spans that are stored by then. A trace that several
    processes take part in comes again as they finish. ``dropped`` counts spans.
    """

    @property
    def signal(self) -> str:
        return "traces"

    def _made(self, found: list[Entry[Record]]) -> Sequence[Record | Trace]:
        spans = cast("list[Span]", super()._made(found))
        entries = {span.trace_id: span.cursor for span in spans if span.parent_is_remote or not span.parent_span_id}
        if not entries:
            return []
        whole = spans_of(entries, self._cache)
        return [Trace(trace_id, whole[trace_id], cursor=entries[trace_id]) for trace_id in entries if whole[trace_id]]


def _is_active(piece: Piece) -> bool:
    return any(isinstance(ref, BlockRef) for ref in piece.refs)


def _oldest_first(pieces: Iterable[Piece]) -> list[Piece]:
    """By the time of their last record, without changing the order within a segment, of which a
    watermark is made."""
    last: dict[str, int] = {}
    keyed = []
    for piece in pieces:
        last[piece.segment] = max(last.get(piece.segment, 0), piece.last)
        keyed.append((last[piece.segment], piece))
    return [piece for _, piece in sorted(keyed, key=itemgetter(0))]


def forever(follower: Follower, poll: float, stop: Callable[[], bool] | None) -> Iterator[Record | Trace]:
    """What comes, until ``stop()`` is true; ``poll`` is the pause in seconds when nothing has come."""
    while stop is None or not stop():
        found = follower.poll()
        yield from found
        if not found and not follower.pending:
            time.sleep(poll)
