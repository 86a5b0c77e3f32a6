"""Records to blocks in a sink: one block for each signal and resource, and a count of what was lost."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from tidegate.errors import FormatError, StoreError
from tidegate.records import Resource
from tidegate.store.block import Batch, by_window
from tidegate.store.sinks import Sink

_logger = logging.getLogger("tidegate")

#: Resources known by identity; an application has one, a forking server one per fork.
MAX_RESOURCES = 64

Encode = Callable[[Sequence[Any]], Batch]


class Blocks:
    """Writes records to ``sink``; used by one thread at a time.

    ``dropped`` counts lost records by reason, ``recorded`` stored ones by signal. ``fallback`` makes
    the ring in memory that takes over when the sink never took anything. Where records are sent, another one takes
    what the sink, which took something before, cannot take for now: ``overflown`` counts these.
    """

    def __init__(
        self,
        sink: Sink,
        encoders: dict[str, Encode],
        redact: Callable[[Batch], None] | None,
        fallback: Callable[[], Sink] | None,
    ) -> None:
        self.sink = sink
        self.dropped: Counter[str] = Counter()
        self.recorded: Counter[str] = Counter()
        self.problem = ""
        self._is_overrun = False
        self._encoders = encoders
        self._redact = redact
        self._fallback = fallback
        self._route = ""
        self.overflown = 0
        #: Whether the last block went to memory instead.
        self.is_full = False
        self._overflow: Sink | None = None
        self._resources: dict[int, tuple[Any, Resource]] = {}

    def redact_by(self, redact: Callable[[Batch], None]) -> None:
        """Change batches so from now on, and resources again."""
        self._redact, self._resources = redact, {}

    def abandon(self) -> None:
        """Begin with nothing in a forked child, whose parent writes what was there."""
        self.dropped, self.recorded = Counter(), Counter()
        self._resources = {}
        self.overflown, self.is_full = 0, False
        self.sink.abandon()
        if self._overflow is not None:
            self._overflow.abandon()

    def send_by(self, route: str) -> None:
        self._route = route
        self.sink.send_by(route)

    def write(self, records: Sequence[tuple[str, Any]]) -> None:
        """Commit records of any signals. What cannot be stored is counted, and warned of once."""
        groups: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for signal, record in records:
            groups[signal, id(_resource_of(record))].append(record)
        for (signal, _), group in groups.items():
            if signal in self._encoders:
                self._commit_records(signal, group)
            else:
                self._commit_batches(signal, group)

    def _commit_batches(self, signal: str, batches: list[tuple[Any, Batch]]) -> None:
        """Metrics come as batches already."""
        for resource, batch in batches:
            try:
                self._commit(signal, resource, batch)
            except Exception as error:
                self._lose("encoding", batch.count, error)

    def _commit_records(self, signal: str, records: Sequence[Any]) -> None:
        """One block, or one for each window of time; if it cannot be encoded or is too large, its halves, so that only
        the bad record is lost."""
        try:
            batch = self._encoders[signal](records)
            windows = by_window(batch, records)
            if len(windows) == 1:
                self._commit(signal, _resource_of(records[0]), batch)
                return
        except Exception as error:
            if len(records) == 1:
                self._lose("encoding", 1, error)
                return
            middle = len(records) // 2
            windows = [records[:middle], records[middle:]]
        for part in windows:
            self._commit_records(signal, part)

    def _commit(self, signal: str, resource: Any, batch: Batch) -> None:
        """Append a block; raises when it cannot be encoded, and then nothing has been written."""
        if self._redact is not None:
            self._redact(batch)
        known = self._resource(resource)
        try:
            self.sink.append(known, batch)
        except (OSError, StoreError) as error:
            if isinstance(error, FormatError):
                raise
            self._append_elsewhere(known, batch, error)
            return
        self.is_full = False
        self.recorded[signal] += batch.count

    def _append_elsewhere(self, resource: Resource, batch: Batch, error: Exception) -> None:
        """Into memory, where there is somebody to take it from there."""
        if self._fall_back(error):
            self.sink.append(resource, batch)
            self.recorded[batch.signal] += batch.count
        elif self._route and self._fallback is not None:
            self._overflow = self._overflow or self._routed(self._fallback())
            self._tell(f"nothing more can be written to the store ({error}); what comes is sent from memory")
            self._overflow.append(resource, batch)
            self.overflown += batch.count
            self.is_full = True
        else:
            self._lose("disk", batch.count, error)

    def _routed(self, sink: Sink) -> Sink:
        if self._route:
            sink.send_by(self._route)
        return sink

    def _resource(self, resource: Any) -> Resource:
        known = self._resources.get(id(resource))
        if known is None:
            if len(self._resources) >= MAX_RESOURCES:
                self._resources.clear()
            attributes = Batch("resource", 1, {"attributes": [dict(resource.attributes)]}, 0, 0)
            if self._redact is not None:
                self._redact(attributes)
            # the SDK's object is kept, so that its identity is not given to another one
            known = (resource, Resource(attributes.columns["attributes"][0], resource.schema_url or ""))
            self._resources[id(resource)] = known
        return known[1]

    def _lose(self, reason: str, count: int, error: Exception) -> None:
        self.dropped[reason] += count
        self._tell(f"{count} records could not be recorded ({reason}): {error}")

    def _tell(self, problem: str) -> None:
        if not self.problem:
            self.problem = problem
            _logger.warning("%s", problem)

    def warn_of_overrun(self, queue_size: int) -> None:
        """Say once in a process that records were dropped because the queue was full."""
        number = self.dropped["queue_full"]
        if number and not self._is_overrun:
            self._is_overrun = True
            _logger.warning("%d records dropped: all %d places of the queue were taken", number, queue_size)

    def _fall_back(self, error: Exception) -> bool:
        """A directory that never took a record is given up for memory; one that did may recover."""
        if self._fallback is None or self.recorded:
            return False
        self.problem = f"nothing can be written to the store ({error}); recording in memory instead"
        _logger.warning("%s", self.problem)
        self.sink, self._fallback = self._routed(self._fallback()), None
        return True


def _resource_of(record: Any) -> Any:
    """The SDK's resource: of one of its objects, or first in what was taken of it."""
    return record[0] if type(record) is tuple else record.resource
