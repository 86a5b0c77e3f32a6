"""The wheel, built as a release builds it and installed with pip, alone, into a new environment."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.servers

LOAD_ENTRY_POINTS = """
from importlib.metadata import distribution
for point in distribution("tidegate").entry_points:
    if point.group != "pytest11":  # which only pytest asks for
        point.load()
    print(point.group, point.name)
"""


def call(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--outdir", out, root, cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment in which only the wheel, and what it requires, is installed."""
    directory = tmp_path_factory.mktemp("alone")
    venv.create(directory / "venv", with_pip=True, upgrade_deps=True)
    binaries = directory / "venv" / "bin"
    call(binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=directory)
    return binaries


@pytest.fixture(scope="module")
def contents(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_package_and_nothing_else(contents: list[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in contents} == {"tidegate"}
    assert [name for name in contents if {"tests", "examples", "benchmarks"} & set(name.split("/"))] == []


def test_the_wheel_says_that_it_is_typed_and_carries_its_licence(contents: list[str]) -> None:
    assert "tidegate/py.typed" in contents
    assert [name for name in contents if name.endswith("dist-info/licenses/LICENSE")]


def test_our_own_modules_take_at_most_5_megabytes(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert sum(item.file_size for item in archive.infolist()) <= 5_000_000


def test_it_imports_alone(alone: Path, tmp_path: Path) -> None:
    printed = call(alone / "python", "-W", "error", "-c", "import tidegate; print(tidegate.__file__)", cwd=tmp_path)
    assert printed.startswith(str(alone.parent))


def test_its_entry_points_load_alone(alone: Path, tmp_path: Path) -> None:
    assert len(call(alone / "python", "-c", LOAD_ENTRY_POINTS, cwd=tmp_path).splitlines()) >= 7


def test_its_command_shows_help_alone(alone: Path, tmp_path: Path) -> None:
    shown = call(alone / "tidegate", "--help", cwd=tmp_path)
    assert "traces" in shown


def test_it_records_alone(alone: Path, run: Run) -> None:
    program = "from opentelemetry import trace; trace.get_tracer('t').start_span('alone').end()"
    instrumented = run([alone / "opentelemetry-instrument", alone / "python", "-c", program])
    (line,) = run([alone / "tidegate", "spans", "--json"]).stdout.splitlines()
    assert instrumented.stderr == ""
    assert json.loads(line)["name"] == "alone"
