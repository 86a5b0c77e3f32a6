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


def test_every_option_of_a_command_says_what_it_takes(root: Path) -> None:
    rows = [line for line in (root / "docs" / "reference" / "cli.md").read_text().splitlines() if line[:3] == "| `"]
    assert "| `--order newest\\|oldest` | Which come first. Default: the newest. |" in rows
    assert [row for row in rows if "None" in row] == []


@pytest.mark.parametrize("name", ["check", "prune", "serve", "stats"])
def test_what_is_done_where_the_store_is_takes_no_url(root: Path, name: str) -> None:
    page = (root / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.partition(f"## `tidegate {name} ")[2].splitlines()[:20] if "--store" in line)
    assert "URL" not in row


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
