"""Small files of a route that are replaced now and then. What they say can be made again, so nothing is synced."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import orjson

from tidegate.store import location, segment


def make(directory: str) -> None:
    """Make a directory in a route's, private to the user; raises OSError, also where there is no such route."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, location.DIRECTORY_MODE)


def write(path: str, body: Any) -> None:
    """Put JSON in the place of what the file held, whole or not at all; raises OSError."""
    fresh = path + segment.PARTIAL
    try:
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, location.FILE_MODE), "wb") as out:
            out.write(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE))
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
