"""The real command over a store that a real program recorded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]
Answers = Callable[..., list[dict[str, Any]]]


def test_services_counts_what_is_stored(answers: Answers) -> None:
    (shop,) = answers("services")
    assert (shop["name"], shop["spans"], shop["logs"], shop["errors"]) == ("shop", 6, 7, 2)


def test_traces_sums_each_trace_up_newest_first(answers: Answers) -> None:
    traces = answers("traces")
    assert [(trace["name"], trace["span_count"], trace["error_count"]) for trace in traces] == [
        ("POST /orders", 2, 0),
        ("POST /orders", 2, 1),
        ("POST /orders", 2, 0),
    ]
    assert sorted((trace["start_time_unix_nano"] for trace in traces), reverse=True) == [
        trace["start_time_unix_nano"] for trace in traces
    ]


def test_spans_carry_the_fields_of_otlp(answers: Answers) -> None:
    (span, *_) = answers("spans", "--name", "POST /orders")
    assert span.keys() >= {
        *("trace_id", "span_id", "parent_span_id", "name", "kind", "start_time_unix_nano", "end_time_unix_nano"),
        *("attributes", "status", "events", "links", "resource", "scope"),
    }
    assert (span["kind"], span["attributes"]) == ("SERVER", {"http.route": "/orders", "order.id": 2})


def test_logs_carry_the_fields_of_otlp(answers: Answers) -> None:
    (log,) = answers("logs", "--level", "error")
    assert log.keys() >= {
        *("time_unix_nano", "observed_time_unix_nano", "severity_number", "severity_text", "body", "event_name"),
        *("attributes", "trace_id", "span_id", "template"),
    }
    assert log["body"] == "charging failed \x1b[31m[bold]now[/bold]"


def test_metrics_in_json_are_the_series_as_they_are_now(answers: Answers) -> None:
    (point,) = answers("metrics", "--name", "shop.orders")
    assert (point["as_int"], point["attributes"], point["type"]) == (3, {"kind": "card"}, "sum")


def test_points_are_shown_as_they_were_recorded_newest_first(answers: Answers) -> None:
    times = [point["time_unix_nano"] for point in answers("metrics", "--points")]
    assert len(times) >= 2
    assert times == sorted(times, reverse=True)


def test_a_limit_of_metrics_leaves_the_newest_series(answers: Answers) -> None:
    assert len(answers("metrics", "-n", "1")) == 1


def test_until_without_points_is_explained(tidegate: Tidegate) -> None:
    done = tidegate("metrics", "--until", "1h", check=False)
    assert done.returncode == 2
    assert "add --points" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["spans"], 6),
        (["spans", "--errors"], 1),
        (["spans", "--limit", "4"], 4),
        (["spans", "-n", "1"], 1),
        (["spans", "--name", "SELECT items"], 3),
        (["spans", "--where", "order.id=1"], 1),
        (["spans", "--where", "order.id=1", "--where", "http.route=/other"], 0),
        (["spans", "--where", "kind=client"], 3),
        (["spans", "--grep", "DECLINED"], 1),
        (["spans", "--since", "1h"], 6),
        (["spans", "--until", "1h"], 0),
        (["spans", "--service", "shop"], 6),
        (["spans", "--service", "other"], 0),
        (["traces", "--errors"], 1),
        (["traces", "--where", "order.id=0"], 1),
        (["logs"], 7),
        (["logs", "--level", "info"], 3),
        (["logs", "--min-level", "INFO"], 4),
        (["logs", "--min-level", "warning"], 1),
        (["logs", "--grep", "Cache MISS"], 3),
        (["logs", "--where", "order.id=2"], 1),
        (["tail", "-n", "3"], 3),
    ],
)
def test_options_select(answers: Answers, arguments: list[str], count: int) -> None:
    assert len(answers(*arguments)) == count


def test_trace_selects_the_logs_of_one_trace(answers: Answers) -> None:
    (failed,) = answers("traces", "--errors")
    bodies = [log["body"] for log in answers("logs", "--trace", failed["trace_id"])]
    assert len(bodies) == 3
    assert "order 1 received" in bodies


def test_a_trace_in_json_is_its_spans_then_its_logs(answers: Answers) -> None:
    (failed,) = answers("traces", "--errors")
    records = answers("trace", failed["trace_id"][:10])
    assert [record["name"] for record in records[:2]] == ["POST /orders", "SELECT items"]
    assert [record["body"][:8] for record in records[2:]] == ["order 1 ", "cache mi", "charging"]


def test_a_trace_for_people_is_a_tree_with_its_logs(answers: Answers, tidegate: Tidegate) -> None:
    (failed,) = answers("traces", "--errors")
    lines = tidegate("trace", failed["trace_id"]).stdout.splitlines()
    shape = [re.sub(r"\+?[\d.]+ (ns|µs|ms)", "T", line).replace("━", "").rstrip(" ╺╸") for line in lines[3:]]
    assert [re.sub(" {2,}", "  ", line) for line in shape] == [
        "POST /orders  shop  T",
        "│  card declined",
        "│  T  INFO  order 1 received  order.id=1",
        "╰─ SELECT items  T",
        "  T  DEBUG cache miss",
        "  T  ERROR charging failed \\x1b[31m[bold]now[/bold]",
    ]


@pytest.mark.parametrize("command", ["services", "traces", "spans", "logs", "tail", "metrics", "settings", "doctor"])
def test_nothing_but_text_goes_into_a_pipe(tidegate: Tidegate, command: str) -> None:
    output = tidegate(command).stdout
    assert output
    assert "\x1b" not in output
    assert all(line == line.rstrip() for line in output.splitlines())


@pytest.mark.parametrize("command", ["traces", "spans", "logs"])
def test_ids_are_whole_in_a_pipe(tidegate: Tidegate, answers: Answers, command: str) -> None:
    identifiers = {record["trace_id"] for record in answers("traces")}
    assert set(re.findall("[0-9a-f]{32}", tidegate(command).stdout)) == identifiers


def test_a_terminal_has_colours(tidegate: Tidegate) -> None:
    assert "\x1b[" in tidegate("traces", env={"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80"}).stdout


def test_a_narrow_terminal_is_not_overflown(tidegate: Tidegate) -> None:
    for command in ("services", "traces", "spans", "metrics", "settings"):
        output = tidegate(command, env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}).stdout
        assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in output.splitlines()) <= 80


def test_no_colour_is_respected(tidegate: Tidegate) -> None:
    output = tidegate("logs", env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm-256color"}).stdout
    assert not re.search(r"\x1b\[[\d;]*3\dm", output)


def test_an_encoding_without_our_drawings_gets_ascii(answers: Answers, tidegate: Tidegate) -> None:
    (failed,) = answers("traces", "--errors")
    output = tidegate("trace", failed["trace_id"], env={"PYTHONIOENCODING": "ascii"}).stdout
    assert output.isascii()
    assert "`- SELECT items" in output


def test_metrics_show_what_each_series_amounts_to(tidegate: Tidegate) -> None:
    lines = [re.split(" {2,}", line.strip()) for line in tidegate("metrics").stdout.splitlines()]
    assert [line[:3] for line in lines[1::2]] == [["shop.orders", "sum", "shop"], ["shop.wait", "histogram", "shop"]]
    assert lines[2::2] == [["3", "kind=card"], ["3 ×", "250 ms", "250 ms", "250 ms"]]


def test_an_empty_answer_says_so_on_standard_error(tidegate: Tidegate) -> None:
    done = tidegate("spans", "--service", "other")
    assert done.stdout == ""
    assert done.stderr.startswith("No spans in ")
    assert "loosen the options" in done.stderr


def test_an_empty_store_says_how_to_fill_it(tidegate: Tidegate, tmp_path: Path) -> None:
    done = tidegate("traces", "--store", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")
    assert "run a program under opentelemetry-instrument" in done.stderr


@pytest.mark.parametrize("command", [["traces"], ["services", "--json"], ["tail", "--follow"]], ids=" ".join)
def test_a_directory_of_other_things_is_not_a_store(tidegate: Tidegate, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "uv.lock").touch()
    done = tidegate(*command, "--store", str(tmp_path), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {str(tmp_path)!r} is not a store")


@pytest.mark.parametrize("name", ["metrics.checkpoint", "deleted.json", f"{1:020d}-{'ab' * 8}.active"])
def test_a_directory_with_any_file_of_a_store_is_one(tidegate: Tidegate, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").touch()
    content = '{"format": 1, "marks": []}' if name == "deleted.json" else ""
    (tmp_path / name).write_text(content)
    assert "No spans" in tidegate("spans", "--store", str(tmp_path)).stderr


def test_a_directory_with_files_that_are_only_called_nearly_so_is_none(tidegate: Tidegate, tmp_path: Path) -> None:
    (tmp_path / "20261121000000000000-holiday.jpg").touch()
    done = tidegate("spans", "--store", str(tmp_path), check=False)
    assert (done.returncode, "is not a store" in done.stderr) == (2, True)


def test_a_store_whose_segments_are_all_gone_is_still_one(tidegate: Tidegate, tmp_path: Path) -> None:
    (tmp_path / "upkeep.lock").touch()
    assert tidegate("traces", "--store", str(tmp_path)).stderr.startswith("No traces in ")


def test_an_empty_answer_in_json_is_no_line(tidegate: Tidegate) -> None:
    done = tidegate("logs", "--grep", "nowhere to be found", "--json")
    assert (done.stdout, done.stderr.startswith("No log records")) == ("", True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spans", "--since", "yesterday"], "Invalid value for '--since': a time is 'yesterday'"),
        (["spans", "--until", "later"], "Invalid value for '--until': a time is 'later'"),
        (["spans", "--since", "1m", "--until", "1h"], "'--until': received '1h'; --since must be before --until"),
        (["spans", "--until", "1h", "--since", "1m"], "'--since': received '1m'; --since must be before --until"),
        (["spans", "--since", "1h", "--until", "1h"], "--since must be before --until"),
        (["logs", "--level", "loud"], "Invalid value for '--level': a severity is 'loud'"),
        (["tail", "--min-level", "loud"], "Invalid value for '--min-level': a severity is 'loud'"),
        (["logs", "--trace", "zz"], "Invalid value for '--trace': the trace id is 'zz'"),
        (["trace", "xyz"], "the trace id is 'xyz'"),
        (["trace", "00000000"], "no trace in"),
        (["spans", "--store", "/nowhere/at/all"], "there is no store at '/nowhere/at/all'"),
        (["spans", "--where", "order"], "a condition is 'order'; it must be KEY=VALUE, "),
        (["spans", "--limit", "0"], "received '0'; it must be a whole number from 1."),
        (["spams"], "No such command 'spams'"),
    ],
)
def test_a_mistake_is_one_clear_line(tidegate: Tidegate, arguments: list[str], message: str) -> None:
    done = tidegate(*arguments, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert message in error
    assert "Traceback" not in done.stderr


def test_a_mistake_is_shown_without_harm(tidegate: Tidegate) -> None:
    done = tidegate("spans", "--store", "/nowhere\x1b[31m", check=False)
    assert "\x1b" not in done.stderr


def test_store_may_be_named_by_option(tidegate: Tidegate, recorded: str) -> None:
    done = tidegate("spans", "--json", "--store", recorded, env={"OTEL_PYTHON_TIDEGATE_STORE": "/nowhere"})
    assert len(done.stdout.splitlines()) == 6


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[[str], str]:
    """``config_file(store)``: the path of a declarative configuration that names this store."""

    def config_file(store: str) -> str:
        path = tmp_path / "otel.yaml"
        path.write_text(f'file_format: "1.0"\ndistribution:\n  tidegate:\n    store: "{store}"\n')
        return str(path)

    return config_file


def test_the_store_that_the_declarative_file_names_is_read(
    tidegate: Tidegate, recorded: str, config_file: Callable[[str], str]
) -> None:
    env = {"OTEL_PYTHON_TIDEGATE_STORE": None, "OTEL_CONFIG_FILE": config_file(recorded)}
    assert len(tidegate("spans", "--json", env=env).stdout.splitlines()) == 6


def test_the_store_that_the_declarative_file_names_is_checked(
    tidegate: Tidegate, recorded: str, config_file: Callable[[str], str]
) -> None:
    env = {"OTEL_PYTHON_TIDEGATE_STORE": None, "OTEL_CONFIG_FILE": config_file(recorded)}
    assert tidegate("check", env=env).stdout == f"{recorded} is sound.\n"


def test_the_environment_s_store_wins_over_the_file_s(tidegate: Tidegate, config_file: Callable[[str], str]) -> None:
    done = tidegate("spans", "--json", env={"OTEL_CONFIG_FILE": config_file("/nowhere")})
    assert len(done.stdout.splitlines()) == 6


def test_a_store_named_by_option_needs_no_file(tidegate: Tidegate, recorded: str) -> None:
    env = {"OTEL_PYTHON_TIDEGATE_STORE": None, "OTEL_CONFIG_FILE": "/nowhere.yaml"}
    assert len(tidegate("spans", "--json", "--store", recorded, env=env).stdout.splitlines()) == 6


ODD = """
import math
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from tidegate.record.exporters import StoreLogRecordExporter
provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(StoreLogRecordExporter()))
body = {"nan": math.nan, "big": 2**70, "bytes": b"\\xff", "text": "\\ud800 \\x7f \\x9b"}
provider.get_logger("odd").emit(timestamp=1, body=body)
provider.shutdown()
"""


def test_values_that_json_lacks_do_no_harm(run: Tidegate) -> None:
    run([sys.executable, "-c", ODD])
    line = run([TIDEGATE, "logs", "--json"]).stdout
    assert json.loads(line)["body"] == {
        "nan": None,
        "big": str(2**70),
        "bytes": "/w==",
        "text": "\\ud800 \x7f \x9b",
    }
    assert not re.search("[\x7f-\x9f]", line)


@pytest.mark.parametrize("arguments", [["spans", "--json"], ["logs", "-n", "2000"]], ids=" ".join)
def test_a_reader_that_stops_early_ends_the_command_in_silence(
    record: Callable[..., None], environ: dict[str, str], arguments: list[str]
) -> None:
    record(orders=400)
    command = [str(TIDEGATE), *arguments]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
