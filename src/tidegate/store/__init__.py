"""The store: a directory of segments, written by many processes and read by anyone.

    with tidegate.store.open() as reader:
        for log in reader.logs(min_level="error", since="1h", limit=20):
            print(log.body)

A process's `sinks` append blocks to an active `segment`; `upkeep` seals what has ended into files of the room
`sealed`, and removes what `retention` says. `catalog` finds the blocks of both, `stream` goes through them in order,
`reader` answers: records, `questions` in numbers, totals of `metrics`; `follow` hands out what comes. `check`
verifies all of it. `block` and `rows` are the format of a block; ``docs/reference/store-format.md`` has the whole.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigurationError, StoreError, StoreNotFound
from tidegate.settings import BY_NAME, load
from tidegate.store.location import MEMORY, OFF, default_location

if TYPE_CHECKING:
    from tidegate.store.query import parse_severity, parse_time
    from tidegate.store.reader import Reader
    from tidegate.store.served.remote import RemoteReader
    from tidegate.store.watermark import Watermark

__all__ = ["Reader", "RemoteReader", "Watermark", "default_location", "open", "parse_severity", "parse_time"]

#: What looks like a server without its scheme.
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):[0-9]{1,5}(/.*)?")


def open(
    location: str | os.PathLike[str] | None = None, *, missing_ok: bool = False, service: str | None = None
) -> Reader:
    """A reader of the store at ``location``: a directory, ``memory:`` for this process's ring, or the URL at which
    a store is served (``http://127.0.0.1:4319``, ``https://shop.example.com/telemetry``); see `RemoteReader`.

    Without a location, the one that ``OTEL_PYTHON_TIDEGATE_STORE`` names, else the user's default.
    With ``service``, the reader sees what this service (``service.name``) recorded and nothing else.
    Raises `StoreNotFound` for what is no directory, and for nothing unless ``missing_ok``; a server is not asked
    before the first question. A location or URL that makes no sense is a `ConfigurationError`.
    """
    from tidegate.store.catalog import DirectoryCatalog, MemoryCatalog
    from tidegate.store.reader import Reader

    text = "" if location is None else os.fspath(location)
    if "://" in text:
        return _open_url(text, service)
    named = load().store if location is None else BY_NAME["store"].kind.parse(location)
    place = named or default_location()
    if place == MEMORY:
        return Reader(MemoryCatalog(), service)
    if place == OFF:
        raise StoreError("the store is switched off (OTEL_PYTHON_TIDEGATE_STORE=off); name a directory to read.")
    if _HOST_AND_PORT.fullmatch(text) and not os.path.isdir(place):
        raise StoreNotFound(f"there is no directory {text!r}; a URL begins with its scheme: http://{text}.")
    if os.path.exists(place) and not os.path.isdir(place):
        raise StoreNotFound(f"{place!r} is not a directory, which a store is; name another one.")
    if not os.path.isdir(place) and not missing_ok:
        raise StoreNotFound(
            f"there is no store at {place!r}; run a program under opentelemetry-instrument first,"
            " or name another directory with --store or OTEL_PYTHON_TIDEGATE_STORE."
        )
    return Reader(DirectoryCatalog(place), service)


def _open_url(url: str, service: str | None) -> Reader:
    from tidegate.store.served.remote import RemoteReader

    if service is not None:
        raise ConfigurationError(
            f"service is {service!r}, but a served store is restricted by its server: `tidegate serve --service`;"
            " leave it out, or give it to each question."
        )
    return RemoteReader(url, load().token)


def __getattr__(name: str) -> Any:
    # a process that only records does not load what only readers need
    if name == "Reader":
        from tidegate.store.reader import Reader

        return Reader
    if name == "Watermark":
        from tidegate.store.watermark import Watermark

        return Watermark
    if name == "RemoteReader":
        from tidegate.store.served.remote import RemoteReader

        return RemoteReader
    if name in ("parse_severity", "parse_time"):
        from tidegate.store import query

        return getattr(query, name)
    raise AttributeError(f"module 'tidegate.store' has no attribute {name!r}")
