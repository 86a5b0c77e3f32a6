"""What type checkers read of the public interface. They run in CI; here is only that nothing is missing."""

from __future__ import annotations

from pathlib import Path

import tidegate


def test_every_public_name_is_used_where_type_checkers_look(root: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in (root / "tests" / "typing").glob("*.py"))
    assert [name for name in tidegate.__all__ if f"tidegate.{name}" not in text] == []
