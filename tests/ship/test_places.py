"""Where a shipper leads: what cannot be had there, and what becomes of what was opened until then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from office import ROUTE, KeepingExporter
from tidegate.errors import TidegateError
from tidegate.gate.page import FORMAT, NAME
from tidegate.ship import places
from tidegate.ship.destinations import destination
from tidegate.ship.pace import Share
from tidegate.ship.places import OnDisk
from tidegate.ship.plan import Plan
from tidegate.store.sinks import FileSink


@pytest.fixture
def place(store_dir: Path) -> OnDisk:
    FileSink(str(store_dir), route=ROUTE.id).close()
    return OnDisk(Plan(ROUTE, [destination("traces-kept", "spans", KeepingExporter())]), str(store_dir), Share(1.0))


@pytest.fixture
def directory(store_dir: Path) -> Path:
    return Path(ROUTE.directory(str(store_dir)))


def open_files() -> set[str]:
    found = (f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd"))
    return {os.readlink(each) for each in found if os.path.exists(each)}


def test_a_page_of_a_newer_version_keeps_nobody_from_leading(place: OnDisk, directory: Path) -> None:
    (directory / NAME).write_bytes(b"TGCTRL" + (FORMAT + 1).to_bytes(2, "little"))
    lead = place.try_lead()
    assert lead is not None
    lead.close()


def make_useless(directory: Path) -> None:
    """Nobody can keep cursors there."""
    (directory / "cursors").write_text("a file")


def test_who_cannot_lead_keeps_nothing_open(place: OnDisk, directory: Path) -> None:
    make_useless(directory)
    with pytest.raises((OSError, TidegateError)):
        place.try_lead()
    assert [name for name in open_files() if name.startswith(str(directory)) and "election" not in name] == []


def test_who_could_not_lead_tries_again_later_and_says_why_meanwhile(
    place: OnDisk, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_useless(directory)
    with pytest.raises((OSError, TidegateError)):
        place.try_lead()
    (directory / "cursors").unlink()
    assert place.try_lead() is None
    monkeypatch.setattr(places, "AGAIN_S", 0.0)
    lead = place.try_lead()
    assert lead is not None
    lead.close()
