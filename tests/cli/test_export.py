"""``tidegate export`` over a store that a real program recorded."""

from __future__ import annotations

import gzip
import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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
