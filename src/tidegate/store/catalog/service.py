"""One service of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from tidegate.errors import QueryError
from tidegate.store.catalog.base import AnyGroup, AnyRef, Catalog

if TYPE_CHECKING:
    from tidegate.store.query import Query
    from tidegate.store.sealed.file import SealedFile, Source

T = TypeVar("T", AnyRef, AnyGroup)


class ServiceCatalog:
    """What another catalog has of one service (``service.name``), and nothing else."""

    def __init__(self, catalog: Catalog, service: str) -> None:
        self.location = catalog.location
        self._catalog = catalog
        self._service = service

    @property
    def damaged(self) -> int:
        return self._catalog.damaged

    def blocks(self) -> list[AnyRef]:
        return self._own(self._catalog.blocks())

    def newer(self, number: int, *, within: float = 0.0, deleted: bool = False) -> list[AnyRef]:
        return self._own(self._catalog.newer(number, within=within, deleted=deleted))

    def candidates(self, query: Query) -> list[AnyRef]:
        # asked of this service, the files that have nothing of it are not looked into
        asked = query if query.service is not None else replace(query, service=self._service)
        return self._own(self._catalog.candidates(asked))

    def holding(self, signal: str, places: Mapping[str, Sequence[int]]) -> list[AnyRef]:
        return self._own(self._catalog.holding(signal, places))

    def groups(self) -> list[AnyGroup]:
        return self._own(self._catalog.groups())

    def _own(self, blocks: Sequence[T]) -> list[T]:
        return [ref for ref in blocks if ref.service == self._service]

    def sources(self, file: SealedFile) -> Sequence[Source]:
        return self._catalog.sources(file)

    def of_trace(self, file: SealedFile, prefix: str) -> set[int]:
        return self._catalog.of_trace(file, prefix)

    def may_match(self, ref: AnyRef, query: Query) -> bool:
        return self._catalog.may_match(ref, query)

    def frame(self, ref: AnyRef) -> bytes | None:
        return self._catalog.frame(ref) if ref.service == self._service else None

    def delete_before(self, time: int) -> None:
        raise QueryError(
            f"this reader sees the service {self._service!r} alone, and deletion is for all of a store; open it without"
            " a service to delete."
        )

    def close(self) -> None:
        self._catalog.close()
