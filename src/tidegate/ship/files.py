"""Small files of a route that are replaced now and then. What they say can be made again, so nothing is synced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import orjson

from tidegate.store import location, segment


def make(directory: str) -> None:
    """Make a directory in a route's, private to the user; raises OSError, also where there is no such route."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, location.DIRECTORY_MODE)


def write(path: str, body: Any, check: Callable[[], object] | None = None) -> None:
    """Put JSON in the place of what the file held, as `replace` does."""
    replace(path, orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE), check)


def replace(path: str, content: bytes, check: Callable[[], object] | None = None) -> None:
    """Put bytes in the place of what the file held, whole or not at all; raises OSError.

    ``check`` is called when all but the last step is done, and forbids that by what it raises.
    """
    # a name of its own: whoever is stopped here and goes on later has nothing in common with who did it meanwhile
    fresh = f"{path}.{os.urandom(8).hex()}{segment.PARTIAL}"
    try:
        with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, location.FILE_MODE), "wb") as out:
            out.write(content)
        if check is not None:
            check()
        os.rename(fresh, path)
    except BaseException:
        unlink(fresh)
        raise


def clear(directory: str, of: str = "") -> None:
    """Remove what `replace` has begun there, of one file or of all, and not finished. For files that only a leader
    writes: no other is to finish."""
    for name in names(directory):
        if name.startswith(of) and name.endswith(segment.PARTIAL):
            unlink(os.path.join(directory, name))


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
