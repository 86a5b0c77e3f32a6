"""Finding a request's ids. Whatever an object of the application's does meanwhile, nothing is raised."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tidegate.api.carriers import Carrier, carrier_of
from tidegate.api.complaints import complain
from tidegate.api.identities import as_id, user_id
from tidegate.api.sessions import hashed_session

Found = TypeVar("Found")

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
    sources = new


def guarded(what: str, function: Callable[..., Found], default: Found, *arguments: Any) -> Found:
    """What ``function`` says; ``default`` where an object of the application's fails, which is counted."""
    try:
        return function(*arguments)
    except Exception as error:
        complain("request", what, "A request's %s could not be read: %s", what, type(error).__qualname__)
        return default


def reader_of(request: Any) -> Carrier:
    """How to read what a framework or an application has of a request."""
    return guarded("kind", carrier_of, Carrier(), request)


def place(reader: Carrier) -> dict[str, str]:
    """``method``, ``path``, ``route`` and ``client_address``, as far as they are known."""
    found: Mapping[str, Any] = guarded("place", reader.place, {})
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def user(reader: Carrier, cookies: tuple[str, ...] = ()) -> str | None:
    """The id of the request's user."""
    return guarded("user", _find_user, None, reader) or (_cookie(reader, cookies) if cookies else None)


def _find_user(reader: Carrier) -> str | None:
    for candidate in reader.users():
        found = None if candidate is None else guarded("user", user_id, None, candidate)
        if found is not None:
            return found
    return None


def session(reader: Carrier, cookies: tuple[str, ...] = ()) -> str | None:
    """The id of the request's session, hashed."""
    found = guarded("session", _find_session, None, reader) or (_cookie(reader, cookies) if cookies else None)
    return None if found is None else hashed_session(found)


def _find_session(reader: Carrier) -> str | None:
    return next(filter(None, map(as_id, reader.sessions())), None)


def _cookie(reader: Carrier, names: tuple[str, ...]) -> str | None:
    """The value of the first of these cookies that there is."""
    header = guarded("cookies", reader.header, None, "cookie") or ""
    pairs = (pair.partition("=") for pair in header.split(";"))
    values = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
    return next(filter(None, (as_id(values.get(name)) for name in names)), None)


def request_id(reader: Carrier) -> str | None:
    """The request's id that its client has given it."""
    for name in map(str.lower, sources.request_id_headers):
        value = guarded("headers", reader.header, None, name)
        if value and _REQUEST_ID.fullmatch(value):
            return value
    return None
