"""Finding a request's ids. Whatever an object of the application's does meanwhile, nothing is raised."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.calls.complaints import complain
from tidegate.api.request.carriers import NOTHING, Carrier, carrier_of
from tidegate.api.request.identities import as_id, user_id
from tidegate.api.request.sessions import hash_of

#: A request's id is its client's word: what could be anything else than an id is ignored.
_REQUEST_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where ids of a request may come from apart from what its framework says."""

    user_cookies: tuple[str, ...] = ()
    session_cookies: tuple[str, ...] = ()
    request_id_headers: tuple[str, ...] = ("x-request-id", "x-correlation-id")


#: The ones of this process.
sources = Sources()


def read_from(new: Sources) -> None:
    """Take ids from there in this process, from now on."""
    global sources
    sources = replace(new, request_id_headers=tuple(map(str.lower, new.request_id_headers)))


def complain_of(what: str, error: Exception) -> None:
    """Count what could not be read since an object of the application's fails."""
    complain("request", what, "A request's %s could not be read: %s", what, type(error).__qualname__)


def reader_of(request: Any) -> Carrier:
    """How to read what a framework or an application has of a request."""
    try:
        return carrier_of(request)
    except Exception as error:
        complain_of("kind", error)
        return NOTHING


def place(reader: Carrier) -> dict[str, str]:
    """``method``, ``path``, ``route`` and ``client_address``, as far as they are known."""
    try:
        return {name: value for name, value in reader.place().items() if isinstance(value, str) and value}
    except Exception as error:
        complain_of("place", error)
        return {}


def user(reader: Carrier, cookies: tuple[str, ...] = ()) -> str | None:
    """The id of the request's user."""
    return _first(reader.users, user_id, "user") or (_cookie(reader, cookies) if cookies else None)


def session(reader: Carrier, cookies: tuple[str, ...] = ()) -> str | None:
    """The id of the request's session, hashed; also where it looks like a hash, which a client could send to be taken
    for somebody else."""
    found = _first(reader.sessions, as_id, "session") or (_cookie(reader, cookies) if cookies else None)
    return None if found is None else hash_of(found)


def _first(candidates: Callable[[], Iterable[Any]], read: Callable[[Any], str | None], what: str) -> str | None:
    """The first id that ``read`` has of a candidate; one that fails is passed over."""
    try:
        for candidate in candidates():
            found = None if candidate is None else _read(candidate, read, what)
            if found is not None:
                return found
    except Exception as error:
        complain_of(what, error)
    return None


def _read(candidate: Any, read: Callable[[Any], str | None], what: str) -> str | None:
    try:
        return read(candidate)
    except Exception as error:
        complain_of(what, error)
        return None


def _headers(reader: Carrier, names: tuple[str, ...]) -> Sequence[str]:
    try:
        return reader.headers(names)
    except Exception as error:
        complain_of("headers", error)
        return ()


def _cookie(reader: Carrier, names: tuple[str, ...]) -> str | None:
    """The value of the first of these cookies that there is."""
    pairs = (pair.partition("=") for header in _headers(reader, ("cookie",)) for pair in header.split(";"))
    values = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
    return next(filter(None, (as_id(values.get(name)) for name in names)), None)


def request_id(reader: Carrier) -> str | None:
    """The request's id that its client has given it."""
    for value in _headers(reader, sources.request_id_headers):
        if _REQUEST_ID.fullmatch(value):
            return value
    return None
