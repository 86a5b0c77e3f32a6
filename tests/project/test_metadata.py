"""What pyproject.toml promises to those who install Tidegate."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import entry_points, metadata, requires, version
from pathlib import Path
from typing import Any

import pytest
import tomli

import tidegate


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return table


@pytest.fixture(scope="module")
def required() -> list[str]:
    return [line for line in requires("tidegate") or [] if "extra ==" not in line]


def test_the_version_stands_in_one_place(root: Path) -> None:
    assert tidegate.__version__ == version("tidegate")
    known = re.escape(tidegate.__version__)
    listing = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True)
    tracked = listing.stdout.split()
    holders = [
        path for path in tracked if path.endswith((".py", ".toml")) and re.search(known, (root / path).read_text())
    ]
    assert holders == ["src/tidegate/_version.py"]


def test_required_dependencies_have_ranges_and_no_pins(required: list[str]) -> None:
    names = [line for line in required if ">=" not in line.partition(";")[0] or "==" in line.partition(";")[0]]
    assert names == []


@pytest.mark.parametrize(
    "heavy", ["opentelemetry-distro", "grpc", "pydantic", "fastapi", "flask", "django", "zstandard"]
)
def test_required_dependencies_stay_light(required: list[str], heavy: str) -> None:
    assert [line for line in required if heavy in line.lower()] == []


def test_extras_and_their_requirements_have_no_pins(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    assert [line for lines in extras.values() for line in lines if "==" in line or ">=" not in line] == []


def test_development_tools_are_dependency_groups_and_no_extras(pyproject: dict[str, Any]) -> None:
    assert {"test", "lint", "docs"} <= pyproject["dependency-groups"].keys()
    assert not {"test", "lint", "docs", "dev"} & pyproject["project"]["optional-dependencies"].keys()


def test_the_licence_is_apache_2(root: Path) -> None:
    assert metadata("tidegate")["License-Expression"] == "Apache-2.0"
    text = (root / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize(
    "classifier",
    [
        "Framework :: OpenTelemetry",
        "Framework :: OpenTelemetry :: Distros",
        "Typing :: Typed",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)),
    ],
)
def test_classifiers_say(classifier: str) -> None:
    assert classifier in metadata("tidegate").get_all("Classifier", [])


@pytest.mark.parametrize(
    "group",
    [
        "opentelemetry_distro",
        "opentelemetry_configurator",
        "opentelemetry_traces_exporter",
        "opentelemetry_logs_exporter",
        "opentelemetry_metrics_exporter",
        "opentelemetry_environment_variables",
        "console_scripts",
    ],
)
def test_entry_point_loads(group: str) -> None:
    (entry_point,) = [point for point in entry_points(group=group) if point.dist and point.dist.name == "tidegate"]
    assert entry_point.name == "tidegate"
    assert entry_point.load()


def test_noxfile_and_classifiers_name_the_same_pythons(root: Path) -> None:
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(metadata("tidegate").get_all("Classifier", [])))
    line = re.search(r"PYTHONS = \[(.*)\]", (root / "noxfile.py").read_text())
    assert line
    assert re.findall(r"3\.\d+", line[1]) == classified
