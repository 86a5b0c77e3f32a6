"""``tidegate serve``."""

from __future__ import annotations

import secrets

import click

from tidegate.cli.options import is_url, open_reader
from tidegate.cli.streams import say
from tidegate.errors import ConfigurationError
from tidegate.serve.server import HOST, PORT
from tidegate.store.location import MEMORY


@click.command("serve")
@click.argument("store", metavar="[STORE]", required=False)
@click.option("--host", default=HOST, show_default=True, metavar="HOST", help="Address to listen on.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    metavar="PORT",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    help="What clients must show, `auto` to make one. Others on this machine see it in the list of processes:"
    " $OTEL_PYTHON_TIDEGATE_TOKEN hides it.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Name by which it may be addressed, beside localhost and addresses; may be repeated.",
)
@click.option("--service", metavar="NAME", help="Show this service only.")
@click.option("--gzip/--no-gzip", default=None, help="Compress for clients that accept it, which is the default.")
@click.option("--certfile", metavar="FILE", help="Certificate (PEM), for HTTPS.")
@click.option("--keyfile", metavar="FILE", help="Key of the certificate (PEM), unless it is in the same file.")
def command(
    store: str | None,
    host: str,
    port: int,
    token: str | None,
    allowed_hosts: tuple[str, ...],
    service: str | None,
    gzip: bool | None,
    certfile: str | None,
    keyfile: str | None,
) -> None:
    """Serve a store over HTTP: traces, logs, metrics, live streams and Prometheus text.

    STORE is a directory; by default $OTEL_PYTHON_TIDEGATE_STORE, else this user's own. It need not exist yet.
    Without a token only this machine's own addresses are listened on. SIGTERM ends it with status 0.
    """
    import tidegate.store
    from tidegate.serve import server
    from tidegate.serve.guard import Guard
    from tidegate.serve.site import Site
    from tidegate.settings import load

    made = secrets.token_urlsafe() if token == "auto" else None  # noqa: S105
    settings = load({"token": made or token, "allowed_hosts": allowed_hosts or None, "gzip": gzip})
    address = server.Address(host, port, certfile, keyfile)
    server.load()
    server.check(address, settings.token)
    location = open_reader(store, missing_ok=True).location
    if is_url(location) or location == MEMORY:
        raise ConfigurationError(f"the store is {location!r}; name a directory of this machine, where programs record.")
    guard = Guard(settings.token, settings.allowed_hosts)
    site = Site(lambda: tidegate.store.open(location, missing_ok=True, service=service), guard, gzip=settings.gzip)
    prepared = server.prepare(site, address, location)
    with server.listen(address) as listener:
        url = address.url(listener.getsockname()[1])
        click.echo(f"Serving {location} at {url}")
        if made:
            say(f"The token, which is not shown again: {made}")
        if settings.token:
            click.echo(f"Log in with a browser, once: {url}/login?code={guard.new_code()}")
        server.run(prepared, listener)
