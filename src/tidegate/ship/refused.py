"""Records that a destination refused for good, kept beside the store for people to look at."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tidegate.ndjson import dumps
from tidegate.ship.batches import rows
from tidegate.store.location import DIRECTORY_MODE, FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.ship.wire import Picked
    from tidegate.store.rows import AnyRows

#: Bytes that the records refused by one destination take at most; the oldest make room.
MAX_BYTES = 16 << 20


class Refused:
    """Lines of JSON in ``<directory>/<destination>.ndjson``, and the older half in ``<destination>.1.ndjson``.

    A line has the time, the receiver's words, the record's segment and number there, and the record.
    Written by one process at a time. ``lost`` counts the records that could not be written.
    """

    def __init__(self, directory: str, destination: str, max_bytes: int = MAX_BYTES) -> None:
        self.path = os.path.join(directory, f"{destination}.ndjson")
        self.older = os.path.join(directory, f"{destination}.1.ndjson")
        self.lost = 0
        self._max_half = max_bytes // 2

    def add(self, picked: Sequence[Picked], error: str, now_ns: int | None = None) -> None:
        """Set these records aside. Never raises."""
        now_ns = time.time_ns() if now_ns is None else now_ns
        lines = [self._line(block, row, error, now_ns) for block, row in rows(picked)]
        fitting = [line for line in lines if len(line) <= self._max_half]
        self.lost += len(lines) - len(fitting)
        try:
            for part in _parts(fitting, self._max_half):
                self._write(part)
        except OSError:  # a full disk, or a directory that somebody removed
            self.lost += len(fitting)

    def _line(self, block: AnyRows, row: int, error: str, now_ns: int) -> bytes:
        line: dict[str, Any] = {"time_unix_nano": now_ns, "error": error}
        try:
            line["segment"], line["sequence"] = block.places[row]
            line["record"] = block.record(row).to_dict()
        except Exception as unreadable:  # which may be why it was not sent
            line["unreadable"] = repr(unreadable)
        return dumps(line)

    def _write(self, part: bytes) -> None:
        os.makedirs(os.path.dirname(self.path), DIRECTORY_MODE, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            size = os.fstat(file).st_size
            if size and size + len(part) > self._max_half:
                os.replace(self.path, self.older)
                os.close(file)
                file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
                size = 0
            if os.write(file, part) < len(part):
                os.ftruncate(file, size)  # no half lines
                raise OSError("there was room for a part only")
        finally:
            os.close(file)


def _parts(lines: Iterable[bytes], limit: int) -> Iterable[bytes]:
    """The lines together, as many as fit into ``limit`` bytes at a time."""
    part = b""
    for line in lines:
        if part and len(part) + len(line) > limit:
            yield part
            part = b""
        part += line
    if part:
        yield part
