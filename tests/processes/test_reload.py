"""Development servers that start their application anew when a file changes."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from live_server import APPS, LiveServer, live_server
from recorded import read

pytestmark = pytest.mark.servers

Wait = Callable[..., None]

SERVERS = {
    "uvicorn": ("fastapi_app.py", "uvicorn fastapi_app:app --port PORT --reload"),
    "gunicorn": ("flask_app.py", "gunicorn -b 127.0.0.1:PORT flask_app:app"),
    "django": ("django_app.py", "python django_app.py runserver 127.0.0.1:PORT"),
}


def _answers(server: LiveServer, version: str, seen: list[str], lost: list[Exception]) -> bool:
    """Whether the new code answers; while a child is exchanged, an answer may be lost."""
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=5) as client:
            response = client.get("/items/1")
    except httpx.TransportError as error:
        lost.append(error)
        return False
    seen.append(response.headers["trace-id"])
    return version in response.text


@pytest.mark.parametrize("name", SERVERS)
def test_requests_before_and_after_a_reload_are_each_one_server_span(name: str, tmp_path: Path, wait_for: Wait) -> None:
    file, command = SERVERS[name]
    shutil.copytree(APPS, tmp_path, dirs_exist_ok=True)
    source = tmp_path / file
    with live_server(["opentelemetry-instrument", *command.split()], tmp_path) as server:
        answered: list[str] = []
        lost: list[Exception] = []
        for _ in range(3):
            wait_for(lambda: _answers(server, "1", answered, lost))
        source.write_text(source.read_text().replace('VERSION = "1"', 'VERSION = "2"'))
        # a file system that keeps whole seconds must see the change too
        os.utime(source, (time.time() + 5, time.time() + 5))
        if name == "gunicorn":
            server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: _answers(server, "2", answered, lost))
        for _ in range(3):
            assert _answers(server, "2", answered, lost)
        server.end(signal.SIGINT)
    seen = read(tmp_path / "store")
    requests = Counter(span.trace_id for span in seen.server_spans)
    assert set(requests.values()) == {1}
    assert set(answered) <= requests.keys()
    logged = Counter(log.trace_id for log in seen.logs_of("app"))
    assert set(logged.values()) == {1}
    # a reloader that ends its process in the midst of a request leaves a log record of it and no span
    assert requests.keys() <= logged.keys()
    assert len(logged) <= len(answered) + len(lost)
    assert len({span.resource.attributes["service.instance.id"] for span in seen.server_spans}) == 2
    assert seen.damaged == 0
