"""``tidegate replay``."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from tidegate.cli.answer import warn_of_damage
from tidegate.cli.commands.export import SIGNALS, questions
from tidegate.cli.options import open_reader, options
from tidegate.cli.streams import ended_by_signals, say
from tidegate.errors import ConfigurationError
from tidegate.format import number
from tidegate.safe import hide_password

if TYPE_CHECKING:
    from tidegate.cli.progress import Steps
    from tidegate.ship.destinations import Destination
    from tidegate.store import Reader

    Questions = Sequence[tuple[str, dict[str, Any]]]

_PROTOCOLS = ("http/protobuf", "grpc", "http/json")

#: What has to be installed for the protocols that do not come with Tidegate.
_PACKAGES = {"grpc": "tidegate[grpc]", "http/json": "tidegate[json]"}


def _endpoint(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.BadParameter(f"received {value!r}; it must be a URL, such as http://localhost:4318.")
    return value


def _headers(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name.strip() or not equals:
            # what stands there may be a secret
            raise click.BadParameter("it must be NAME=VALUE, such as Authorization=Bearer….")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


@click.command("replay")
@click.option(
    "--to",
    "endpoint",
    metavar="ENDPOINT",
    callback=_endpoint,
    help="A receiver of OTLP: its base URL, such as http://localhost:4318.",
)
@click.option(
    "--header", "headers", metavar="NAME=VALUE", multiple=True, callback=_headers, help="Sent along; may be repeated."
)
@click.option("--protocol", type=click.Choice(_PROTOCOLS), default="http/protobuf", help="Default: http/protobuf.")
@click.option("--dry-run", is_flag=True, help="Count records and bytes, and send nothing.")
@click.option(
    "--signal", "signals", type=click.Choice(SIGNALS), multiple=True, help="Only this signal; may be repeated."
)
@options("directory", "since", "until", "service", "trace_id", "text", "where")
def command(
    store: str | None,
    endpoint: str | None,
    headers: dict[str, str],
    protocol: str,
    signals: tuple[str, ...],
    dry_run: bool,
    **filters: Any,
) -> None:
    """Send what is stored to a receiver of OTLP, again or for the first time, oldest first.

    STORE is a directory. Records go as they are stored, whatever was sampled; what programs and `tidegate ship` have
    sent, or will send, is not touched. --where sends what matches, not the rest of its trace, and metric points only
    with --signal metrics; --trace sends a whole trace with its log records. Compression, certificates, timeout and,
    without --header, headers are what the OTEL_EXPORTER_OTLP_ variables say. The exit status is 1 when something was
    not taken.
    """
    if endpoint is None and not dry_run:
        raise click.UsageError("name a receiver with --to, or count what there is with --dry-run.")
    if filters["where"]:  # metric points have attributes of the same names, and nobody means them
        signals = signals or ("spans", "logs")
    asked = questions(signals, filters)
    from tidegate.cli.checking import directory_of
    from tidegate.cli.progress import records_done
    from tidegate.move.exporting import total

    with open_reader(directory_of(store)) as reader:
        with ended_by_signals(), records_done() as progress:
            everything = not signals and not any(filters.values())
            progress.expect(total(reader) if progress.is_shown and everything else None)
            if endpoint is None or dry_run:
                sentence, problem = _count(reader, asked, progress), ""
            else:
                there = _destinations(endpoint, asked, headers, protocol)
                sentence, problem = _send(reader, asked, progress, there, hide_password(endpoint))
        say(sentence)
        warn_of_damage(reader)
    if problem:
        say(problem)
        click.get_current_context().exit(1)


_NOTHING = "There is nothing to send: no record matches."


def _count(reader: Reader, asked: Questions, progress: Steps) -> str:
    from tidegate.ship.replay import Counting

    counting = Counting()
    for count in counting.run(reader, asked):
        progress.advance(count)
    if not counting.records:
        return _NOTHING
    return f"To send: {_told(counting.records)}, {counting.bytes:,} bytes of OTLP in protobuf before compression."


def _send(
    reader: Reader, asked: Questions, progress: Steps, destinations: Sequence[Destination], where: str
) -> tuple[str, str]:
    """What was sent, and what went wrong, in a sentence each."""
    from tidegate.ship.replay import Replay, Stopped

    # the sentences of the sender are meant for applications' logs; what they say is in ours
    logging.getLogger("tidegate").addHandler(logging.NullHandler())
    found, problem = 0, ""
    with closing(Replay(destinations)) as replay:
        try:
            for count in replay.run(reader, asked):
                progress.advance(count)
                found += count
        except Stopped as stopped:
            problem = f"{where} {'does not take more' if replay.sent.total() else 'takes nothing'}: {stopped}."
        except (KeyboardInterrupt, SystemExit):
            say(f"Interrupted; sent {_told(replay.sent) or 'nothing'} to {where}.")
            raise
        refused = ", ".join(f"{number(count)} by {status}" for status, count in replay.refused.items())
    if refused and not problem:
        problem = f"{where} refused {refused}; those records are nowhere else than in the store."
    if not found and not problem:
        return _NOTHING, ""
    return f"Sent {_told(replay.sent) or 'nothing'} to {where}.", problem


def _destinations(endpoint: str, asked: Questions, headers: dict[str, str], protocol: str) -> list[Destination]:
    from tidegate.ship.destinations import to_endpoint

    try:
        return to_endpoint(endpoint, [signal for signal, _ in asked], headers or None, protocol)
    except ImportError:
        raise ConfigurationError(
            f"the protocol is {protocol!r}, whose exporters are not installed; pip install '{_PACKAGES[protocol]}'."
        ) from None


_NOUNS = {"spans": "spans", "logs": "log records", "metrics": "metric points"}


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{number(count)} {_NOUNS[signal]}" for signal, count in counts.items() if count)
