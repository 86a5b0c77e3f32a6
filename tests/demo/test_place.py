from __future__ import annotations

import os
from pathlib import Path

import pytest

from tidegate.demo.errors import DemoError
from tidegate.demo.place import claim
from tidegate.store import default_location


def test_the_default_is_a_directory_beside_the_users_store() -> None:
    with claim(None) as path:
        assert path == f"{default_location()}-demo"


def test_a_new_directory_is_private_to_the_user(tmp_path: Path) -> None:
    with claim(str(tmp_path / "demo")) as path:
        assert os.stat(path).st_mode & 0o777 == 0o700


def test_what_a_former_demo_left_is_removed(tmp_path: Path) -> None:
    with claim(str(tmp_path)) as path:
        (Path(path) / "segment").write_text("old")
        (Path(path) / "folder").mkdir()
    with claim(str(tmp_path)):
        assert not (tmp_path / "segment").exists()
        assert not (tmp_path / "folder").exists()


def test_a_directory_of_the_user_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(DemoError, match="not the store of a former demo"), claim(str(tmp_path)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_a_store_in_use_by_another_demo_is_refused(tmp_path: Path) -> None:
    with (
        claim(str(tmp_path)) as path,
        pytest.raises(DemoError, match="another demo is using"),
        claim(path),
    ):
        pass


def test_a_link_to_elsewhere_is_removed_without_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    with claim(str(tmp_path / "demo")) as path:
        (Path(path) / "link").symlink_to(tmp_path / "letters")
    with claim(str(tmp_path / "demo")):
        assert not (tmp_path / "demo" / "link").is_symlink()
    assert (tmp_path / "letters").is_dir()


def test_a_file_in_place_of_the_directory_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="name a directory with --store"), claim(str(tmp_path / "file")):
        pass
