"""What goes to one destination: in batches, when it may be tried, until everything is dealt with."""

from __future__ import annotations

import logging
import random as _random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.ship.backoff import exponential_backoff
from tidegate.ship.batches import count, part, places
from tidegate.ship.breaker import CLOSED, CircuitBreaker, OnChange
from tidegate.ship.destinations import Destination, unreadable
from tidegate.ship.outcome import RETRY, SENT, Outcome

if TYPE_CHECKING:
    from tidegate.ship.refused import Refused
    from tidegate.ship.wire import Picked
    from tidegate.store.sealed.places import Place

_logger = logging.getLogger("tidegate")

#: Bytes of a request, before compression. Receivers over gRPC take 4 MiB by default.
MAX_BYTES = 4_000_000

#: Requests that the search for the records that a receiver refuses may cost in one batch. One record in
#: 512 takes 18, three take about 50.
MAX_REQUESTS = 64

#: The same while a receiver refuses everything: enough to find one record on the way.
FEW_REQUESTS = 10

#: Part by which what a receiver asks to wait is prolonged at random, so that senders do not come back at once.
_RETRY_AFTER_JITTER = 0.1


@dataclass(slots=True)
class Result:
    """What became of the records of one `Sender.send`.

    ``dealt`` is with how many, from the first on, there is nothing more to do; the others are to be given
    again. Of those, ``sent`` were taken and ``refused`` are the places of those set aside; the rest the
    receiver rejected without saying which. ``done`` says that it was all, ``reason`` why it was not.
    """

    dealt: int = 0
    sent: int = 0
    refused: list[Place] = field(default_factory=list)
    done: bool = False
    reason: str = ""


class Sender:
    """Sends to one destination what it is given, with a circuit breaker and growing waits after failures.

    `send` makes no attempt before `ready_at`. What a receiver refuses for good is looked for by halves, so
    that only the offending records are counted and set aside (in ``refused``, if there is such a place). A
    failure that may pass, and one that is the configuration's, ends the call: nothing is lost, the rest is
    to be given again later.

    ``clock`` gives seconds that only grow, ``random`` draws from 0 to 1, ``on_change`` is told of the breaker's
    states. One thread sends; the numbers may be read by any.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        refused: Refused | None = None,
        breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
        on_change: OnChange | None = None,
    ) -> None:
        self.destination = destination
        self.breaker = breaker or CircuitBreaker(destination.name, clock=clock, on_change=on_change)
        #: Records that were taken; attempts after a failed one; bytes that were taken, before compression.
        self.sent = self.retries = self.bytes = 0
        #: Records that were not taken and are not tried again, by status or ``partial_success``.
        self.refused: Counter[str] = Counter()
        #: What went wrong last, until something is taken; and what to check, if it is the configuration's fault.
        self.last_error = self.advice = ""
        #: When something was taken last, in ns since the epoch; 0 before.
        self.last_success = 0
        #: How many seconds the last requests took, the longest of them; older ones count half as much each time.
        self.took = 0.0
        self._set_aside = refused
        self._clock, self._random = clock, random
        self._attempts = 0
        self._next = 0.0
        self._asked_to_wait = False
        self._size = destination.max_records
        #: Records of which a request has three quarters of `MAX_BYTES`, going by those that were encoded last.
        self._fitting = destination.max_records
        self._most_requests = MAX_REQUESTS
        self._told: set[str] = set()
        self._sending = threading.Lock()

    def ready_at(self, now: float) -> float:
        """From when on, by ``clock``, there may be an attempt; ``now`` when there may be one at once."""
        return max(now, self._next, now + self.breaker.retry_in)

    def send(
        self,
        picked: Sequence[Picked],
        timeout: float | None = None,
        *,
        last: bool = False,
        check: Callable[[], object] = lambda: None,
        goes_on: Callable[[Result], bool] = lambda _: True,
    ) -> Result:
        """Send these records, in batches, as far as it goes, within ``timeout`` seconds if given: no request is begun
        that is not likely to end by then.

        ``last`` is for the end of a process: a wait after a failure is cut short, unless the receiver asked
        for it or the breaker is open. ``check`` is called before each request, and what it raises ends the call.
        ``goes_on`` is told what became of all so far after each batch, and may end it, too.
        """
        result, total = Result(), count(picked)
        deadline = None if timeout is None else self._clock() + timeout
        if not self._sending.acquire(timeout=max(timeout or 0, 0)):
            result.reason = "another thread is sending"
            return result
        try:
            result.reason = self._why_not(last)
            while result.dealt < total and not result.reason:
                batch = part(picked, result.dealt, min(result.dealt + min(self._size, self._fitting), total))
                result.reason = self._batch(batch, result, deadline, check)
                if not goes_on(result):
                    result.reason = result.reason or "it is to end"
            result.done = result.dealt == total
            return result
        finally:
            self._sending.release()

    def close(self) -> None:
        """Shut the exporter down."""
        self.destination.close()

    @property
    def problem(self) -> str:
        """Why records wait, in a sentence; empty while they do not."""
        if self.advice:
            return f"{self.destination.name}: {self.last_error}; {self.advice}"
        state = self.breaker.state
        if state == CLOSED:
            return ""
        wait = self.breaker.retry_in
        return (
            f"{self.destination.name}: the circuit breaker is {state}, next attempt in {wait:.0f} s: {self.last_error}"
        )

    def state(self) -> dict[str, Any]:
        """Everything there is to know of it now, as JSON can hold it; times in ns since the epoch or seconds."""
        now = self._clock()
        return {
            "name": self.destination.name,
            "signal": self.destination.signal,
            "endpoint": self.destination.endpoint,
            "breaker": self.breaker.state,
            "failures": self._attempts,
            "last_error": self.last_error,
            "advice": self.advice,
            "problem": self.problem,
            "last_success_unix_nano": self.last_success,
            "next_attempt_in": round(self.ready_at(now) - now, 3),
            "sent": self.sent,
            "refused": dict(self.refused),
            "retries": self.retries,
            "bytes": self.bytes,
        }

    def _why_not(self, last: bool) -> str:
        if self._clock() < self._next and not (last and not self._asked_to_wait):
            return f"waiting after a failure: {self.last_error}"
        return ""

    # --- one batch

    def _batch(
        self, batch: Sequence[Picked], result: Result, deadline: float | None, check: Callable[[], object]
    ) -> str:
        """Send a batch, and halves of it where it is too large or refused; why it ended before all was dealt with."""
        waiting = [(0, count(batch))]  # parts that are not dealt with; the first is the last
        requests, sent = 0, self.sent
        while waiting:
            start, end = waiting.pop()
            piece = part(batch, start, end)
            middle = (start + end) // 2
            payload, found = self._encode(piece)
            if found is None:
                if len(payload) > MAX_BYTES and middle > start and isinstance(payload, bytes):
                    waiting += [(middle, end), (start, middle)]
                    continue
                check()
                requests += 1
                found = self._attempt(payload, end - start, deadline)
            if found.verdict == RETRY:
                self._size = end - start if requests > 1 else self._size  # the search is not begun anew
                return found.error
            if found.verdict == SENT:
                self._accept(found, result)
            elif middle > start and requests < self._most_requests:
                waiting += [(middle, end), (start, middle)]
                continue
            else:
                self._refuse(piece, found, result)
            result.dealt += end - start
        self._size = min(2 * self._size, self.destination.max_records)
        if requests > 1 and self.sent == sent:
            self._most_requests = FEW_REQUESTS
        return ""

    def _encode(self, piece: Sequence[Picked]) -> tuple[Any, Outcome | None]:
        try:
            payload = self.destination.encode(piece)
        except Exception as error:
            return None, unreadable(error)
        if isinstance(payload, bytes):
            self._fitting = max(MAX_BYTES * 3 // 4 * count(piece) // max(len(payload), 1), 1)
        return payload, None

    def _attempt(self, payload: Any, number: int, deadline: float | None) -> Outcome:
        timeout = self.destination.timeout
        left = timeout if deadline is None else deadline - self._clock()
        timeout = min(timeout, left)
        if timeout <= 0 or (deadline is not None and left < self.took):
            return Outcome(RETRY, error="there is no time left")
        if not self.breaker.can_execute():
            return Outcome(RETRY, error=f"the circuit breaker is {self.breaker.state}: {self.last_error}")
        self.retries += bool(self._attempts)
        begun = self._clock()
        found = self.destination.deliver(payload, number, timeout)
        self.took = max(self._clock() - begun, self.took / 2)
        if found.verdict == RETRY:
            self._failed(found)
        else:
            self.breaker.record_success()
            self._attempts, self._next, self._asked_to_wait = 0, 0.0, False
            self._told.discard(self.advice)
            self.last_error = self.advice = ""
            self.bytes += len(payload) if isinstance(payload, bytes) and found.verdict == SENT else 0
        return found

    def _failed(self, found: Outcome) -> None:
        self.last_error, self.advice = found.error, found.advice
        self._asked_to_wait = bool(found.retry_after)
        if found.retry_after:
            wait = found.retry_after * (1 + _RETRY_AFTER_JITTER * self._random())
        else:
            wait = exponential_backoff(self._attempts, random=self._random)
        self._attempts += 1
        self._next = self._clock() + wait
        if found.advice:  # somebody is there, or nobody ever will be: neither is what a breaker is for
            self.breaker.release()
            self._say(found.advice, "nothing is sent to %s, but nothing is lost: %s (%s).", found.advice, found.error)
        else:
            self.breaker.record_failure()
            _logger.debug(
                "%s: attempt %d failed, next in %.1f s: %s", self.destination.name, self._attempts, wait, found.error
            )

    def _accept(self, found: Outcome, result: Result) -> None:
        self.last_success, self._most_requests = time.time_ns(), MAX_REQUESTS
        self.sent += found.accepted
        result.sent += found.accepted
        if found.rejected:
            self.refused["partial_success"] += found.rejected
            self._say(
                "partial_success", "%s took a request but for %d of its records: %s.", found.rejected, found.error
            )

    def _refuse(self, piece: Sequence[Picked], found: Outcome, result: Result) -> None:
        number = count(piece)
        self.refused[str(found.status)] += number
        self._say(
            str(found.status), "%s refuses some records for good, which are counted and set aside: %s.", found.error
        )
        if self._set_aside is not None:
            self._set_aside.add(piece, found.error)
        try:
            result.refused += places(piece)
        except Exception:  # a block that cannot be read, which is why
            pass

    def _say(self, about: str, message: str, *arguments: Any) -> None:
        """Warn, once for each thing."""
        level = logging.DEBUG if about in self._told else logging.WARNING
        self._told.add(about)
        _logger.log(level, message, self.destination.name, *arguments)
