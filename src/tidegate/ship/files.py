"""Small files of a route that are replaced now and then. What they say can be made again, so nothing is synced."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import orjson

from tidegate.store import location, segment


def make(directory: str) -> None:
    """Make a directory in a route's, private to the user; raises OSError, also where there is no such route."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, location.DIRECTORY_MODE)


def write(path: str, body: Any) -> None:
    """Put JSON in the place of what the file held, whole or not at all; raises OSError."""
    replace(path, orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE))


def replace(path: str, content: bytes) -> None:
    """Put bytes in the place of what the file held, whole or not at all; raises OSError."""
    fresh = path + segment.PARTIAL
    try:
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, location.FILE_MODE), "wb") as out:
            out.write(content)
        os.rename(fresh, path)
    except OSError:
        unlink(fresh)
        raise


def read(path: str) -> dict[str, Any]:
    """What `write` wrote; nothing where there is no such file, or what it holds is none of ours."""
    try:
        with open(path, "rb") as file:
            body = orjson.loads(file.read())
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def names(directory: str) -> list[str]:
    """What is in a directory, sorted; nothing where there is none."""
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


#: A notice that stays the same is put up again after so many seconds, should somebody else have replaced it.
_RENEW_S = 60.0


class Notice:
    """A file that a leader replaces when it has something else to say, at most every ``interval`` seconds."""

    def __init__(
        self, path: str, holds: Callable[[], bool], interval: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._holds, self._interval, self._clock = path, holds, interval, clock
        self._said: bytes | None = None
        self._at = float("-inf")

    def put(self, body: Any, *, last: bool = False) -> None:
        """Say so, when it is time, or at the ``last``. Without room on disk it is not said; another leader is not
        contradicted."""
        now = self._clock()
        if not last and now - self._at < self._interval:
            return
        said = orjson.dumps(body() if callable(body) else body)
        if (said == self._said and now - self._at < _RENEW_S) or not self._holds():
            return
        with contextlib.suppress(OSError):
            write(self._path, {"time": str(time.time_ns()), **orjson.loads(said)})
            self._said = said
        self._at = now
