"""The pages of docs/reference/ say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tidegate.settings import OPTIONS, Option


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["settings.md", "python.md", "cli.md", "policy.schema.json"])
def test_the_page_is_what_the_code_makes(root: Path, name: str) -> None:
    make = runpy.run_path(str(root / "docs" / "make_reference.py"))["PAGES"][name]
    assert (root / "docs" / "reference" / name).read_text(encoding="utf-8") == make(), "run docs/make_reference.py"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_documented_with_a_sentence(page: str, option: Option) -> None:
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{option.name}` | `{option.env}` |")]
    assert option.help.endswith(".")
    assert option.help in row


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_default_keeps_its_own_rule(option: Option) -> None:
    assert option.kind.parse(option.default) == option.default


def test_only_standard_names_and_our_prefix_are_used() -> None:
    assert [option.env for option in OPTIONS if not option.env.startswith("OTEL_")] == []
