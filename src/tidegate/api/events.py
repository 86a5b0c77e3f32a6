"""Events: log records with a name, of something that happened and is worth counting or looking for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, overload

from tidegate.api.calls.arguments import SCALARS, Arguments, Extract, Pick, joined, picker, plain_attributes
from tidegate.api.calls.complaints import complain
from tidegate.api.calls.emitting import INFO, emit
from tidegate.api.calls.functions import Place, is_error, place_of, place_of_caller
from tidegate.api.calls.wrapping import Decorator, Function, Step, underlying, wrap
from tidegate.api.request.sessions import hashed_session
from tidegate.record.plain import text, type_name

#: What the decorator takes besides ``category``.
_OPTIONS = {"event", "arguments", "extract", "on_error"}


@overload
def track_event(
    name: str,
    /,
    *mappings: Mapping[str, Any],
    user_id: object = None,
    session_id: object = None,
    category: str | None = None,
    **attributes: Any,
) -> None: ...
@overload
def track_event(function: Function, /) -> Function: ...
@overload
def track_event(
    *,
    event: str | None = None,
    arguments: Arguments = (),
    extract: Extract | None = None,
    category: str | None = None,
    on_error: bool = False,
) -> Decorator: ...
def track_event(
    name: Any = ...,
    /,
    *mappings: Mapping[str, Any],
    user_id: object = None,
    session_id: object = None,
    category: str | None = None,
    **attributes: Any,
) -> Any:
    """Record that something happened: an OpenTelemetry event, in the trace that is current here.

    An event is a log record of severity INFO with an event name. ``category`` is its attribute
    ``event.category`` (a name of ours, in no convention), ``user_id`` is ``user.id``, ``session_id`` is ``session.id``,
    hashed so that nobody can take the session over. Further attributes may have any value: None is left out, and of
    what OpenTelemetry does not know the text is taken. They are given by name, or in mappings. Never raises, waits for
    nothing, and does nothing as long as there is no LoggerProvider. An event without a name is not recorded.

        >>> import tidegate
        >>> tidegate.track_event("order.placed", user_id=7, category="shop", total=12.5)
        >>> tidegate.track_event("order.placed", {"order.id": "A1"})

    As a decorator it records an event whenever a call has returned, or a generator has come to its end. The event
    is named ``event``, else after the function, ``module.function``:

        >>> @tidegate.track_event(event="order.placed", arguments=("order_id",))
        ... def place(order_id, note=""):
        ...     return "placed"
        >>> place("A1")
        'placed'

    ``arguments`` names the parameters whose values become attributes, ``"order.total"`` the attribute or item
    ``total`` of the argument ``order``; a mapping such as ``{"user.id": "customer.id"}`` names the attributes.
    ``extract``, called with the call's arguments, returns a mapping of further ones. Both look at the arguments as
    they are after the call. With ``on_error`` a call that raises is an event too, with ``error.type``.
    ConfigurationError is raised when a name is no parameter, or what is decorated is no function.
    """
    if type(name) is not str:
        if name is ...:
            if attributes.keys() - _OPTIONS:
                complain("name", "track_event", "track_event(…) was given %s, but no name", ", ".join(attributes))
            return lambda function: _decorate(function, category=category, **attributes)
        if callable(name) or isinstance(name, (classmethod, staticmethod)):
            return _decorate(name, category=category, **attributes)
        name = str.__str__(name) if isinstance(name, str) else text(name)  # of an enumeration the value
    if not name or name.isspace():
        complain("name", "track_event", "an event without a name is not recorded")
        return None
    attributes = joined(mappings, attributes)
    if not SCALARS.issuperset(map(type, attributes.values())):
        attributes = plain_attributes(attributes)
    if user_id is not None:
        attributes["user.id"] = user_id if type(user_id) is str else text(user_id)
    if session_id is not None:
        attributes["session.id"] = hashed_session(session_id)
    if category is not None:
        attributes["event.category"] = category if type(category) is str else text(category)
    emit(INFO, None, attributes, place_of_caller(), None, name)
    return None


class _Event(NamedTuple):
    """The event of a function's calls."""

    name: str
    place: Place
    pick: Pick
    on_error: bool


class _Call(Step):
    __slots__ = ("_args", "_event", "_kwargs")

    def __init__(self, event: _Event, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._event, self._args, self._kwargs = event, args, kwargs

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        name, place, pick, on_error = self._event
        if error is not None and not (on_error and is_error(error)):
            return
        values = pick(self._args, self._kwargs)
        if error is not None:
            values["error.type"] = type_name(type(error))
        emit(INFO, None, values, place, None, name)


def _decorate(
    function: Function,
    *,
    event: str | None = None,
    arguments: Arguments = (),
    extract: Extract | None = None,
    category: str | None = None,
    on_error: bool = False,
) -> Function:
    called = underlying(function)
    place = place_of(called)
    pick = picker(called, arguments, extract, {"event.category": category})
    return wrap(function, partial(_Call, _Event(event or place.name, place, pick, on_error)))
