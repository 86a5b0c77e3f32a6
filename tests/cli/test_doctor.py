"""`tidegate doctor` tries things out and says what to do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tidegate.cli import probe

Checks = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def doctor(tidegate: Callable[..., Any]) -> Checks:
    """``doctor(**environment)``: its checks by name, and its exit status as ``exit``."""

    def doctor(**environment: str | None) -> dict[str, dict[str, str]]:
        done = tidegate("doctor", "--json", env=environment, check=False)
        assert done.stderr == ""
        checks = {check["name"]: check for check in map(json.loads, done.stdout.splitlines())}
        return {**checks, "exit": {"status": str(done.returncode)}}

    return doctor


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def other_distro(tmp_path: Path) -> Callable[[str], str]:
    """Install another distribution with this code; the directory for ``PYTHONPATH``, before everything else."""

    def install(code: str) -> str:
        directory = tmp_path / "site"
        info = directory / "other_distro-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-distro\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[opentelemetry_distro]\nother = other_distro:Distro\n"
            "[opentelemetry_configurator]\nother = other_distro:Configurator\n"
        )
        (directory / "other_distro.py").write_text(code)
        return str(directory)

    return install


CODE = "class Distro: pass\nclass Configurator: pass\n"


def test_nothing_is_wrong_here(doctor: Checks) -> None:
    checks = doctor()
    assert {name for name, check in checks.items() if check["status"] == "fail"} == set()
    assert checks["exit"]["status"] == "0"


def test_another_distribution_that_wins_is_a_failure(doctor: Checks, other_distro: Callable[[str], str]) -> None:
    checks = doctor(PYTHONPATH=other_distro(CODE))
    assert (checks["distro"]["status"], checks["distro"]["advice"]) == ("fail", "export OTEL_PYTHON_DISTRO=tidegate")
    assert "nothing is recorded by tidegate" in checks["distro"]["detail"]
    assert checks["configurator"]["status"] == "fail"
    assert checks["configurator"]["advice"] == "export OTEL_PYTHON_CONFIGURATOR=tidegate"
    assert checks["exit"]["status"] == "1"


def test_another_distribution_that_the_user_named_is_a_warning(
    doctor: Checks, other_distro: Callable[[str], str]
) -> None:
    checks = doctor(PYTHONPATH=other_distro(CODE), OTEL_PYTHON_DISTRO="other")
    assert (checks["distro"]["status"], checks["configurator"]["status"]) == ("warn", "warn")
    assert checks["exit"]["status"] == "0"


def test_another_distribution_beside_our_configurator_that_is_named_is_a_warning(
    doctor: Checks, other_distro: Callable[[str], str]
) -> None:
    checks = doctor(PYTHONPATH=other_distro(CODE), OTEL_PYTHON_CONFIGURATOR="tidegate")
    assert (checks["distro"]["status"], checks["configurator"]["status"]) == ("warn", "ok")
    assert "nothing is recorded" not in checks["distro"]["detail"]


def test_the_distribution_that_is_named_wins(doctor: Checks, other_distro: Callable[[str], str]) -> None:
    checks = doctor(PYTHONPATH=other_distro(CODE), OTEL_PYTHON_DISTRO="tidegate")
    assert checks["distro"]["detail"] == "tidegate (of other, tidegate)"
    assert checks["configurator"]["status"] == "ok"


def test_a_configurator_that_is_named_wins_over_our_distribution(
    doctor: Checks, other_distro: Callable[[str], str]
) -> None:
    variables = {"OTEL_PYTHON_DISTRO": "tidegate", "OTEL_PYTHON_CONFIGURATOR": "other"}
    checks = doctor(PYTHONPATH=other_distro(CODE), **variables)
    assert checks["configurator"]["status"] == "warn"


def test_a_distribution_that_cannot_be_loaded_is_a_failure(doctor: Checks, other_distro: Callable[[str], str]) -> None:
    checks = doctor(PYTHONPATH=other_distro("raise RuntimeError('broken')"))
    assert checks["distro"]["status"] == "fail"
    assert "RuntimeError('broken')" in checks["distro"]["detail"]
    assert checks["exit"]["status"] == "1"


def test_a_distribution_that_is_not_installed_is_a_failure(doctor: Checks) -> None:
    checks = doctor(OTEL_PYTHON_DISTRO="nobody")
    assert checks["distro"]["detail"] == "OTEL_PYTHON_DISTRO is 'nobody', installed: tidegate"
    assert checks["exit"]["status"] == "1"


def test_a_wrong_setting_is_a_failure(doctor: Checks) -> None:
    checks = doctor(OTEL_PYTHON_TIDEGATE_QUEUE_SIZE="many")
    assert checks["settings"]["status"] == "fail"
    assert "it must be a whole number" in checks["settings"]["detail"]
    assert checks["exit"]["status"] == "1"


def test_a_disabled_sdk_is_a_warning(doctor: Checks) -> None:
    assert doctor(OTEL_SDK_DISABLED="true")["settings"]["status"] == "warn"


def test_a_store_that_cannot_be_written_is_a_failure(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checks = doctor(OTEL_PYTHON_TIDEGATE_STORE=str(tmp_path / "file" / "store"))
    assert checks["store"]["status"] == "fail"
    assert "in memory" in checks["store"]["detail"]
    assert checks["exit"]["status"] == "1"


def test_a_store_that_is_a_file_is_said_to_be_no_directory(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checks = doctor(OTEL_PYTHON_TIDEGATE_STORE=str(tmp_path / "file"))
    assert checks["store"]["detail"] == (
        f"{tmp_path}/file cannot be written: it is not a directory; programs would record in memory, each for itself"
    )
    assert checks["exit"]["status"] == "1"


def test_a_store_that_is_off_is_a_warning(doctor: Checks) -> None:
    assert doctor(OTEL_PYTHON_TIDEGATE_STORE="off")["store"]["status"] == "warn"


def test_a_store_in_memory_is_fine(doctor: Checks) -> None:
    assert doctor(OTEL_PYTHON_TIDEGATE_STORE="memory:")["store"]["status"] == "ok"


def test_a_default_store_that_had_to_be_temporary_is_a_warning(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    checks = doctor(
        OTEL_PYTHON_TIDEGATE_STORE=None,
        XDG_STATE_HOME=None,
        HOME=str(tmp_path / "home"),
        TMPDIR=str(tmp_path),
    )
    assert checks["store"]["status"] == "warn"
    assert "fallback" in checks["store"]["detail"]


def test_a_home_in_the_temporary_directory_is_no_fallback(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    checks = doctor(
        OTEL_PYTHON_TIDEGATE_STORE=None, XDG_STATE_HOME=None, HOME=str(tmp_path / "home"), TMPDIR=str(tmp_path)
    )
    assert checks["store"]["detail"] == f"{tmp_path}/home/.local/state/tidegate can be written"


def test_looking_leaves_nothing_behind(doctor: Checks, tmp_path: Path) -> None:
    doctor(OTEL_PYTHON_TIDEGATE_STORE=str(tmp_path / "new" / "store"))
    assert not (tmp_path / "new").exists()


def test_a_store_that_was_there_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "kept").touch()
    assert probe.write(str(tmp_path / "store")) == ""
    assert os.listdir(tmp_path / "store") == ["kept"]


def test_a_sampler_that_is_not_installed_is_a_failure(doctor: Checks) -> None:
    checks = doctor(OTEL_TRACES_SAMPLER="nonsense")
    assert checks["sampler"]["status"] == "fail"
    assert "OTEL_TRACES_SAMPLER is 'nonsense'; it must be one of always_off, always_on" in checks["sampler"]["detail"]
    assert checks["exit"]["status"] == "1"


def test_an_argument_that_the_sampler_does_not_take_is_a_failure(doctor: Checks) -> None:
    checks = doctor(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="7")
    assert checks["sampler"]["status"] == "fail"
    assert "OTEL_TRACES_SAMPLER_ARG is '7'" in checks["sampler"]["detail"]
    assert checks["exit"]["status"] == "1"


def test_a_sampler_that_is_installed_is_fine(doctor: Checks) -> None:
    checks = doctor(OTEL_TRACES_SAMPLER="ParentBased_TraceIdRatio", OTEL_TRACES_SAMPLER_ARG="0.1")
    assert (checks["sampler"]["status"], checks["sampler"]["detail"]) == ("ok", "parentbased_traceidratio 0.1")


def test_a_policy_that_is_good_is_fine(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"logs": {"budget": 5}}')
    checks = doctor(OTEL_PYTHON_TIDEGATE_POLICY=str(tmp_path / "policy.json"))
    assert (checks["policy"]["status"], checks["policy"]["detail"]) == ("ok", f"{tmp_path}/policy.json is good")
    assert checks["sampler"]["detail"].startswith("the policy's rules and budget")


def test_a_policy_that_is_refused_is_a_failure(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"logs": {"budgte": 5}}')
    checks = doctor(OTEL_PYTHON_TIDEGATE_POLICY=str(tmp_path / "policy.json"))
    assert checks["policy"]["status"] == "fail"
    assert f"{tmp_path}/policy.json, line 1" in checks["policy"]["detail"]


def test_a_policy_s_server_that_is_away_is_a_warning(doctor: Checks, free_port: int) -> None:
    checks = doctor(OTEL_PYTHON_TIDEGATE_POLICY=f"http://127.0.0.1:{free_port}/policy")
    assert checks["policy"]["status"] == "warn"
    assert "100% of log records are sent until it answers" in checks["policy"]["detail"]


@pytest.mark.parametrize("signal", ["TRACES", "LOGS", "METRICS"])
def test_an_exporter_that_is_not_installed_is_a_failure(doctor: Checks, signal: str) -> None:
    checks = doctor(**{f"OTEL_{signal}_EXPORTER": "console,nonsense"})
    assert checks["exporters"]["status"] == "fail"
    assert (
        f"OTEL_{signal}_EXPORTER has 'nonsense'; it must be none, otlp, or of console" in checks["exporters"]["detail"]
    )
    assert checks["exit"]["status"] == "1"


def test_exporters_that_are_installed_are_fine(doctor: Checks) -> None:
    checks = doctor(OTEL_TRACES_EXPORTER="otlp,console", OTEL_LOGS_EXPORTER="none")
    assert (checks["exporters"]["status"], checks["exporters"]["detail"]) == ("ok", "traces: otlp, console")


def test_an_exporter_that_cannot_be_loaded_is_a_failure(doctor: Checks, tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opentelemetry_logs_exporter]\nbroken = not_there_at_all:Exporter\n")
    checks = doctor(PYTHONPATH=str(tmp_path), OTEL_LOGS_EXPORTER="broken")
    assert checks["exporters"]["status"] == "fail"
    assert "not_there_at_all" in checks["exporters"]["detail"]


def test_a_protocol_that_there_is_not_is_a_failure(doctor: Checks, listener: int) -> None:
    checks = doctor(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{listener}", OTEL_EXPORTER_OTLP_LOGS_PROTOCOL="http/xml"
    )
    assert checks["exporters"]["status"] == "fail"
    assert "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL is 'http/xml'" in checks["exporters"]["detail"]


def test_grpc_is_a_failure_where_its_exporter_is_not_installed(doctor: Checks, listener: int) -> None:
    checks = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{listener}", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    installed = metadata.entry_points(group="opentelemetry_traces_exporter", name="otlp_proto_grpc")
    assert checks["exporters"]["status"] == ("ok" if installed else "fail")
    assert ("pip install 'tidegate[grpc]'" in checks["exporters"]["advice"]) is not bool(installed)


def test_the_environment_s_sampler_does_not_matter_beside_a_declarative_file(doctor: Checks, tmp_path: Path) -> None:
    (tmp_path / "otel.yaml").write_text('file_format: "1.0"\n')
    checks = doctor(OTEL_CONFIG_FILE=str(tmp_path / "otel.yaml"), OTEL_TRACES_SAMPLER="nonsense")
    assert "sampler" not in checks
    assert checks["exit"]["status"] == "0"


def test_an_endpoint_that_answers_is_fine(doctor: Checks, listener: int) -> None:
    url = f"http://127.0.0.1:{listener}"
    assert doctor(OTEL_EXPORTER_OTLP_ENDPOINT=url)["endpoint"]["detail"] == f"{url} answers"


def test_an_endpoint_that_does_not_answer_is_a_failure(doctor: Checks, free_port: int) -> None:
    checks = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://me:hunter2@127.0.0.1:{free_port}")
    assert checks["endpoint"]["status"] == "fail"
    assert f"127.0.0.1:{free_port} does not answer: Connection refused" in checks["endpoint"]["detail"]
    assert "hunter2" not in checks["endpoint"]["detail"]
    assert checks["exit"]["status"] == "1"


def test_an_endpoint_of_one_signal_is_tried_too(doctor: Checks, free_port: int) -> None:
    checks = doctor(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://127.0.0.1:{free_port}/v1/logs")
    assert checks["endpoint"]["status"] == "fail"


def test_an_endpoint_that_is_no_url_is_a_failure_although_somebody_answers(doctor: Checks, listener: int) -> None:
    settings = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"127.0.0.1:{listener}")["settings"]
    assert settings["status"] == "fail"
    assert "it must be an http:// or https:// URL" in settings["detail"]


def test_a_proxy_is_tried_in_the_endpoint_s_place(doctor: Checks, listener: int) -> None:
    checks = doctor(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.invalid:4318", http_proxy=f"http://127.0.0.1:{listener}"
    )
    assert checks["endpoint"]["status"] == "ok"


@pytest.mark.parametrize(
    ("url", "grpc", "address"),
    [
        ("http://host:4318/v1/traces", False, ("host", 4318)),
        ("http://host", False, ("host", 80)),
        ("https://host/otlp", False, ("host", 443)),
        ("http://host", True, ("host", 4317)),
        ("host:4317", True, ("host", 4317)),
        ("http://[::1]:4318", False, ("::1", 4318)),
    ],
)
def test_an_exporter_s_address(url: str, grpc: bool, address: tuple[str, int]) -> None:
    assert probe.address(url, grpc=grpc) == address


def test_people_see_a_line_a_check_and_a_verdict(tidegate: Callable[..., Any]) -> None:
    lines = tidegate("doctor", env={"OTEL_SDK_DISABLED": "true"}).stdout.splitlines()
    assert lines[0].startswith("✓ ok    python")
    assert any(line.startswith("! warn  settings") for line in lines)
    assert lines[-1].startswith("Nothing failed; 1 of ")
