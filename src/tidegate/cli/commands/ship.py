"""``tidegate ship``."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

from tidegate.cli.options import options
from tidegate.cli.streams import say
from tidegate.format import number

if TYPE_CHECKING:
    from tidegate.configure.standalone import Standalone


@click.command("ship")
@options("directory")
@click.option("--once", is_flag=True, help="Send what is there, with all of a core, and end.")
def command(store: str | None, once: bool) -> None:
    """Decide and send what programs record in a store, so that none of them has to.

    STORE is a directory. Give this command the same OTEL_ variables as the programs: it sends only what those of the
    same route record, and leads before them while it runs. SIGTERM ends it with status 0, within
    OTEL_PYTHON_TIDEGATE_EXIT_GRACE. With --once the exit status is 1 when something could not be sent.
    """
    from tidegate.cli.checking import directory_of
    from tidegate.configure.standalone import Standalone

    directory = directory_of(store)
    standalone = Standalone(directory, {"store": directory})
    if not once:
        _serve(standalone)
    elif not standalone.is_known:
        say(f"There is nothing to send in {directory}: no program that records there sends as this command would.")
    else:
        sent, problems = standalone.once()
        counts = ", ".join(f"{number(count)} {signal}" for signal, count in sent.items() if count)
        if counts or not problems:
            say(f"Sent {counts}." if counts else "Nothing was left to send.")
        for problem in problems:
            say(f"Not everything could be sent: {problem}.")
        click.get_current_context().exit(int(bool(problems)))


def _serve(standalone: Standalone) -> None:
    stop = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stop.set())
    say(f"{standalone.shipping.describe()}.")
    standalone.serve(stop)
