"""``tidegate export``."""

from __future__ import annotations

import sys
from typing import Any

import click

from tidegate.cli.answer import warn_of_damage
from tidegate.cli.options import open_reader, options
from tidegate.cli.streams import ended_by_signals, say
from tidegate.errors import ConfigurationError

SIGNALS = ("spans", "logs", "metrics")


@click.command("export")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    help="File to write, compressed if its name ends in .gz or .zst. Default: -, standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["otlp-json", "otlp-proto", "ndjson"]),
    default="otlp-json",
    help="OTLP in JSON, a message a line (the default); OTLP in protobuf, each message behind its length in four"
    " bytes; or a record a line, with nothing lost.",
)
@click.option(
    "--signal", "signals", type=click.Choice(SIGNALS), multiple=True, help="Only this signal; may be repeated."
)
@click.option("--force", is_flag=True, help="Replace a file that is there; devices and pipes are written to.")
@options("store", "since", "until", "service", "trace_id", "text", "where")
def command(store: str | None, output: str, form: str, signals: tuple[str, ...], force: bool, **filters: Any) -> None:
    """Write what is stored into a file: spans and log records, newest first, then metric points, oldest first.

    What a collector's file exporter writes has the same format, and its otlpjsonfile receiver reads it.
    STORE is a directory or the URL of a served one. The file appears whole or not at all.
    """
    asked = questions(signals, filters)
    if form == "otlp-proto" and output == "-" and sys.stdout.isatty():
        raise ConfigurationError("protobuf is not for a terminal; name a file with -o, or use a pipe.")
    from tidegate.cli.progress import records_done
    from tidegate.move.exporting import Export, total
    from tidegate.move.files import target

    with open_reader(store) as reader:
        export = Export(reader, form)
        with ended_by_signals(), records_done() as progress, target(output, force=force) as file:
            everything = not signals and not any(filters.values())
            progress.expect(total(reader) if progress.is_shown and everything else None)
            for count in export.run(file.write, asked):
                progress.advance(count)
        _tell(export.written.total(), export.left_out, output, form)
        warn_of_damage(reader)


def questions(signals: tuple[str, ...], filters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What is asked of each signal. Metric points have no trace."""
    if filters["trace_id"] and "metrics" in signals:
        raise click.UsageError("--signal metrics with --trace: metric points are of no trace; leave one of them out.")
    wanted = [signal for signal in signals or SIGNALS if signal != "metrics" or not filters["trace_id"]]
    given = {name: value for name, value in filters.items() if value is not None}
    return [(signal, given) for signal in dict.fromkeys(wanted)]


def _tell(written: int, left_out: int, output: str, form: str) -> None:
    if output != "-" or not written:
        say(f"Exported {written} records{f' to {output}' if output != '-' else ''}.")
    if left_out:
        say(f"Left out {left_out} records that {form} cannot carry; --format ndjson can.")
