"""What `import tidegate` offers."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import tidegate

MODULES = ["tidegate", "tidegate.store", "tidegate.testing"]


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_true(name: str) -> None:
    module = importlib.import_module(name)
    names = module.__all__
    assert list(names) == sorted(names)
    assert [item for item in names if getattr(module, item, None) is None] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    undocumented = [item for item in module.__all__ if item != "__version__" and not getattr(module, item).__doc__]
    assert undocumented == []


@pytest.mark.parametrize("name", MODULES)
def test_the_reference_page_has_every_public_name_and_no_other(root: Path, name: str) -> None:
    page = (root / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    headings = re.findall(rf"^### `{re.escape(name)}\.(\w+)[`(]", page, re.MULTILINE)
    assert headings == list(importlib.import_module(name).__all__)


def test_unknown_attributes_are_attribute_errors() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match=name):
        getattr(tidegate, name)
