"""One run of a check, in a thread of its own: a check that hangs holds up nobody."""

from __future__ import annotations

# not in the thread: a fork in the middle of an import leaves its lock taken in the child
import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tidegate.record.plain import text
from tidegate.record.redaction import clean
from tidegate.watch.check import Check
from tidegate.watch.status import ANSWERS, HEALTHY, UNHEALTHY, Result

#: Characters of a detail.
MAX_DETAIL = 500

#: Characters that are looked at for secrets, so that none is cut before it is recognised.
_LOOKED_AT = 8 * MAX_DETAIL


class Run:
    """Calls the check at once; ``result`` is there when it has returned, and ``done`` has been called then.

    Times are of the monotonic clock. ``counted`` is for whoever gave up waiting for it.
    """

    def __init__(self, check: Check, done: Callable[[], None]) -> None:
        self.check = check
        self.result: Result | None = None
        self.counted = False
        self.began = self.ended = time.monotonic()
        self.deadline = self.began + check.timeout
        self._done = done
        self._waited_for = False
        self._thread = threading.Thread(target=self._call, name=f"tidegate-health-{check.name}", daemon=True)
        self._thread.start()

    @property
    def is_late(self) -> bool:
        """Whether it has taken, or took, longer than it may."""
        return (time.monotonic() if self.result is None else self.ended) > self.deadline

    def wait_once(self, timeout: float) -> None:
        """Let it end within ``timeout`` seconds; only the first call waits."""
        if not self._waited_for and not self.counted:
            self._waited_for = True
            self._thread.join(max(timeout, 0))

    def _call(self) -> None:
        try:
            result = interpret(_answer(self.check))
        except BaseException as error:  # SystemExit too: it is the check's failure, not our thread's end
            result = Result(UNHEALTHY, brief(f"{type(error).__name__}: {text(error)}"))
        self.ended = time.monotonic()
        self.result = result
        self._done()


def _answer(check: Check) -> Any:
    answer = check.call()
    return asyncio.run(_awaited(answer, check.timeout)) if inspect.isawaitable(answer) else answer


async def _awaited(answer: Awaitable[Any], timeout: float) -> Any:
    # an asynchronous check that takes too long is cancelled, and leaves no thread behind
    return await asyncio.wait_for(answer, timeout)


def interpret(answer: Any) -> Result:
    """What a check returned, as a result."""
    if answer is None or answer is True:
        return Result(HEALTHY)
    if answer is False:
        return Result(UNHEALTHY, "the check returned False")
    if isinstance(answer, Result):
        return Result(answer.status, brief(text(answer.detail)))
    if isinstance(answer, str) and answer in ANSWERS:
        return Result(answer)
    return Result(
        UNHEALTHY,
        f"the check returned {_named(answer)}; it must return None, True, False, {', '.join(ANSWERS)},"
        " or a health.Result.",
    )


def _named(answer: Any) -> str:
    if isinstance(answer, str):
        return repr(brief(answer)[:40])
    return f"an object of type {type(answer).__name__}"


def brief(detail: str) -> str:
    """A detail without secrets, and not longer than ``MAX_DETAIL``."""
    cleaned = clean(detail[:_LOOKED_AT]).strip()
    return cleaned if len(cleaned) <= MAX_DETAIL else cleaned[: MAX_DETAIL - 1] + "…"
