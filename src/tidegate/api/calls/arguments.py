"""From the arguments of a call to attributes: which are wanted is found out once, for a function; then it is quick."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.api.calls.complaints import complain
from tidegate.errors import ConfigurationError
from tidegate.record.plain import plain, text

#: What decorators take for ``arguments``: names of parameters, or attributes and the parameters that they are read
#: from. A name may go on: ``order.total`` is the attribute or the item ``total`` of the argument ``order``.
Arguments = Sequence[str] | Mapping[str, str]

#: What decorators take for ``extract``: called with the call's arguments, it returns further attributes.
Extract = Callable[..., Mapping[str, Any]]

#: What makes attributes of a call's positional and keyword arguments. It does not raise.
Pick = Callable[[tuple[Any, ...], Mapping[str, Any]], dict[str, Any]]

#: Types of values that are plain as they are.
SCALARS = frozenset({str, bool, int, float})

#: Position of what is given by keyword only.
_NOWHERE = sys.maxsize


class _Wanted(NamedTuple):
    attribute: str
    position: int
    name: str
    default: Any
    path: tuple[str, ...]


def plain_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as OpenTelemetry takes them, without those that are None."""
    return {
        name if type(name) is str else text(name): value if type(value) in SCALARS else plain(value)
        for name, value in values.items()
        if value is not None
    }


def joined(given: tuple[Any, ...], by_name: dict[str, Any]) -> dict[str, Any]:
    """Attributes given in mappings and by name, of which the latter win. Never raises.

    Anything else that was given by position, as the arguments of a message would be, becomes the attribute
    ``arguments``: it may be all that is known of an error.
    """
    if not given:
        return by_name
    found: dict[str, Any] = {}
    others = []
    for each in given:
        if not isinstance(each, Mapping):
            others.append(each)
            continue
        try:
            found |= {name if type(name) is str else text(name): value for name, value in each.items()}
        except Exception:  # the application's own kind of mapping
            others.append(each)
    if others:
        message = "attributes are given by name or as a mapping; %s is kept as the attribute 'arguments'"
        complain("arguments", "", message, ", ".join(type(each).__qualname__ for each in others))
        found["arguments"] = others
    return {**found, **by_name}


def picker(
    function: Callable[..., Any], arguments: Arguments, extract: Extract | None, also: Mapping[str, Any]
) -> Pick:
    """What makes a call's attributes: ``also`` of every call, those ``arguments``, and what ``extract`` returns.

    A name that is no parameter raises ConfigurationError, as does an ``extract`` that would have to be awaited.
    """
    if inspect.iscoroutinefunction(extract) or inspect.iscoroutinefunction(type(extract).__call__):
        raise ConfigurationError(f"extract is {extract!r}, which must be awaited: give a function that is not async.")
    fixed = plain_attributes(also)
    wanted = _wanted(function, arguments) if arguments else []
    if extract is None:
        return _taker(wanted, fixed) if wanted else lambda args, kwargs: dict(fixed)
    take, taken_by = _taker(wanted, fixed), extract  # mypy forgets that it is not None
    return lambda args, kwargs: {**take(args, kwargs), **_extracted(taken_by, args, kwargs)}


def _taker(wanted: Sequence[_Wanted], fixed: Mapping[str, Any]) -> Pick:
    def take(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(fixed)
        count = len(args)
        for attribute, position, name, default, path in wanted:
            value = args[position] if position < count else kwargs.get(name, default)
            if path:
                value = _follow(value, path, attribute)
            if value is not None:
                found[attribute] = value if type(value) in SCALARS else plain(value)
        return found

    return take


def _follow(value: Any, path: tuple[str, ...], attribute: str) -> Any:
    try:
        for step in path:
            if value is None:
                return None
            value = value[step] if isinstance(value, Mapping) else getattr(value, step)
        return value
    except Exception as error:
        message = "the attribute %r is left out where it cannot be read: %s: %s"
        complain("argument", attribute, message, attribute, type(error).__qualname__, text(error))
        return None


def _extracted(extract: Extract, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return plain_attributes(extract(*args, **kwargs))
    except Exception as error:
        name = getattr(extract, "__qualname__", type(extract).__qualname__)
        message = "the attributes of %s are left out where it fails: %s: %s"
        complain("extract", name, message, name, type(error).__qualname__, text(error))
        return {}


def _wanted(function: Callable[..., Any], arguments: Arguments) -> list[_Wanted]:
    """Where the wanted arguments are."""
    if isinstance(arguments, str):
        raise ConfigurationError(f"arguments is {arguments!r}, but must be several names: write ({arguments!r},).")
    pairs = arguments.items() if isinstance(arguments, Mapping) else [(name, name) for name in arguments]
    parameters = _parameters(function)
    return [_find(attribute, path.split("."), parameters, function) for attribute, path in pairs]


def _find(
    attribute: str,
    path: list[str],
    parameters: Mapping[str, inspect.Parameter] | None,
    function: Callable[..., Any],
) -> _Wanted:
    name, *rest = path
    if parameters is None:
        return _Wanted(attribute, _NOWHERE, name, None, tuple(rest))
    parameter = parameters.get(name)
    kinds = {each.kind for each in parameters.values()}
    if parameter is None or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            raise ConfigurationError(f"{function!r} has no parameter {name!r}, but: {', '.join(parameters) or 'none'}.")
        return _Wanted(attribute, _NOWHERE, name, None, tuple(rest))
    keyword_only = parameter.kind is parameter.KEYWORD_ONLY
    position = _NOWHERE if keyword_only else list(parameters).index(name)
    default = None if parameter.default is parameter.empty else parameter.default
    return _Wanted(attribute, position, name, default, tuple(rest))


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """The parameters, or None where they are not known, as of many built-in functions."""
    try:
        if sys.version_info >= (3, 14):
            from annotationlib import Format

            # annotations may name what is imported for type checkers only
            return inspect.signature(function, annotation_format=Format.FORWARDREF).parameters
        return inspect.signature(function).parameters
    except (ValueError, TypeError):
        return None
