"""Blocks into totals: in which order, which of them were counted already, and whose processes have ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tidegate.errors import FormatError
from tidegate.store import codec, values
from tidegate.store.metrics.totals import Position, Process, Segment, Totals
from tidegate.store.segment import BlockRef

#: Gives a block's compressed frame, or None when it has been removed since.
Frame = Callable[[BlockRef], bytes | None]

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


def settle(
    totals: Totals,
    look: Callable[[], Iterable[BlockRef]],
    frame: Frame,
    is_alive: Callable[[Process], bool],
    now: int,
) -> list[BlockRef]:
    """Count what ``look`` finds that is new, then find who has ended; returns the blocks that cannot be read.

    A process begins a segment before it lets go of the last one. So it has ended if its newest segment is
    free and a look after that shows no newer one.
    """
    broken = feed(totals, look(), frame)
    suspects = [(process, process.segment) for process in totals.living() if not is_alive(process)]
    if suspects:
        broken += feed(totals, look(), frame)
        for process, segment in suspects:
            if process.segment == segment:
                totals.end(process, now)
    return broken


def feed(totals: Totals, refs: Iterable[BlockRef], frame: Frame) -> list[BlockRef]:
    """Count blocks in the order of their writing, each once; returns those that cannot be read."""
    refs = list(refs)
    new = [ref for ref in refs if ref.index.signal == "metrics" and not _is_counted(totals, ref)]
    broken = []
    for ref in sorted(new, key=position):
        try:
            if not _is_counted(totals, ref):  # of two files, one merged from the other
                _absorb(totals, ref, frame)
        except BROKEN:
            broken.append(ref)
    for ref in refs:
        _note_segment(totals, ref)
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


def _note_segment(totals: Totals, ref: BlockRef) -> None:
    """Keep a process's newest segment, whatever it recorded there: its lock tells whether it lives."""
    process = totals.processes.get(ref.header.process["id"])
    if process is not None and _segment(ref) > process.segment:
        process.segment = _segment(ref)
        process.ended = 0
