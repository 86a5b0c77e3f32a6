"""Stores of each kind, for what must be true of all."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import tidegate.store
from sealing import seal
from serving import Serving, serving
from storing import Store
from tidegate.store import sinks
from tidegate.store.check import check
from tidegate.store.names import is_segment
from tidegate.store.reader import Reader
from tidegate.store.sinks import FileSink, MemorySink


def _in_memory() -> Store:
    # what earlier examples kept is not in the way
    sinks.rings.clear()
    sinks.deleted.clear()
    return Store("memory:", lambda **options: MemorySink(64 << 20, **options))


def _in_directory(path: Path) -> Store:
    return Store(str(path), lambda **options: FileSink(str(path), **options))


@pytest.fixture(autouse=True)
def rings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another has kept in memory."""
    rings: weakref.WeakSet[MemorySink] = weakref.WeakSet()
    monkeypatch.setattr(sinks, "rings", rings)
    monkeypatch.setattr(sinks, "deleted", [])


@pytest.fixture(autouse=True)
def sound_at_the_end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Whatever a test does to a store, the store is sound when it ends, but for tests that damage one on purpose."""
    yield
    if request.node.get_closest_marker("damaging") is None:
        stores = {path.parent for path in tmp_path.rglob("*") if is_segment(path.name)}
        assert [finding for store in sorted(stores) for finding in check(str(store)) if finding.is_damage] == []


class SealedStore(Store):
    """A store in a directory whose writers end, and are sealed, before it is read."""

    def reader(self) -> Reader:
        self.close()
        seal(self.location)
        return super().reader()


class ServedStore(Store):
    """A store in a directory that is read by its URL."""

    url = ""

    def reader(self) -> Reader:
        return tidegate.store.open(self.url)


@pytest.fixture(scope="session")
def server() -> Iterator[Serving]:
    with serving() as server:
        yield server


@pytest.fixture
def stores_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Callable[[], Store]]]:
    """``stores_of(kind)()``: an empty store in a ``directory``, ``sealed``, in ``memory``, or ``served``."""
    made: list[Store] = []

    def served(path: Path) -> Store:
        store = ServedStore(str(path), lambda **options: FileSink(str(path), **options))
        store.url = request.getfixturevalue("server").add(str(path))
        return store

    def sealed(path: Path) -> Store:
        return SealedStore(str(path), lambda **options: FileSink(str(path), **options))

    kinds = {"directory": _in_directory, "sealed": sealed, "memory": lambda path: _in_memory(), "served": served}

    def new_store(kind: str) -> Store:
        made.append(kinds[kind](tmp_path / f"store-{len(made)}"))
        return made[-1]

    yield lambda kind: partial(new_store, kind)
    for store in made:
        store.close()


@pytest.fixture(params=["directory", "sealed", "memory"])
def new_store(request: pytest.FixtureRequest, stores_of: Callable[[str], Callable[[], Store]]) -> Callable[[], Store]:
    """``new_store()``: an empty store; each kind by turns, since what is true of one must be of the others."""
    return stores_of(request.param)


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture
def directory(store_dir: Path) -> Iterator[Store]:
    """A store in a directory, where only that matters."""
    store = _in_directory(store_dir)
    yield store
    store.close()
