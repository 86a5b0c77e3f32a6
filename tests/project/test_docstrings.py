"""The examples in docstrings are true, and public things have one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import tidegate

SOURCE = Path(__file__).resolve().parents[2] / "src"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


WITH_EXAMPLES = [module_name(path) for path in sorted(SOURCE.rglob("*.py")) if ">>> " in path.read_text("utf-8")]


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    """By module, what failed of its examples."""
    return {}


@pytest.fixture
def found(failures: dict[str, str], run: Callable[..., CompletedProcess[str]]) -> dict[str, str]:
    """The same, asked once: one process does for all modules."""
    if not failures:
        program = Path(__file__).with_name("doctests.py")
        printed = run([sys.executable, program, *WITH_EXAMPLES]).stdout
        failures.update(map(json.loads, printed.splitlines()))
    return failures


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_are_true(found: dict[str, str], module: str) -> None:
    assert not found[module], found[module]


def is_error(item: object) -> bool:
    return isinstance(item, type) and issubclass(item, Exception)


def test_whatever_can_be_called_has_an_example() -> None:
    public = {name: getattr(tidegate, name) for name in tidegate.__all__}
    called = {name: item for name, item in public.items() if callable(item) and not is_error(item)}
    assert [name for name, item in called.items() if ">>> " not in (item.__doc__ or "")] == []
