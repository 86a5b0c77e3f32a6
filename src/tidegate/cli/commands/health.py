"""``tidegate health``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import click

from tidegate.cli.ndjson import write_json
from tidegate.cli.options import is_url, options
from tidegate.cli.streams import say
from tidegate.errors import StoreError
from tidegate.safe import safe

if TYPE_CHECKING:
    from tidegate.store import RemoteReader

#: Where `tidegate serve` listens when it is not told otherwise.
_URL = "http://127.0.0.1:4319"

#: Statuses with which a process is fit for work.
_FIT = ("healthy", "degraded")


@click.command("health")
@click.argument("url", metavar="[URL]", default=_URL)
@options("as_json")
def command(url: str, as_json: bool) -> None:
    """Ask a server how it is, for a container's HEALTHCHECK.

    URL is that of `tidegate serve` or of the readers mounted in an application, by default
    http://127.0.0.1:4319. The exit status is 0 when it is healthy or degraded, and 1 when it is
    not, or does not answer.
    """
    if not is_url(url):
        raise click.BadParameter(f"received {url!r}; it must be a URL such as {_URL}.", param_hint="URL")
    import tidegate.store

    reader = cast("RemoteReader", tidegate.store.open(url))
    try:
        report = reader.health()
    except StoreError as error:
        say(f"Error: {error}")
        click.get_current_context().exit(1)
    if as_json:
        write_json(report)
    else:
        for line in _lines(report):
            click.echo(safe(line))
    click.get_current_context().exit(int(report["status"] not in _FIT))


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The status, and what makes it up; who may not see that gets the status alone."""
    yield str(report["status"])
    for name, component in report.get("components", {}).items():
        yield f"  {name}: {component.get('status')}  {component.get('detail', '')}".rstrip()
