"""When a process looks at the control page: soon after a decision that comes a tenth of a second after the last look.

In a thread of its own, since files can hang and decisions must not; and where nothing starts, nothing is done. That
thread also asks the page whether keys are new: their next arrival knows.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tidegate.gate.division import LOOK
from tidegate.gate.page import ControlPage
from tidegate.gate.worker import Steered, Worker

#: Keys of which is asked at once whether they are new, and seconds after which one is taken for new without an answer.
MAX_ASKED = 1000
UNANSWERED = 1.0


class Steering:
    """Keeps ``budgets``, which ``lock`` guards, at this process's share; the first of them is the common one.

    ``on_revision`` is called whenever the gate speaks of another revision of the policy than before, in a thread of
    its own as well. ``in_thread`` False does all of it within a decision.
    """

    def __init__(
        self,
        page: ControlPage,
        budgets: Callable[[], Sequence[Steered]],
        *,
        lock: AbstractContextManager[Any],
        clock: Callable[[], float],
        service: str,
        on_revision: Callable[[], object] | None = None,
        in_thread: bool = True,
        background: Callable[[Callable[[], object]], Any] | None = None,
    ) -> None:
        self._worker = Worker(page, lock, service)
        #: Questions by key, until they are answered and the answer is taken; and those that are open.
        self._asked: dict[Hashable, _Question] = {}
        self._open: deque[_Question] = deque(maxlen=MAX_ASKED)
        self._in_thread, self._is_due = in_thread, False
        self._budgets = budgets
        self._clock = clock
        make = background or Background
        self._threads = [make(self._look), make(on_revision or _nothing)]
        self._wake, self._tell = [each.wake if in_thread else each.work for each in self._threads]
        self._revision = 0
        self._look_at = -math.inf

    def time(self) -> float:
        """The time, for a decision; has the page looked at when that is due."""
        now = self._clock()
        if now >= self._look_at or self._look_at - now > LOOK:  # the clock was set back
            self._look_at = now + LOOK
            self._is_due = True
            self._wake()
        return now

    def is_new(self, key: Hashable) -> bool | None:
        """Whether no process saw this key of late, for a decision; None while that is not known yet."""
        if not self._in_thread:
            return self._worker.is_new(key)
        question = self._asked.get(key)
        if question is None:
            if len(self._asked) >= MAX_ASKED:
                del self._asked[next(iter(self._asked))]
            question = self._asked[key] = _Question(key, self._clock())
            self._open.append(question)
            self._wake()
            return None
        answer = question.answer
        if answer is None and 0 <= self._clock() - question.since < UNANSWERED:
            return None
        del self._asked[key]
        return answer is not False

    def hurry(self) -> None:
        """Look at the next decision."""
        self._look_at = -math.inf

    def end(self) -> None:
        """Give the slot back, and end the threads."""
        for each in self._threads:
            each.end()
        self._worker.leave()

    def state(self) -> dict[str, float]:
        """Workers that live, this one among them; looks without a free slot; looks that failed."""
        return {"workers": 1 + self._worker.others, "crowded": self._worker.crowded, "failed": self._worker.failed}

    def _look(self) -> None:
        while self._open:
            question = self._open.popleft()
            question.answer = self._worker.is_new(question.key)
        if self._is_due:
            self._is_due = False
            self._look_at_page()

    def _look_at_page(self) -> None:
        self._worker.look(self._budgets(), self._clock())
        if self._worker.revision != self._revision:
            self._revision = self._worker.revision
            self._tell()


class _Question:
    """Whether a key is new."""

    __slots__ = ("answer", "key", "since")

    def __init__(self, key: Hashable, since: float) -> None:
        self.key, self.since = key, since
        self.answer: bool | None = None


def _nothing() -> None:
    """Nobody wants to know."""


class Background:
    """Calls ``work`` in a thread of its own after each `wake`, soon; in the caller's where there can be no thread."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self._process = 0

    def wake(self) -> None:
        if self._process == os.getpid():
            self._called.set()
        else:  # a forked child has no thread, and maybe an event that another thread held
            self._start()

    def end(self) -> None:
        """Let the thread end. A later wake starts another."""
        if self._process == os.getpid():
            self._process = 0
            self._called.set()

    def _start(self) -> None:
        self._process, self._called = os.getpid(), threading.Event()
        self._called.set()
        try:
            threading.Thread(target=self._run, args=(self._called,), name="tidegate-page", daemon=True).start()
        except RuntimeError:  # the interpreter is about to end
            self._process = 0
            self.work()

    def _run(self, called: threading.Event) -> None:
        while called.wait() and self._process:
            called.clear()
            self.work()
