"""Redactors for any number of threads at once, of which none waits for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tidegate.record.redaction.redactor import Redactor
from tidegate.store.block import Batch

#: Redactors that are kept for the next calls; more are only made while more calls run at the same moment.
MAX_SPARE = 8


class SharedRedactor:
    """Hands each call a redactor of its own, as one remembers what held no secret and is used by one call at a time.

    There is no lock: a callback may end a span or log, which leads here again in the same thread, and a child may be
    forked while another thread is at it.
    """

    def __init__(self, make: Callable[[], Redactor]) -> None:
        self._make = make
        self._spare: deque[Redactor] = deque(maxlen=MAX_SPARE)

    def redact(self, batch: Batch) -> None:
        """As `Redactor.redact` does."""
        try:
            redactor = self._spare.pop()
        except IndexError:
            redactor = self._make()
        try:
            redactor.redact(batch)
        finally:
            self._spare.append(redactor)
