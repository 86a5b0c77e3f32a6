"""What everything that is recorded here has in common: values that the application sets, and the request's own.

They live in the OpenTelemetry context and go wherever it goes: through ``await``, into tasks and
`asyncio.to_thread`, into threads that the threading instrumentation starts. `tidegate.api.attributes.gathering`
gathers them, `tidegate.api.attributes.processors` puts them on spans and log records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from opentelemetry.context import Context, create_key

from tidegate.api.attributes import baggage
from tidegate.api.calls.complaints import complain
from tidegate.api.calls.wrapping import Function, InContext, wrap
from tidegate.otel import current_context, enter_context, leave_context
from tidegate.record.plain import plain, text

#: Values that a log context has at most; more are left out.
MAX_VALUES = 128


class ContextProvider(Protocol):
    """The type of the setting ``context_provider``: a function without arguments that tells attributes of here and now.

    It is called for every span that starts and every log record, so it should be quick; values of any
    type are taken as plain data, None is left out. What it raises is counted and said once.

    >>> import tidegate
    >>> def region() -> dict[str, str]:
    ...     return {"cloud.region": "eu-west-1"}
    >>> provider: tidegate.ContextProvider = region
    """

    def __call__(self) -> Mapping[str, Any]:
        """The attributes, by name."""


class HasAttributes(Protocol):
    """A request that is being handled."""

    def attributes(self) -> Mapping[str, str]:
        """What is known of it by now, by OpenTelemetry's names."""


#: Where the OpenTelemetry context has the request that is being handled, an object like `HasAttributes`.
REQUEST_KEY = create_key("tidegate.request")

#: Where it has what the application has set, as plain values.
VALUES_KEY = create_key("tidegate.log_context")

_NONE: Mapping[str, Any] = {}


def request_attributes(context: Mapping[str, Any]) -> Mapping[str, str]:
    """``user.id``, ``session.id`` and ``request.id`` as far as the request of this OpenTelemetry context has them."""
    request = cast("HasAttributes | None", context.get(REQUEST_KEY))
    return _NONE if request is None else request.attributes()


class log_context:  # noqa: N801 — it is called like a function
    """Give everything that is recorded in the block these attributes: log records, events and spans that start there.

    A context manager and a decorator, for functions of every kind. ``values`` is a mapping, for names
    that are no Python names; blocks may be nested, the inner one wins, and None takes a value away.
    What a span or record has of the same name itself stays. Values of any type are taken, as plain
    data; names in the setting ``baggage`` go along to other services. Never raises.

    >>> import tidegate
    >>> with tidegate.log_context({"order.id": 7}, tenant="acme"):
    ...     with tidegate.log_context(tenant=None):
    ...         tidegate.get_log_context()
    {'order.id': 7}
    """

    __slots__ = ("_tokens", "_values")

    def __init__(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        self._values = _taken(values, more)
        self._tokens: list[Any] = []

    def __enter__(self) -> None:
        self._tokens.append(enter_context(_updated(self._values)))

    def __exit__(self, *exc_info: object) -> None:
        for token in reversed(self._tokens):
            try:
                leave_context(token)
            except (ValueError, RuntimeError):  # another task's that has entered it too; or it is left elsewhere
                continue
            self._tokens.remove(token)
            return
        del self._tokens[-1:]

    def __call__(self, function: Function) -> Function:
        return wrap(function, lambda args, kwargs: InContext(_updated(self._values)))


def get_log_context() -> dict[str, Any]:
    """A copy of what is set here by `log_context`, `set_log_context` and `update_log_context`.

    >>> import tidegate
    >>> with tidegate.log_context(tenant="acme"):
    ...     tidegate.get_log_context()
    {'tenant': 'acme'}
    """
    return {name: plain(value) for name, value in _values().items()}


def set_log_context(values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Give what is recorded from here on these attributes, and no others that were set before.

    It holds to the end of the block around it: a `log_context`, a span, a request, a task.

    >>> import tidegate
    >>> with tidegate.log_context(tenant="acme"):
    ...     tidegate.set_log_context(step=2)
    ...     tidegate.get_log_context()
    {'step': 2}
    >>> tidegate.get_log_context()
    {}
    """
    enter_context(_replaced(_bounded({}, _taken(values, more))))


def update_log_context(values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Give what is recorded from here on these attributes too; None takes one away. See `set_log_context`.

    >>> import tidegate
    >>> with tidegate.log_context(tenant="acme"):
    ...     tidegate.update_log_context(step=2)
    ...     tidegate.get_log_context()
    {'tenant': 'acme', 'step': 2}
    """
    enter_context(_updated(_taken(values, more)))


def clear_log_context() -> None:
    """Give what is recorded from here on no attributes of the log context. See `set_log_context`.

    >>> import tidegate
    >>> with tidegate.log_context(tenant="acme"):
    ...     tidegate.clear_log_context()
    ...     tidegate.get_log_context()
    {}
    """
    enter_context(_replaced({}))


def _values() -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", current_context().get(VALUES_KEY, _NONE))


def _taken(values: Mapping[str, Any] | None, more: dict[str, Any]) -> dict[str, Any]:
    """What an application gave, as plain values with texts as names; None stays."""
    try:
        given = {**values, **more} if values is not None else more
    except Exception:
        complain("log context", "values", "log context: %s is not a mapping, and is left out.", type(values))
        given = more
    return {text(name): plain(value) for name, value in given.items() if name != ""}


def _bounded(former: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in {**former, **changes}.items() if value is not None}
    if len(values) > MAX_VALUES:
        complain("log context", "number", "log context: values beyond %d are left out.", MAX_VALUES)
        values = dict(list(values.items())[:MAX_VALUES])
    return values


def _updated(changes: Mapping[str, Any]) -> Context:
    """The current OpenTelemetry context with these changes."""
    return _replaced(_bounded(_values(), changes), gone=[name for name, value in changes.items() if value is None])


def _replaced(values: Mapping[str, Any], gone: list[str] | None = None) -> Context:
    """The current OpenTelemetry context with these values and no others; also without ``gone`` that came in."""
    context = Context({**current_context(), VALUES_KEY: values})
    if baggage.names:
        context = baggage.carry(context, values, {*_values(), *(gone or ())})
    return context
