"""`tidegate tail --follow` shows log records as they are written, and ends without a word."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli.conftest import TIDEGATE

Follow = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def follow(environ: dict[str, str]) -> Iterator[Follow]:
    """``follow(*arguments)``: a running ``tidegate tail --follow`` of the test's store.

    It is killed after a minute, so that a test that waits for a line in vain fails.
    """
    running: list[tuple[subprocess.Popen[str], threading.Timer]] = []

    def follow(*arguments: str) -> subprocess.Popen[str]:
        command = [str(TIDEGATE), "tail", "--follow", *arguments]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        limit = threading.Timer(60, process.kill)
        limit.start()
        running.append((process, limit))
        return process

    yield follow
    for process, limit in running:
        limit.cancel()
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout
    return [process.stdout.readline() for _ in range(count)]


def bodies(process: subprocess.Popen[str], count: int) -> list[str]:
    return [json.loads(line)["body"] for line in lines(process, count)]


def test_tail_shows_the_newest_oldest_first(answers: Callable[..., list[dict[str, Any]]]) -> None:
    newest = answers("logs", "-n", "4")
    assert answers("tail", "-n", "4") == newest[::-1]


def test_what_is_written_later_follows(record: Callable[..., None], follow: Follow) -> None:
    record(orders=1)
    process = follow("--json", "--min-level", "info")
    assert bodies(process, 1) == ["order 0 received"]
    record(orders=3)
    assert sorted(bodies(process, 4)) == [
        "charging failed \x1b[31m[bold]now[/bold]",
        "order 0 received",
        "order 1 received",
        "order 2 received",
    ]


def test_people_see_each_line_at_once(record: Callable[..., None], follow: Follow) -> None:
    record(orders=1)
    process = follow("--level", "info")
    (first,) = lines(process, 1)
    assert "INFO   shop  order 0 received  order.id=0  trace=" in first


def test_ctrl_c_ends_it_without_a_word(record: Callable[..., None], follow: Follow) -> None:
    record(orders=1)
    process = follow()
    lines(process, 2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")


def test_it_ends_when_its_reader_has_gone(record: Callable[..., None], follow: Follow) -> None:
    record(orders=1)
    process = follow()
    lines(process, 2)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (0, "")


def test_it_waits_for_a_store_that_is_not_there_yet(record: Callable[..., None], follow: Follow) -> None:
    process = follow("--json", "--level", "info")
    record(orders=1)
    assert bodies(process, 1) == ["order 0 received"]
