"""``tidegate import`` of what `tidegate export` wrote, and of what others did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE
from moving import shown
from recorded import read

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]
ImportInto = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def import_into(run: Tidegate, store_dir: Path) -> ImportInto:
    """``import_into(*arguments)``: the command, into the test's own store."""
    return lambda *arguments, **options: run([TIDEGATE, "import", *arguments], **options)


def line(*bodies: Any) -> str:
    records = [{"timeUnixNano": "1", "body": {"stringValue": body}} for body in bodies]
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}) + "\n"


@pytest.mark.parametrize("form", ["otlp-json", "otlp-proto", "ndjson"])
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_an_export_is_imported(
    tidegate: Tidegate, import_into: ImportInto, recorded: str, store_dir: Path, tmp_path: Path, form: str, ending: str
) -> None:
    path = str(tmp_path / f"out{ending}")
    tidegate("export", "-o", path, "--format", form)
    done = import_into(path)
    ours, theirs = read(store_dir), read(Path(recorded))
    assert done.stderr == f"Imported 6 spans, 7 log records and {len(theirs.points)} metric points.\n"
    for mine, other in ((ours.spans, theirs.spans), (ours.logs, theirs.logs), (ours.points, theirs.points)):
        assert sorted(map(shown, mine)) == sorted(map(shown, other))


def test_what_json_readers_print_is_imported(tidegate: Tidegate, import_into: ImportInto, store_dir: Path) -> None:
    lines = tidegate("logs", "--json").stdout
    path = store_dir.parent / "logs.ndjson"
    path.write_text(lines)
    import_into(str(path))
    assert len(read(store_dir).logs) == len(lines.splitlines())


def test_standard_input_is_a_file_too(environ: dict[str, str], store_dir: Path) -> None:
    command = [str(TIDEGATE), "import", "-"]
    done = subprocess.run(command, env=environ, input=line("a", "b"), text=True, capture_output=True, check=True)
    assert done.stderr == "Imported 2 log records.\n"
    assert set(read(store_dir).bodies) == {"a", "b"}


def test_several_files_are_imported_into_the_store_that_is_named(import_into: ImportInto, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(line(name))
    import_into(str(tmp_path / "a"), str(tmp_path / "b"), "--store", str(tmp_path / "other"))
    assert set(read(tmp_path / "other").bodies) == {"a", "b"}


def test_secrets_are_redacted_as_in_what_is_recorded(import_into: ImportInto, store_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_text(line("password=hunter2 please"))
    import_into(str(tmp_path / "in"))
    assert list(read(store_dir).bodies) == ["password=[redacted] please"]


def test_redaction_is_as_the_settings_say(import_into: ImportInto, store_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_text(line("password=hunter2 please"))
    import_into(str(tmp_path / "in"), env={"OTEL_PYTHON_TIDEGATE_REDACT": "false"})
    assert list(read(store_dir).bodies) == ["password=hunter2 please"]


def test_a_bad_line_ends_it_and_what_came_before_is_said(
    import_into: ImportInto, store_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "in"
    path.write_text(line("a") + line("b", 5) + line("c"))
    done = import_into(str(path), check=False)
    assert done.returncode == 2
    assert f"{path}, line 2: resourceLogs.scopeLogs.logRecords.body is 5; it must be text." in done.stderr
    assert "--skip-bad. Imported 1 log records." in done.stderr
    assert list(read(store_dir).bodies) == ["a"]


def test_bad_lines_are_counted_and_passed_by(import_into: ImportInto, store_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_text(line("a") + line("b", 5) + "nonsense\n" + line("c"))
    done = import_into(str(path), "--skip-bad")
    assert "Imported 2 log records.\nSkipped 2 messages that cannot be read. The first: " in done.stderr
    assert set(read(store_dir).bodies) == {"a", "c"}


def test_a_file_of_another_kind_is_refused(import_into: ImportInto) -> None:
    done = import_into(sys.executable, check=False)
    assert done.returncode == 2
    assert "neither JSON nor a length" in done.stderr


def test_a_file_that_is_not_there_is_named(import_into: ImportInto, store_dir: Path) -> None:
    done = import_into("nowhere.jsonl", check=False)
    assert (done.returncode, store_dir.exists()) == (2, False)
    assert "there is no file 'nowhere.jsonl'" in done.stderr


@pytest.mark.parametrize("missing", ["missing", "."])
def test_nothing_is_imported_unless_all_files_can_be_opened(
    import_into: ImportInto, store_dir: Path, tmp_path: Path, missing: str
) -> None:
    (tmp_path / "good").write_text(line("a"))
    done = import_into("good", missing, check=False)
    assert (done.returncode, store_dir.exists()) == (2, False)
    assert repr(missing) in done.stderr


def test_named_pipes_are_files_too(import_into: ImportInto, store_dir: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_text, args=[line("a")], daemon=True).start()
    import_into("pipe")
    assert list(read(store_dir).bodies) == ["a"]


def test_an_error_in_a_later_file_says_what_was_imported_before(
    import_into: ImportInto, store_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "good").write_text(line("a", "b"))
    (tmp_path / "bad").write_text("nonsense\n")
    done = import_into("good", "bad", check=False)
    assert (done.returncode, done.stderr.rstrip().endswith("Imported 2 log records.")) == (2, True)


def test_what_goes_away_meanwhile_is_an_error_that_says_what_was_imported_before(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "good").write_text(line("a"))
    os.mkfifo(tmp_path / "pipe")
    command = [str(TIDEGATE), "import", "pipe", "good"]
    with subprocess.Popen(command, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        with (tmp_path / "pipe").open("w") as pipe:
            (tmp_path / "good").unlink()
            pipe.write(line("b"))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "there is no file 'good'" in errors
    assert errors.endswith("Imported 1 log records.\n")


@pytest.mark.parametrize("store", ["memory:", "off", "http://127.0.0.1:4319"])
def test_only_a_directory_can_be_imported_into(import_into: ImportInto, tmp_path: Path, store: str) -> None:
    (tmp_path / "in").write_text(line("a"))
    done = import_into(str(tmp_path / "in"), "--store", store, check=False)
    assert done.returncode == 2
    assert "records are imported into a directory" in done.stderr


def test_importing_twice_stores_twice(import_into: ImportInto, store_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_text(line("a"))
    for _ in range(2):
        import_into(str(tmp_path / "in"))
    assert read(store_dir).bodies["a"] == 2


def test_a_terminal_sees_how_far_it_has_got(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "telemetry.jsonl").write_text(line("a"))
    ours, theirs = os.openpty()
    environ = {**environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    command = [str(TIDEGATE), "import", "telemetry.jsonl"]
    subprocess.run(command, env=environ, cwd=tmp_path, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 1 << 16)
    os.close(ours)
    assert b"telemetry.jsonl" in shown
    assert b"bytes" in shown
    assert shown.rstrip().endswith(b"Imported 1 log records.")
