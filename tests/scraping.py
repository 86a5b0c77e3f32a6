"""A real Prometheus server that scrapes, and the questions that one asks it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

_CONFIG = """
global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}
scrape_configs:
  - job_name: tidegate
    metrics_path: {path}
    static_configs: [{{ targets: ["{target}"] }}]
"""


@dataclass(frozen=True)
class Prometheus:
    """A server at ``url``; samples are (time in seconds, value) in the order of time."""

    url: str

    def query(self, expression: str, moment: float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query, at a time in seconds or now."""
        parameters = {"query": expression} | ({} if moment is None else {"time": f"{moment:.3f}"})
        answer = httpx.get(f"{self.url}/api/v1/query", params=parameters, trust_env=False, timeout=20).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def samples(self, selector: str) -> list[tuple[float, float]]:
        """Every sample of the one series that a selector finds; nothing while there is none."""
        found = self.query(f"{selector}[1h]")
        assert len(found) <= 1, found
        return [(moment, float(value)) for moment, value in found[0]["values"]] if found else []

    def value(self, expression: str, moment: float | None = None) -> float:
        (found,) = self.query(expression, moment)
        return float(found["value"][1])


@contextmanager
def prometheus(target: str, path: str, directory: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes ``path`` of ``target`` (host:port) twice a second while the block runs."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.fail("there is no prometheus on this machine; tests/needs installs it", pytrace=False)
    config = directory / "prometheus.yml"
    config.write_text(_CONFIG.format(target=target, path=path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "prometheus.txt").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(f"http://{address}")
        yield Prometheus(f"http://{address}")
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail("prometheus did not start", pytrace=False)
