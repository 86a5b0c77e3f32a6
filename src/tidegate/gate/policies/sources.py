"""Where policies come from: a file, a server, Jaeger, or a source that another package brings.

A package brings one by an entry point in the group ``tidegate_policy_source``: a callable that is given
what stands behind ``NAME:`` and returns a document (text or bytes), a `Policy`, or None for "as before".
It is called in a thread of its own, every refresh interval; what it raises is told, and the last good
policy stays:

    [project.entry-points.tidegate_policy_source]
    consul = "shop.policies:from_consul"          # OTEL_PYTHON_TIDEGATE_POLICY=consul:shop/policy
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from typing import Protocol

from tidegate.errors import ConfigurationError, TidegateError
from tidegate.gate.policies.lines import MAX_BYTES
from tidegate.gate.policy import Policy

#: Entry points of what brings policies.
GROUP = "tidegate_policy_source"

#: Seconds between two looks: at a server, at Jaeger (the interval of its own clients), at a file.
REFRESH_S, JAEGER_REFRESH_S, LOOK_S = 300.0, 60.0, 0.25

#: Looks in a row that must see a changed file unchanged before it is read, as whoever writes it may not be done;
#: and looks after which it is read all the same.
_SETTLED, _PATIENCE = 1, 3

#: Looks without a file before that is worth a line in a log: an editor or a mount may be replacing it.
_MISSING = 8

#: How the name of an entry point looks, so that it is not taken for a path.
_PLUGIN = re.compile(r"([A-Za-z][A-Za-z0-9_-]+):(.*)", re.DOTALL)

Fetched = str | bytes | Policy | None


class Unavailable(TidegateError):
    """A source cannot be had now; another time it may be."""


class Source(Protocol):
    """Asked again and again, by one thread at a time."""

    location: str  #: Where it is, fit to be shown.
    refresh: float  #: Seconds between two questions.
    is_remote: bool  #: Whether it may be unavailable at the start, and is asked at uneven times.
    patience: int  #: Questions without an answer before that is logged.

    def fetch(self) -> Fetched:
        """A document, or None when it is as before. Raises `Unavailable`, `ConfigurationError`."""

    def interrupt(self) -> None:
        """Let a question that waits for an answer end soon."""


def source(location: str, *, token: str = "", refresh: float | None = None, service: str = "") -> Source:
    """The source at a location: a path, an ``http://`` or ``https://`` URL, ``jaeger+http://HOST:PORT``
    (``GET /sampling?service=…``), or ``NAME:…`` of an entry point.

    ``token`` is shown to a server as ``Authorization: Bearer …``. ``refresh`` is in seconds, by default
    300, and 60 for Jaeger; a file is looked at four times a second whatever it says. Raises
    `ConfigurationError` for what cannot be a source; nothing is opened or asked yet.
    """
    if refresh is not None and not 0 < refresh <= 86400:
        raise ConfigurationError(f"the refresh interval is {refresh!r}; it must be above 0 and at most 86400 seconds.")
    scheme = location.partition("://")[0].lower() if "://" in location else ""
    if scheme in ("http", "https"):
        from tidegate.gate.policies.remote import HttpSource

        return HttpSource(location, token, refresh or REFRESH_S)
    if scheme in ("jaeger+http", "jaeger+https"):
        from tidegate.gate.policies.remote import jaeger

        return jaeger(location, token, refresh or JAEGER_REFRESH_S, service)
    plugin = _PLUGIN.fullmatch(location)
    if plugin and not os.path.exists(location):
        return PluginSource(plugin[1], plugin[2], refresh or REFRESH_S)
    if not location.strip() or "\0" in location or scheme:
        raise ConfigurationError(
            f"the policy's location is {location[:80]!r}; it must be a file, an http:// or https:// URL,"
            f" jaeger+http://HOST:PORT, or NAME:… of an entry point in the group {GROUP}."
        )
    return FileSource(location)


class FileSource:
    """A file, whatever way it is replaced: written over, renamed over, or behind a symbolic link that is swapped."""

    is_remote = False
    refresh = LOOK_S
    patience = _MISSING

    def __init__(self, path: str) -> None:
        self.location = os.path.abspath(os.path.expanduser(path))
        self._read: tuple[int, ...] | None = None
        self._looked: tuple[int, ...] | None = None
        self._looks = 0

    def fetch(self) -> bytes | None:
        try:
            status = os.stat(self.location)
        except OSError as error:
            self._looked = None
            raise Unavailable(f"{self.location} cannot be read: {error.strerror or error}.") from None
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{self.location} is not a file; a policy is a file, in JSON or YAML.")
        seen = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if seen == self._read or not self._has_settled(seen):
            return None
        # the very first time is too soon to know whether it is still being written, so it is looked at once more
        self._read = (0,) if self._read is None else seen
        self._looks = 0
        return self._content()

    def _has_settled(self, seen: tuple[int, ...]) -> bool:
        changed, self._looked = seen != self._looked, seen
        if self._read is None:
            return True
        self._looks += 1
        return (not changed and self._looks > _SETTLED) or self._looks > _PATIENCE

    def _content(self) -> bytes:
        try:
            with open(self.location, "rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            self._read = None
            raise Unavailable(f"{self.location} cannot be read: {error.strerror or error}.") from None

    def interrupt(self) -> None:
        """A file is read at once."""


class PluginSource:
    """What an entry point of the group ``tidegate_policy_source`` returns."""

    is_remote = True
    patience = 1

    def __init__(self, name: str, rest: str, refresh: float) -> None:
        self.location = f"{name}:{rest}"
        self.refresh = refresh
        self._load, self._rest = _plugin(name), rest

    def fetch(self) -> Fetched:
        found = self._load(self._rest)
        if found is not None and not isinstance(found, (str, bytes, Policy)):
            raise ConfigurationError(
                f"{self.location} gave a {type(found).__name__}; it must give text, bytes, a Policy, or None."
            )
        return found

    def interrupt(self) -> None:
        """What it does is its own."""


def _plugin(name: str) -> Callable[[str], Fetched]:
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    for each in found:
        if each.name == name:
            try:
                load: Callable[[str], Fetched] = each.load()
            except Exception as error:
                raise ConfigurationError(
                    f"the policy source {name!r} ({each.value}) cannot be loaded: {error}"
                ) from None
            return load
    installed = ", ".join(sorted({each.name for each in found})) or "none"
    raise ConfigurationError(
        f"the policy's location begins with {name + ':'!r}, but there is no such file or URL, and no policy source of"
        f" that name; installed in the group {GROUP}: {installed}."
    )
