"""What a check says of a store, and that a repair brings back all that can be read."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sealing
import tidegate.store
from damaging import flip, overwrite
from making import SHOP, log, put, resource, span
from store_files import places
from tidegate.errors import FormatError, StoreError, StoreNotFound
from tidegate.store import block, codec, segment
from tidegate.store.check import Finding, check, repair
from tidegate.store.metrics import checkpoint
from tidegate.store.sealed.writing import PAGE_BYTES
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep.alone import alone
from tormenting import keep

pytestmark = pytest.mark.damaging

#: The cursor of each record by its text.
Identities = dict[str, str]


def write(directory: Path, name: str, records: int = 8) -> FileSink:
    """A segment of several blocks, whose process still lives."""
    sink = FileSink(str(directory))
    for number in range(records):
        severity = (5, 9, 13, 17)[number % 4]
        body, attributes = f"{name} log {number}", {"number": number}
        put(sink, [log(body, number, severity=severity, attributes=attributes, trace=(number + 1) << 120)])
    put(sink, [span(f"{name} span", 5, trace=99 << 120, error=True)])
    put(sink, [log(f"{name} elsewhere", 6)], resource("other"))
    return sink


@pytest.fixture(params=["active", "sealed"])
def ended(request: pytest.FixtureRequest, store_dir: Path) -> Path:
    """A store of an ended process."""
    write(store_dir, "ended").close()
    if request.param == "sealed":
        sealing.seal(str(store_dir))
    return store_dir


def identities(directory: Path) -> Identities:
    with tidegate.store.open(directory) as reader:
        found = {str(each.body): each.cursor for each in reader.logs()}
        return found | {each.name: each.cursor for each in reader.spans()}


def damage(directory: Path) -> list[str]:
    return [finding.what for finding in check(str(directory)) if finding.is_damage]


def notes(directory: Path) -> list[tuple[str, str]]:
    return [(finding.severity, finding.what) for finding in check(str(directory)) if not finding.is_damage]


def file_of(directory: Path, ending: str) -> Path:
    return next(path for path in sorted(directory.iterdir()) if path.name.endswith(ending))


def repaired(directory: Path) -> list[Finding]:
    return list(repair(str(directory)))


def test_there_is_nothing_to_say_about_a_sound_store(ended: Path) -> None:
    assert list(check(str(ended))) == []


def test_there_is_nothing_to_say_about_a_process_that_is_writing(ended: Path) -> None:
    with closing(write(ended, "living")):
        assert list(check(str(ended))) == []


def test_a_repair_of_a_sound_store_changes_no_file(ended: Path) -> None:
    before = {path.name: path.read_bytes() for path in ended.iterdir()}
    assert repaired(ended) == []
    assert {path.name: path.read_bytes() for path in ended.iterdir() if path.name != "upkeep.lock"} == before


def test_a_directory_that_is_not_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound):
        list(check(str(tmp_path / "none")))


# --- damage anywhere


@pytest.fixture
def whole(ended: Path) -> Iterator[Callable[[], None]]:
    """``whole()`` puts all files back as they were."""
    content = {path: path.read_bytes() for path in ended.iterdir()}

    def whole() -> None:
        for path in set(ended.iterdir()) - content.keys():
            path.unlink()
        for path, data in content.items():
            path.write_bytes(data)

    yield whole
    whole()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(data=st.data())
def test_of_a_flipped_bit_anywhere_nothing_is_silent_and_all_else_is_repaired(
    ended: Path, whole: Callable[[], None], data: st.DataObject
) -> None:
    whole()
    sound = identities(ended)
    path = data.draw(st.sampled_from(sorted(ended.iterdir())))
    flip(path, data.draw(st.integers(0, path.stat().st_size * 8 - 1)))
    told = list(check(str(ended)))
    found = readable(ended)
    assert {name: sound[name] for name in found} == found
    assert found == sound or told
    if any(finding.is_damage for finding in told):
        repaired(ended)
        assert damage(ended) == []
        after = identities(ended)
        assert found.items() <= after.items() <= sound.items()
        # a block whose content is hit cannot be made anew
        assert len(sound) - len(after) <= 3


def readable(directory: Path) -> Identities:
    """What a reader finds, which never fails by damage, but says so where a version is said to be newer."""
    try:
        return identities(directory)
    except FormatError as error:
        assert "reads up to" in str(error)
        return {}


# --- active segments


@pytest.fixture
def active(store_dir: Path) -> Path:
    write(store_dir, "ended").close()
    return file_of(store_dir, segment.ACTIVE)


def test_a_damaged_block_is_told_with_its_place_and_what_can_be_done(active: Path) -> None:
    at = places(active.read_bytes())[2]
    overwrite(active, at + 10, 20)
    [finding] = check(str(active.parent))
    assert finding.file == active.name
    assert "cannot be read" in finding.what
    assert (finding.offset or 0) < at
    assert finding.repair


def test_the_repair_of_a_segment_keeps_all_other_records_and_sets_the_file_aside(active: Path) -> None:
    sound, before = identities(active.parent), active.read_bytes()
    overwrite(active, places(before)[2] + 10, 20)
    damaged = active.read_bytes()
    assert [finding.repaired for finding in repaired(active.parent)] == [True]
    del sound["ended log 2"]
    assert identities(active.parent) == sound
    assert active.with_name(active.name + ".damaged").read_bytes() == damaged


def test_a_segment_of_which_nothing_can_be_read_is_only_set_aside(active: Path) -> None:
    overwrite(active, 0, active.stat().st_size)
    repaired(active.parent)
    assert damage(active.parent) == []
    assert [path.suffix for path in active.parent.iterdir() if path.name != "upkeep.lock"] == [".damaged"]


def test_an_index_that_says_something_else_than_its_block_is_told_and_made_anew(active: Path) -> None:
    content = active.read_bytes()
    at = content.index(b'"severity":17')
    start = content.rindex(b'{"signal"', 0, at)
    (length,) = (int.from_bytes(content[start - 8 : start - 4], "little"),)
    payload = content[start : start + length - 4].replace(b'"severity":17', b'"severity":16')
    active.write_bytes(content[: start - 12] + block.skippable(payload) + content[start + length - 4 :])
    assert damage(active.parent) == ["the index has another severity than the block"]
    repaired(active.parent)
    assert damage(active.parent) == []
    with tidegate.store.open(active.parent) as reader:
        assert len(list(reader.logs(min_level="error"))) == 2


def test_a_block_that_was_cut_out_is_missed(active: Path) -> None:
    content = active.read_bytes()
    first, second = places(content)[1:3]
    start = content.index(block.SKIPPABLE_MAGIC.to_bytes(4, "little"), first)
    end = content.index(block.SKIPPABLE_MAGIC.to_bytes(4, "little"), second)
    active.write_bytes(content[:start] + content[end:])
    assert damage(active.parent) == ["1 records before this block are lost"]


def test_records_that_are_there_twice_are_told(active: Path) -> None:
    copy = active.with_name(f"{int(active.name[:20]) + 1:020d}{active.name[20:]}")
    copy.write_bytes(active.read_bytes())
    assert damage(active.parent) == ["1 records are there a second time"] * 10


def test_a_block_that_was_never_finished_is_a_harmless_note(active: Path) -> None:
    active.write_bytes(active.read_bytes()[:-5])
    [(severity, what)] = notes(active.parent)
    assert (severity, "never finished" in what) == ("note", True)
    assert damage(active.parent) == []


def test_what_a_living_process_has_written_is_told_and_not_repaired(store_dir: Path) -> None:
    with closing(write(store_dir, "living")):
        path = file_of(store_dir, segment.ACTIVE)
        overwrite(path, places(path.read_bytes())[2] + 10, 20)
        before = path.read_bytes()
        [finding] = repaired(store_dir)
        assert (finding.is_damage, finding.repair) == (True, "")
        assert path.read_bytes() == before


def test_a_newer_format_is_told_and_left_alone(active: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = active.with_name(f"{1:020d}-{'ab' * 8}{segment.ACTIVE}")
    with monkeypatch.context() as later:
        later.setattr(segment, "FORMAT", segment.FORMAT + 1)
        newer.write_bytes(segment.encode_header("ab" * 8, SHOP, 0, {}) + b"whatever comes then")
    before = newer.read_bytes()
    [finding] = repaired(active.parent)
    assert (finding.severity, finding.repaired) == ("newer", False)
    assert newer.read_bytes() == before


# --- sealed files


@pytest.fixture
def sealed(store_dir: Path) -> Path:
    """The sealed file with the errors of a store."""
    write(store_dir, "ended", 24).close()
    sealing.seal(str(store_dir))
    return file_of(store_dir, ".error.sealed")


def change(path: Path, statement: str, *values: bytes) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement, values)
        db.commit()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE blocks SET count = 2 WHERE id = 1", "cannot be read"),
        ("UPDATE blocks SET first = first + 1 WHERE id = 1", "another first"),
        ("UPDATE blocks SET last = last - 1 WHERE id = 1", "another last"),
        ("UPDATE blocks SET severity = 21 WHERE id = 1", "another severity"),
        ("UPDATE blocks SET errors = 0 WHERE id = 1", "another errors"),
        ("UPDATE blocks SET service = 'shap' WHERE id = 1", "of service 'shap' and is of 'shop'"),
        ("UPDATE blocks SET size = 7 WHERE id = 1", "and not 7"),
        ("UPDATE filters SET words = x'28b52ffd2400010000' WHERE block = 1", "cannot be read"),
        (
            "UPDATE filters SET pairs = (SELECT pairs FROM filters WHERE block = 2) WHERE block = 1",
            "of attributes hides",
        ),
        ("DELETE FROM filters WHERE block = 1", "cannot be read"),
        ("DELETE FROM traces WHERE bucket = 4", "would not be found"),
        ("UPDATE traces SET entries = x'0000ffff' WHERE bucket = 4", "said to hold traces"),
        ("DELETE FROM sources", "of no segment"),
        ("UPDATE sources SET next_sequence = 1", "of no segment"),
        ("UPDATE sources SET next_sequence = 'x'", "cannot be read"),
        ("UPDATE sources SET process = '{'", "whose they were"),
        ("UPDATE traces SET bucket = 3000 WHERE bucket = 4", "would not be found"),
        ("UPDATE traces SET entries = x'00'", "the traces cannot be read"),
        ("UPDATE meta SET value = 'debug' WHERE name = 'kind'", "is not its name"),
        ("DELETE FROM meta", "is damaged"),
        ("DELETE FROM frames WHERE block = 1", "cannot be read"),
        ("UPDATE frames SET data = x'28b52ffd' WHERE block = 1", "cannot be read"),
        ("DROP TABLE frames", "cannot be read"),
        ("DROP TABLE blocks", "cannot be read"),
    ],
)
def test_a_sealed_file_whose_tables_say_something_else_than_its_blocks_is_told_and_made_anew(
    sealed: Path, statement: str, said: str
) -> None:
    sound = identities(sealed.parent)
    change(sealed, statement)
    assert said in " ".join(damage(sealed.parent))
    assert any(finding.repaired for finding in repaired(sealed.parent))
    assert damage(sealed.parent) == []
    after = identities(sealed.parent)
    assert after.items() <= sound.items()
    lost = (
        6
        if statement == "DROP TABLE frames"
        else 3
        if statement.startswith(("DELETE FROM frames", "UPDATE frames"))
        else 0
    )
    assert len(sound) - len(after) == lost


def test_a_filter_of_words_may_have_more_than_the_block_and_never_less(sealed: Path) -> None:
    change(sealed, "UPDATE filters SET words = ?", codec.compress(b"ended\nlog\nelsewhere\nbody\norigins\nmore"))
    assert damage(sealed.parent) == []
    change(sealed, "UPDATE filters SET words = ? WHERE block = 2", codec.compress(b"more"))
    assert damage(sealed.parent) == ["the filter of words hides records"]


def test_a_sealed_file_whose_first_page_is_lost_is_made_anew_from_its_blocks(sealed: Path) -> None:
    sound = identities(sealed.parent)
    overwrite(sealed, 0, PAGE_BYTES)
    assert damage(sealed.parent)
    repaired(sealed.parent)
    assert (identities(sealed.parent), damage(sealed.parent)) == (sound, [])


def test_a_sealed_file_that_is_cut_short_gives_what_is_left(sealed: Path) -> None:
    sound = identities(sealed.parent)
    sealed.write_bytes(sealed.read_bytes()[:-PAGE_BYTES])
    assert damage(sealed.parent)
    repaired(sealed.parent)
    assert damage(sealed.parent) == []
    assert identities(sealed.parent).items() <= sound.items()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"x" * 10_000])
def test_a_sealed_file_of_which_nothing_is_left_is_only_set_aside(sealed: Path, content: bytes) -> None:
    sealed.write_bytes(content)
    assert damage(sealed.parent)
    repaired(sealed.parent)
    assert damage(sealed.parent) == []
    assert sealed.with_name(f"{sealed.name}.damaged").read_bytes() == content
    assert not list(sealed.parent.glob("*.error.sealed"))


def test_a_sealed_file_under_the_name_of_another_class_is_told(sealed: Path) -> None:
    sealed.rename(sealed.with_name(sealed.name.replace(".error.", ".debug.")))
    assert "is not its name" in " ".join(damage(sealed.parent))


def test_a_newer_sealed_file_is_told_and_left_alone(sealed: Path) -> None:
    change(sealed, "PRAGMA user_version = 3")
    before = sealed.read_bytes()
    findings = repaired(sealed.parent)
    assert {finding.severity for finding in findings} == {"newer", "note"}
    assert sealed.read_bytes() == before


def test_classes_that_were_removed_are_a_note(sealed: Path) -> None:
    sealed.unlink()
    [(severity, what)] = notes(sealed.parent)
    assert (severity, what.split(" ", 1)[0]) == ("note", "6")
    assert "expired" in what


def test_a_record_that_is_active_and_sealed_is_told(store_dir: Path) -> None:
    write(store_dir, "ended", 1).close()
    path = file_of(store_dir, segment.ACTIVE)
    content = path.read_bytes()
    sealing.seal(str(store_dir))
    path.write_bytes(content)
    assert damage(store_dir) == ["1 records are there a second time"] * 3


# --- beside the segments


def test_an_exchange_that_was_cut_off_is_a_note_and_its_files_count_once(store_dir: Path) -> None:
    write(store_dir, "ended").close()
    sound = identities(store_dir)
    add, remove = sealing.prepare(str(store_dir))
    (store_dir / "exchange.json").write_text(json.dumps({"format": 1, "add": add, "remove": remove}))
    assert [what for _, what in notes(store_dir)] == ["an exchange of files is not finished; the next upkeep does it"]
    assert damage(store_dir) == []
    repaired(store_dir)
    assert not (store_dir / "exchange.json").exists()
    assert (identities(store_dir), list(check(str(store_dir)))) == (sound, [])


@pytest.mark.parametrize("name", ["exchange.json", "deleted.json", "metrics.checkpoint"])
def test_a_damaged_file_beside_the_segments_is_told_and_set_aside(active: Path, name: str) -> None:
    (active.parent / name).write_bytes(b"\xff no such thing")
    assert len(damage(active.parent)) == 1
    repaired(active.parent)
    assert damage(active.parent) == []
    assert (active.parent / f"{name}.damaged").read_bytes() == b"\xff no such thing"


@pytest.mark.parametrize("name", ["deleted.json", "exchange.json"])
def test_a_newer_file_beside_the_segments_is_told(active: Path, name: str) -> None:
    (active.parent / name).write_text(json.dumps({"format": 2, "add": [], "remove": [], "marks": []}))
    assert [severity for severity, _ in notes(active.parent)] == ["newer"]


def test_a_store_with_an_exchange_of_a_newer_version_is_not_repaired(active: Path) -> None:
    overwrite(active, 300, 1)
    (active.parent / "exchange.json").write_text(json.dumps({"format": 2, "add": [], "remove": []}))
    before = {path.name: path.read_bytes() for path in active.parent.iterdir()}
    with pytest.raises(FormatError, match="Upgrade"):
        repaired(active.parent)
    del before["upkeep.lock" if "upkeep.lock" in before else active.name]
    assert all((active.parent / name).read_bytes() == content for name, content in before.items())


def test_what_crashes_leave_is_a_note(active: Path) -> None:
    for name in (f"{1:020d}-{'ab' * 8}.lock", f"{1:020d}-{'cd' * 8}.lock.new", f"{1:020d}-{'ab' * 8}.merged.partial"):
        (active.parent / name).touch()
    (active.parent / f"{1:020d}-{'ef' * 8}.active").touch()
    assert [severity for severity, _ in notes(active.parent)] == ["note"] * 4
    assert damage(active.parent) == []


def test_the_checkpoint_of_a_sound_store_is_sound(active: Path) -> None:
    checkpoint.keep(str(active.parent), list, 1e9)
    assert list(check(str(active.parent))) == []


def test_a_repair_waits_for_nobody_for_ever(active: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.store.check.walk.WAIT_S", 0)
    with alone(str(active.parent)), pytest.raises(StoreError, match="another process"):
        repaired(active.parent)


def test_files_that_go_away_meanwhile_are_passed_by(ended: Path) -> None:
    names: list[str] = []

    def remove(name: str, number: int, total: int) -> None:
        names.append(name)
        os.unlink(ended / name)

    assert [finding.severity for finding in check(str(ended), remove)] in ([], ["note"])
    assert names


def test_what_a_repair_has_set_aside_is_retained_and_expires_like_other_files(sealed: Path) -> None:
    overwrite(sealed, 0, PAGE_BYTES)
    repaired(sealed.parent)
    aside = sealed.with_name(f"{sealed.name}.damaged")
    keep(str(sealed.parent), "default=99999d, error=99999d, debug=99999d")
    assert aside.exists()
    keep(str(sealed.parent), "default=0.001s")
    assert not aside.exists()


#: Names that end as the store's do, or are nearly such.
FOREIGN = ("my.report.sealed", "b.active", "a.merged", "x.partial", "y.damaged", f"{1:020d}-notes.lock", "lost+found")


@pytest.mark.parametrize("look", [check, repair])
def test_files_that_are_not_the_store_s_are_told_and_left_alone(
    ended: Path, look: Callable[..., Iterator[Finding]]
) -> None:
    for name in FOREIGN:
        (ended / name).write_text("precious")
    found = list(look(str(ended)))
    assert {finding.file for finding in found} == set(FOREIGN)
    assert {(finding.severity, finding.what) for finding in found} == {
        ("note", "it is not the store's, and is left alone")
    }
    assert {(ended / name).read_text() for name in FOREIGN} == {"precious"}


def test_a_segment_in_a_directory_that_is_called_like_a_sealed_one_is_sound(tmp_path: Path) -> None:
    place = tmp_path / "old.sealed"
    write(place, "one").close()
    assert list(check(str(place))) == []


@pytest.mark.parametrize("look", [check, repair])
@pytest.mark.parametrize("names", [(), FOREIGN])
def test_a_directory_without_anything_of_a_store_is_none(
    tmp_path: Path, names: tuple[str, ...], look: Callable[..., Iterator[Finding]]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(StoreNotFound, match="is not a store"):
        list(look(str(tmp_path)))
    assert sorted(os.listdir(tmp_path)) == sorted(names)


@pytest.mark.parametrize("left", ["metrics.checkpoint", "upkeep.lock"])
def test_a_store_of_which_all_segments_have_expired_is_one(active: Path, left: str) -> None:
    checkpoint.keep(str(active.parent), list, 1e9)
    (active.parent / "upkeep.lock").touch()
    for path in active.parent.iterdir():
        if path.name != left:
            path.unlink()
    assert damage(active.parent) == []
