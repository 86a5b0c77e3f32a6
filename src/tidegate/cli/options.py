"""The options that commands share, each defined once and named as the reader's argument it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.settings import environment

if TYPE_CHECKING:
    from tidegate.store import Reader

F = TypeVar("F", bound=Callable[..., Any])


def _where(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> dict[str, str] | None:
    where = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"received {text!r}; it must be KEY=VALUE such as http.route=/orders.")
        where[key] = value
    return where or None


_DECLARED = {
    "store": click.option(
        "--store", metavar="DIR", help="Store to read. Default: $OTEL_PYTHON_TIDEGATE_STORE, else this user's own."
    ),
    "since": click.option("--since", metavar="TIME", help="Not older than: 15m, 2h or 7d ago, or a date and time."),
    "until": click.option("--until", metavar="TIME", help="Older than this; written like --since."),
    "service": click.option("--service", metavar="NAME", help="Of this service only."),
    "name": click.option("--name", metavar="NAME", help="With exactly this name."),
    "trace_id": click.option(
        "--trace", "trace_id", metavar="ID", help="Of this trace only; the first digits of its id will do."
    ),
    "errors": click.option("--errors", is_flag=True, help="Only what ended in an error."),
    "level": click.option("--level", metavar="LEVEL", help="Of exactly this severity, such as info or WARN."),
    "min_level": click.option("--min-level", metavar="LEVEL", help="Of this severity or higher."),
    "text": click.option("--grep", "text", metavar="TEXT", help="Containing this text, in any case."),
    "where": click.option(
        "--where",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_where,
        help="With this attribute, of the record or its resource; may be repeated, all must match.",
    ),
    "limit": click.option(
        "-n",
        "--limit",
        metavar="N",
        type=click.IntRange(min=1),
        help="At most so many, the newest ones. Default: a screenful; with --json, all.",
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

    return tidegate.store.open(store or _store_of_file(), missing_ok=missing_ok)


def _store_of_file() -> str | None:
    """The store that the file of ``OTEL_CONFIG_FILE`` names. Reading it takes the SDK, so only if it decides."""
    if not environment("OTEL_CONFIG_FILE") or environment("OTEL_PYTHON_TIDEGATE_STORE").strip():
        return None
    from tidegate.cli.force import settings_in_force

    return settings_in_force().store or None
