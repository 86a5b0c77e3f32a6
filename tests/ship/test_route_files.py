"""Small files of a route: replaced as a whole, by who leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.ship import files
from tidegate.ship.election import Superseded


def test_who_was_stopped_while_it_wrote_leaves_alone_what_its_successor_wrote(tmp_path: Path) -> None:
    path = tmp_path / "state.json"

    def stopped() -> None:
        files.replace(str(path), b"new")
        raise Superseded

    with pytest.raises(Superseded):
        files.replace(str(path), b"of the former leader", stopped)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("state.json", b"new")]


def test_what_a_killed_leader_began_is_cleared_away(tmp_path: Path) -> None:
    def killed() -> None:
        files.clear(str(tmp_path))

    with pytest.raises(FileNotFoundError):
        files.replace(str(tmp_path / "state.json"), b"never said", killed)
    assert list(tmp_path.iterdir()) == []
