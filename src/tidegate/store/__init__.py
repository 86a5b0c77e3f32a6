"""The store: a directory of segments, written by many processes and read by anyone.

    with tidegate.store.open() as reader:
        for log in reader.logs(min_level="error", since="1h", limit=20):
            print(log.body)

`sinks` write blocks, `catalog` finds them, `stream` goes through them in order, `reader` answers
questions, `follow` hands out what comes; `block` and `rows` are the format of a block, `segment` that
of a file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tidegate.errors import StoreError, StoreNotFound
from tidegate.settings import BY_NAME, load
from tidegate.store.location import MEMORY, OFF, default_location

if TYPE_CHECKING:
    from tidegate.store.query import parse_severity, parse_time
    from tidegate.store.reader import Reader
    from tidegate.store.watermark import Watermark

__all__ = ["Reader", "Watermark", "default_location", "open", "parse_severity", "parse_time"]


def open(
    location: str | os.PathLike[str] | None = None, *, missing_ok: bool = False, service: str | None = None
) -> Reader:
    """A reader of the store at ``location``: a directory, or ``memory:`` for this process's ring.

    Without a location, the one that ``OTEL_PYTHON_TIDEGATE_STORE`` names, else the user's default.
    With ``service``, the reader sees what this service (``service.name``) recorded and nothing else.
    Raises `StoreNotFound` when there is nothing, unless ``missing_ok``.
    """
    from tidegate.store.catalog import DirectoryCatalog, MemoryCatalog
    from tidegate.store.reader import Reader

    named = load().store if location is None else BY_NAME["store"].kind.parse(location)
    place = named or default_location()
    if place == MEMORY:
        return Reader(MemoryCatalog(), service)
    if place == OFF:
        raise StoreError("the store is switched off (OTEL_PYTHON_TIDEGATE_STORE=off); name a directory to read.")
    if not os.path.isdir(place) and not missing_ok:
        raise StoreNotFound(
            f"there is no store at {place!r}; run a program under opentelemetry-instrument first,"
            " or name another directory with --store or OTEL_PYTHON_TIDEGATE_STORE."
        )
    return Reader(DirectoryCatalog(place), service)


def __getattr__(name: str) -> Any:
    # a process that only records does not load what only readers need
    if name == "Reader":
        from tidegate.store.reader import Reader

        return Reader
    if name == "Watermark":
        from tidegate.store.watermark import Watermark

        return Watermark
    if name in ("parse_severity", "parse_time"):
        from tidegate.store import query

        return getattr(query, name)
    raise AttributeError(f"module 'tidegate.store' has no attribute {name!r}")
