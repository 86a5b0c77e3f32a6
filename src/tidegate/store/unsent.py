"""What retention knows of sending: which segments have records that are still to be sent, and what went unsent.

Whoever leads a route writes ``routes/<route>/unsent.json`` in the store's directory: ``{"since": ns, "segments":
[ids]}``. To be sent are records of the segments named, and of all segments of that route that were begun since then.
Where the file is missing or damaged, nothing is.

What upkeep removes all the same is added up beside it, in ``lost.json``: ``{"time": "ns", "files": n, "records": n,
"bytes": n}``. These are all records of the files that went; how many of them were to be sent, their sender finds out.
``time`` is when files went for the last time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from tidegate.errors import FormatError
from tidegate.store import exchange, location, names, segment
from tidegate.store.retention import ENDED, File

#: The files of a route that this is about.
UNSENT, LOST = "unsent.json", "lost.json"

#: The counters in `LOST`.
_COUNTERS = ("files", "records", "bytes")


class Unsent(NamedTuple):
    """What a route has still to send: records of ``segments``, and of those of its own begun from ``since`` (ns) on."""

    route: str
    segments: frozenset[str]
    since: int

    def has(self, segment: str, created: int, process: Mapping[str, Any]) -> bool:
        """Whether there is something to be sent of a segment."""
        return segment in self.segments or (created >= self.since and process.get("route") == self.route)


def read(directory: str) -> list[Unsent]:
    """What the routes of a store have still to send; nothing where that cannot be read."""
    found = []
    with contextlib.suppress(OSError):
        for route in sorted(os.listdir(os.path.join(directory, location.ROUTES))):
            body = _load(directory, route, UNSENT)
            with contextlib.suppress(LookupError, TypeError, ValueError):
                found.append(Unsent(route, frozenset(body["segments"]), int(body["since"])))
    return found


def marked(files: Iterable[File], unsent: Sequence[Unsent]) -> list[File]:
    """The files, with the routes that have still to send something of them."""
    return [file._replace(unsent=_routes_of(file.path, unsent)) for file in files] if unsent else list(files)


def _routes_of(path: str, unsent: Sequence[Unsent]) -> tuple[str, ...]:
    try:
        sources = list(_sources(path))
    except (FormatError, OSError):  # nobody can send what cannot be read
        return ()
    return tuple(each.route for each in unsent if any(each.has(*source) for source in sources))


def _sources(path: str) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The segments of which a file has records: id, creation, process."""
    name = names.SEGMENT.fullmatch(os.path.basename(path))
    if name is None or name["damaged"]:
        return
    if name["ending"] == "sealed":
        from tidegate.store.sealed.file import SealedFile  # a process that only records does without it

        with contextlib.closing(SealedFile(path)) as file:
            yield from ((source.segment, source.created, source.process) for source in file.sources)
    elif (header := segment.first_header(path)) is not None:
        yield header.segment, header.created, header.process


def records_of(file: File) -> int:
    """How many records a file has; 0 where that cannot be read."""
    try:
        if file.kind == ENDED:
            return sum(ref.index.count for ref in segment.SegmentScanner(file.path).scan())
        from tidegate.store.sealed.file import SealedFile

        with contextlib.closing(SealedFile(file.path)) as sealed:
            return sealed.count
    except (FormatError, OSError):
        return 0


def add_lost(directory: str, lost: Iterable[tuple[File, int]]) -> None:
    """Add up what was removed, with how many records, although some of it was to be sent."""
    sums: dict[str, list[int]] = {}
    for file, records in lost:
        for route in file.unsent:
            counts = sums.setdefault(route, [0, 0, 0])
            counts[:] = map(sum, zip(counts, (1, records, file.size), strict=True))
    for route, counts in sums.items():
        before = _load(directory, route, LOST)
        body: dict[str, Any] = {"time": str(time.time_ns())}
        for name, count in zip(_COUNTERS, counts, strict=True):
            former = before.get(name)
            body[name] = count + (former if isinstance(former, int) else 0)
        with contextlib.suppress(OSError):  # of a route that is gone, or on a full disk
            exchange.replace(os.path.join(directory, location.ROUTES, route, LOST), orjson.dumps(body))


def _load(directory: str, route: str, name: str) -> dict[str, Any]:
    """A file of a route; nothing where it cannot be read."""
    try:
        with open(os.path.join(directory, location.ROUTES, route, name), "rb") as file:
            body = orjson.loads(file.read())
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
