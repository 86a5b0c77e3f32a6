"""Blocks into totals: in which order, which of them were counted already, and whose processes have ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tidegate.errors import FormatError
from tidegate.store import codec, values
from tidegate.store.metrics.totals import Position, Segment, Totals
from tidegate.store.segment import BlockRef

#: Gives a block's compressed frame, or None when it has been removed since.
Frame = Callable[[BlockRef], bytes | None]

#: Processes that ended and are kept one by one, since records may come late. Of more than that, those whose last
#: points are the oldest are folded at once: each takes ten to a hundred KB.
MAX_ENDED = 250

#: Processes that are counted before it is looked again how many of them have ended.
_STEP = 50

#: What cannot be read.
BROKEN = (AttributeError, FormatError, LookupError, TypeError, ValueError)


def position(ref: BlockRef) -> Position:
    """A block's place in the order in which its process wrote; clocks that are set back do not matter,
    unless the process is of a version that did not number its segments."""
    return (_number(ref), ref.header.created, ref.index.sequence)


def _segment(ref: BlockRef) -> Segment:
    return (_number(ref), ref.header.created, ref.header.segment)


def _number(ref: BlockRef) -> int:
    return int(ref.header.process.get("part", 0))


@dataclass(slots=True)
class _News:
    """What was found of one process: its blocks that were not counted yet, and its newest segment, whatever it
    recorded there. That one's lock tells whether it lives."""

    refs: list[BlockRef] = field(default_factory=list)
    segment: Segment = (-1, 0, "")

    @property
    def last(self) -> int:
        return max((ref.index.last for ref in self.refs), default=0)


def settle(
    totals: Totals,
    look: Callable[[], Iterable[BlockRef]],
    frame: Frame,
    is_alive: Callable[[Segment], bool],
    now: int,
    step: Callable[[], object] = bool,
) -> list[BlockRef]:
    """Count what ``look`` finds that is new, and say who has ended; returns the blocks that cannot be read.

    A process begins a segment before it lets go of the last one. So it has ended if its newest segment is
    free and a look after that shows no newer one. Both looks come before anything is counted: of thousands
    that ended, the first are folded before the last are counted, and never are all there at once. ``step`` is called
    after each block; when it raises, what was counted till then is, and another call goes on there.
    """
    found = list(look())
    free = {id: segment for id, segment in _living(totals, _news(totals, found)).items() if not is_alive(segment)}
    if free:
        found += look()
    return _count(totals, _news(totals, found), frame, free, now, step)


def _news(totals: Totals, refs: Iterable[BlockRef]) -> dict[str, _News]:
    """By process."""
    news: dict[str, _News] = {}
    for ref in refs:
        of_one = news.setdefault(ref.header.process["id"], _News())
        of_one.segment = max(of_one.segment, _segment(ref))
        if ref.index.signal == "metrics" and not _is_counted(totals, ref):
            of_one.refs.append(ref)
    return news


def _living(totals: Totals, news: dict[str, _News]) -> dict[str, Segment]:
    """The newest segments of processes that have counted something and are not known to have ended."""
    newest = {process.id: process.segment for process in totals.living()}
    for id, found in news.items():
        process = totals.processes.get(id)
        if found.segment > process.segment if process else found.refs:
            newest[id] = found.segment
    return newest


def _count(
    totals: Totals,
    news: dict[str, _News],
    frame: Frame,
    free: dict[str, Segment],
    now: int,
    step: Callable[[], object],
) -> list[BlockRef]:
    """Count process by process. One that was counted before comes first: it is not folded while something waits."""
    known = set(totals.processes)
    broken: list[BlockRef] = []
    order = sorted(news.keys() | free.keys(), key=lambda id: (id not in known, news[id].last if id in news else 0))
    for number, id in enumerate(order):
        if id not in known and number % _STEP == 0:
            _fold_oldest(totals)
        if id in news:
            broken += _feed(totals, id, news[id], frame, step)
        process = totals.processes.get(id)
        if process is not None and process.segment == free.get(id):
            totals.end(process, now)
    _fold_oldest(totals)
    return broken


def _fold_oldest(totals: Totals) -> None:
    ended = [process for process in totals.processes.values() if process.ended]
    ended.sort(key=lambda process: (process.ended, process.time))
    for process in ended[: max(0, len(ended) - MAX_ENDED)]:
        totals.fold(process)


def _feed(totals: Totals, id: str, news: _News, frame: Frame, step: Callable[[], object]) -> list[BlockRef]:
    """Count a process's blocks in the order of their writing, each once; returns those that cannot be read."""
    broken = []
    for ref in sorted(news.refs, key=position):
        try:
            if id not in totals.processes or not _is_counted(totals, ref):  # of two files, one merged from the other
                _absorb(totals, ref, frame)
        except BROKEN:
            broken.append(ref)
        step()
    process = totals.processes.get(id)
    if process is not None and news.segment > process.segment:
        process.segment = news.segment
        process.ended = 0
    return broken


def _is_counted(totals: Totals, ref: BlockRef) -> bool:
    id = ref.header.process["id"]
    process = totals.processes.get(id)
    if process is None:
        return totals.is_folded(id, ref.index.last)
    return position(ref) <= process.position


def _absorb(totals: Totals, ref: BlockRef, frame: Frame) -> None:
    packed = frame(ref)
    if packed is None:
        return
    columns: dict[str, Any] = values.loads(codec.decompress(packed))
    process = totals.process(ref.header.process["id"])
    process.position = position(ref)
    totals.absorb(process, ref.header.resource, columns, ref.index.count)
