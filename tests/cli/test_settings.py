"""`tidegate settings` shows what a program started here would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidegate.settings import OPTIONS

Answers = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def row(tidegate: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """``row(name, **environment)``: what ``--json`` says of one setting."""
    import json

    def row(name: str, **environment: str | None) -> dict[str, Any]:
        lines = tidegate("settings", "--json", env=environment).stdout.splitlines()
        (found,) = [record for record in map(json.loads, lines) if record["name"] == name]
        return dict(found)

    return row


def test_every_setting_is_shown(answers: Answers) -> None:
    assert [record["name"] for record in answers("settings")] == [option.name for option in OPTIONS]


def test_a_setting_says_its_value_and_where_that_comes_from(row: Callable[..., dict[str, Any]]) -> None:
    found = row("queue_size", OTEL_PYTHON_TIDEGATE_QUEUE_SIZE="1024")
    assert (found["value"], found["source"], found["environment_variable"]) == (
        1024,
        "environment",
        "OTEL_PYTHON_TIDEGATE_QUEUE_SIZE",
    )


def test_the_store_s_default_is_the_directory_itself(row: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    found = row("store", OTEL_PYTHON_TIDEGATE_STORE=None)
    assert (found["value"], found["source"]) == (str(tmp_path / "state" / "tidegate"), "default")


def test_the_declarative_file_is_read(row: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text('file_format: "1.0"\ndistribution:\n  tidegate:\n    queue_size: 2048\n')
    found = row("queue_size", OTEL_CONFIG_FILE=str(file))
    assert (found["value"], found["source"]) == (2048, "file")


def test_a_file_that_is_not_there_is_a_clear_error(tidegate: Callable[..., Any]) -> None:
    done = tidegate("settings", env={"OTEL_CONFIG_FILE": "/nowhere.yaml"}, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: OTEL_CONFIG_FILE is '/nowhere.yaml', which cannot be used:")


def test_a_secret_is_masked(tidegate: Callable[..., Any]) -> None:
    done = tidegate("settings", env={"OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2"})
    assert "hunter2" not in done.stdout
    assert "********" in done.stdout


def test_a_password_in_the_endpoint_is_hidden(row: Callable[..., dict[str, Any]]) -> None:
    found = row("endpoint", OTEL_EXPORTER_OTLP_ENDPOINT="https://me:hunter2@host:4318")
    assert found["value"] == "https://***@host:4318"


def test_a_wrong_setting_is_a_clear_error(tidegate: Callable[..., Any]) -> None:
    done = tidegate("settings", env={"OTEL_PYTHON_TIDEGATE_QUEUE_SIZE": "many"}, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: OTEL_PYTHON_TIDEGATE_QUEUE_SIZE is 'many'; it must be a whole number")


def test_the_table_shows_values_as_the_variable_takes_them(tidegate: Callable[..., Any]) -> None:
    done = tidegate("settings", env={"OTEL_RESOURCE_ATTRIBUTES": "a=1,b=x", "OTEL_LOGS_EXPORTER": "otlp,console"})
    rows = {line.split()[0]: line.split()[1:3] for line in done.stdout.splitlines()}
    assert rows["resource_attributes"] == ["a=1,b=x", "environment"]
    assert rows["logs_exporter"] == ["otlp,console", "environment"]
    assert rows["capture_logs"] == ["true", "default"]
