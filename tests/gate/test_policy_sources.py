"""Policies come from files, however these are replaced, and from sources that other packages bring."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.lines import MAX_BYTES
from tidegate.gate.policies.sources import FileSource, PluginSource, Unavailable, source
from tidegate.gate.policy import Policy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text("first")
    return path


def looks(one: FileSource, times: int = 4) -> list[bytes]:
    """What so many looks find."""
    return [found for found in (one.fetch() for _ in range(times)) if found is not None]


@pytest.fixture
def read(path: Path) -> FileSource:
    """A file that has been read, and looked at until nothing more came."""
    one = FileSource(str(path))
    assert looks(one)
    return one


def test_a_file_is_read_at_the_first_look(path: Path) -> None:
    assert FileSource(str(path)).fetch() == b"first"


def test_a_file_that_does_not_change_is_not_read_again(read: FileSource) -> None:
    assert looks(read) == []


def test_a_file_that_is_written_over_is_read_again(read: FileSource, path: Path) -> None:
    path.write_text("other")
    assert looks(read) == [b"other"]


def test_a_file_that_is_still_being_written_is_left_alone_for_a_while(read: FileSource, path: Path) -> None:
    path.write_text("oth")
    assert read.fetch() is None
    path.write_text("other, whole")
    assert looks(read) == [b"other, whole"]


def test_a_file_that_is_written_all_the_time_is_read_all_the_same(read: FileSource, path: Path) -> None:
    found = []
    for number in range(12):
        path.write_text("x" * number)
        found += looks(read, 1)
    assert len(found) >= 2


def test_a_file_that_an_editor_renames_into_its_place_is_read_again(read: FileSource, path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text("other")
    os.utime(new, ns=(os.stat(path).st_mtime_ns,) * 2)  # of the same age and size, but another file
    new.replace(path)
    assert looks(read) == [b"other"]


def test_a_swapped_link_is_followed(tmp_path: Path) -> None:
    """A ConfigMap of Kubernetes: policy.yaml → ..data/policy.yaml, and ..data is a link that is replaced."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "policy.yaml").write_text(version)
    data, link = tmp_path / "..data", tmp_path / "policy.yaml"
    data.symlink_to("1")
    link.symlink_to("..data/policy.yaml")
    one = FileSource(str(link))
    assert looks(one)[0] == b"1"
    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").replace(data)
    assert looks(one) == [b"2"]


def test_a_file_may_be_away_for_a_moment(read: FileSource, path: Path) -> None:
    path.unlink()
    with pytest.raises(Unavailable, match="No such file"):
        read.fetch()
    path.write_text("back")
    assert looks(read) == [b"back"]


def test_no_more_is_read_than_could_be_a_policy(path: Path) -> None:
    path.write_bytes(b"x" * (3 * MAX_BYTES))
    assert len(FileSource(str(path)).fetch() or b"") == MAX_BYTES + 1


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["directory", "pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: object) -> None:
    place = str(tmp_path / "place")
    make(place)  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match="is not a file"):
        FileSource(place).fetch()


def test_a_path_stays_where_it_is_when_the_program_moves(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    one = source("policy.yaml")
    monkeypatch.chdir("/")
    assert one.fetch() == b"first"


def test_the_home_directory_may_be_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    assert source("~/policy.yaml").fetch() == b"first"


def test_a_file_may_be_named_like_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("live:policy").write_text("first")
    assert source("live:policy").fetch() == b"first"


@pytest.mark.parametrize("location", ["", " ", "ftp://host/policy", "a\0b", "JAEGER://host", "jaeger+ftp://host"])
def test_what_is_no_location_is_refused(location: str) -> None:
    with pytest.raises(ConfigurationError, match="the policy's location "):
        source(location)


@pytest.mark.parametrize("refresh", [0, -1, float("nan"), float("inf")])
def test_what_is_no_interval_is_refused(refresh: float) -> None:
    with pytest.raises(ConfigurationError, match="the refresh interval is"):
        source("policy.yaml", refresh=refresh)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with entry points, as an installer leaves it; ``shop_policies.py`` may be written."""
    info = tmp_path / "shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    names = ("text", "policy", "nothing", "wrong", "fails", "missing")
    lines = "".join(f"{name} = shop_policies:{name}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[tidegate_policy_source]\n{lines}")
    (tmp_path / "shop_policies.py").write_text(
        "from tidegate.gate.policy import Policy\n"
        "text = lambda rest: 'logs: {budget: %s}' % rest\n"
        "policy = lambda rest: Policy(name=rest)\n"
        "nothing = lambda rest: None\n"
        "wrong = lambda rest: 5\n"
        "def fails(rest): raise OSError('no way to ' + rest)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("location", "given"),
    [("text:7", "logs: {budget: 7}"), ("policy:a:b", Policy(name="a:b")), ("nothing:", None)],
)
def test_another_package_may_bring_a_source(plugins: Path, location: str, given: object) -> None:
    one = source(location)
    assert (one.fetch(), one.location) == (given, location)


def test_a_source_that_gives_something_else_is_refused(plugins: Path) -> None:
    with pytest.raises(ConfigurationError, match="wrong: gave a int"):
        source("wrong:").fetch()


def test_a_source_that_cannot_be_loaded_is_refused(plugins: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        source("missing:")


def test_a_source_that_nobody_brings_is_refused_with_those_there_are(plugins: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"installed in the group tidegate_policy_source: .*text"):
        source("consul:shop")


def test_a_plugin_is_asked_at_uneven_times_and_may_be_away_at_the_start(plugins: Path) -> None:
    one = source("text:1", refresh=30)
    assert isinstance(one, PluginSource)
    assert (one.is_remote, one.refresh) == (True, 30)


def test_a_file_needs_neither_http_nor_opentelemetry() -> None:
    program = """
import sys
from tidegate.gate.policies.sources import source
source("policy.yaml")
print([name for name in ("http.client", "ssl", "urllib.request", "yaml", "opentelemetry") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"[]\n"
