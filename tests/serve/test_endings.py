"""Servers end and reload although clients follow: they are told to wait for requests as long as those take."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

import making
from live_server import LiveServer, live_server, quiet_environ
from mounting import APPS
from served import TOKEN
from tidegate.store.sinks import FileSink

pytestmark = pytest.mark.servers

# without our help these would wait longer than `LiveServer.end` does
SERVERS = {
    "tidegate serve": "tidegate serve store --port PORT",
    "uvicorn": "uvicorn asgi_shop:app --port PORT",
    "uvicorn --workers": "uvicorn asgi_shop:app --port PORT --workers 2",
    "gunicorn gthread": "gunicorn -w 2 --threads 8 --graceful-timeout 600 -b 127.0.0.1:PORT wsgi_shop:application",
    "gunicorn asgi": "gunicorn -k asgi --graceful-timeout 600 -b 127.0.0.1:PORT asgi_shop:app",
    "django, uvicorn": "uvicorn django_shop:asgi --port PORT --lifespan off",
    "django, runserver": "python django_shop.py runserver --noreload 127.0.0.1:PORT",
}

HEADERS = {"authorization": f"Bearer {TOKEN}"}


@contextmanager
def started(command: str, directory: Path) -> Iterator[LiveServer]:
    shutil.copytree(APPS, directory, dirs_exist_ok=True)
    environ = quiet_environ(
        directory,
        OTEL_SERVICE_NAME="shop",
        OTEL_PYTHON_TIDEGATE_TOKEN=TOKEN,
        DJANGO_SETTINGS_MODULE="django_shop",
    )
    with live_server(command.split(), directory, environ) as server:
        yield server


def at(command: str) -> str:
    return "" if command.startswith("tidegate") else "/telemetry"


@pytest.mark.parametrize("command", SERVERS.values(), ids=SERVERS)
def test_a_server_ends_although_a_client_follows(command: str, tmp_path: Path) -> None:
    with (
        started(command, tmp_path) as server,
        server.client.stream("GET", f"{at(command)}/logs/stream", headers=HEADERS) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        server.end(signal.SIGTERM)
        assert answered(lines)


@pytest.mark.parametrize("name", ["tidegate serve", "uvicorn"])
def test_a_server_ends_although_a_client_takes_nothing(name: str, tmp_path: Path) -> None:
    command = SERVERS[name]
    with started(command, tmp_path) as server:
        fill_with_logs(tmp_path / "store", 40_000)
        with server.client.stream("GET", f"{at(command)}/logs?follow=false", headers=HEADERS) as answer:
            assert answer.status_code == 200
            server.end(signal.SIGTERM)


@pytest.mark.parametrize("name", ["tidegate serve", "uvicorn"])
def test_a_server_ends_although_a_websocket_is_open(name: str, tmp_path: Path) -> None:
    command = SERVERS[name]
    with started(command, tmp_path) as server:
        url = f"ws://127.0.0.1:{server.port}{at(command)}/stream"
        with connect(url, additional_headers=HEADERS):
            server.end(signal.SIGTERM)


def test_a_worker_is_replaced_although_a_client_follows(tmp_path: Path) -> None:
    with started(SERVERS["gunicorn gthread"], tmp_path) as server:
        with server.client.stream("GET", "/telemetry/logs/stream", headers=HEADERS) as answer:
            lines = answer.iter_lines()
            next(lines)
            os.kill(server.process.pid, signal.SIGHUP)
            assert answered(lines)
        assert httpx.get(f"http://127.0.0.1:{server.port}/hello", trust_env=False).text == "hello"


def answered(lines: Iterator[str]) -> bool:
    """Whether the answer has come to its end, and not to a reset."""
    return all(not line or line.startswith(("id:", "retry:", ":")) for line in lines)


def test_serving_ends_with_0_at_sigterm(tmp_path: Path) -> None:
    with started(SERVERS["tidegate serve"], tmp_path) as server:
        assert server.end(signal.SIGTERM) == 0


def test_serving_ends_with_130_at_ctrl_c_like_every_command(tmp_path: Path) -> None:
    with started(SERVERS["tidegate serve"], tmp_path) as server:
        assert server.end(signal.SIGINT) == 130


def test_serving_says_nothing_about_its_end(tmp_path: Path) -> None:
    with started(SERVERS["tidegate serve"], tmp_path) as server:
        with server.client.stream("GET", "/logs/stream", headers=HEADERS):
            server.end(signal.SIGINT)
        assert len(server.output.read_text().splitlines()) == 2  # the address and the login URL


def fill_with_logs(location: Path, count: int) -> None:
    sink = FileSink(str(location))
    batch = [making.log(f"a log record of some length, number {number}", number) for number in range(500)]
    for _ in range(count // 500):
        making.put(sink, batch)
    sink.close()
