"""The blocks of a directory: of active files, which grow, and of sealed ones, which never change."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import time_ns
from typing import TYPE_CHECKING

from tidegate.errors import FormatError, StoreError
from tidegate.store import deleted, segment
from tidegate.store.catalog.base import AnyGroup, AnyRef, Moved, Numbered, SealedGroup, grouped, steadily
from tidegate.store.catalog.deletion import left_of
from tidegate.store.catalog.listing import Listing, Picture
from tidegate.store.deleted import Mark
from tidegate.store.forks import Lock
from tidegate.store.sealed import file as sealed
from tidegate.store.sealed.file import SealedFile, SealedRef, Source
from tidegate.store.segment import BlockRef, Key

if TYPE_CHECKING:
    from tidegate.store.query import Query

#: Looks at a directory whose files are being exchanged until two show the same; more is not worth waiting for.
MAX_LOOKS = 10

#: Sealed files that a catalog keeps open, those that it read last. One that was removed is closed with the next look;
#: until then, or until a reader that is never asked again is closed, it takes its room on the disk.
OPEN_FILES = 32


class DirectoryCatalog(Numbered):
    """Blocks of every file of every process. Reads only what was added since the last call."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location
        self._listing = Listing(location)
        self._picture = Picture()
        self._scanners: dict[str, segment.SegmentScanner] = {}
        self._files: dict[str, dict[Key, BlockRef]] = {}
        #: Of each sealed file its blocks; none when it cannot be read.
        self._sealed: dict[str, Sequence[SealedGroup]] = {}
        #: Sealed files of which it cannot be read whose records they hold.
        self._of_nobody: set[str] = set()
        self._open: OrderedDict[str, SealedFile] = OrderedDict()
        self._open_lock = Lock()

    @property
    def damaged(self) -> int:
        with self._lock:
            unreadable = sum(not groups or name in self._of_nobody for name, groups in self._sealed.items())
            return self._picture.damaged + unreadable + sum(scanner.damaged for scanner in self._scanners.values())

    def candidates(self, query: Query) -> list[AnyRef]:
        return steadily(lambda: self._candidates(query))

    def _candidates(self, query: Query) -> list[AnyRef]:
        found: list[AnyRef] = []
        ids: dict[str, set[int]] = {}
        for each in self.groups():
            if not query.wants(each):
                continue
            if isinstance(each, BlockRef):
                found.append(each)
                continue
            refs: Iterable[SealedRef] = each.refs
            if query.trace_id is not None:
                name = each.file.name
                if name not in ids:
                    ids[name] = self.of_trace(each.file, query.trace_id)
                refs = (ref for ref in refs if ref.id in ids[name])
            found += (ref for ref in refs if query.wants(ref))
        return found

    def groups(self) -> list[AnyGroup]:
        with self._lock:
            self._look()
            files = self._files.values()
            active = [ref for file in files for ref in file.values() if self._path_of(ref) == ref.path]
            sealed = [group for groups in self._sealed.values() for group in groups]
            if self._cuts:
                sealed = [left for group in sealed for left in grouped(self._cuts.of(group.refs))]
            return [*self._cuts.of(active), *sealed]

    def sources(self, file: SealedFile) -> Sequence[Source]:
        self._use(file)
        try:
            return file.sources
        except FileNotFoundError:
            raise self._moved((file.name, 0)) from None
        except FormatError:
            self._of_nobody.add(file.name)
            return ()

    def of_trace(self, file: SealedFile, prefix: str) -> set[int]:
        self._use(file)
        try:
            return file.blocks_of_trace(prefix)
        except FileNotFoundError:
            raise self._moved((file.name, 0)) from None
        except FormatError:  # the blocks themselves may be sound
            return {ref.id for ref in file.refs}

    def _moved(self, key: Key) -> Moved:
        """What to raise for a file that is gone, after a look at what there is instead."""
        with self._lock:
            self._look()
        return Moved(key)

    def may_match(self, ref: AnyRef, query: Query) -> bool:
        if isinstance(ref, BlockRef) or not (query.text or query.needs):
            return True
        self._use(ref.file)
        try:
            if query.text and not ref.file.may_hold(ref.id, query.text):
                return False
            return all(ref.file.may_have(ref.id, key, value) for key, value in query.needs)
        except FileNotFoundError:
            raise self._moved(ref.key) from None
        except FormatError:
            return True

    def _read(self, ref: AnyRef) -> bytes:
        if isinstance(ref, BlockRef):
            return segment.read_frame(ref)
        self._use(ref.file)
        return ref.file.frame(ref.id)

    def frame(self, ref: AnyRef) -> bytes | None:
        return left_of(ref, self._whole_frame)

    def _whole_frame(self, ref: AnyRef) -> bytes | None:
        try:
            return self._read(ref)
        except FileNotFoundError:
            return self._moved_frame(ref)

    def _moved_frame(self, ref: AnyRef) -> bytes | None:
        """The frame of a block that was merged, as it is, into another file."""
        with self._lock:
            self._look()
            moved = self._blocks.get(ref.key)
        try:
            return segment.read_frame(moved) if isinstance(moved, BlockRef) else None
        except FileNotFoundError:
            return None

    def _refresh(self) -> Sequence[Mark]:
        """Take in every file. While files are exchanged, one look may miss both what goes and what comes."""
        picture = None
        try:
            for _ in range(MAX_LOOKS):
                present = self._listing.look()
                if present == picture:
                    break
                picture = present
                for name in picture.growing:
                    self._scan(os.path.join(self.location, name))
                self._take_in(picture.sealed)
        except PermissionError as error:
            raise StoreError(
                f"{error.filename!r} cannot be read by user {os.getuid()}; ask as the user whose programs record there."
            ) from None
        # only now: a block of a source that went before the result was seen keeps its number
        self._picture = picture or Picture()
        for path in self._scanners.keys() - {os.path.join(self.location, name) for name in self._picture.growing}:
            self._drop(path)
        for name in self._sealed.keys() - set(self._picture.sealed):
            self._drop_sealed(name)
        return self._picture.marks

    def delete_before(self, time: int) -> None:
        deleted.add(self.location, time, time_ns())

    # --- files that may grow

    def _scan(self, path: str) -> None:
        merged = path.endswith(segment.MERGED)
        if merged and path in self._files:
            return  # complete from its first moment
        scanner = self._scanners.setdefault(path, segment.SegmentScanner(path))
        try:
            found = scanner.scan()
        except FileNotFoundError:  # sealed or removed by retention a moment ago
            return
        file = self._files.setdefault(path, {})
        for ref in found:
            known = self._blocks.get(ref.key)
            # a merged segment and its sources are both there for a moment; the merged one stays
            file[ref.key] = self._add(ref) if merged or known is None else replace(ref, number=known.number)

    def _drop(self, path: str) -> None:
        """Forget a file that is gone, and its blocks unless another file has them."""
        del self._scanners[path]
        files = self._files
        lost = {key for key, ref in files.pop(path, {}).items() if self._path_of(ref) == path}
        for file in files.values():
            for key in lost & file.keys():
                self._blocks[key] = file[key]
                lost.discard(key)
        for key in lost:
            del self._blocks[key]

    def _path_of(self, ref: BlockRef) -> str:
        known = self._blocks[ref.key]
        return known.path if isinstance(known, BlockRef) else ""

    # --- sealed files

    def _take_in(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._sealed:
                try:
                    self._sealed[name] = self._groups_of(SealedFile(os.path.join(self.location, name)))
                except FileNotFoundError:  # merged or removed by retention a moment ago
                    pass
                except FormatError:
                    if sealed.is_newer(os.path.join(self.location, name)):
                        raise
                    self._sealed[name] = ()

    def _groups_of(self, file: SealedFile) -> Sequence[SealedGroup]:
        self._use(file)
        groups = grouped(file.refs)
        self._add_sealed(file.refs)
        return groups

    def _drop_sealed(self, name: str) -> None:
        for group in self._sealed.pop(name):
            for ref in group.refs:
                del self._blocks[ref.key]
        self._of_nobody.discard(name)
        with self._open_lock:
            file = self._open.pop(name, None)
        if file is not None:
            file.close()

    def _use(self, file: SealedFile) -> None:
        """Keep this one open, and close the one that was used longest ago."""
        with self._open_lock:
            self._open[file.name] = file
            self._open.move_to_end(file.name)
            if len(self._open) > OPEN_FILES:
                _, unused = self._open.popitem(last=False)
                unused.close()

    def close(self) -> None:
        with self._open_lock:
            while self._open:
                self._open.popitem()[1].close()
