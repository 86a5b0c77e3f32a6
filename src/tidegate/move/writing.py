"""Records into a store's directory, in blocks of one signal and resource, cleaned of secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from tidegate.errors import StoreError
from tidegate.move.columns import BATCH, collections
from tidegate.otlp import Record
from tidegate.otlp.tree import key_of
from tidegate.records import Resource, Scope
from tidegate.store.block import Batch, by_window
from tidegate.store.sinks import Sink

#: Records that make a block.
BLOCK_RECORDS = 512

#: What waits at most, in records and in bytes of what they were read from; then all is committed.
MAX_PENDING, MAX_PENDING_BYTES = 8192, 64 << 20

#: Resources and scopes that are known, so that equal ones are one; then they are learnt anew.
MAX_KNOWN = 1024

Redact = Callable[[Batch], None]

Owner = TypeVar("Owner", bound=Resource | Scope)


class Writer:
    """Commits to ``sink`` what `add` is given, after ``redact``; ``written`` counts it by signal.

    `add` and `flush` raise `StoreError` when the store cannot be written; what was not committed is lost then.
    """

    def __init__(self, sink: Sink, redact: Redact | None = None) -> None:
        self.written: Counter[str] = Counter()
        self._sink = sink
        self._redact = redact
        self._pending: dict[tuple[str, int], list[Record]] = {}
        self._waiting = self._bytes = 0
        self._known: dict[str, Any] = {}

    def add(self, signal: str, records: Iterable[Record], size: int) -> None:
        """Take records of one signal that were read from ``size`` bytes."""
        self._bytes += size
        given_resource = given_scope = None
        for record in records:
            # those of one message share their objects
            if record.resource is not given_resource:
                given_resource = record.resource
                resource = self._one(given_resource, self._cleaned)
            if record.scope is not given_scope:
                given_scope = record.scope
                scope = self._one(given_scope, lambda scope: scope)
            record.resource, record.scope = resource, scope
            self._put(signal, record)
        if self._bytes >= MAX_PENDING_BYTES:
            self.flush()

    def _one(self, owner: Owner, make: Callable[[Owner], Owner]) -> Owner:
        """One object for all equal ones."""
        key = type(owner).__name__ + key_of(owner)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[key] = make(owner)
        found: Owner = known
        return found

    def _cleaned(self, resource: Resource) -> Resource:
        attributes = Batch("resource", 1, {"attributes": [resource.attributes]}, 0, 0)
        if self._redact is not None:
            self._redact(attributes)
        return Resource(attributes.columns["attributes"][0], resource.schema_url)

    def _put(self, signal: str, record: Record) -> None:
        key = (signal, id(record.resource))
        group: list[Record] = self._pending.setdefault(key, [])
        group.append(record)
        self._waiting += 1
        if len(group) == BLOCK_RECORDS and signal != "metrics":  # points wait to be put in order
            self._commit(key)
        elif self._waiting >= MAX_PENDING:
            self.flush()

    def flush(self) -> None:
        """Commit all that waits."""
        for key in list(self._pending):
            self._commit(key)
        self._bytes = 0

    def _commit(self, key: tuple[str, int]) -> None:
        records = self._pending.pop(key)
        self._waiting -= len(records)
        for each in collections(records) if key[0] == "metrics" else [records]:
            self._write(key[0], each)

    def _write(self, signal: str, records: Sequence[Record]) -> None:
        batch = BATCH[signal](records)
        windows = by_window(batch, records)
        if len(windows) > 1:
            for each in windows:
                self._write(signal, each)
            return
        if self._redact is not None:
            self._redact(batch)
        try:
            self._sink.append(records[0].resource, batch)
        except OSError as error:
            raise StoreError(
                f"the store {self._sink.location!r} cannot be written ({error.strerror or error}); make room for it,"
                " or name another with --store."
            ) from None
        self.written[signal] += batch.count
