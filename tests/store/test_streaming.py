"""A narrow question opens few blocks."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from making import log, put, resource, span
from storing import Store
from tidegate.store.catalog import CACHED_BLOCKS, AnyRef, DirectoryCatalog, cache
from tidegate.store.reader import Reader

BLOCKS = 30


class CountingCatalog(DirectoryCatalog):
    """A directory that counts how many blocks are read from it."""

    opened = 0

    def frame(self, ref: AnyRef) -> bytes | None:
        self.opened += 1
        return super().frame(ref)


@pytest.fixture
def catalog(directory: Store, store_dir: Path) -> CountingCatalog:
    """Thirty blocks one after the other in time, ten log records each; every tenth block is another
    service's, every fifth holds an error, and a trace of its own is in each."""
    writer = directory.writer()
    for number in range(BLOCKS):
        of = resource("pay" if number % 10 == 0 else "shop")
        bodies = [f"record {number}.{n}" for n in range(10)]
        severities = [17 if number % 5 == 0 and n == 3 else 9 for n in range(10)]
        made = [log(bodies[n], 100 * number + n, severity=severities[n], trace=(number + 1) << 100) for n in range(10)]
        put(writer, made, of)
    return CountingCatalog(str(store_dir))


@pytest.mark.parametrize(
    ("filters", "limit", "opened"),
    [
        ({}, 1, 1),
        ({}, 10, 1),
        ({}, 11, 2),
        ({}, None, BLOCKS),
        ({"service": "pay"}, None, 3),
        ({"min_level": "error"}, None, 6),
        ({"trace_id": f"{7 << 100:032x}"}, None, 1),
        ({"since": 1_700_000_000 * 10**9 + 2800}, None, 2),
        ({"until": 1_700_000_000 * 10**9 + 105}, None, 2),
        ({"text": "record 12."}, 10, BLOCKS - 12),
    ],
    ids=repr,
)
def test_a_question_opens_no_more_blocks_than_it_needs(
    catalog: CountingCatalog, filters: dict[str, object], limit: int | None, opened: int
) -> None:
    found = list(islice(Reader(catalog).logs(**filters), limit))
    assert found
    assert catalog.opened == opened


def test_a_page_opens_only_its_own_blocks(catalog: CountingCatalog) -> None:
    first = list(Reader(catalog).logs(limit=100))
    catalog.opened = 0
    assert len(list(Reader(catalog).logs(limit=10, cursor=first[-1].cursor))) == 10
    assert catalog.opened == 2  # the cursor's block, and the next


def test_blocks_of_other_signals_are_not_opened(catalog: CountingCatalog, directory: Store) -> None:
    put(directory.writer(), [span()])
    assert len(list(Reader(catalog).spans())) == 1
    assert catalog.opened == 1


def test_services_are_read_from_indexes_alone(catalog: CountingCatalog) -> None:
    assert [service.name for service in Reader(catalog).services()] == ["pay", "shop"]
    assert catalog.opened == 0


def test_a_trace_opens_only_blocks_that_may_hold_it(catalog: CountingCatalog, directory: Store) -> None:
    put(directory.writer(), [span(trace=9 << 100)])
    assert Reader(catalog).trace(f"{9 << 100:032x}") is not None
    assert catalog.opened == 2  # its span and its log records


def test_the_last_blocks_are_kept_for_the_next_question(catalog: CountingCatalog) -> None:
    reader = Reader(catalog)
    list(reader.logs(limit=10))
    list(reader.logs(limit=10))
    assert catalog.opened == 1


def test_no_more_blocks_are_kept_than_intended(catalog: CountingCatalog) -> None:
    reader = Reader(catalog)
    list(reader.logs())
    assert len(reader._cache._kept) == CACHED_BLOCKS


def test_blocks_that_are_kept_are_bounded_by_their_bytes(
    catalog: CountingCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [ref.index.size for ref in catalog.blocks()]
    monkeypatch.setattr(cache, "CACHED_BYTES", 3 * max(sizes))
    reader = Reader(catalog)
    list(reader.logs())
    assert sum(size for _, size in reader._cache._kept.values()) == reader._cache._size <= 3 * max(sizes)
    monkeypatch.setattr(cache, "CACHED_BYTES", 1)
    list(reader.logs())
    assert len(reader._cache._kept) == 1
