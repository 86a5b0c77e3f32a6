"""Configuration as a process receives it: exporters by name, declarative files, and values that are wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import venv
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from recorded import Recorded, read

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

PROGRAM = """
import logging
from opentelemetry import metrics, trace
with trace.get_tracer("test").start_as_current_span("work"):
    logging.getLogger("app").warning("working")
metrics.get_meter("test").create_counter("jobs").add(3)
"""

EXPORTERS = {f"OTEL_{signal}_EXPORTER": "tidegate" for signal in ("TRACES", "LOGS", "METRICS")}


def _each_once(seen: Recorded) -> None:
    assert seen.names == {"work": 1}
    assert [log.body for log in seen.logs_of("app")] == ["working"]
    assert seen.logs_of("app")[0].trace_id == seen.spans[0].trace_id
    assert {point.value["as_int"] for point in seen.points if point.metric.name == "jobs"} == {3}


def test_exporters_named_tidegate_record_once_under_our_own_distribution(instrument: Run, recorded: See) -> None:
    instrument(PROGRAM, env=EXPORTERS)
    _each_once(recorded())


def test_exporters_named_tidegate_record_once_beside_one_call(run: Run, program: Run, recorded: See) -> None:
    path = program("import tidegate\ntidegate.configure_observability(instrument=False)\n" + PROGRAM)
    run([sys.executable, path], env=EXPORTERS)
    _each_once(recorded())


@pytest.mark.servers
def test_exporters_named_tidegate_record_under_the_stock_distribution(
    tmp_path: Path, program: Callable[[str], Path], environ: dict[str, str], root: Path
) -> None:
    """The stock distribution is installed in an environment of its own, on top of what this one has."""
    stock = tmp_path / "stock"
    venv.create(stock, with_pip=False)
    [packages] = stock.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    # paths that editable installations add are not inherited; the ones that are in force are
    (packages / "inherited.pth").write_text("\n".join([*ours, str(root / "src")]))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wanted = f"opentelemetry-distro=={version('opentelemetry-instrumentation')}"
    subprocess.run([*install, "--target", packages, wanted], check=True, timeout=120)
    launcher = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
    python = stock / "bin" / "python"
    subprocess.run(
        [python, "-c", launcher, python, program(PROGRAM)],
        env={**environ, **EXPORTERS, "OTEL_PYTHON_DISTRO": "distro", "OTEL_PYTHON_CONFIGURATOR": "configurator",
             "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "", "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "true"},
        check=True,
        timeout=60,
    )  # fmt: skip
    _each_once(read(Path(environ["OTEL_PYTHON_TIDEGATE_STORE"])))


def test_a_declarative_file_configures_the_sdk_and_our_settings(instrument: Run, tmp_path: Path) -> None:
    (tmp_path / "otel.yaml").write_text(
        textwrap.dedent(f"""
            file_format: "1.0"
            resource:
              attributes:
                - {{name: service.name, value: from-the-file}}
            tracer_provider:
              processors: [{{simple: {{exporter: {{console: {{}}}}}}}}]
              sampler: {{always_off: }}
            distribution:
              tidegate: {{store: {tmp_path / "elsewhere"}}}
        """)
    )
    done = instrument(PROGRAM, env={"OTEL_CONFIG_FILE": "otel.yaml", "OTEL_PYTHON_TIDEGATE_STORE": None})
    assert done.stdout == ""  # the file's sampler governs what its exporter gets
    seen = read(tmp_path / "elsewhere")
    _each_once(seen)
    assert {span.service for span in seen.spans} == {"from-the-file"}
    assert {log.service for log in seen.logs} == {"from-the-file"}


def test_a_sdk_that_is_disabled_records_and_creates_nothing(instrument: Run, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.name != "program.py"}
    done = instrument(PROGRAM + "print('done')", env={"OTEL_SDK_DISABLED": "true"})
    assert (done.stdout, done.stderr) == ("done\n", "working\n")
    assert {path for path in tmp_path.rglob("*") if path.name != "program.py"} == before


def test_a_sdk_that_is_disabled_installs_no_hooks(instrument: Run) -> None:
    source = """
        import logging, os, signal, threading
        print(os._exit.__class__.__name__, signal.getsignal.__module__, len(threading.enumerate()))
        print(logging.Logger.callHandlers.__module__, hasattr(logging.Logger.callHandlers, "__wrapped__"))
    """
    done = instrument(source, env={"OTEL_SDK_DISABLED": "true"})
    assert done.stdout == "builtin_function_or_method signal 1\nlogging False\n"


WRONG = {
    "an unknown sampler": (
        {"OTEL_TRACES_SAMPLER": "sometimes"},
        ["OTEL_TRACES_SAMPLER", "'sometimes'", "traceidratio"],
    ),
    "a ratio that is none": (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"},
        ["OTEL_TRACES_SAMPLER_ARG", "'half'", "traceidratio"],
    ),
    "a ratio beyond one": (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
        ["OTEL_TRACES_SAMPLER_ARG", "'2'", "traceidratio"],
    ),
    "a number out of range": (
        {"OTEL_PYTHON_TIDEGATE_COMMIT_INTERVAL": "99"},
        ["OTEL_PYTHON_TIDEGATE_COMMIT_INTERVAL", "'99'", "from 0.02 to 10"],
    ),
    "a word that is no choice": (
        {"OTEL_PYTHON_TIDEGATE_RECORD": "some"},
        ["OTEL_PYTHON_TIDEGATE_RECORD", "'some'", "all, sampled"],
    ),
    "a setting that does not exist": (
        {"OTEL_PYTHON_TIDEGATE_STOER": "x"},
        ["OTEL_PYTHON_TIDEGATE_STOER", "store"],
    ),
    "an exporter that is not installed": (
        {"OTEL_TRACES_EXPORTER": "carrier-pigeon"},
        ["OTEL_TRACES_EXPORTER", "'carrier-pigeon'", "It is not installed: correct the name"],
    ),
    "a protocol that there is not": (
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpcc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        ["OTEL_EXPORTER_OTLP_PROTOCOL", "'grpcc'", "It must be http/protobuf or grpc"],
    ),
    "an endpoint that is no URL": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "'localhost:4318'", "an http:// or https:// URL"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_one_line_that_says_what_is_wrong_and_the_application_runs(instrument: Run, what: str) -> None:
    environ, words = WRONG[what]
    done = instrument("print('done')", env=environ)
    assert done.stdout == "done\n"
    [line] = done.stderr.splitlines()
    for word in words:
        assert word in line


def test_what_cannot_be_sent_is_recorded_all_the_same(instrument: Run, recorded: See) -> None:
    instrument(PROGRAM, env={"OTEL_TRACES_EXPORTER": "carrier-pigeon"})
    _each_once(recorded())


def test_with_a_wrong_value_the_instrumentations_do_no_harm_either(instrument: Run) -> None:
    done = instrument(
        "import logging; logging.warning('as ever')",
        env={"OTEL_TRACES_SAMPLER": "sometimes", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": None},
    )
    first, second = done.stderr.splitlines()
    assert "sometimes" in first
    assert second == "WARNING:root:as ever"


def test_a_wrong_argument_of_the_one_call_is_an_exception_at_the_call(run: Run, program: Run) -> None:
    path = program("""
        import tidegate
        try:
            tidegate.configure_observability(record="some")
        except tidegate.ConfigurationError as error:
            print(error)
    """)
    done = run([sys.executable, path])
    assert "argument record is 'some'; it must be one of all, sampled" in done.stdout
    assert done.stderr == ""


def test_flags_of_the_launcher_set_our_settings(instrument: Run, tmp_path: Path) -> None:
    flags = ["--tidegate_store", str(tmp_path / "by flag"), "--service_name", "shop"]
    instrument(PROGRAM, flags=flags, env={"OTEL_PYTHON_TIDEGATE_STORE": None})
    assert {span.service for span in read(tmp_path / "by flag").spans} == {"shop"}


def test_one_call_after_zero_code_records_all_once_and_gives_the_same_handle(instrument: Run, recorded: See) -> None:
    instrument(
        "import tidegate\nassert tidegate.configure_observability() is tidegate.configure_observability()\n" + PROGRAM
    )
    _each_once(recorded())


SECOND_CALL = """
import logging, tidegate
handle = tidegate.configure_observability(redact_keys=["iban"], redact_patterns=["AB[0-9]{2}"], headers={"x-key": "s7"})
logging.getLogger("app").error("AB12 was paid", extra={"iban": "DE89", "other": "stays"})
print(handle.settings.redact_keys)
"""


def test_what_a_call_after_zero_code_wants_to_be_hidden_is_hidden(instrument: Run, recorded: See) -> None:
    done = instrument(SECOND_CALL, env={"OTEL_PYTHON_TIDEGATE_REDACT_KEYS": "pet"})
    [log] = recorded().logs_of("app")
    assert (log.body, log.attributes["iban"], log.attributes["other"]) == ("[redacted] was paid", "[redacted]", "stays")
    assert done.stdout == "('pet', 'iban')\n"


def test_what_a_call_after_zero_code_cannot_change_is_said_without_secrets(instrument: Run) -> None:
    done = instrument(SECOND_CALL)
    ignored = [line for line in done.stderr.splitlines() if "is ignored" in line]
    assert ignored == ["headers=a hidden value is ignored: observability was configured before, by default."]


@pytest.mark.parametrize("launcher", [["opentelemetry-instrument"], []], ids=["zero code first", "one call first"])
def test_instrumentations_are_loaded_once_and_an_application_is_instrumented_once(
    run: Run, program: Run, launcher: list[str]
) -> None:
    path = program("""
        import fastapi
        import tidegate
        tidegate.configure_observability()
        app = fastapi.FastAPI()
        tidegate.configure_observability(app=app)
        tidegate.configure_observability(app=app)
    """)
    done = run([*launcher, sys.executable, path], env={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": None})
    assert (done.stdout, done.stderr) == ("", "")


def test_the_environment_of_child_programs_stays_what_the_user_set(instrument: Run) -> None:
    """Except for what chooses the stable names and our configurator, which children are to have as well."""
    done = instrument("import os\nprint(sorted(name for name in os.environ if name.startswith('OTEL_')))")
    given = {"OTEL_PYTHON_TIDEGATE_STORE", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"}
    ours = {"OTEL_PYTHON_CONFIGURATOR", "OTEL_SEMCONV_STABILITY_OPT_IN"}
    assert set(eval(done.stdout)) == given | ours
    assert not any(name.startswith("OTEL_") for name in os.environ)
