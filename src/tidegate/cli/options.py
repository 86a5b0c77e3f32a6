"""The options that commands share, each defined once and named as the reader's argument it becomes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from tidegate.cli.streams import say
from tidegate.errors import QueryError, StoreNotFound
from tidegate.settings import environment

if TYPE_CHECKING:
    from tidegate.store import Reader, RemoteReader

F = TypeVar("F", bound=Callable[..., Any])


class Whole(click.IntRange):
    """A whole number, refused as every other value is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            limits = f"from {self.min}" + (f" to {self.max}" if self.max is not None else "")
            return self.fail(f"received {value!r}; it must be a whole number {limits}.", param, ctx)


def _where(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> list[str] | None:
    from tidegate.store.conditions import conditions

    where = list(values)
    with _naming_the_option():
        conditions(where)
    return where or None


def _time(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Nanoseconds; all ages of one command are counted from the same moment."""
    if value is None:
        return None
    from tidegate.store import parse_time

    with _naming_the_option():
        moment = parse_time(value, context.meta.setdefault("tidegate.now", time.time_ns()))
    times = {**context.params, str(parameter.name): moment}
    since, until = times.get("since"), times.get("until")
    if since is not None and until is not None and since >= until:
        raise click.BadParameter(f"received {value!r}; --since must be before --until, such as --since 2h --until 1h.")
    return moment


def _severity(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        from tidegate.store import parse_severity

        with _naming_the_option():
            parse_severity(value)
    return value


def _trace_id(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from tidegate.store.query import parse_trace_id

    with _naming_the_option():
        return parse_trace_id(value)


@contextmanager
def _naming_the_option() -> Iterator[None]:
    """Let click say which option it is that the reader does not understand."""
    try:
        yield
    except QueryError as error:
        raise click.BadParameter(str(error)) from None


def _place(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Keep the argument for the option of the same meaning."""
    context.meta["tidegate.store"] = value


def _store(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    place: str | None = context.meta.get("tidegate.store")
    if value and place:
        raise click.BadParameter(f"received {value!r}, and the argument STORE, {place!r}; name one store only.")
    return value or place


def _add_store(what: str) -> Callable[[F], F]:
    """A store is named by the last argument or by an option, which are one parameter to the command."""

    def add(function: F) -> F:
        option = click.option(
            "--store",
            metavar="STORE",
            callback=_store,
            help=f"The store, {what}. Default: $OTEL_PYTHON_TIDEGATE_STORE, else this user's own.",
        )
        argument = click.argument(
            "place", metavar="[STORE]", required=False, is_eager=True, expose_value=False, callback=_place
        )
        return argument(option(function))

    return add


_DECLARED: dict[str, Callable[[Any], Any]] = {
    "store": _add_store("a directory or URL"),
    # of those that read where the store is, which are given it as ``store``, too
    "directory": _add_store("a directory"),
    "since": click.option(
        "--since", metavar="TIME", callback=_time, help="Not older than: 15m, 2h or 7d ago, or a date and time."
    ),
    "until": click.option("--until", metavar="TIME", callback=_time, help="Older than this; written like --since."),
    "before": click.option("--before", metavar="TIME", callback=_time, help="Delete what is older: like --since."),
    "service": click.option("--service", metavar="NAME", help="Of this service only."),
    "name": click.option("--name", metavar="NAME", help="With exactly this name."),
    "trace_id": click.option(
        "--trace",
        "trace_id",
        metavar="ID",
        callback=_trace_id,
        help="Of this trace only; the first digits of its id will do.",
    ),
    "errors": click.option("--errors", is_flag=True, help="Only what ended in an error."),
    "level": click.option(
        "--level", metavar="LEVEL", callback=_severity, help="Of exactly this severity, such as info or WARN."
    ),
    "min_level": click.option("--min-level", metavar="LEVEL", callback=_severity, help="Of this severity or higher."),
    "text": click.option("--grep", "text", metavar="TEXT", help="Containing this text, in any case."),
    "where": click.option(
        "--where",
        metavar="CONDITION",
        multiple=True,
        callback=_where,
        help="With such an attribute, of the record or its resource: KEY=VALUE, KEY!=VALUE, 'KEY>=5' (or >, <, <=),"
        " 'KEY?' (has one) or 'KEY!?' (has none), in quotes for the shell's sake; 'duration>=500ms' of spans. May be"
        " repeated, all must match.",
    ),
    "limit": click.option(
        "-n",
        "--limit",
        metavar="N",
        type=Whole(min=1),
        help="At most so many. Default: a screenful; with --json, all.",
    ),
    "event_name": click.option("--event", "event_name", metavar="NAME", help="Events of exactly this name."),
    "order": click.option(
        "--order",
        type=click.Choice(["newest", "oldest"]),
        default="newest",
        help="Which come first. Default: the newest.",
    ),
    "as_json": click.option("--json", "as_json", is_flag=True, help="Lines of JSON, a record each, for programs."),
}


def options(*names: str) -> Callable[[F], F]:
    """Add the shared options of these names to a command, to be listed in this order."""

    def add(function: F) -> F:
        for name in reversed(names):
            function = _DECLARED[name](function)
        return function

    return add


def open_reader(store: str | None, *, missing_ok: bool = False) -> Reader:
    """The reader of the store that was named, or of the one in force here; raises `StoreNotFound`."""
    import tidegate.store

    reader = tidegate.store.open(store or _store_of_file(), missing_ok=missing_ok)
    if is_url(reader.location):
        cast("RemoteReader", reader).notice = say
    elif _is_something_else(reader.location):
        raise StoreNotFound(
            f"{reader.location!r} is not a store: there are files in it, but none that a program recorded;"
            " name another directory with --store or OTEL_PYTHON_TIDEGATE_STORE."
        )
    return reader


def is_url(location: str) -> bool:
    """Whether this is a served store."""
    return "://" in location


def _is_something_else(location: str) -> bool:
    """Whether this is a directory of other things. An empty one may become a store, or one that has routes only."""
    from tidegate.store.location import ROUTES
    from tidegate.store.names import is_store

    try:
        names = [name for name in os.listdir(location) if not name.startswith(".") and name != ROUTES]
    except OSError:  # in memory, not there yet, or not to be read, which the reader itself says
        return False
    return bool(names) and not is_store(names)


def _store_of_file() -> str | None:
    """The store that the file of ``OTEL_CONFIG_FILE`` names. Reading it takes the SDK, so only if it decides."""
    if not environment("OTEL_CONFIG_FILE") or environment("OTEL_PYTHON_TIDEGATE_STORE").strip():
        return None
    from tidegate.cli.force import settings_in_force

    return settings_in_force().store or None
