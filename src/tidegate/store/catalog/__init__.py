"""What blocks there are: of a directory's files, active and sealed, or of this process's ring in memory.

A catalog is used by several threads at once, and gives each block a number, by which readers that
follow a store ask for what has come since.
"""

from __future__ import annotations

from tidegate.store.catalog.base import (
    MAX_TRIES,
    AnyGroup,
    AnyRef,
    Catalog,
    Moved,
    SealedGroup,
    has_any,
    processes_of,
    steadily,
)
from tidegate.store.catalog.cache import CACHED_BLOCKS, BlockCache
from tidegate.store.catalog.directory import DirectoryCatalog
from tidegate.store.catalog.memory import MemoryCatalog
from tidegate.store.catalog.service import ServiceCatalog
from tidegate.store.rows import AnyRows

__all__ = [
    "CACHED_BLOCKS",
    "MAX_TRIES",
    "AnyGroup",
    "AnyRef",
    "AnyRows",
    "BlockCache",
    "Catalog",
    "DirectoryCatalog",
    "MemoryCatalog",
    "Moved",
    "SealedGroup",
    "ServiceCatalog",
    "has_any",
    "processes_of",
    "steadily",
]
