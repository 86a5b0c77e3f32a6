"""Spans as the judge of traces sees them: rows of blocks, as processes of several services write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

import making
from tidegate.gate.tail.traces import TraceTail
from tidegate.gate.tail.verdict import Judged, Place
from tidegate.gate.threshold import MAX
from tidegate.record import spans
from tidegate.store import block, codec
from tidegate.store.rows import SpanRows, open_block
from tidegate.store.segment import BlockRef, Header

SECOND = 10**9


class Process:
    """One that writes a segment of its own."""

    def __init__(self, service: str = "shop", segment: str = "a", **attributes: Any) -> None:
        self.segment = segment
        self.written = 0
        self.header = Header(1, segment, making.resource(service, **attributes), 1, {})

    def rows(self, made: Sequence[ReadableSpan]) -> SpanRows:
        """A block of them, committed."""
        batch = spans.batch(made)
        index, frame = block.encode(batch, self.written)
        self.written += len(made)
        rows = open_block(codec.decompress(frame), BlockRef(self.header, index))
        assert isinstance(rows, SpanRows)
        return rows


class Host:
    """A judge, the processes that it judges, and a clock that is turned by hand."""

    def __init__(self, **options: Any) -> None:
        self.tail = TraceTail(**{"slow": "off", "quiet": 1.0, **options})
        self.now = 1000.0
        self.shop = Process()
        self.verdicts: list[Judged] = []

    def commit(self, *made: ReadableSpan, by: Process | None = None) -> None:
        """A process commits spans, and the judge sees them."""
        rows = (by or self.shop).rows(made)
        self.tail.see(rows, range(rows.count), self.now)

    def judge(self, after: float = 0.0, *, last: bool = False) -> list[Judged]:
        self.now += after
        found = self.tail.judge(self.now, last=last)
        self.verdicts += found
        return found

    def verdict(self, *made: ReadableSpan, by: Process | None = None) -> Judged:
        """That on a trace which a process committed, once it is quiet."""
        self.commit(*made, by=by)
        (judged,) = self.judge(1.5)
        return judged


def known(host: Host, *names: str) -> Host:
    """The host, with keys that are not new any more."""
    for number, name in enumerate(names or ("work",), 1):
        host.commit(making.span(name, trace=MAX - number, sampled=False))
    host.judge(1.5)
    host.verdicts.clear()
    return host


def places(process: Process, *numbers: int) -> list[Place]:
    return [(process.segment, number) for number in numbers]
