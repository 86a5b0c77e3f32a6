"""A store in which everything happens that may, in any order, while somebody follows it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

import sealing
import tidegate.store
from making import log, put, span
from merged import merge, mergeable
from tidegate.records import Log
from tidegate.store import exchange, sinks
from tidegate.store.catalog import AnyRef, DirectoryCatalog
from tidegate.store.reader import Reader
from tidegate.store.segment import BlockRef
from tidegate.store.sinks import FileSink
from tidegate.store.watermark import Watermark


def bodies(records: Iterable[Any]) -> list[Any]:
    return [record.body for record in records if isinstance(record, Log)]


class CountingCatalog(DirectoryCatalog):
    """A directory that counts how many blocks are read from it."""

    opened = 0

    def frame(self, ref: AnyRef) -> bytes | None:
        self.opened += 1
        return super().frame(ref)


class World:
    """A directory with living and ended writers, and one client that follows it through many followers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writers: list[FileSink] = []
        self.committed: list[int] = []
        self.removed: set[int] = set()
        self.got: list[int] = []
        self.again: list[int] = []
        self.follower = self.follow(None)
        self.mark = self.place().text()
        self.last: list[int] = []

    def follow(self, after: Watermark | None) -> Any:
        """A follower with a reader of its own, as in a process of its own."""
        return tidegate.store.open(self.path, missing_ok=True).follower("logs", after=after, within=0)

    def place(self) -> Watermark:
        """Where the follower is."""
        watermark: Watermark = self.follower.watermark
        return watermark

    def bodies(self, found: Any) -> list[Any]:
        """The bodies of what a poll gives."""
        return bodies(found)

    def run(self, steps: Iterable[tuple[str, int]]) -> None:
        for step, which in steps:
            getattr(self, step)(which)
        self.finish()

    def lost(self) -> set[int]:
        """What nobody was given."""
        return set(self.committed) - set(self.got)

    def is_doubled_only_where_it_may_be(self) -> bool:
        """Whether only what a client had forgotten when it crashed has come twice."""
        return not Counter(self.got) - Counter(set(self.got)) - Counter(self.again)

    def begin(self, _: int) -> None:
        self.writers.append(FileSink(str(self.path)))
        self.write(len(self.writers) - 1)

    def write(self, which: int) -> None:
        if not self.writers:
            return
        numbers = range(len(self.committed), len(self.committed) + 1 + which % 3)
        # times that go back and forth between commits, and a signal in between that nobody follows
        put(self.writers[which % len(self.writers)], [span()])
        # of several classes, so that what is committed together is sealed apart
        put(self.writers[which % len(self.writers)], [log(n, (n * 7) % 10, severity=9 + n * 4 % 12) for n in numbers])
        self.committed += numbers

    def end(self, which: int) -> None:
        if self.writers:
            self.writers.pop(which % len(self.writers)).close()

    def merge(self, which: int) -> None:
        self.settle(0)
        some = mergeable(self.path)[which % 2 :]
        if some:
            merge(self.path, some)

    def rotate(self, which: int) -> None:
        """The process goes on in another segment."""
        if self.writers:
            self.writers[which % len(self.writers)]._rotate_bytes = 0
            self.write(which)
            self.writers[which % len(self.writers)]._rotate_bytes = sinks.ROTATE_BYTES

    def seal(self, which: int) -> None:
        self.settle(0)
        sealing.seal(str(self.path), sealing.ended(str(self.path))[which % 3 :], 1 + which)

    def decide(self, which: int) -> None:
        """An exchange is under way, and whoever made it has been killed."""
        self.settle(0)
        add, remove = sealing.prepare(str(self.path), sealing.ended(str(self.path)), 1 + which)
        if remove:
            body = {"format": 1, "add": add, "remove": remove}
            exchange.replace(str(self.path / exchange.NAME), orjson.dumps(body))

    def settle(self, _: int) -> None:
        if self.path.is_dir():
            exchange.finish(str(self.path))

    def join(self, which: int) -> None:
        self.settle(0)
        for kind in ("error", "warning", "info"):
            of_kind = [path for path in sealing.sealed(str(self.path)) if f".{kind}." in path]
            sealing.merge(str(self.path), of_kind[which % 2 :])

    def remove(self, which: int) -> None:
        self.settle(0)
        ended = [*mergeable(self.path), *sealing.sealed(str(self.path))]
        if ended:
            path = str(ended[which % len(ended)])
            lost = DirectoryCatalog(str(self.path))
            gone = [ref for ref in lost.blocks() if (ref.path if isinstance(ref, BlockRef) else ref.file.path) == path]
            lost.candidates = lambda query: [ref for ref in gone if query.wants(ref)]  # type: ignore[method-assign]
            with Reader(lost) as reader:
                self.removed |= set(bodies(reader.logs()))
            os.unlink(path)

    def poll(self, _: int) -> None:
        self.mark = self.place().text()
        self.last = self.bodies(self.follower.poll())
        self.got += self.last

    def reconnect(self, _: int) -> None:
        self.follower = self.follow(Watermark.parse(self.place().text()))

    def crash(self, _: int) -> None:
        """The client got the last poll, but not the watermark behind it."""
        self.again += self.last
        self.last = []
        self.follower = self.follow(Watermark.parse(self.mark))

    def finish(self) -> None:
        self.poll(0)
        while self.follower.pending:
            self.poll(0)
        for writer in self.writers:
            writer.close()


STEPS = (
    *("begin", "write", "write", "rotate", "end", "end", "merge", "seal", "seal", "decide", "settle", "join"),
    *("remove", "poll", "poll", "reconnect", "crash"),
)
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), max_size=40)
