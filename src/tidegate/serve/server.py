"""``tidegate serve``: the readers under a server of their own (uvicorn, extra ``server``)."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigurationError

if TYPE_CHECKING:
    from tidegate.serve.site import Site

HOST, PORT = "127.0.0.1", 4319

#: Connections at a time, those that say nothing included; more are answered by 503.
MAX_CONNECTIONS = 256

#: Threads that read the store; more make no answer come sooner.
THREADS = 2

#: Bytes of a request's line and headers.
MAX_HEAD = 32 << 10

#: Seconds that a connection without a request is kept, and that requests have to end when the server does.
KEEP_ALIVE = 15
GRACE = 3

#: Connections that wait to be taken.
_BACKLOG = 128


@dataclass(frozen=True)
class Address:
    """Where to listen, and how: ``port`` 0 is any free one; ``certfile`` (PEM) makes it HTTPS."""

    host: str = HOST
    port: int = PORT
    certfile: str | None = None
    keyfile: str | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.certfile else "http"

    def url(self, port: int) -> str:
        """The URL for a client on this machine."""
        host = {"0.0.0.0": HOST, "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def check(address: Address, token: str) -> None:
    """Raise `ConfigurationError` when this address needs a token, or a certificate, that is not there."""
    if address.keyfile and not address.certfile:
        raise ConfigurationError(
            f"--keyfile is {address.keyfile!r}, which needs --certfile: the certificate that it is the key of."
        )
    if not token and not _is_loopback(address.host):
        raise ConfigurationError(
            f"--host is {address.host!r}, which others can reach, so a token is needed: set OTEL_PYTHON_TIDEGATE_TOKEN,"
            f" let --token auto make one, or listen on {HOST}."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def listen(address: Address) -> socket.socket:
    """A socket that listens; raises `ConfigurationError` when there is none to be had."""
    try:
        (family, _, _, _, place), *_ = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"nothing can listen at port {address.port} of {address.host!r}: {_cause(error)};"
            " name another with --port or --host, 0 for any free port."
        ) from None


def _cause(error: OSError | UnicodeError) -> str:
    """Without the address, which `socket.create_server` adds."""
    if isinstance(error, UnicodeError):
        return "that is no name of a host"
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def prepare(site: Site, address: Address, location: str) -> Any:
    """A server that is ready to `run`; raises `ConfigurationError` when the certificate cannot be used."""
    uvicorn = load()
    from tidegate import watch
    from tidegate.serve.asgi_app import Readers
    from tidegate.serve.connections import Connection
    from tidegate.watch.checks import for_store

    watch.builtin.append(partial(for_store, location))

    config = uvicorn.Config(
        Readers(lambda: site, threads=THREADS, rest=0),
        http=Connection,  # on h11, the one that bounds a request's head
        h11_max_incomplete_event_size=MAX_HEAD,
        ws="websockets-sansio",
        ws_max_size=4096,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=address.certfile,
        ssl_keyfile=address.keyfile,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"--certfile is {address.certfile!r}, which cannot be used: {error.strerror or error};"
            " it must be a PEM file with a certificate, and --keyfile one with its key."
        ) from None
    return uvicorn.Server(config)


def run(server: Any, listener: socket.socket) -> None:
    """Serve until SIGTERM, or until Ctrl-C, which raises KeyboardInterrupt."""

    def end(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, end)  # before uvicorn listens to it, and when it raises it again at the end
    server.run(sockets=[listener])


def load() -> Any:
    """uvicorn; raises `ConfigurationError` when the extra is missing."""
    try:
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"`tidegate serve` needs the package {error.name}: pip install 'tidegate[server]'."
        ) from None
    return uvicorn
