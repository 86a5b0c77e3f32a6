"""Until when a question may take; any thread may end it sooner."""

from __future__ import annotations

import math
import time

from tidegate.errors import QueryError, QueryTimeout


class Deadline:
    """``timeout`` in seconds from now; None: as long as it takes. Readers take one as their ``timeout``, too.

    What is done between the records of an answer that streams counts as well.
    """

    __slots__ = ("_end", "_is_cancelled", "timeout")

    def __init__(self, timeout: float | None = None) -> None:
        if timeout is not None and not (_is_number(timeout) and 0 < timeout < math.inf):
            raise QueryError(f"the timeout is {timeout!r}; it must be a number of seconds above 0.")
        self.timeout = timeout
        self._end = math.inf if timeout is None else time.monotonic() + timeout
        self._is_cancelled = False

    @classmethod
    def of(cls, timeout: float | Deadline | None) -> Deadline:
        """What a question is given as its timeout."""
        return timeout if isinstance(timeout, Deadline) else cls(timeout)

    def cancel(self) -> None:
        """Let the question end with `QueryTimeout` where it is."""
        self._is_cancelled = True

    @property
    def left(self) -> float:
        """Seconds that are left, infinite without a timeout."""
        return 0.0 if self._is_cancelled else max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self._is_cancelled or (self.timeout is not None and time.monotonic() >= self._end)

    def check(self, done: int, of: int) -> None:
        """Raise `QueryTimeout` when it is over, with ``done`` ``of`` so many blocks searched."""
        if self.is_over:
            raise QueryTimeout(self.sentence(f"after {done} of {of} blocks"))

    def sentence(self, where: str) -> str:
        """What is said of a question that ended ``where``."""
        if self._is_cancelled:
            return f"the question was cancelled {where}."
        return (
            f"the question took longer than its timeout of {self.timeout:g} s, {where};"
            " ask for less (since, until, service, limit), or give it more time."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
