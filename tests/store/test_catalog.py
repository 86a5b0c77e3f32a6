"""What catalogs promise: each block once, with the number of its discovery, for many threads at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from making import log, put, resource
from merged import merge
from storing import Store
from tidegate.store.catalog import AnyRef, Catalog, DirectoryCatalog, MemoryCatalog, ServiceCatalog
from tidegate.store.catalog.listing import Listing, Picture
from tidegate.store.segment import BlockRef
from tidegate.store.sinks import MemorySink


def path_of(ref: AnyRef) -> Path:
    """Where an active block is."""
    assert isinstance(ref, BlockRef)
    return Path(ref.path)


def catalog_of(store: Store) -> Catalog:
    return MemoryCatalog() if store.location == "memory:" else DirectoryCatalog(store.location)


def test_blocks_are_numbered_from_one_in_order_of_discovery(store: Store) -> None:
    known = catalog_of(store)
    first, second = store.writer(), store.writer()
    for writer in (second, first, second):
        put(writer, [log()])
        known.blocks()
    assert [ref.number for ref in known.blocks()] == [1, 2, 3]
    assert [ref.index.sequence for ref in known.blocks()] == [0, 0, 1]


def test_newer_gives_what_was_discovered_after_a_number(store: Store) -> None:
    known, writer = catalog_of(store), store.writer()
    for _ in range(4):
        put(writer, [log()])
    assert [[ref.number for ref in known.newer(number)] for number in (0, 2, 4, 9)] == [[1, 2, 3, 4], [3, 4], [], []]


def test_newer_looks_again_at_every_call(store: Store) -> None:
    known, writer = catalog_of(store), store.writer()
    assert known.newer(0) == []
    put(writer, [log()])
    assert [ref.number for ref in known.newer(0)] == [1]


def test_newer_is_content_with_what_another_call_has_just_found(store: Store) -> None:
    known, writer = catalog_of(store), store.writer()
    assert known.newer(0) == []
    put(writer, [log()])
    assert known.newer(0, within=3600) == []
    assert len(known.newer(0)) == 1


def test_merged_blocks_keep_their_numbers_and_their_order(directory: Store) -> None:
    known, writers = DirectoryCatalog(directory.location), [directory.writer() for _ in range(3)]
    for _ in range(2):
        for writer in reversed(writers):
            put(writer, [log()])
            known.blocks()
    before = [(ref.key, ref.number) for ref in known.blocks()]
    merge(directory.location)
    assert [(ref.key, ref.number) for ref in known.blocks()] == before
    assert {path_of(ref).suffix for ref in known.blocks()} == {".merged"}
    assert known.newer(before[-1][1]) == []


def test_numbers_are_kept_when_a_look_misses_both_the_sources_and_the_result(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, read = DirectoryCatalog(directory.location), Listing._read
    for _ in range(3):
        put(directory.writer(), [log()])
    before = [(ref.key, ref.number) for ref in known.blocks()]
    merge(directory.location)
    looks = iter([True])

    def list_nothing_at_first(listing: Listing) -> Picture:
        return Picture() if next(looks, False) else read(listing)

    monkeypatch.setattr(Listing, "_read", list_nothing_at_first)
    assert [(ref.key, ref.number) for ref in known.blocks()] == before


def test_a_removed_segment_takes_its_blocks_along(directory: Store) -> None:
    known, writer, other = DirectoryCatalog(directory.location), directory.writer(), directory.writer()
    put(writer, [log()])
    put(other, [log()])
    gone, left = known.blocks()
    os.unlink(path_of(gone))
    assert [ref.key for ref in known.blocks()] == [left.key]
    put(other, [log()])
    assert [ref.number for ref in known.newer(left.number)] == [3]


def test_a_block_of_which_the_merged_copy_goes_first_stays(directory: Store) -> None:
    known = DirectoryCatalog(directory.location)
    for _ in range(2):
        put(directory.writer(), [log()])
    merge(directory.location, cut_off=True)
    before = [(ref.key, ref.number) for ref in known.blocks()]
    os.unlink(path_of(known.blocks()[0]))
    assert [(ref.key, ref.number) for ref in known.blocks()] == before
    assert {path_of(ref).suffix for ref in known.blocks()} == {".active"}


def test_blocks_that_leave_a_full_ring_leave_the_catalog() -> None:
    ring = MemorySink(1)  # bytes: the last block alone stays
    known = MemoryCatalog()
    for number in range(3):
        put(ring, [log()])
        assert [ref.number for ref in known.blocks()] == [number + 1]
    assert len(known.newer(0)) == 1


def test_a_ring_keeps_so_many_records() -> None:
    ring = MemorySink(1 << 20, 5)
    known = MemoryCatalog()
    for number in range(4):
        put(ring, [log(number), log(number)])
    assert [ref.index.sequence for ref in known.blocks()] == [4, 6]
    put(ring, [log()] * 9)  # one block always stays
    assert [ref.index.count for ref in known.blocks()] == [9]


def test_only_one_service_is_shown(store: Store) -> None:
    writer = store.writer()
    for service in ("shop", "pay", "shop"):
        put(writer, [log()], resource(service))
    whole = catalog_of(store)
    known = ServiceCatalog(whole, "shop")
    assert [ref.number for ref in known.blocks()] == [1, 3]
    assert [ref.number for ref in known.newer(1)] == [3]
    assert [known.frame(ref) is None for ref in whole.blocks()] == [False, True, False]


def test_threads_that_look_at_once_see_the_same(store: Store) -> None:
    known, writer = catalog_of(store), store.writer()

    def look(_: int) -> list[int]:
        seen: list[int] = []
        while len(seen) < 50:
            seen += [ref.number for ref in known.newer(seen[-1] if seen else 0)]
        return seen

    with ThreadPoolExecutor(8) as threads:
        looks = threads.map(look, range(8))
        for _ in range(50):
            put(writer, [log()])
        assert list(looks) == [list(range(1, 51))] * 8
