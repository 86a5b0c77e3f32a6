"""Stores of each kind, for what must be true of all."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storing import Store
from tidegate.store import catalog, sinks
from tidegate.store.sinks import FileSink, MemorySink


def _in_memory() -> Store:
    # what earlier examples kept is not in the way
    sinks.rings.clear()
    return Store("memory:", lambda: MemorySink(64 << 20))


def _in_directory(path: Path) -> Store:
    return Store(str(path), lambda: FileSink(str(path)))


@pytest.fixture(autouse=True)
def rings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another has kept in memory."""
    rings: weakref.WeakSet[MemorySink] = weakref.WeakSet()
    monkeypatch.setattr(sinks, "rings", rings)
    monkeypatch.setattr(catalog, "rings", rings)


@pytest.fixture(params=["directory", "memory"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """``new_store()``: an empty store; each kind by turns, since what is true of one must be of the others."""
    made: list[Store] = []

    def new_store() -> Store:
        path = tmp_path / f"store-{len(made)}"
        made.append(_in_directory(path) if request.param == "directory" else _in_memory())
        return made[-1]

    yield new_store
    for store in made:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture
def directory(store_dir: Path) -> Iterator[Store]:
    """A store in a directory, where only that matters."""
    store = _in_directory(store_dir)
    yield store
    store.close()
