"""Where a store lives, and whether it can be written."""

from __future__ import annotations

import os
import stat
import tempfile

from tidegate.errors import StoreError
from tidegate.settings import environment

MEMORY = "memory:"
OFF = "off"

#: Only the user who runs the process may read what it records.
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

#: The file beside the segments with what their metrics amount to.
CHECKPOINT = "metrics.checkpoint"

#: The directory beside the segments with what is known of the routes by which records are sent, a directory for each.
ROUTES = "routes"


def default_location() -> str:
    """The first that exists of ``$STATE_DIRECTORY`` (systemd), ``$XDG_STATE_HOME``, the home
    directory's ``.local/state``, and a private directory in the temporary directory."""
    state = environment("STATE_DIRECTORY").split(":")[0]
    if os.path.isabs(state):
        return os.path.join(state, "tidegate")
    state = environment("XDG_STATE_HOME")
    if os.path.isabs(state):
        return os.path.join(state, "tidegate")
    home = environment("HOME")
    if os.path.isabs(home) and _can_make(os.path.join(home, ".local", "state", "tidegate")):
        return os.path.join(home, ".local", "state", "tidegate")
    return os.path.join(tempfile.gettempdir(), f"tidegate-{os.getuid()}")


def _can_make(path: str) -> bool:
    """Whether ``path`` is a writable directory, or could be made one."""
    nearest = os.path.abspath(path)
    while not os.path.exists(nearest) and nearest != os.path.dirname(nearest):
        nearest = os.path.dirname(nearest)
    return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)


def check_writable(location: str) -> None:
    """Raise `StoreError` when records could not be written to this directory; creates nothing."""
    if os.path.lexists(location) and not os.path.isdir(location):
        raise StoreError(f"the store {location!r} is not a directory; name another with OTEL_PYTHON_TIDEGATE_STORE.")
    if not _can_make(location):
        raise StoreError(
            f"the store {location!r} cannot be written by user {os.getuid()}; give the directory to that user"
            " or name another with OTEL_PYTHON_TIDEGATE_STORE."
        )


def make_directory(location: str) -> None:
    """Make the store's directory, private to the user; raises OSError or `StoreError`.

    One in the temporary directory that somebody else made first is refused, be it a directory or a link.
    """
    os.makedirs(os.path.dirname(location) or ".", exist_ok=True)
    try:
        os.mkdir(location, DIRECTORY_MODE)
    except FileExistsError:
        found = os.lstat(location)  # looked at once: it may be removed meanwhile
        is_directory = os.path.isdir(location) if stat.S_ISLNK(found.st_mode) else stat.S_ISDIR(found.st_mode)
        shared = os.path.dirname(location) == tempfile.gettempdir()
        if not is_directory or (shared and found.st_uid != os.getuid()):
            raise StoreError(f"the store {location!r} belongs to user {found.st_uid}; name another.") from None
