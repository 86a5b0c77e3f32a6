"""The log context: what is in it where, and which way it goes."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage, context

from tidegate import clear_log_context, get_log_context, log_context, set_log_context, update_log_context
from tidegate.api.attributes.baggage import opt_in
from tidegate.api.calls import complaints
from tidegate.api.context import MAX_VALUES, VALUES_KEY

Counts = Any


@pytest.fixture(autouse=True)
def nothing_is_set() -> Iterator[None]:
    """Each test in a context of its own."""
    token = context.attach(context.Context())
    yield
    context.detach(token)


@pytest.fixture
def counts() -> Iterator[Counts]:
    """How often something went wrong, by reason."""
    complaints.forget()
    yield complaints.counts
    complaints.forget()


@pytest.fixture
def tenant_crosses() -> Iterator[None]:
    """``tenant`` and ``order`` are opted in."""
    opt_in(("tenant", "order"))
    yield
    opt_in(())


# -- blocks


def test_nothing_is_set_outside_of_everything() -> None:
    assert get_log_context() == {}


def test_values_are_there_within_the_block() -> None:
    with log_context(tenant="acme"):
        assert get_log_context() == {"tenant": "acme"}


def test_nothing_is_left_after_the_block() -> None:
    with log_context(tenant="acme"):
        pass
    assert get_log_context() == {}


def test_nothing_is_left_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), log_context(tenant="acme"):
        raise ValueError("no")
    assert get_log_context() == {}


def test_the_inner_block_wins() -> None:
    with log_context(tenant="acme", step=1), log_context(step=2):
        assert get_log_context() == {"tenant": "acme", "step": 2}


def test_the_outer_block_is_back_after_the_inner_one() -> None:
    with log_context(step=1):
        with log_context(step=2):
            pass
        assert get_log_context() == {"step": 1}


def test_none_takes_a_value_away() -> None:
    with log_context(tenant="acme", step=1), log_context(tenant=None):
        assert get_log_context() == {"step": 1}


def test_names_that_python_does_not_have_come_in_a_mapping() -> None:
    with log_context({"order.id": 7}, tenant="acme"):
        assert get_log_context() == {"order.id": 7, "tenant": "acme"}


def test_a_name_may_be_that_of_the_parameter() -> None:
    with log_context(values=1, self=2):
        assert get_log_context() == {"values": 1, "self": 2}


def test_a_block_can_be_entered_again_within_itself() -> None:
    block = log_context(step=1)
    with block, block:
        pass
    assert get_log_context() == {}


def test_a_block_can_be_entered_again_later() -> None:
    block = log_context(step=1)
    with block:
        pass
    with block:
        assert get_log_context() == {"step": 1}


def test_values_may_be_of_any_type() -> None:
    class Cart:
        def __str__(self) -> str:
            return "cart of 3"

    with log_context(cart=Cart(), tags={"a"}, nested={1: Cart()}, raw=b"x"):
        assert get_log_context() == {"cart": "cart of 3", "tags": ["a"], "nested": {"1": "cart of 3"}, "raw": b"x"}


def test_a_value_without_a_text_raises_nothing() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    with log_context(cart=Broken()):
        assert "RuntimeError" in get_log_context()["cart"]


def test_a_value_is_what_it_was_when_it_was_set() -> None:
    items = ["tea"]
    with log_context(items=items):
        items.append("cake")
        assert get_log_context() == {"items": ["tea"]}


def test_what_is_returned_is_a_copy() -> None:
    with log_context(items=["tea"]):
        get_log_context()["items"].append("cake")
        assert get_log_context() == {"items": ["tea"]}


def test_names_become_texts() -> None:
    with log_context({1: "a", None: "b"}):  # type: ignore[dict-item]
        assert get_log_context() == {"1": "a", "None": "b"}


def test_an_empty_name_is_left_out() -> None:
    with log_context({"": 1}):
        assert get_log_context() == {}


@pytest.mark.parametrize("wrong", [5, "acme", ["tenant"]])
def test_what_is_no_mapping_is_counted_and_raises_nothing(wrong: Any, counts: Counts) -> None:
    with log_context(wrong, step=1):
        assert get_log_context() == {"step": 1}
    assert counts == {"log context": 1}


def test_values_beyond_the_bound_are_left_out_and_counted(counts: Counts) -> None:
    for number in range(MAX_VALUES + 2):
        update_log_context({f"name{number}": number})
    assert len(get_log_context()) == MAX_VALUES
    assert counts == {"log context": 2}


# -- without a block


def test_what_is_set_takes_the_place_of_all() -> None:
    with log_context(tenant="acme"):
        set_log_context(step=2)
        assert get_log_context() == {"step": 2}


def test_what_is_updated_is_added() -> None:
    with log_context(tenant="acme", step=1):
        update_log_context({"step": 2}, order=7)
        assert get_log_context() == {"tenant": "acme", "step": 2, "order": 7}


def test_an_update_takes_away_with_none() -> None:
    with log_context(tenant="acme"):
        update_log_context(tenant=None)
        assert get_log_context() == {}


def test_nothing_is_left_when_all_is_cleared() -> None:
    with log_context(tenant="acme"):
        clear_log_context()
        assert get_log_context() == {}


def test_what_is_set_in_a_block_ends_with_it() -> None:
    with log_context(tenant="acme"):
        with log_context():
            update_log_context(step=1)
            clear_log_context()
        assert get_log_context() == {"tenant": "acme"}


def test_what_is_set_outside_of_any_block_stays() -> None:
    set_log_context(tenant="acme")
    assert get_log_context() == {"tenant": "acme"}


def test_what_else_is_in_the_context_stays() -> None:
    token = context.attach(context.set_value("theirs", 1))
    with log_context(tenant="acme"):
        set_log_context(step=1)
        assert context.get_value("theirs") == 1
    context.detach(token)


# -- functions


@log_context(tenant="acme")
def inside() -> dict[str, Any]:
    return get_log_context()


def test_a_function_runs_within() -> None:
    assert (inside(), get_log_context()) == ({"tenant": "acme"}, {})


def test_a_function_sees_what_is_around_its_call() -> None:
    with log_context(step=1):
        assert inside() == {"step": 1, "tenant": "acme"}


def test_a_coroutine_runs_within() -> None:
    @log_context(tenant="acme")
    async def run() -> dict[str, Any]:
        await asyncio.sleep(0)
        return get_log_context()

    async def main() -> tuple[dict[str, Any], dict[str, Any]]:
        return await run(), get_log_context()

    assert inspect.iscoroutinefunction(run)
    assert asyncio.run(main()) == ({"tenant": "acme"}, {})


def test_a_generator_runs_within_and_its_consumer_does_not() -> None:
    @log_context(tenant="acme")
    def values() -> Iterator[dict[str, Any]]:
        yield get_log_context()
        yield get_log_context()

    assert [(inner, get_log_context()) for inner in values()] == [({"tenant": "acme"}, {})] * 2


def test_an_asynchronous_generator_runs_within_and_its_consumer_does_not() -> None:
    @log_context(tenant="acme")
    async def values() -> AsyncIterator[dict[str, Any]]:
        yield get_log_context()
        await asyncio.sleep(0)
        yield get_log_context()

    async def main() -> list[Any]:
        return [(inner, get_log_context()) async for inner in values()]

    assert asyncio.run(main()) == [({"tenant": "acme"}, {})] * 2


def test_a_decorated_function_can_call_itself() -> None:
    @log_context(depth=1)
    def down(levels: int) -> int:
        return down(levels - 1) if levels else len(get_log_context())

    assert (down(3), get_log_context()) == (1, {})


# -- where it goes


def test_it_crosses_await_and_tasks() -> None:
    async def child() -> dict[str, Any]:
        await asyncio.sleep(0)
        return get_log_context()

    async def main() -> list[Any]:
        with log_context(tenant="acme"):
            return [await child(), await asyncio.create_task(child()), *await asyncio.gather(child(), child())]

    assert asyncio.run(main()) == [{"tenant": "acme"}] * 4


def test_tasks_do_not_see_each_others() -> None:
    async def child(number: int) -> dict[str, Any]:
        update_log_context(number=number)
        await asyncio.sleep(0)
        return get_log_context()

    async def main() -> list[Any]:
        return [*await asyncio.gather(child(1), child(2)), get_log_context()]

    assert asyncio.run(main()) == [{"number": 1}, {"number": 2}, {}]


def test_tasks_may_enter_the_same_block() -> None:
    block = log_context(tenant="acme")

    async def child(steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
        with block:
            for _ in range(steps):
                await asyncio.sleep(0)
            inside = get_log_context()
        return inside, get_log_context()

    async def main() -> list[Any]:
        return list(await asyncio.gather(child(1), child(3), child(2)))

    assert asyncio.run(main()) == [({"tenant": "acme"}, {})] * 3


def test_it_crosses_to_thread() -> None:
    async def main() -> dict[str, Any]:
        with log_context(tenant="acme"):
            return await asyncio.to_thread(get_log_context)

    assert asyncio.run(main()) == {"tenant": "acme"}


def test_a_plain_thread_starts_with_nothing() -> None:
    with log_context(tenant="acme"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(get_log_context).result() == {}


def test_it_crosses_into_a_thread_with_the_opentelemetry_context() -> None:
    def within(carried: context.Context) -> dict[str, Any]:
        context.attach(carried)
        return get_log_context()

    with log_context(tenant="acme"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(within, context.get_current()).result() == {"tenant": "acme"}


def test_a_block_that_is_left_elsewhere_prints_nothing(caplog: pytest.LogCaptureFixture) -> None:
    block = log_context(tenant="acme")
    contextvars.copy_context().run(block.__enter__)
    with caplog.at_level(logging.DEBUG):
        block.__exit__()
    assert caplog.records == []


# -- baggage


@pytest.mark.usefixtures("tenant_crosses")
def test_only_what_is_opted_in_is_baggage() -> None:
    with log_context(tenant="acme", secret="geheim"):
        assert baggage.get_all() == {"tenant": "acme"}


def test_nothing_is_baggage_by_default() -> None:
    with log_context(tenant="acme"):
        assert baggage.get_all() == {}


@pytest.mark.usefixtures("tenant_crosses")
def test_baggage_ends_with_the_block() -> None:
    with log_context(tenant="acme"):
        pass
    assert baggage.get_all() == {}


@pytest.mark.usefixtures("tenant_crosses")
@pytest.mark.parametrize(("value", "sent"), [(7, "7"), (True, "true"), ("Zoë", "Zoë"), (["a"], '["a"]')])
def test_baggage_is_text(value: Any, sent: str) -> None:
    with log_context(tenant=value):
        assert baggage.get_all() == {"tenant": sent}


@pytest.mark.usefixtures("tenant_crosses")
def test_baggage_has_nothing_that_the_propagator_fails_on() -> None:
    from opentelemetry.baggage.propagation import W3CBaggagePropagator

    headers: dict[str, str] = {}
    with log_context(tenant="a\ud800;b,c=\n"):
        W3CBaggagePropagator().inject(headers)
    assert baggage.get_all(W3CBaggagePropagator().extract(headers)) == {"tenant": "a?;b,c="}


@pytest.mark.usefixtures("tenant_crosses")
def test_what_is_too_long_for_baggage_stays_here(counts: Counts) -> None:
    with log_context(tenant="x" * 5000, order=1):
        assert baggage.get_all() == {"order": "1"}
        assert len(get_log_context()["tenant"]) == 5000
    assert counts == {"baggage": 1}


@pytest.mark.usefixtures("tenant_crosses")
def test_what_there_is_no_room_for_in_baggage_stays_here(counts: Counts) -> None:
    full = context.Context()
    for number in range(64):
        full = baggage.set_baggage(f"theirs{number}", "x", full)
    token = context.attach(full)
    with log_context(tenant="acme"):
        assert "tenant" not in baggage.get_all()
    context.detach(token)
    assert counts == {"baggage": 1}


@pytest.mark.usefixtures("tenant_crosses")
@pytest.mark.parametrize("end", [clear_log_context, set_log_context, lambda: update_log_context(tenant=None)])
def test_what_is_taken_away_is_no_baggage_any_more(end: Any) -> None:
    with log_context(tenant="acme"):
        end()
        assert baggage.get_all() == {}


@pytest.mark.usefixtures("tenant_crosses")
def test_none_takes_away_what_came_in() -> None:
    token = context.attach(baggage.set_baggage("tenant", "theirs"))
    with log_context(tenant=None):
        assert baggage.get_all() == {}
    context.detach(token)


@pytest.mark.usefixtures("tenant_crosses")
def test_the_baggage_of_others_stays() -> None:
    token = context.attach(baggage.set_baggage("theirs", "x"))
    with log_context(tenant="acme"):
        clear_log_context()
        assert baggage.get_all() == {"theirs": "x"}
    context.detach(token)


def test_values_are_kept_in_the_opentelemetry_context() -> None:
    with log_context(tenant="acme"):
        assert context.get_value(VALUES_KEY) == {"tenant": "acme"}
