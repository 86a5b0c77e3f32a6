"""The demo's own store directory: never a store of the user's."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator

from tidegate.demo.errors import DemoError
from tidegate.store import default_location

#: Says that a directory is a demo's and may be emptied; locked while a demo uses it.
MARKER = "tidegate-demo"


@contextlib.contextmanager
def claim(location: str | None) -> Iterator[str]:
    """The absolute path of an empty demo store, this process's alone until the block is left.

    Default: beside the user's store. Raises `DemoError` for a directory that is neither empty nor
    a former demo's, belongs to somebody else, or is in use.
    """
    path = os.path.abspath(location or f"{default_location()}-demo")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.listdir(path)
        owner = os.stat(path).st_uid
    except OSError as error:
        raise DemoError(f"the demo cannot use {path!r} ({error.strerror}); name a directory with --store.") from None
    if owner != os.getuid() or (found and MARKER not in found):
        raise DemoError(
            f"{path!r} is not the store of a former demo, so it is left alone;"
            " name an empty or a new directory of yours with --store."
        )
    marker = os.open(os.path.join(path, MARKER), os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        _lock(marker, path)
        _empty(path)
        yield path
    finally:
        os.close(marker)


def _lock(marker: int, path: str) -> None:
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoError(f"another demo is using {path!r}; end it, or name another directory with --store.") from None


def _empty(path: str) -> None:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name == MARKER:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
