"""``tidegate import``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tidegate.cli.streams import say
from tidegate.errors import ConfigurationError

if TYPE_CHECKING:
    from tidegate.move.writing import Writer


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--store",
    metavar="DIR",
    help="Store to write, a directory. Default: $OTEL_PYTHON_TIDEGATE_STORE, else this user's own.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", "otlp-json", "otlp-proto", "ndjson"]),
    default="auto",
    help="What the files must be. Default: auto, whatever their content says.",
)
@click.option("--skip-bad", is_flag=True, help="Pass by messages that cannot be read, and count them.")
def command(files: tuple[str, ...], store: str | None, form: str, skip_bad: bool) -> None:
    """Put files into the store: what `tidegate export` wrote, or a collector's file exporter.

    FILE is a path, plain or compressed (gzip, zstd), or - for standard input. Secrets are redacted as those of
    recorded telemetry are. Importing a file twice stores its records twice. Nothing is imported unless every FILE can
    be opened.
    """
    from tidegate.cli.progress import bytes_done
    from tidegate.move.files import check_source, source
    from tidegate.move.importing import Import, said

    for path in files:
        check_source(path)
    with _writer(store) as writer:
        importing = Import(writer, form=form, skip_bad=skip_bad)
        with importing.saying_what_was_imported():
            for path in files:
                with source(path) as file, bytes_done(file.name, file.size) as progress:
                    for _ in importing.run(file):
                        progress.reach(file.done)
        say(said(writer.written))
    if importing.skipped:
        say(f"Skipped {importing.skipped} messages that cannot be read. The first: {importing.problem}")


@contextmanager
def _writer(store: str | None) -> Iterator[Writer]:
    """Writes to the store that was named, or to the one in force here, and cleans as its settings say."""
    from tidegate.cli.force import settings_in_force
    from tidegate.move.writing import Writer
    from tidegate.record.redaction import Redactor
    from tidegate.settings import BY_NAME
    from tidegate.store.location import MEMORY, OFF, check_writable, default_location
    from tidegate.store.sinks import FileSink

    settings = settings_in_force()
    place = BY_NAME["store"].kind.parse(store) if store and "://" not in store else store or settings.store
    place = place or default_location()
    if place in (MEMORY, OFF) or "://" in place:
        raise ConfigurationError(
            f"the store is {place!r}; records are imported into a directory, name it with --store."
        )
    check_writable(place)
    sink = FileSink(place)
    try:
        yield Writer(sink, Redactor.of(settings).redact if settings.redact else None)
    finally:
        sink.close()
