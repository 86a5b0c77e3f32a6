"""Keeps a policy up to date: one thread asks its source, and hands every new good policy to the gates.

    watcher = Watcher(source("/etc/tidegate/policy.yaml"), sampler.apply)
    watcher.subscribe(processor.apply)
    watcher.start()                      # a file that is wrong is refused here; a server may be away

The last good policy stays in force, whatever comes after it. What is refused or cannot be had is told
once, by the logger ``tidegate``, and is `Watcher.problem` for as long as it lasts.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakSet

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.document import parse
from tidegate.gate.policies.sources import Source, Unavailable
from tidegate.gate.policy import Policy

_logger = logging.getLogger("tidegate")

Apply = Callable[[Policy], object]

#: Seconds until a server that failed is asked again, for the first time; doubled each time, up to its interval.
RETRY_S = 5.0

#: How uneven the intervals of a server are, so that many processes do not ask at once.
JITTER = 0.1

#: Different problems that are logged; a source that makes up new ones must not fill a log.
MAX_TOLD = 100

#: Seconds that `Watcher.stop` waits for the thread, which an open question may hold.
_STOP_S = 1.0

_NONE_YET = "there is none yet, so sampler and log gate go by their own settings"

_running: WeakSet[Watcher] = WeakSet()


class Watcher:
    """Asks ``source`` and calls ``apply(policy)`` with every new good policy, in the watcher's thread.

    ``seed`` is of the jitter of its intervals.
    """

    def __init__(self, source: Source, apply: Apply | None = None, *, seed: int | None = None) -> None:
        self.source = source
        #: The last good policy, or None.
        self.policy: Policy | None = None
        #: Whether the source has answered at all, be it with something that was refused.
        self.answered = False
        #: Documents that it gave, each different from the one before.
        self.fetched = 0
        self._subscribers = [] if apply is None else [apply]
        self._refused = self._trouble = ""
        self._found: str | bytes | Policy | None = None
        self._failures = 0
        self._told: set[str] = set()
        self._is_starting = False
        self._random = random.Random(seed)  # noqa: S311 — moments in time, no secrets
        self._begin()

    def _begin(self) -> None:
        """What a thread of this process needs."""
        self._asking, self._lock = threading.Lock(), threading.RLock()  # a question may take long
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> str:
        """Why the source cannot be had, or what it gave was refused; empty while all is well."""
        return self._trouble or self._refused

    def subscribe(self, apply: Apply) -> None:
        """Call ``apply`` too, with the present policy at once if there is one."""
        with self._lock:
            self._subscribers.append(apply)
            if self.policy is not None:
                apply(self.policy)

    def start(self) -> None:
        """Look at a file now, and at any source from now on, in a daemon thread; a fork starts it again in the child.

        Raises `ConfigurationError` when it is a file that cannot be used.
        """
        if self._thread is not None:
            return
        if self._stopped.is_set():
            self._begin()
        if not self.source.is_remote:
            self._is_starting = self.policy is None  # what is wrong is raised, and need not be logged as well
            self.poll()
            self._is_starting = False
            if self.policy is None:
                raise ConfigurationError(self.problem)
        _running.add(self)
        self._launch()

    def stop(self) -> None:
        """End the thread; the policy stays. May be started again."""
        _running.discard(self)
        thread = self._thread
        self._stopped.set()
        self.source.interrupt()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_S)
        self._thread = None

    def poll(self) -> bool:
        """Ask the source once; whether a new policy is in force. Never raises."""
        with self._asking:
            try:
                found = self.source.fetch()
            except Exception as error:  # of a source that another package brings
                self._fail(error)
                return False
            with self._lock:
                self._failures, self._trouble, self.answered = 0, "", True
                return found is not None and self._take(found)

    def delay(self) -> float:
        """Seconds to wait before the next question."""
        every = self.source.refresh
        if not self.source.is_remote:
            return every
        if self._failures:
            return min(every, RETRY_S * 2.0 ** min(self._failures - 1, 30)) * self._random.uniform(0.5, 1)
        return every * self._random.uniform(1 - JITTER, 1 + JITTER)

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if isinstance(error, (Unavailable, ConfigurationError)):
            self._trouble = str(error)
        else:
            self._trouble = f"{self.source.location} failed: {type(error).__name__}: {_in_a_line(error)}"
        if self._failures == self.source.patience and not self._stopped.is_set():
            self._tell("cannot be had", self._trouble)

    def _take(self, found: str | bytes | Policy) -> bool:
        """Whether what the source gave is new and good."""
        if found == self._found or self._stopped.is_set():
            return False
        self._found = found
        self.fetched += 1
        try:
            policy = found if isinstance(found, Policy) else parse(found, self.source.location)
            self._hand_out(policy)
        except Exception as error:  # a gate may know better than the document
            self._refused = str(error) if isinstance(error, ConfigurationError) else f"{self.source.location}: {error}"
            self._tell("refused", self._refused)
            return False
        self._refused, self.policy = "", policy
        return True

    def _hand_out(self, policy: Policy) -> None:
        """To all gates, or to none."""
        for number, apply in enumerate(self._subscribers):
            try:
                apply(policy)
            except Exception:
                if self.policy is not None:
                    for earlier in self._subscribers[:number]:
                        earlier(self.policy)
                raise

    def _tell(self, what: str, problem: str) -> None:
        if self._is_starting or problem in self._told or len(self._told) > MAX_TOLD:
            return
        self._told.add(problem)
        kept = "the last good one stays in force" if self.policy else _NONE_YET
        _logger.warning("policy %s, %s: %s", what, kept, problem)
        if len(self._told) > MAX_TOLD:
            _logger.warning("further problems of this policy are not logged: %s", self.source.location)

    def _launch(self) -> None:
        self._thread = threading.Thread(target=self._run, args=(self._stopped,), name="tidegate-policy", daemon=True)
        with suppress(RuntimeError):  # the interpreter is ending, or there can be no more threads
            self._thread.start()

    def _run(self, stopped: threading.Event) -> None:
        delay = self.delay() if self.answered else 0.0
        while not stopped.wait(delay):
            self.poll()
            delay = self.delay()

    def _after_fork(self) -> None:
        """The child has no thread, maybe a lock that another thread held, and must not ask in step with its parent."""
        self._begin()
        self._random.seed()
        self._launch()


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error)[:200].split())


def _after_fork_in_child() -> None:
    for watcher in list(_running):
        watcher._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
