"""The rules of CONTRIBUTING.md that a linter does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "tidegate"
MODULES = sorted(SOURCE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Dotted names that the module imports, ``from a import b`` as ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_is_longer_than_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


def test_the_median_module_is_at_most_200_lines() -> None:
    assert median(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES) <= 200


def test_only_settings_reads_the_environment() -> None:
    readers = [relative(path) for path in MODULES if reads_environment(path)]
    assert readers == ["settings.py"]


def reads_environment(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    named = {f"{node.value.id}.{node.attr}" for node in attributes if isinstance(node.value, ast.Name)}
    return not {"os.environ", "os.getenv", "os.environb"}.isdisjoint({*named, *imported(path)})


def test_only_otel_and_a_base_class_use_private_names_of_opentelemetry() -> None:
    others = [path for path in MODULES if path.parent.name != "otel"]
    private = {relative(path): set(filter(is_private, imported(path))) for path in others}
    used = {path: names for path, names in private.items() if names}
    assert used == {"distro.py": {"opentelemetry.sdk._configuration._BaseConfigurator"}}


def is_private(name: str) -> bool:
    """``_logs`` is public: OpenTelemetry names its packages of log interfaces so."""
    parts = name.split(".")
    return parts[0] == "opentelemetry" and any(part.startswith("_") and part != "_logs" for part in parts)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_but_markers_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or len(tree.body) <= 1
