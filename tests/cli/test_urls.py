"""Commands over a served store: the same answers as over its directory, and no harm from what serves it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE
from conftest import SCRIPTS
from live_server import live_server, quiet_environ
from recorded import read
from scripted import head, scripted
from served import TOKEN

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def url(recorded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `tidegate serve` serves the recorded store."""
    directory = tmp_path_factory.mktemp("serving")
    environ = quiet_environ(directory, OTEL_PYTHON_TIDEGATE_TOKEN=TOKEN)
    with live_server(
        [SCRIPTS / "tidegate", "serve", "--store", recorded, "--port", "PORT"], directory, environ
    ) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def ask(run: Tidegate) -> Tidegate:
    """``ask(*arguments)``: the real command with the server's token and no store of its own."""

    def ask(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        env = {"OTEL_PYTHON_TIDEGATE_STORE": "/nowhere", "OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN}
        return run([TIDEGATE, *arguments], **{**options, "env": {**env, **options.get("env", {})}})

    return ask


QUESTIONS = [
    ["logs"],
    ["logs", "--min-level", "info", "-n", "2"],
    ["logs", "--where", "order.id=1", "--grep", "RECEIVED"],
    ["spans"],
    ["spans", "--errors", "--since", "2h"],
    ["traces"],
    ["traces", "--name", "SELECT items", "--until", "2020-01-01"],
    ["services"],
    ["metrics"],
    ["metrics", "--name", "shop.orders"],
    ["tail", "-n", "3"],
]


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["people", "json"])
@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_the_answer_is_that_of_the_directory(
    ask: Tidegate, url: str, recorded: str, question: list[str], flags: list[str]
) -> None:
    assert ask(*question, *flags, url).stdout == ask(*question, *flags, recorded).stdout


@pytest.mark.parametrize("flags", [[], ["--json"], ["--attributes"]], ids=["people", "json", "attributes"])
def test_a_trace_is_that_of_the_directory(ask: Tidegate, url: str, recorded: str, flags: list[str]) -> None:
    failed = json.loads(ask("traces", "--errors", "--json", url).stdout)["trace_id"]
    assert ask("trace", failed[:12], *flags, url).stdout == ask("trace", failed[:12], *flags, recorded).stdout


def test_the_store_may_be_an_option_too(ask: Tidegate, url: str) -> None:
    assert ask("logs", "--store", url + "/").stdout == ask("logs", url).stdout != ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["logs", "--store", "/here", "URL"], "received '/here', and the argument STORE, 'http"),
        (["logs", "URL/nowhere"], "/nowhere is not a served store: it answered with 404"),
        (["logs", "http://127.0.0.1:1"], "nothing listens at http://127.0.0.1:1"),
        (["tail", "-f", "http://127.0.0.1:1"], "nothing listens at http://127.0.0.1:1"),
        (["logs", "ftp://shop"], "begins with 'ftp'"),
        (["logs", "http://ann:pass@shop"], "leave them out, and set OTEL_PYTHON_TIDEGATE_TOKEN"),
        (["tail", "-f", "localhost:4319"], "a URL begins with its scheme: http://localhost:4319"),
        (["trace", "00000000", "URL"], "no trace at http://127.0.0.1"),
        (["serve", "URL"], "name a directory of this machine"),
        (["health", "localhost:4319"], "received 'localhost:4319'; it must be a URL such as http://127.0.0.1:4319"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_clear_line(ask: Tidegate, url: str, arguments: list[str], message: str) -> None:
    done = ask(*(argument.replace("URL", url) for argument in arguments), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert message in error
    assert "Traceback" not in done.stderr
    assert "pass@" not in error


def test_a_missing_token_is_one_clear_line(ask: Tidegate, url: str) -> None:
    done = ask("logs", url, env={"OTEL_PYTHON_TIDEGATE_TOKEN": None}, check=False)
    assert done.returncode == 2
    assert "set OTEL_PYTHON_TIDEGATE_TOKEN to the server's token" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        [TIDEGATE, "logs"],
        [TIDEGATE, "doctor"],
        [sys.executable, "-c", "import tidegate; tidegate.configure_observability()"],
    ],
    ids=["logs", "doctor", "recording"],
)
def test_a_url_is_no_store_to_record_into(run: Tidegate, command: list[str | Path]) -> None:
    done = run(command, env={"OTEL_PYTHON_TIDEGATE_STORE": "http://127.0.0.1:4319"}, check=False)
    assert done.returncode
    assert "it must be a directory, memory: or off (a URL is for reading alone" in done.stdout + done.stderr


def test_nothing_found_says_where(ask: Tidegate, url: str, tmp_path: Path) -> None:
    done = ask("spans", "--service", "other", url)
    assert (done.stdout, done.stderr.startswith(f"No spans at {url} match; ")) == ("", True)
    assert f"`tidegate services {url}`" in done.stderr
    with scripted(head("application/x-ndjson")) as server:
        assert ask("logs", server.url).stderr.startswith(f"No log records at {server.url} yet; they come with")


def test_a_reader_that_stops_early_ends_the_command_in_silence(url: str, environ: dict[str, str]) -> None:
    line = json.dumps({"time_unix_nano": 1, "observed_time_unix_nano": 1, "resource": {}, "scope": {}}).encode() + b"\n"
    with (
        scripted(lambda: [head("application/x-ndjson"), *[line * 1000] * 100]) as server,
        subprocess.Popen(
            [TIDEGATE, "logs", "--json", server.url], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# --- following


@contextmanager
def following(environ: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A running ``tidegate tail --follow``, killed after a minute at the latest."""
    command = [str(TIDEGATE), "tail", "--follow", *arguments]
    environ = {**environ, "OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        limit = threading.Timer(60, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


@pytest.fixture
def shop(environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The URL of the test's own store, into which `record` records."""
    environ = {**quiet_environ(tmp_path), **environ, "OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN}
    with live_server([SCRIPTS / "tidegate", "serve", "--port", "PORT"], tmp_path, environ) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_what_is_written_later_follows(record: Callable[..., None], shop: str, environ: dict[str, str]) -> None:
    record(orders=1)
    with following(environ, "--json", "--level", "info", shop) as process:
        assert process.stdout
        found = [json.loads(process.stdout.readline())["body"]]
        record(orders=3)
        found += [json.loads(process.stdout.readline())["body"] for _ in range(3)]
    assert found == ["order 0 received", "order 0 received", "order 1 received", "order 2 received"]


def test_ctrl_c_ends_it_without_a_word(record: Callable[..., None], shop: str, environ: dict[str, str]) -> None:
    record(orders=1)
    with following(environ, shop) as process:
        assert process.stdout
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")


def test_it_ends_when_its_reader_has_gone(record: Callable[..., None], shop: str, environ: dict[str, str]) -> None:
    record(orders=1)
    with following(environ, shop) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, "")


def test_what_was_passed_by_is_told_on_standard_error(environ: dict[str, str]) -> None:
    dropped = b'event: dropped\ndata: {"dropped": 7, "total": 7}\n\n'
    replies = [head("text/event-stream") + dropped, head("application/x-ndjson"), head("text/html", "401 No")]
    with scripted(*replies) as server, following(environ, server.url) as process:
        _, errors = process.communicate()
    assert errors.splitlines()[:2] == [
        "7 records were passed by: more had come than may wait for one client.",
        f"{server.url} cannot be read: the stream has ended. Connecting again.",
    ]


# --- health


def test_a_healthy_server_is_status_0(ask: Tidegate, url: str) -> None:
    assert ask("health", url).stdout.splitlines()[0] == "healthy"


def test_health_in_json_is_the_report(ask: Tidegate, url: str) -> None:
    assert json.loads(ask("health", url, "--json").stdout)["status"] == "healthy"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [("healthy", 200, 0), ("degraded", 200, 0), ("unhealthy", 503, 1), ("unknown", 503, 1)],
)
def test_the_exit_status_says_whether_it_is_fit_for_work(ask: Tidegate, status: str, code: int, expected: int) -> None:
    report = {"status": status, "components": {"store": {"status": status, "detail": "so\x1b[31m"}}}
    with scripted(head("application/json", f"{code} .") + json.dumps(report).encode() + b"\n") as server:
        done = ask("health", server.url, check=False)
    assert (done.returncode, done.stdout) == (expected, f"{status}\n  store: {status}  so\\x1b[31m\n")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (head("text/html") + b"<h1>", "is not a served store"),
        (head("text/html", "503 Busy"), "cannot answer now (503)"),
        (head("application/json") + b"[]\n", "sent what is not a record"),
        (head("application/json") + b'{"status": "healthy", "components": {"a": 1}}\n', "sent what is not a record"),
        (head("application/problem+json", "401 No") + b'{"detail": "no."}', "refuses (401)"),
    ],
)
def test_a_server_that_does_not_say_how_it_is_counts_as_ill(ask: Tidegate, reply: bytes, message: str) -> None:
    with scripted(reply) as server:
        done = ask("health", server.url, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_server_that_is_not_there_counts_as_ill(ask: Tidegate) -> None:
    assert ask("health", "http://127.0.0.1:1", check=False).returncode == 1


# --- what comes from strangers

EVIL = "\x1b]0;owned\x07\x1b[31m\u202eevil\x9b2J\r"
WILD: dict[str, Any] = {
    "name": EVIL,
    "attributes": {EVIL: [EVIL, {EVIL: EVIL}], "service.name": EVIL},
    "schema_url": EVIL,
}
SPAN: dict[str, Any] = {
    **dict.fromkeys(("trace_id", "span_id", "parent_span_id", "name", "kind", "trace_state", "cursor"), EVIL),
    "start_time_unix_nano": (1 << 64) - 1,
    "end_time_unix_nano": -(1 << 63),
    "status": {"code": "ERROR", "message": EVIL},
    "events": [{"name": EVIL, "time_unix_nano": 1, "attributes": {"exception.type": EVIL}}],
    "attributes": WILD["attributes"],
    "resource": WILD,
    "scope": WILD,
}
LOG: dict[str, Any] = {
    **dict.fromkeys(("severity_text", "body", "event_name", "trace_id", "span_id", "template", "cursor"), EVIL),
    "time_unix_nano": (1 << 64) - 1,
    "observed_time_unix_nano": -(1 << 63),
    "severity_number": 17,
    "attributes": {"exception.stacktrace": EVIL, **WILD["attributes"]},
    "resource": WILD,
    "scope": WILD,
}
POINT: dict[str, Any] = {
    **dict.fromkeys(("name", "type", "unit", "description", "aggregation_temporality", "cursor"), EVIL),
    "time_unix_nano": 1,
    "start_time_unix_nano": 1,
    "as_double": -1e308,
    "attributes": WILD["attributes"],
    "resource": WILD,
    "scope": WILD,
}
SERVICE = {"name": EVIL, "spans": -(1 << 63), "last_time_unix_nano": (1 << 64) - 1}
TRACE = {"trace_id": EVIL, "spans": [SPAN], "logs": [LOG], "cursor": EVIL}


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["people", "json"])
@pytest.mark.parametrize(
    ("arguments", "record", "content_type"),
    [
        (["logs"], LOG, "application/x-ndjson"),
        (["tail"], LOG, "application/x-ndjson"),
        (["spans"], SPAN, "application/x-ndjson"),
        (["traces"], TRACE, "application/x-ndjson"),
        (["trace", "abcd"], TRACE, "application/json"),
        (["services"], SERVICE, "application/x-ndjson"),
        (["metrics"], POINT, "application/x-ndjson"),
    ],
    ids=["logs", "tail", "spans", "traces", "trace", "services", "metrics"],
)
def test_what_a_server_sends_does_no_harm_to_a_terminal(
    ask: Tidegate, arguments: list[str], record: dict[str, Any], content_type: str, flags: list[str]
) -> None:
    with scripted(head(content_type) + json.dumps(record).encode() + b"\n") as server:
        done = ask(*arguments, *flags, server.url)
    assert "evil" in done.stdout
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(done.stdout + done.stderr)


ODD = {"count": 3, "scale": 0, "positive": {"offset": 0, "bucket_counts": [3]}}


@pytest.mark.parametrize(
    "odd",
    [
        {"count": "many"},
        {"sum": []},
        {"bucket_counts": [1, "two"]},
        {"explicit_bounds": 7},
        {"negative": [1]},
        {"positive": {"offset": 1 << 40}},
        {"positive": {"bucket_counts": {}}},
        {"scale": -5000},
        {"scale": None},
    ],
    ids=str,
)
def test_figures_that_are_none_are_told(ask: Tidegate, odd: dict[str, Any]) -> None:
    with scripted(head("application/x-ndjson") + json.dumps({**POINT, **ODD, **odd}).encode() + b"\n") as server:
        done = ask("metrics", server.url, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "sent what is not a record: " in done.stderr


@pytest.mark.parametrize(
    "extreme",
    [
        {"scale": 64, "positive": {"offset": 1 << 31, "bucket_counts": [1, 2]}},
        {"scale": -64, "positive": {"offset": -(1 << 31), "bucket_counts": [1, 2]}},
        {"count": (1 << 64) - 1, "sum": 1e308, "bucket_counts": [(1 << 64) - 1]},
        {"count": -1, "bucket_counts": [-1, 1], "explicit_bounds": [1, 0, None]},
    ],
)
def test_extreme_figures_are_shown(ask: Tidegate, extreme: dict[str, Any]) -> None:
    with scripted(head("application/x-ndjson") + json.dumps({**POINT, **ODD, **extreme}).encode() + b"\n") as server:
        assert "evil" in ask("metrics", server.url).stdout


def test_what_a_server_says_of_its_refusal_does_no_harm_to_a_terminal(ask: Tidegate) -> None:
    reply = head("application/problem+json", "400 Bad Request") + json.dumps({"detail": EVIL}).encode()
    with scripted(reply) as server:
        done = ask("logs", server.url, check=False)
    assert "evil" in done.stderr
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(done.stderr)


# --- what it costs, and what it leaves alone

IMPORTS = """
import sys
from tidegate.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
packages = ("http.client", "ssl", "requests", "urllib3", "httpx", "opentelemetry", "asyncio")
print(sorted(name for name in packages if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("store", "expected"), [("URL", "['http.client', 'ssl']"), ("DIRECTORY", "[]")], ids=["url", "directory"]
)
def test_only_a_url_takes_what_speaks_http(run: Tidegate, url: str, recorded: str, store: str, expected: str) -> None:
    place = {"URL": url, "DIRECTORY": recorded}[store]
    done = run([sys.executable, "-c", IMPORTS, "logs", "--json", place], env={"OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN})
    assert done.stderr.splitlines()[-1] == expected


RECORDS_ITSELF = """
import sys
import tidegate.store
with tidegate.store.open(sys.argv[1]) as reader:
    assert len(list(reader.logs())) == 7
"""


def test_reading_a_served_store_is_not_recorded(instrument: Tidegate, url: str, store_dir: Path) -> None:
    instrument(RECORDS_ITSELF, url, env={"OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN})
    seen = read(store_dir)
    assert (seen.spans, [log.body for log in seen.logs]) == ([], [])
