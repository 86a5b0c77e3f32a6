"""A circuit breaker: what fails again and again is left alone for a while."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from tidegate.errors import ConfigurationError, TidegateError
from tidegate.ship.backoff import should_retry, status_of

_logger = logging.getLogger("tidegate")

CLOSED, OPEN, HALF_OPEN = "CLOSED", "OPEN", "HALF_OPEN"

#: All states, in the order in which a gauge numbers them.
STATES = (CLOSED, OPEN, HALF_OPEN)

_Parameters = ParamSpec("_Parameters")
_Returned = TypeVar("_Returned")

#: Called after a change of state with the breaker, the former state and the new one.
OnChange = Callable[["CircuitBreaker", str, str], Any]


class CircuitBreakerOpen(TidegateError):
    """A call that was not made, because the breaker is open, or because its one probe is under way.

    ``retry_in`` is in how many seconds there may be another attempt.
    """

    def __init__(self, message: str, retry_in: float) -> None:
        super().__init__(message)
        self.retry_in = retry_in


class CircuitBreaker:
    """Makes calls fail at once after ``failure_threshold`` failures in a row, for ``recovery_timeout`` seconds.

    CLOSED: calls are made. OPEN: none is. HALF_OPEN, once the time is over: exactly one is, the probe;
    its success closes the breaker, its failure opens it for as long again. Failures are those that
    `should_retry` says yes to; another answer, such as a status of 4xx, shows that somebody is there.

    ``name`` tells breakers apart in messages. ``clock`` gives seconds that only grow, and
    ``on_change(breaker, former, new)`` is called after every change of state, in the thread that
    caused or noticed it; what it raises is logged. Changes are logged by the logger ``tidegate`` and
    counted in ``transitions``. All methods may be called from several threads. Raises
    `ConfigurationError` for a threshold or a timeout that breaks its rule.

        >>> breaker = CircuitBreaker("backend")
        >>> with breaker:                           # raises CircuitBreakerOpen while it is open
        ...     answer = "what a request gave"
        >>> breaker.call(len, "or as a function")
        16
        >>> if breaker.can_execute():               # or step by step
        ...     breaker.record_success()
        >>> breaker.state
        'CLOSED'
    """

    def __init__(
        self,
        name: str = "api",
        failure_threshold: int = 5,
        recovery_timeout: float = 60.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: OnChange | None = None,
    ) -> None:
        _require(name, "failure_threshold", failure_threshold, failure_threshold >= 1, "1 or more")
        _require(name, "recovery_timeout", recovery_timeout, recovery_timeout > 0, "a number of seconds above 0")
        self.name = name
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        #: Changes of state so far, by (former, new).
        self.transitions: Counter[tuple[str, str]] = Counter()
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = CLOSED
        self._failures = 0
        # when it was opened; while HALF_OPEN, when the probe began, of which None says that there is none
        self._since: float | None = None

    @property
    def state(self) -> str:
        """``CLOSED``, ``OPEN`` or ``HALF_OPEN``, as of now."""
        with self._lock:
            changes = self._look()
            state = self._state
        self._tell(changes)
        return state

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._failures

    @property
    def retry_in(self) -> float:
        """Seconds until there may be a call: 0 when there may be one now."""
        with self._lock:
            if self._state == CLOSED or self._since is None:
                return 0.0
            return max(self._since + self.recovery_timeout - self._clock(), 0.0)

    def is_open(self) -> bool:
        """Whether the state is OPEN, so that no call is made."""
        return self.state == OPEN

    def can_execute(self) -> bool:
        """Whether a call may be made now. In HALF_OPEN the first to ask is told yes, and its call is the probe.

        Whoever is told yes has to say how it went: `record_success` or `record_failure`. A probe of which
        nothing is heard for ``recovery_timeout`` seconds is given up, and there may be another.
        """
        with self._lock:
            changes = self._look()
            allowed = self._state == CLOSED or (self._state == HALF_OPEN and self._since is None)
            if allowed and self._state == HALF_OPEN:
                self._since = self._clock()
        self._tell(changes)
        return allowed

    def record_success(self) -> None:
        """A call went well, or at least somebody answered: the breaker is closed and counts from zero."""
        with self._lock:
            self._failures = 0
            changes = self._change(CLOSED) if self._state != CLOSED else []
        self._tell(changes)

    def record_failure(self) -> None:
        """A call failed in a way that may pass."""
        with self._lock:
            self._failures += 1
            opens = self._state == HALF_OPEN or (self._state == CLOSED and self._failures >= self.failure_threshold)
            changes = self._change(OPEN) if opens else []
        self._tell(changes)

    def call(
        self, function: Callable[_Parameters, _Returned], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Returned:
        """``function(*args, **kwargs)``, guarded; raises `CircuitBreakerOpen` instead when it may not be made."""
        with self:
            return function(*args, **kwargs)

    def __enter__(self) -> CircuitBreaker:
        if not self.can_execute():
            wait = self.retry_in
            raise CircuitBreakerOpen(
                f"{self.name} is not called: the circuit breaker is {self._state} after {self._failures} failures"
                f" in a row; try again in {wait:.0f} s.",
                wait,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (status_of(error) is not None and not should_retry(error)):
            self.record_success()
        elif should_retry(error):
            self.record_failure()
        else:
            self.release()

    def release(self) -> None:
        """A call ended in a way that says nothing of whom it was made to: if it was the probe, let there be another."""
        with self._lock:
            if self._state == HALF_OPEN:
                self._since = None

    # --- with the lock held; what they return is told without it

    def _look(self) -> list[tuple[str, str]]:
        """Half open the breaker, or give the probe up, if it is time."""
        over = self._since is not None and self._clock() - self._since >= self.recovery_timeout
        if self._state == OPEN and over:
            return self._change(HALF_OPEN)
        if self._state == HALF_OPEN and over:
            self._since = None
        return []

    def _change(self, state: str) -> list[tuple[str, str]]:
        former, self._state = self._state, state
        self._since = self._clock() if state == OPEN else None
        self.transitions[former, state] += 1
        return [(former, state)]

    def _tell(self, changes: list[tuple[str, str]]) -> None:
        for former, state in changes:
            _logger.log(
                logging.WARNING if (former, state) == (CLOSED, OPEN) else logging.INFO,
                "the circuit breaker of %s is %s, was %s: %d failures in a row.",
                *(self.name, state, former, self._failures),
            )
            try:
                if self._on_change is not None:
                    self._on_change(self, former, state)
            except Exception as error:  # the call that is guarded must not fail by it
                _logger.warning("what is told of the circuit breaker of %s failed: %r", self.name, error)


def _require(name: str, argument: str, value: float, right: bool, rule: str) -> None:
    if not right:
        raise ConfigurationError(f"{argument} of the circuit breaker {name!r} is {value!r}; it must be {rule}.")
