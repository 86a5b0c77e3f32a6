"""What a sender does with a destination's answers, on a virtual clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from shipping import Clock, Scripted, bodies, logs, numbered
from tidegate.ship import sender as module
from tidegate.ship.batches import part
from tidegate.ship.election import Superseded
from tidegate.ship.outcome import REFUSED, RETRY, SENT, Outcome
from tidegate.ship.sender import Sender


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def there() -> Scripted:
    return Scripted()


@pytest.fixture
def sender(there: Scripted, clock: Clock) -> Sender:
    return Sender(there, clock=clock, random=lambda: 0.5)


def accept(requested: list[Any]) -> Outcome:
    return Outcome(SENT, len(requested))


def busy(**options: Any) -> Callable[[list[Any]], Outcome]:
    return lambda requested: Outcome(RETRY, **{"error": "503 busy", "status": 503, **options})


def refuse(*marked: int) -> Callable[[list[Any]], Outcome]:
    """Refuses requests that contain one of these."""
    names = {f"number {number}" for number in marked}
    return lambda requested: (
        Outcome(REFUSED, error="400 bad", status=400) if names & set(requested) else accept(requested)
    )


def refuse_all(requested: list[Any]) -> Outcome:
    return Outcome(REFUSED, error="400 bad", status=400)


# --- batches


def test_everything_is_sent_in_order(sender: Sender, there: Scripted) -> None:
    result = sender.send(numbered(3))
    assert (result.done, result.dealt, result.sent, there.requests) == (
        True,
        3,
        3,
        [["number 0", "number 1", "number 2"]],
    )


def test_nothing_to_send_is_no_request(sender: Sender, there: Scripted) -> None:
    assert (sender.send([]).done, there.requests) == (True, [])


def test_a_request_holds_512_records_at_most(sender: Sender, there: Scripted) -> None:
    assert sender.send(numbered(1100)).sent == 1100
    assert [len(each) for each in there.requests] == [512, 512, 76]


def test_a_batch_may_be_of_several_blocks(sender: Sender, there: Scripted) -> None:
    sender.send([*numbered(2), *numbered(3)])
    assert [len(each) for each in there.requests] == [5]


def test_an_exporter_with_smaller_batches_gets_them(clock: Clock) -> None:
    there = Scripted()
    there.max_records = 100
    Sender(there, clock=clock).send(numbered(250))
    assert [len(each) for each in there.requests] == [100, 100, 50]


class Encoded(Scripted):
    """A destination that takes bytes; ``encoded`` are the records of each attempt at it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[int] = []

    def encode(self, picked: Any) -> Any:
        self.encoded.append(len(bodies(picked)))
        return b".".join(str(body).encode() for body in bodies(picked))

    def _deliver(self, payload: Any, count: int, timeout: float) -> Outcome:
        return super()._deliver(payload.split(b"."), count, timeout)


def test_a_request_that_is_too_large_is_halved(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 40)
    there = Encoded()
    assert Sender(there, clock=clock).send(numbered(8)).sent == 8
    assert [len(each) for each in there.requests] == [4, 4]


def test_after_one_that_was_too_large_requests_are_as_large_as_fits(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 40)
    there = Encoded()
    sender = Sender(there, clock=clock)
    sender.send(numbered(8))
    there.encoded.clear()
    sender.send(numbered(8))
    assert there.encoded == [3, 3, 2]


def test_requests_grow_again_when_records_are_small(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 40)
    there = Encoded()
    sender = Sender(there, clock=clock)
    sender.send(numbered(8))
    sender.send(logs(["x"] * 30))
    assert [len(each) for each in there.requests] == [4, 4, 3, 18, 9]


def test_a_single_record_is_sent_however_large_it_is(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 4)
    assert Sender(Encoded(), clock=clock).send(numbered(2)).sent == 2


# --- failures that may pass


def test_a_failure_ends_the_call_and_the_rest_is_to_be_given_again(sender: Sender, there: Scripted) -> None:
    there.answer(lambda requested: accept(requested) if len(there.requests) == 1 else busy()(requested))
    result = sender.send(numbered(600))
    assert (result.done, result.dealt, result.sent, result.reason) == (False, 512, 512, "503 busy")


def test_waits_grow_with_failures_in_a_row(sender: Sender, there: Scripted, clock: Clock) -> None:
    there.answer(busy())
    waits = []
    for _ in range(4):
        sender.send(numbered(1))
        waits.append(sender.ready_at(clock.now) - clock.now)
        clock.tick(waits[-1])
    assert waits == [1, 2, 4, 8]


def test_there_is_no_attempt_while_it_waits(sender: Sender, there: Scripted, clock: Clock) -> None:
    there.answer(busy())
    sender.send(numbered(1))
    clock.tick(0.9)
    assert sender.send(numbered(1)).reason == "waiting after a failure: 503 busy"
    assert len(there.requests) == 1


def test_success_resets_the_wait(sender: Sender, there: Scripted, clock: Clock) -> None:
    for answer in (busy(), busy(), accept, busy()):
        there.answer(answer)
        sender.send(numbered(1))
        clock.tick(2)
    assert sender.ready_at(0.0) == clock.now - 1


def test_retry_after_is_waited_for_and_a_little_longer(sender: Sender, there: Scripted, clock: Clock) -> None:
    there.answer(busy(retry_after=20.0))
    sender.send(numbered(1))
    assert sender.ready_at(clock.now) == clock.now + 21


def test_retry_after_holds_rather_than_a_longer_backoff(sender: Sender, there: Scripted, clock: Clock) -> None:
    for _ in range(4):
        there.answer(busy())
        sender.send(numbered(1))
        clock.tick(32)
    there.answer(busy(retry_after=2.0))
    sender.send(numbered(1))
    assert sender._next == pytest.approx(clock.now + 2.1)


def test_retry_after_of_zero_is_no_reason_to_hurry(sender: Sender, there: Scripted, clock: Clock) -> None:
    there.answer(busy(retry_after=0.0))
    sender.send(numbered(1))
    assert sender.ready_at(clock.now) == clock.now + 1


def fail_five_times(sender: Sender, there: Scripted, clock: Clock) -> None:
    there.answer(busy())
    for _ in range(5):
        sender.send(numbered(1))
        clock.now = max(clock.now, sender._next)


def test_five_failures_open_the_breaker_and_then_nothing_is_tried(
    sender: Sender, there: Scripted, clock: Clock
) -> None:
    fail_five_times(sender, there, clock)
    assert sender.send(numbered(1)).reason == "the circuit breaker is OPEN: 503 busy"
    assert len(there.requests) == 5


def test_an_open_breaker_says_when_it_is_ready(sender: Sender, there: Scripted, clock: Clock) -> None:
    fail_five_times(sender, there, clock)
    assert sender.ready_at(clock.now) == clock.now + sender.breaker.retry_in > clock.now


def test_after_a_probe_that_fails_nothing_else_is_tried(sender: Sender, there: Scripted, clock: Clock) -> None:
    fail_five_times(sender, there, clock)
    clock.tick(60)
    assert not sender.send(numbered(2000)).done
    assert (len(there.requests), sender.breaker.state) == (6, "OPEN")


def test_after_a_probe_that_succeeds_all_is_sent(sender: Sender, there: Scripted, clock: Clock) -> None:
    fail_five_times(sender, there, clock)
    there.answer(accept)
    clock.tick(60)
    assert sender.send(numbered(2000)).done
    assert sender.breaker.state == "CLOSED"


def test_retries_are_counted(sender: Sender, there: Scripted, clock: Clock) -> None:
    for answer in (busy(), busy(), accept, accept):
        there.answer(answer)
        sender.send(numbered(1))
        clock.tick(5)
    assert sender.retries == 2


# --- the configuration's fault


UNAUTHORIZED = Outcome(RETRY, error="401 Unauthorized", status=401, advice="check the headers")


def test_a_fault_of_the_configuration_neither_loses_records_nor_opens_the_breaker(
    sender: Sender, there: Scripted, clock: Clock
) -> None:
    there.answer(lambda requested: UNAUTHORIZED)
    for _ in range(20):
        result = sender.send(numbered(4))
        clock.tick(32)
    assert (result.dealt, sender.refused, sender.breaker.state) == (0, {}, "CLOSED")


def test_a_fault_of_the_configuration_is_warned_of_once(
    sender: Sender, there: Scripted, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tidegate")
    there.answer(lambda requested: UNAUTHORIZED)
    for _ in range(3):
        sender.send(numbered(1))
        clock.tick(32)
    text = "nothing is sent to logs-scripted, but nothing is lost: check the headers (401 Unauthorized)."
    assert [record.message for record in caplog.records] == [text]


def test_a_fault_that_comes_again_after_a_success_is_warned_of_again(
    sender: Sender, there: Scripted, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for answer in (lambda requested: UNAUTHORIZED, accept, lambda requested: UNAUTHORIZED):
        there.answer(answer)
        sender.send(numbered(1))
        clock.tick(32)
    assert len(caplog.records) == 2


def test_a_probe_that_meets_a_fault_of_the_configuration_makes_room_for_another(
    sender: Sender, there: Scripted, clock: Clock
) -> None:
    fail_five_times(sender, there, clock)
    there.answer(lambda requested: UNAUTHORIZED)
    clock.tick(60)
    sender.send(numbered(1))
    there.answer(accept)
    clock.tick(40)
    assert sender.send(numbered(1)).done


# --- refused for good


@pytest.mark.parametrize("place", [0, 1, 255, 256, 511])
def test_one_offending_record_of_512_is_found_and_the_others_are_sent(
    sender: Sender, there: Scripted, place: int
) -> None:
    there.answer(refuse(place))
    result = sender.send(numbered(512))
    assert (result.done, result.sent, [number for _, number in result.refused]) == (True, 511, [place])


def test_looking_for_one_record_of_512_takes_19_requests(sender: Sender, there: Scripted) -> None:
    there.answer(refuse(300))
    sender.send(numbered(512))
    assert len(there.requests) == 19


def test_each_of_several_offending_records_is_found(sender: Sender, there: Scripted) -> None:
    there.answer(refuse(3, 4, 400))
    result = sender.send(numbered(512))
    assert (result.sent, [number for _, number in result.refused]) == (509, [3, 4, 400])


def test_records_are_sent_in_order_though_some_are_looked_for(sender: Sender, there: Scripted) -> None:
    taken: list[Any] = []

    def answer(requested: list[Any]) -> Outcome:
        found = refuse(5, 11)(requested)
        taken.extend(requested if found.verdict == SENT else ())
        return found

    there.answer(answer)
    sender.send(numbered(16))
    assert taken == [f"number {number}" for number in range(16) if number not in (5, 11)]


def test_a_receiver_that_refuses_everything_costs_a_bounded_number_of_requests(sender: Sender, there: Scripted) -> None:
    there.answer(refuse_all)
    result = sender.send(numbered(512))
    assert (result.done, len(result.refused)) == (True, 512)
    assert len(there.requests) <= module.MAX_REQUESTS + 10


def test_while_a_receiver_refuses_everything_a_batch_costs_few_requests(sender: Sender, there: Scripted) -> None:
    there.answer(refuse_all)
    sender.send(numbered(512))
    before = len(there.requests)
    sender.send(numbered(512))
    assert len(there.requests) - before <= 2 * module.FEW_REQUESTS


def test_after_everything_was_refused_one_offending_record_is_found_again(sender: Sender, there: Scripted) -> None:
    there.answer(refuse_all)
    sender.send(numbered(512))
    there.answer(refuse(300))
    assert sender.send(numbered(512)).sent == 511


def test_a_refusal_is_warned_of_once(sender: Sender, there: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    there.answer(refuse(1, 3))
    sender.send(numbered(5))
    text = "logs-scripted refuses some records for good, which are counted and set aside: 400 bad."
    assert [record.message for record in caplog.records] == [text]


def test_refused_records_are_counted_by_status(sender: Sender, there: Scripted) -> None:
    there.answer(refuse(1, 2))
    sender.send(numbered(4))
    assert sender.refused == {"400": 2}


def test_a_refusal_does_not_count_for_the_breaker(sender: Sender, there: Scripted) -> None:
    there.answer(refuse_all)
    sender.send(numbered(64))
    assert (sender.breaker.state, sender.breaker.failures) == ("CLOSED", 0)


def test_a_failure_amid_the_search_keeps_what_was_found(sender: Sender, there: Scripted, clock: Clock) -> None:
    there.answer(lambda requested: refuse(9)(requested) if len(there.requests) < 6 else busy()(requested))
    first = sender.send(numbered(16))
    there.answer(refuse(9))
    clock.tick(2)
    second = sender.send(part(numbered(16), first.dealt, 16))
    assert (first.sent + second.sent, first.refused + second.refused) == (15, [("0123456789abcdef", 9)])


def test_a_search_that_is_cut_short_again_and_again_comes_to_an_end(
    sender: Sender, there: Scripted, clock: Clock
) -> None:
    """A receiver that takes three requests at a time, and refuses the very first record."""
    answered = [0]

    def answer(requested: list[Any]) -> Outcome:
        answered[0] += 1
        return busy()(requested) if answered[0] % 4 == 0 else refuse(0)(requested)

    there.answer(answer)
    dealt, refused = 0, 0
    for _ in range(40):
        result = sender.send(part(numbered(512), dealt, 512))
        dealt, refused = dealt + result.dealt, refused + len(result.refused)
        clock.tick(100)
    assert (dealt, refused, sender.sent) == (512, 1, 511)


def test_what_a_partial_success_rejects_is_counted_and_not_sent_again(sender: Sender, there: Scripted) -> None:
    there.answer(lambda requested: Outcome(SENT, len(requested) - 2, 2, error="too old"))
    result = sender.send(numbered(5))
    assert (result.done, result.sent, sender.refused) == (True, 3, {"partial_success": 2})


class Unreadable(Scripted):
    def encode(self, picked: Any) -> Any:
        found = bodies(picked)
        if "number 2" in found:
            raise ValueError("no number")
        return found


def test_a_record_that_cannot_be_encoded_is_set_aside_without_a_request(clock: Clock) -> None:
    there = Unreadable()
    sender = Sender(there, clock=clock)
    result = sender.send(numbered(4))
    assert (result.sent, sender.refused, there.requests) == (
        3,
        {"encoding": 1},
        [["number 0", "number 1"], ["number 3"]],
    )


def test_an_exporter_that_raises_is_an_answer_like_any_other(sender: Sender, there: Scripted) -> None:
    def answer(requested: list[Any]) -> Outcome:
        if "number 1" in requested:
            raise KeyError("an exporter's mistake")
        return accept(requested)

    there.answer(answer)
    result = sender.send(numbered(4))
    assert (result.sent, sender.refused) == (3, {"exporter": 1})


def test_an_exporter_that_cannot_connect_is_tried_again(sender: Sender, there: Scripted) -> None:
    def answer(requested: list[Any]) -> Outcome:
        raise ConnectionRefusedError("nobody there")

    there.answer(answer)
    assert sender.send(numbered(4)).reason == "ConnectionRefusedError: nobody there"


# --- time


def test_a_request_may_take_as_long_as_the_exporter_says(sender: Sender, there: Scripted) -> None:
    sender.send(numbered(1))
    assert there.timeouts == [there.timeout]


def test_a_shorter_timeout_holds_for_all_requests_together(sender: Sender, there: Scripted, clock: Clock) -> None:
    def answer(requested: list[Any]) -> Outcome:
        clock.tick(0.75)
        return accept(requested)

    there.answer(answer)
    result = sender.send(numbered(2000), timeout=2.0)
    assert (there.timeouts, result.dealt) == ([2.0, 1.25], 1024)


def test_no_request_is_begun_that_would_not_end_in_time_as_the_last_ones_went(
    sender: Sender, there: Scripted, clock: Clock
) -> None:
    def answer(requested: list[Any]) -> Outcome:
        clock.tick(3.0)
        return accept(requested)

    there.answer(answer)
    sender.send(numbered(1))
    assert sender.send(numbered(1), timeout=2.0).reason == "there is no time left"
    assert len(there.requests) == 1


def test_running_out_of_time_is_no_failure(sender: Sender, there: Scripted) -> None:
    sender.send(numbered(1), timeout=0.0)
    assert (there.requests, sender.breaker.failures, sender.last_error) == ([], 0, "")


def test_at_the_end_of_a_process_a_wait_is_cut_short(sender: Sender, there: Scripted) -> None:
    there.answer(busy())
    sender.send(numbered(1))
    there.answer(accept)
    assert sender.send(numbered(1), last=True).done


def test_at_the_end_of_a_process_a_wait_that_was_asked_for_is_not_cut_short(sender: Sender, there: Scripted) -> None:
    there.answer(busy(retry_after=5.0))
    sender.send(numbered(1))
    assert not sender.send(numbered(1), last=True).done
    assert len(there.requests) == 1


def test_two_threads_do_not_send_at_once(sender: Sender, there: Scripted) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def answer(requested: list[Any]) -> Outcome:
        begun.set()
        go_on.wait(20)
        return accept(requested)

    there.answer(answer)
    thread = threading.Thread(target=sender.send, args=[numbered(1)])
    thread.start()
    begun.wait(20)
    result = sender.send(numbered(1), timeout=0.01)
    go_on.set()
    thread.join()
    assert (result.reason, len(there.requests)) == ("another thread is sending", 1)


def test_who_is_superseded_between_two_requests_makes_no_more(sender: Sender, there: Scripted) -> None:
    leads = [True]

    def check() -> None:
        if not leads:
            raise Superseded("generation 1 has ended")

    def answer(requested: list[Any]) -> Outcome:
        leads.clear()
        return accept(requested)

    there.answer(answer)
    with pytest.raises(Superseded):
        sender.send(numbered(1100), check=check)
    assert len(there.requests) == 1


def test_who_is_superseded_takes_no_probe_from_the_breaker(sender: Sender, there: Scripted, clock: Clock) -> None:
    def check() -> None:
        raise Superseded("generation 1 has ended")

    fail_five_times(sender, there, clock)
    clock.tick(60)
    with pytest.raises(Superseded):
        sender.send(numbered(1), check=check)
    assert sender.breaker.can_execute()


# --- what can be seen


def test_the_state_is_all_that_there_is_to_know(sender: Sender, there: Scripted, clock: Clock) -> None:
    sender.send(numbered(3))
    there.answer(busy())
    sender.send(numbered(2))
    state = sender.state()
    assert state.pop("last_success_unix_nano") == sender.last_success > 0
    assert state == {
        "name": "logs-scripted",
        "signal": "logs",
        "endpoint": "",
        "breaker": "CLOSED",
        "failures": 1,
        "last_error": "503 busy",
        "advice": "",
        "problem": "",
        "next_attempt_in": 1.0,
        "sent": 3,
        "refused": {},
        "retries": 0,
        "bytes": 0,
    }


def test_a_destination_that_works_has_no_problem(sender: Sender) -> None:
    sender.send(numbered(1))
    assert sender.problem == ""


def test_an_open_breaker_is_a_problem_that_says_why(sender: Sender, there: Scripted, clock: Clock) -> None:
    fail_five_times(sender, there, clock)
    clock.now = clock.now + sender.breaker.retry_in - 10
    assert sender.problem == "logs-scripted: the circuit breaker is OPEN, next attempt in 10 s: 503 busy"


def test_a_fault_of_the_configuration_is_a_problem_that_says_what_to_check(sender: Sender, there: Scripted) -> None:
    there.answer(lambda requested: UNAUTHORIZED)
    sender.send(numbered(1))
    assert sender.problem == "logs-scripted: 401 Unauthorized; check the headers"


def test_bytes_that_were_taken_are_counted(clock: Clock) -> None:
    sender = Sender(Encoded(), clock=clock)
    sender.send(numbered(2))
    assert sender.bytes == len("number 0.number 1")
