"""``tidegate serve``."""

from __future__ import annotations

import secrets
from typing import Any

import click

from tidegate.cli.options import Whole, is_url, open_reader, options
from tidegate.cli.streams import say
from tidegate.errors import ConfigurationError
from tidegate.serve.server import HOST, PORT
from tidegate.store.location import MEMORY

#: The token that stands for a new one.
_AUTO = "auto"


def _setting(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Let click say which option it is that breaks the rule of the setting of its name."""
    from tidegate.settings import BY_NAME

    setting = BY_NAME[str(parameter.name)]
    for text in (value,) if isinstance(value, str) else value or ():
        try:
            is_right = text == _AUTO or setting.kind.parse(text)
        except ValueError:
            is_right = False
        if not is_right:
            received = "a hidden value" if setting.secret and text else repr(text)
            raise click.BadParameter(f"received {received}; it must be {setting.kind.rule}.")
    return value or None


def _name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("received ''; it must be a service's name, as `tidegate services` lists them.")
    return value


@click.command("serve")
@options("directory")
@click.option("--host", default=HOST, show_default=True, metavar="HOST", help="Address to listen on.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    metavar="PORT",
    type=Whole(0, 65535),
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    callback=_setting,
    help="What clients must show, `auto` to make one. Others on this machine see it in the list of processes:"
    " $OTEL_PYTHON_TIDEGATE_TOKEN hides it.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    callback=_setting,
    help="Name by which it may be addressed, beside localhost and addresses; may be repeated.",
)
@click.option("--service", metavar="NAME", callback=_name, help="Show this service only.")
@click.option("--gzip/--no-gzip", default=None, help="Compress for clients that accept it, which is the default.")
@click.option("--certfile", metavar="FILE", help="Certificate (PEM), for HTTPS.")
@click.option("--keyfile", metavar="FILE", help="Key of the certificate (PEM), unless it is in the same file.")
def command(
    store: str | None,
    host: str,
    port: int,
    token: str | None,
    allowed_hosts: tuple[str, ...] | None,
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

    made = secrets.token_urlsafe() if token == _AUTO else None
    settings = load({"token": made or token, "allowed_hosts": allowed_hosts, "gzip": gzip})
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
