"""Attributes that everything has which is recorded in one place and moment, by whom they are from.

What is set closest wins: `log_context`, then the application's ``context_provider``, then what is
known of the request that is being handled, then what another service sent along as baggage.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry.context import Context

from tidegate.api.attributes import baggage
from tidegate.api.calls.complaints import complain
from tidegate.api.context import REQUEST_KEY, VALUES_KEY, ContextProvider, request_attributes
from tidegate.record.plain import plain, text

_NONE: Mapping[str, Any] = {}

#: What the application has given to be asked, and whether it is being asked: it may log, or start a span.
_provider: ContextProvider | None = None
_asking: ContextVar[bool] = ContextVar("tidegate_asking", default=False)


def provide(provider: ContextProvider | None) -> None:
    """Ask ``provider`` from now on, or nobody."""
    global _provider
    _provider = provider


def is_empty(context: Mapping[str, Any]) -> bool:
    """Whether there is certainly nothing to add here, in the time of a few look-ups."""
    return VALUES_KEY not in context and REQUEST_KEY not in context and _provider is None and not baggage.names


def ambient_attributes(context: Context) -> Mapping[str, Any]:
    """What is to be added to what is recorded in this OpenTelemetry context; not to be changed. Never raises."""
    values: Any = context.get(VALUES_KEY, _NONE)
    if _provider is None and not baggage.names:
        if REQUEST_KEY not in context:
            return values  # type: ignore[no-any-return]
        return {**_of_request(context), **values} if values else _of_request(context)
    return {**_came_in(context), **_of_request(context), **_provided(), **values}


def _came_in(context: Context) -> Mapping[str, Any]:
    return baggage.came_in(context) if baggage.names else _NONE


def _of_request(context: Context) -> Mapping[str, Any]:
    try:
        return request_attributes(context)
    except Exception as error:
        complain("request context", type(error), "attributes of a request cannot be had: %r", error)
        return _NONE


def _provided() -> Mapping[str, Any]:
    if _provider is None or _asking.get():
        return _NONE
    token = _asking.set(True)
    try:
        return {text(name): plain(value) for name, value in _provider().items() if name != "" and value is not None}
    except Exception as error:
        complain("context_provider", type(error), "context_provider %r fails: %r", _provider, error)
        return _NONE
    finally:
        _asking.reset(token)
