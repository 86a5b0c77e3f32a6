"""The way from a question to its answer, the same for every command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import is_url
from tidegate.cli.streams import say

if TYPE_CHECKING:
    from typing import Any

    from tidegate.cli.output import Terminal
    from tidegate.store import Reader


class Record(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Record)

#: Parameters that select nothing.
_NEUTRAL = {"store", "limit", "order", "as_json", "follow"}


def answer(
    reader: Reader,
    records: Iterable[R],
    noun: str,
    *,
    as_json: bool,
    show: Callable[[Terminal, Iterator[R]], None],
    limit: int | None = None,
) -> None:
    """Stream the records as JSON, or let ``show`` print them; without any, say so on standard error.

    With a ``limit``, the person is told when there may be more.
    """
    found = peek(records)
    if found is None:
        say(nothing(reader, noun))
    elif as_json:
        for record in found:
            write_json(record.to_dict())
    else:
        from tidegate.cli.output import Terminal

        terminal = Terminal()
        counted = _Counted(found)
        show(terminal, iter(counted))
        if terminal.is_terminal and counted.number == limit:
            order = click.get_current_context().params.get("order", "newest")
            say(f"These are the {order} {limit} {noun}; -n N shows more.")
    warn_of_damage(reader)


def peek(records: Iterable[R]) -> Iterator[R] | None:
    """The same records, or None if there are none."""
    iterator = iter(records)
    for first in iterator:
        return chain([first], iterator)
    return None


def page(query: dict[str, Any], default: int, *, as_json: bool) -> dict[str, Any]:
    """The query, with as many records as fit a screen unless a number was given or a program reads them."""
    return query if as_json or query["limit"] else {**query, "limit": default}


def nothing(reader: Reader, noun: str) -> str:
    """A sentence that says what was not found, where, and what to try."""
    parameters = click.get_current_context().params
    if any(value for name, value in parameters.items() if name not in _NEUTRAL):
        services = f"tidegate services {reader.location}" if is_url(reader.location) else "tidegate services"
        return f"No {noun} {place(reader)} match; loosen the options, `{services}` tells what there is."
    if is_url(reader.location):
        return f"No {noun} {place(reader)} yet; they come with the first program that records into what it serves."
    return f"No {noun} {place(reader)} yet; run a program under opentelemetry-instrument, or try `tidegate demo`."


def place(reader: Reader) -> str:
    """Where the reader reads, in a sentence."""
    return f"{'at' if is_url(reader.location) else 'in'} {reader.location}"


def warn_of_damage(reader: Reader) -> None:
    if reader.damaged:
        say(f"Skipped {reader.damaged} damaged blocks or segments in {reader.location}.")


class _Counted:
    """Counts what passes through."""

    def __init__(self, records: Iterable[Any]) -> None:
        self.records = records
        self.number = 0

    def __iter__(self) -> Iterator[Any]:
        for record in self.records:
            self.number += 1
            yield record
