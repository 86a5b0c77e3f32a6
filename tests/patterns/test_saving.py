"""A miner in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import ConfigurationError
from tidegate.patterns import Miner, Pattern


def a_miner() -> Miner:
    miner = Miner(max_patterns=500, keep_status_codes=True)
    for name in ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]:
        miner.match(f"loading plugin {name} from the shared directory")
        miner.match(f"Failed to write the cache entry: {name} {name} was not there")
        miner.match_template(f"{name} took %d ms")
        miner.match_site("/app/a.py", 3, "f", f"order {name} was sent")
    for text in ("order was sent", "no such user", "cache is cold"):
        miner.match_site("/app/wrapper.py", 9, "log", text)
    return miner


def known(miner: Miner) -> list[tuple[str, str, str, int]]:
    return sorted((pattern.id, pattern.kind, pattern.template, pattern.count) for pattern in miner.patterns())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "patterns.json"
    a_miner().save(path)
    return path


def test_ids_templates_and_counts_are_the_same_after_loading(file: Path) -> None:
    assert known(Miner.load(file)) == known(a_miner())


def test_settings_are_the_same_after_loading(file: Path) -> None:
    loaded = Miner.load(file)
    assert (loaded.max_patterns, loaded.max_bytes, loaded.keep_status_codes) == (500, 16 << 20, True)


def test_what_ids_became_is_known_after_loading(tmp_path: Path) -> None:
    miner = a_miner()
    before = miner.match("loading plugin alpha from the shared directory").id
    miner.save(tmp_path / "x")
    became, known_before = Miner.load(tmp_path / "x").resolve(before), miner.resolve(before)
    assert became is not None
    assert known_before is not None
    assert became.id == known_before.id


def test_a_stretch_of_words_is_a_variable_after_loading(tmp_path: Path) -> None:
    miner = Miner()
    for text in ("refused", "no such table: users", "the server closed the connection"):
        miner.match(f"Failed to write the cache entry: {text}")
    miner.save(tmp_path / "x")
    loaded = Miner.load(tmp_path / "x")
    assert loaded.match("Failed to write the cache entry: quite another reason this time").count == 4


def test_loading_merges_nothing(tmp_path: Path) -> None:
    miner = Miner()
    for _ in range(40):
        for word in ("on", "off"):
            miner.match(f"power of rack 5 turned {word}")
    miner.save(tmp_path / "x")
    assert len(Miner.load(tmp_path / "x").patterns()) == 2


def every_way(miner: Miner) -> list[Pattern]:
    return [
        miner.match("loading plugin alpha from the shared directory"),
        miner.match("loading plugin omega from the shared directory"),
        miner.match("Failed to write the cache entry: quite another reason than before"),
        miner.match_template("alpha took %d ms"),
        miner.match_site("/app/a.py", 3, "f", "order omega was sent"),
        miner.match_site("/app/wrapper.py", 9, "log", "cache is cold"),
    ]


def test_messages_after_loading_are_matched_as_before(file: Path) -> None:
    assert [(p.id, p.count) for p in every_way(Miner.load(file))] == [(p.id, p.count) for p in every_way(a_miner())]


def test_saving_what_was_loaded_gives_the_same_file(file: Path, tmp_path: Path) -> None:
    Miner.load(file).save(tmp_path / "again")
    assert json.loads((tmp_path / "again").read_text())["patterns"] == json.loads(file.read_text())["patterns"]


def test_counts_of_what_went_are_saved(tmp_path: Path) -> None:
    miner = Miner(max_patterns=3)
    for letter in "abcdefgh":
        miner.match(f"{letter * 3} {letter * 4}")
    miner.save(tmp_path / "x")
    loaded = Miner.load(tmp_path / "x")
    assert sum(pattern.count for pattern in loaded.patterns()) == 8
    assert loaded.evicted == miner.evicted


def test_a_save_that_fails_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_text()
    miner = a_miner()
    miner.max_patterns = object()  # type: ignore[assignment]  # what JSON cannot carry
    with pytest.raises(TypeError):
        miner.save(file)
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def changed(**changes: Any) -> str:
    from tidegate.patterns import saving

    return json.dumps({**saving.dump(a_miner()), **changes})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no JSON"),
        ("{", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", 'its "format" is not "tidegate-patterns"'),
        ('{"format": "other"}', 'its "format"'),
        (changed(version=99), "version 99, and this Tidegate reads version 1"),
        (changed(patterns=None), "TypeError"),
        (changed(patterns=[[1, 2]]), "ValueError"),
        (changed(patterns=[["a", "nothing", 1, "b"]]), "no pattern"),
        (changed(patterns=[["a", "mined", "many", "b"]]), "ValueError"),
        (changed(became={"a": "b"}), "KeyError"),
        (changed(templates={"a": "b"}), "KeyError"),
        (changed(max_patterns=-1), "max_patterns is -1"),
        (changed(other="x"), "ValueError"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        Miner.load(path)
    assert why in str(error.value)
    assert str(path) in str(error.value)
    assert "delete it to begin anew" in str(error.value)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Miner.load(tmp_path / "nothing")


def test_a_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError):
        Miner.load(tmp_path / "x")
