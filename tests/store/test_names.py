"""Which files belong to a store, by their names."""

from __future__ import annotations

import pytest

from tidegate.store import names

STEM, SPAN, ID = f"{7:020d}", f"{7:020d}-{8:020d}", "00112233445566ff"
SEGMENTS = [f"{STEM}-{ID}.active", f"{SPAN}-{ID}.merged", f"{SPAN}-{ID}.error-trace.sealed"]
UNFINISHED = [
    f"{SPAN}-{ID}.info.sealed.partial",
    f"{SPAN}-{ID}.info.sealed.mended.partial",
    f"{STEM}-{ID}.active.damaged.partial",
    f"{STEM}-{ID}.lock.new",
    f"{SPAN}-{ID}.info.sealed.fresh",
    "exchange.json.partial",
    "metrics.checkpoint.partial",
    f"health-{ID}.partial",
]
BESIDE = [f"{STEM}-{ID}.lock", f"{STEM}-{ID}.active.damaged", "upkeep.lock", "deleted.json", "metrics.checkpoint"]
FOREIGN = [
    "",
    "report.partial",
    "report.fresh",
    "notes.txt",
    "shop.active",
    "backup.sealed",
    "db.lock",
    "package-lock.json",
    ".lock.new",
    f"{STEM}-{ID}.active.orig",
    f"my-{STEM}-{ID}.active",
    f"{STEM}-copy.active.partial",
    f"{STEM}-{ID}.active\n",
    "exchange.json.bak",
    "health-report.partial",
]


@pytest.mark.parametrize("name", [*SEGMENTS, *UNFINISHED, *BESIDE])
def test_a_store_knows_its_own_files(name: str) -> None:
    assert names.is_own(name)


def test_the_directory_of_routes_is_the_stores_but_makes_no_store_of_a_directory() -> None:
    assert [names.is_own("routes"), names.is_store(["routes"])] == [True, False]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_called_otherwise_is_somebody_elses(name: str) -> None:
    assert not names.is_own(name)


def test_segments_are_told_from_what_lies_beside_them() -> None:
    assert [name for name in [*SEGMENTS, *UNFINISHED, *BESIDE, *FOREIGN] if names.is_segment(name)] == SEGMENTS


def test_what_is_unfinished_is_told_from_the_rest() -> None:
    assert [name for name in [*SEGMENTS, *UNFINISHED, *BESIDE, *FOREIGN] if names.is_unfinished(name)] == UNFINISHED


def test_a_directory_with_other_files_only_is_no_store() -> None:
    assert [names.is_store(FOREIGN), names.is_store([]), names.is_store([*FOREIGN, BESIDE[0]])] == [False, False, True]
