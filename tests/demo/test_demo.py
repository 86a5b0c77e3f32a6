from __future__ import annotations

import io
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

import tidegate.demo
from tidegate import store
from tidegate.demo import DemoError, server
from tidegate.demo.report import server_spans
from tidegate.records import SEVERITIES

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def make_console() -> Console:
    return Console(file=io.StringIO(), width=120, markup=False, emoji=False, highlight=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_is_not_installed_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tidegate.demo._PACKAGES, "no_such_module", "no-such-package")
    with pytest.raises(DemoError, match=r"needs no-such-package; .*pip install 'tidegate\[demo\]'"):
        tidegate.demo.run()


@pytest.mark.servers
def test_a_server_that_does_not_start_is_an_error_with_its_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store_dir: Path
) -> None:
    monkeypatch.setattr(server, "_INSTRUMENT", "print('no room at the quay'); raise SystemExit(3)")
    with pytest.raises(DemoError, match="ended with status 3"):
        tidegate.demo.run(store=str(store_dir), console=make_console())
    assert "no room at the quay" in capsys.readouterr().err


@dataclass
class Ran:
    """A demo that ended: what it printed, and where it recorded."""

    report: str
    store: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    console, directory = make_console(), tmp_path_factory.mktemp("demo") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tidegate.demo, "REQUESTS", 150)
        patch.setattr(tidegate.demo, "PAUSE", 0.02)
        patch.setenv("OTEL_SDK_DISABLED", "true")  # this shell's settings are not the demo's
        assert tidegate.demo.run(store=str(directory), console=console) == 0, printed(console)
    return Ran(printed(console), directory)


@pytest.mark.servers
class TestRun:
    def test_every_request_is_a_server_span(self, ran: Ran) -> None:
        assert "150 requests, 150 server spans: nothing is missing." in ran.report
        with store.open(ran.store) as reader:
            assert len(server_spans(reader)) == 150

    def test_the_report_shows_a_failed_checkout_as_a_tree_with_its_log_lines(self, ran: Ran) -> None:
        _, _, tree = ran.report.partition("$ tidegate trace ")
        assert "charge card" in tree
        assert "cents failed" in tree

    def test_both_workers_record(self, ran: Ran) -> None:
        with store.open(ran.store) as reader:
            workers = {span.resource.attributes["service.instance.id"] for span in server_spans(reader)}
        assert len(workers) == 2

    def test_the_commands_it_names_all_answer(self, ran: Ran, run: Run) -> None:
        _, _, further = ran.report.partition("Look further:")
        named = re.findall(r"tidegate \w+ .*--store \S+", further)
        assert len(named) >= 4
        for command in named:
            assert run(["sh", "-c", command]).stdout


def wait_for(text: str, output: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if text in output.read_text():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"{text!r} was not printed:\n{output.read_text()}", pytrace=False)


SHORT = "import sys, tidegate.demo as d; d.REQUESTS = 40; d.PAUSE = 0.02; sys.exit(d.run(keep=True, store=sys.argv[1]))"


@pytest.mark.servers
class TestKeep:
    def test_it_serves_until_ctrl_c_and_misses_nothing(self, start: Start, store_dir: Path, tmp_path: Path) -> None:
        demo = start([sys.executable, "-c", SHORT, store_dir])
        output = tmp_path / "output-0.txt"
        wait_for("until Ctrl-C", output, demo)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
        assert "nothing is missing" in output.read_text()

    def test_sigterm_ends_the_shop_with_the_demo(self, start: Start, store_dir: Path, tmp_path: Path) -> None:
        demo = start([sys.executable, "-c", SHORT, store_dir])
        output = tmp_path / "output-0.txt"
        wait_for("until Ctrl-C", output, demo)
        demo.terminate()
        assert demo.wait(30) == 128 + signal.SIGTERM
        url = next(word for word in output.read_text().split() if word.startswith("http://127.0.0.1"))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))).close()


@pytest.mark.servers
def test_the_command_ends_by_itself_within_a_minute(run: Run, store_dir: Path) -> None:
    done = run(["tidegate", "demo", "--store", store_dir], timeout=60)
    assert "1,200 requests, 1,200 server spans" in done.stdout
    with store.open(store_dir) as reader:
        assert {log.severity_number for log in reader.logs(service="shop")} == {
            SEVERITIES[name] for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
        }
