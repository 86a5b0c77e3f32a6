"""Which receivers there are, and whether a connection to a real socket is made."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tidegate.settings import load
from tidegate.watch.destinations import destinations, reach


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a socket that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


def shown(environ: Any = None, **options: Any) -> list[str]:
    return [str(item) for item in destinations(load(options, environ=environ or {}))]


def found(**options: Any) -> tuple[str, str]:
    result = reach(destinations(load(options, environ={})))
    return result.status, result.detail


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://collector:4318", "http://collector:4318"),
        ("https://collector/otlp", "https://collector:443"),
        ("http://collector", "http://collector:80"),
        ("collector:4317", "http://collector:4317"),
        ("http://[::1]:4318", "http://[::1]:4318"),
        ("https://shop:hunter2@collector:4318/path?token=hunter2", "https://collector:4318"),
    ],
)
def test_an_endpoint_is_shown_by_host_and_port_alone(endpoint: str, expected: str) -> None:
    assert shown(GRPC, endpoint=endpoint) == [expected]


@pytest.mark.parametrize("endpoint", ["collector:port", "unix:///run/collector", "[::1"])
def test_an_endpoint_without_host_and_port_is_left_to_the_exporter(endpoint: str) -> None:
    assert shown(GRPC, endpoint=endpoint) == []


def test_each_receiver_is_there_once() -> None:
    assert shown(endpoint="http://one:1", logs_endpoint="http://two:2/v1/logs") == ["http://one:1", "http://two:2"]


def test_without_an_endpoint_there_is_none() -> None:
    assert shown() == []


def test_an_endpoint_that_no_exporter_uses_is_none() -> None:
    none = dict.fromkeys(["traces_exporter", "logs_exporter", "metrics_exporter"], "none")
    assert shown(endpoint="http://collector:4318", **none) == []


@pytest.mark.parametrize(
    ("exporter", "protocol", "expected"),
    [
        ("otlp", "", "http://localhost:4318"),
        ("otlp", "grpc", "http://localhost:4317"),
        ("otlp_proto_grpc", "", "http://localhost:4317"),
        ("otlp_proto_http", "grpc", "http://localhost:4318"),
    ],
)
def test_an_exporter_without_an_endpoint_has_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, exporter: str, protocol: str, expected: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    assert shown(traces_exporter=["console", exporter]) == [expected]


def test_a_receiver_that_listens_is_healthy(listening: int) -> None:
    endpoint = f"http://127.0.0.1:{listening}"
    assert found(endpoint=endpoint) == ("healthy", endpoint)


def test_a_closed_port_fails_and_is_named_without_credentials(free_port: int) -> None:
    status, detail = found(endpoint=f"http://shop:hunter2@127.0.0.1:{free_port}")
    assert status == "unhealthy"
    assert detail == f"http://127.0.0.1:{free_port} cannot be reached: [Errno 111] Connection refused"


def test_only_the_receiver_that_cannot_be_reached_is_named(listening: int, free_port: int) -> None:
    status, detail = found(
        endpoint=f"http://127.0.0.1:{listening}", logs_endpoint=f"http://127.0.0.1:{free_port}/v1/logs"
    )
    assert status == "unhealthy"
    assert str(free_port) in detail
    assert str(listening) not in detail


def test_a_receiver_behind_a_proxy_is_asked_for_at_the_proxy(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening}")
    assert found(endpoint="http://collector.invalid:4318") == ("healthy", "http://collector.invalid:4318")


def test_a_receiver_that_is_exempt_from_the_proxy_is_asked_for_directly(
    monkeypatch: pytest.MonkeyPatch, listening: int, free_port: int
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert found(endpoint=f"http://127.0.0.1:{listening}")[0] == "healthy"
