"""The OTLP receivers that records are sent to, and whether they can be connected to."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tidegate.settings import Settings, environment
from tidegate.watch.status import HEALTHY, UNHEALTHY, Result

#: Longest time in seconds that a connection may take.
CONNECT_TIMEOUT = 1.5

_SIGNALS = ("traces", "logs", "metrics")

_PORTS = {"http": 80, "https": 443}


class Destination(NamedTuple):
    """Where to connect to; its text holds no credentials."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def destinations(settings: Settings) -> list[Destination]:
    """Each receiver of OTLP that the settings name, once. One that cannot be understood is the exporter's matter."""
    found: dict[Destination, None] = {}
    for signal in _SIGNALS:
        target = _parsed(_endpoint(settings, signal))
        if target is not None:
            found[target] = None
    return list(found)


def _endpoint(settings: Settings, signal: str) -> str:
    """As the exporter that is chosen for the signal understands the settings; empty when there is none."""
    exporters = settings.values[f"{signal}_exporter"]
    endpoint: str = settings.values[f"{signal}_endpoint"] or settings.endpoint
    if not exporters:
        return endpoint
    chosen = next((name for name in exporters if name.startswith("otlp")), "")
    if not chosen or endpoint:
        return endpoint if chosen else ""
    protocol = chosen if chosen != "otlp" else environment("OTEL_EXPORTER_OTLP_PROTOCOL")
    return "http://localhost:4317" if "grpc" in protocol else "http://localhost:4318"


def _parsed(endpoint: str) -> Destination | None:
    """OTLP over gRPC may be given as ``host:port``."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return Destination(parts.scheme, parts.hostname, port) if parts.hostname and port else None


def reach(targets: Sequence[Destination]) -> Result:
    """Connect to each. Those that cannot be reached are named with the reason."""
    problems = [problem for target in targets if (problem := _problem(target))]
    return Result(UNHEALTHY, "; ".join(problems)) if problems else Result(HEALTHY, ", ".join(map(str, targets)))


def _problem(target: Destination) -> str:
    try:
        with socket.create_connection(_first_hop(target), CONNECT_TIMEOUT):
            return ""
    except OSError as error:
        return f"{target} cannot be reached: {error}"


def _first_hop(target: Destination) -> tuple[str, int]:
    """The proxy that the exporter would go through, if there is one for this destination."""
    proxy = _parsed(getproxies().get(target.scheme, ""))
    if proxy is None or proxy_bypass(target.host):
        return target.host, target.port
    return proxy.host, proxy.port
