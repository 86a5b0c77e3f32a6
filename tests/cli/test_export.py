"""``tidegate export`` over a store that a real program recorded."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]


def signals(text: str) -> list[str]:
    """What each line holds."""
    return [next(iter(json.loads(line))) for line in text.splitlines()]


def test_standard_output_gets_a_message_of_otlp_a_line(tidegate: Tidegate) -> None:
    done = tidegate("export")
    assert signals(done.stdout) == ["resourceSpans", "resourceLogs", "resourceMetrics"]
    assert done.stderr == ""


def test_one_signal_alone_can_be_had(tidegate: Tidegate) -> None:
    assert signals(tidegate("export", "--signal", "logs").stdout) == ["resourceLogs"]


def test_filters_are_those_of_the_other_commands(tidegate: Tidegate) -> None:
    lines = tidegate("export", "--format", "ndjson", "--signal", "spans", "--where", "order.id=1").stdout.splitlines()
    assert [json.loads(line)["attributes"]["order.id"] for line in lines] == [1]
    assert len(tidegate("export", "--format", "ndjson", "--signal", "logs", "--grep", "MISS").stdout.splitlines()) == 3


def test_a_trace_has_no_metrics(tidegate: Tidegate) -> None:
    trace = json.loads(tidegate("traces", "--json", "-n", "1").stdout)["trace_id"]
    assert signals(tidegate("export", "--trace", trace).stdout) == ["resourceSpans", "resourceLogs"]
    done = tidegate("export", "--trace", trace, "--signal", "metrics", check=False)
    assert done.returncode == 2
    assert "metric points are of no trace" in done.stderr


def test_a_store_by_name_or_option(tidegate: Tidegate, recorded: str) -> None:
    by_name = tidegate("export", recorded, env={"OTEL_PYTHON_TIDEGATE_STORE": None})
    by_option = tidegate("export", "--store", recorded, env={"OTEL_PYTHON_TIDEGATE_STORE": None})
    assert by_name.stdout == by_option.stdout != ""


@pytest.mark.parametrize("form", ["otlp-json", "otlp-proto", "ndjson"])
def test_a_file_is_written_whole_and_for_its_owner_alone(tidegate: Tidegate, tmp_path: Path, form: str) -> None:
    path = tmp_path / "out"
    done = tidegate("export", "-o", str(path), "--format", form)
    assert (done.stdout, done.stderr.startswith("Exported ")) == ("", True)
    assert path.stat().st_size > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.glob("out*")] == ["out"]


def test_a_file_s_name_says_how_it_is_compressed(tidegate: Tidegate, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl.gz"
    tidegate("export", "-o", str(path))
    assert gzip.decompress(path.read_bytes()).decode() == tidegate("export").stdout


def test_a_file_that_is_there_is_left_alone_unless_forced(tidegate: Tidegate, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("precious")
    done = tidegate("export", "-o", str(path), check=False)
    assert (done.returncode, path.read_text()) == (2, "precious")
    assert "is there already; name another, or let --force replace it" in done.stderr
    tidegate("export", "-o", str(path), "--force")
    assert path.read_text() == tidegate("export").stdout


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_named_pipe_is_written_to_and_stays_one(tidegate: Tidegate, tmp_path: Path, options: list[str]) -> None:
    path, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    tidegate("export", "-o", str(path), *options)
    reader.join(60)
    assert read[0].decode() == tidegate("export").stdout
    assert path.is_fifo()


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_device_is_written_to_and_stays_one(tidegate: Tidegate, tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "link to a device"
    path.symlink_to(os.devnull)
    done = tidegate("export", "-o", str(path), *options)
    assert done.stderr.startswith("Exported ")
    assert (path.is_symlink(), Path(os.devnull).is_char_device()) == (True, True)


def test_a_device_without_room_is_an_error(tidegate: Tidegate) -> None:
    done = tidegate("export", "-o", "/dev/full", check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("the file '/dev/full' cannot be written (No space left on device).\n")


def test_the_name_of_standard_output_is_standard_output(
    tidegate: Tidegate, environ: dict[str, str], recorded: str, tmp_path: Path
) -> None:
    text = tidegate("export").stdout
    assert tidegate("export", "-o", "/dev/stdout").stdout == text
    (tmp_path / "out").write_text("before\n")
    with (tmp_path / "out").open("a") as out:
        subprocess.run([TIDEGATE, "export", recorded, "-o", "/dev/stdout"], env=environ, stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\n" + text


def test_a_link_stays_and_leads_to_the_new_file(tidegate: Tidegate, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    link = tmp_path / "link"
    link.symlink_to(place / "out")
    (place / "out").write_text("precious")
    done = tidegate("export", "-o", str(link), check=False)
    assert (done.returncode, "let --force replace it" in done.stderr) == (2, True)
    tidegate("export", "-o", str(link), "--force")
    assert link.is_symlink()
    assert (place / "out").read_text() == tidegate("export").stdout
    assert os.listdir(place) == ["out"]


def test_a_directory_is_no_file(tidegate: Tidegate, tmp_path: Path) -> None:
    done = tidegate("export", "-o", str(tmp_path), check=False)
    assert done.returncode == 2
    assert f"'{tmp_path}' is a directory; name a file in it." in done.stderr


def test_a_file_that_has_the_name_of_an_unfinished_one_is_left_alone(tidegate: Tidegate, tmp_path: Path) -> None:
    theirs = tmp_path / "out.partial"
    theirs.write_text("precious")
    tidegate("export", "-o", str(tmp_path / "out"))
    assert theirs.read_text() == "precious"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_nothing_is_left_by_an_export_that_was_asked_to_end(
    start: Callable[..., Any], wait_for: Callable[..., None], program: Callable[..., Path], tmp_path: Path, number: int
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    code = """
        import sys, time
        from tidegate.cli.streams import ended_by_signals
        from tidegate.move.files import target

        with ended_by_signals(), target(sys.argv[1]) as file:
            file.write(b"half")
            while True:
                time.sleep(0.01)
    """
    process = start([sys.executable, program(code), str(place / "out")])
    wait_for(lambda: any(place.iterdir()))
    process.send_signal(number)
    assert process.wait(60) != 0
    assert list(place.iterdir()) == []


def test_nothing_is_left_of_a_file_that_cannot_be_written(tidegate: Tidegate, tmp_path: Path) -> None:
    done = tidegate("export", "-o", str(tmp_path / "no" / "out"), check=False)
    assert done.returncode == 2
    assert "cannot be written (No such file or directory)" in done.stderr


def test_a_failed_export_leaves_the_file_as_it_was(tidegate: Tidegate, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("precious")
    done = tidegate("export", "http://127.0.0.1:1", "-o", str(path), "--force", check=False)
    assert done.returncode == 2
    assert [(each.name, each.read_text()) for each in tmp_path.glob("out*")] == [("out", "precious")]


def test_an_export_of_nothing_says_so(tidegate: Tidegate) -> None:
    done = tidegate("export", "--service", "nobody")
    assert (done.stdout, done.stderr) == ("", "Exported 0 records.\n")


def test_an_unknown_format_is_refused(tidegate: Tidegate) -> None:
    done = tidegate("export", "--format", "xml", check=False)
    assert done.returncode == 2
    assert "'otlp-json', 'otlp-proto', 'ndjson'" in done.stderr
