"""Functions whose calls are spans, and are counted and timed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextvars import copy_context
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind

from tidegate import ConfigurationError, instrument, traced
from tidegate.otel import suppressed
from tidegate.records import Span
from tidegate.testing import Distribution, Telemetry, capture

Said = Callable[[], list[str]]

TRACER = trace.get_tracer("test")


def current_name() -> str:
    return getattr(trace.get_current_span(), "name", "")


def outcomes(telemetry: Telemetry, name: str) -> list[tuple[dict[str, Any], Any]]:
    return [(dict(point.attributes), point.value["as_int"]) for point in telemetry.metrics(f"{name}.calls")]


@traced
def on_module_level() -> str:
    return current_name()


@pytest.mark.parametrize("decorator", [traced, instrument])
@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_refused(decorator: Callable[..., Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match="must not be empty"):
        decorator(name)


class TestTraced:
    def test_a_call_is_a_span_named_after_the_function(self, telemetry: Telemetry) -> None:
        assert on_module_level() == f"{__name__}.on_module_level"
        assert [span.name for span in telemetry.spans()] == [f"{__name__}.on_module_level"]

    def test_a_name_can_be_given(self, telemetry: Telemetry) -> None:
        assert traced("order.place")(current_name)() == "order.place"

    def test_a_methods_name_has_its_class(self, telemetry: Telemetry) -> None:
        class Shop:
            @traced
            def place(self) -> str:
                return current_name()

        assert Shop().place() == f"{__name__}.Shop.place"

    def test_its_scope_is_the_functions_module(self, telemetry: Telemetry) -> None:
        on_module_level()
        assert telemetry.span().scope.name == __name__

    def test_kind_and_attributes_can_be_given(self, telemetry: Telemetry) -> None:
        traced("x", kind=SpanKind.CLIENT, attributes={"a": 1, "b": None, "c": {"d": object}})(len)("abc")
        span = telemetry.span("x")
        assert (span.kind, span.attributes) == ("CLIENT", {"a": 1, "c": {"d": "<class 'object'>"}})

    def test_arguments_are_read_before_the_call(self, telemetry: Telemetry) -> None:
        def clear(items: list[int], *, note: str = "n") -> None:
            items.clear()

        traced("x", arguments=("items", "note"))(clear)([1, 2])
        assert telemetry.span("x").attributes == {"items": [1, 2], "note": "n"}

    def test_spans_within_are_its_children(self, telemetry: Telemetry) -> None:
        @traced("outer")
        def outer() -> None:
            with TRACER.start_as_current_span("inner"):
                pass

        outer()
        telemetry.assert_parent("inner", "outer")

    def test_recursion_is_a_chain_of_spans(self, telemetry: Telemetry) -> None:
        @traced("down")
        def down(number: int) -> None:
            if number:
                down(number - 1)

        down(3)
        spans = telemetry.spans("down")
        assert [span.parent_span_id for span in spans[1:]] == [span.span_id for span in spans[:-1]]

    def test_an_error_is_on_the_span_and_passes(self, telemetry: Telemetry) -> None:
        error = LookupError("no such order")

        @traced("fails")
        def fails() -> None:
            raise error

        with pytest.raises(LookupError) as caught:
            fails()
        span = telemetry.span("fails")
        assert caught.value is error
        assert (span.status_code, span.status_message) == ("ERROR", "LookupError: no such order")
        assert [event.attributes["exception.type"] for event in span.events] == ["LookupError"]

    def test_without_record_exception_there_is_only_the_status(self, telemetry: Telemetry) -> None:
        @traced("fails", record_exception=False)
        def fails() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            fails()
        assert (telemetry.span("fails").status_code, list(telemetry.span("fails").events)) == ("ERROR", [])

    @pytest.mark.parametrize("end", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, StopIteration])
    def test_what_is_no_error_is_no_event(self, telemetry: Telemetry, end: type[BaseException]) -> None:
        @traced("ends")
        def ends() -> None:
            raise end

        with pytest.raises(end):
            ends()
        assert_without_error(telemetry.span("ends"))

    def test_an_exporters_own_work_has_no_span(self, telemetry: Telemetry) -> None:
        with suppressed():
            assert on_module_level() == ""

    def test_a_provider_that_is_set_later_is_followed(self) -> None:
        on_module_level()
        for _ in range(2):
            with capture() as telemetry:
                on_module_level()
            assert len(telemetry.spans()) == 1

    def test_without_a_provider_the_span_around_stays(self) -> None:
        around = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True))
        with trace.use_span(around):
            assert traced(trace.get_current_span)() is around

    @pytest.mark.parametrize("method", ["on_start", "on_end"])
    def test_a_processor_that_fails_is_told_and_not_raised(self, said: Said, method: str) -> None:
        def fail(*args: object, **kwargs: object) -> None:
            raise ValueError("full")

        processor = SpanProcessor()
        setattr(processor, method, fail)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        with serving(provider):
            assert traced("x")(len)("abc") == 3
        assert "ValueError: full" in said()[0]
        assert context.get_current() == {}


class serving:  # noqa: N801  # reads like a function
    """This provider is the global one for a while."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider

    def __enter__(self) -> None:
        from tidegate.otel.globals import SIGNALS

        self.signal = SIGNALS[0]
        self.former = self.signal.provider
        self.signal.provider = self.provider

    def __exit__(self, *exc_info: object) -> None:
        self.signal.provider = self.former


def assert_without_error(span: Span) -> None:
    assert (span.status_code, list(span.events)) == ("UNSET", [])


@traced("later")
async def later() -> str:
    await asyncio.sleep(0)
    return current_name()


@traced("rows")
def rows(seen: list[str]) -> Iterator[int]:
    for number in range(3):
        seen.append(current_name())
        yield number


@traced("pages")
async def pages(seen: list[str]) -> AsyncIterator[int]:
    for number in range(3):
        await asyncio.sleep(0)
        seen.append(current_name())
        yield number


class TestTracedLater:
    def test_a_coroutines_span_is_current_until_it_ends(self, telemetry: Telemetry) -> None:
        assert asyncio.run(later()) == "later"
        assert len(telemetry.spans("later")) == 1

    def test_coroutines_side_by_side_have_spans_of_their_own(self, telemetry: Telemetry) -> None:
        async def main() -> None:
            await asyncio.gather(later(), later())

        asyncio.run(main())
        assert [span.parent_span_id for span in telemetry.spans("later")] == ["", ""]

    def test_a_cancelled_coroutine_is_no_error(self, telemetry: Telemetry) -> None:
        @traced("waits")
        async def waits() -> None:
            await asyncio.Event().wait()

        async def main() -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(waits(), 0.001)

        asyncio.run(main())
        assert_without_error(telemetry.span("waits"))

    def test_a_coroutine_that_is_closed_elsewhere_ends_its_span_in_silence(
        self, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Once:
            def __await__(self) -> Generator[None, None, None]:
                yield

        @traced("dropped")
        async def dropped() -> None:
            await Once()

        coroutine = dropped()
        copy_context().run(coroutine.send, None)
        coroutine.close()
        assert_without_error(telemetry.span("dropped"))
        assert caplog.records == []

    def test_a_generators_span_is_current_only_in_its_own_code(self, telemetry: Telemetry) -> None:
        inside: list[str] = []
        outside = [current_name() for _ in rows(inside)]
        assert (inside, outside) == (["rows"] * 3, [""] * 3)
        assert len(telemetry.spans("rows")) == 1

    def test_an_async_generators_span_is_current_only_in_its_own_code(self, telemetry: Telemetry) -> None:
        inside: list[str] = []

        async def main() -> list[str]:
            return [current_name() async for _ in pages(inside)]

        assert asyncio.run(main()) == [""] * 3
        assert inside == ["pages"] * 3

    def test_what_a_generator_makes_current_is_so_when_it_goes_on(self, telemetry: Telemetry) -> None:
        @traced("outer")
        def nested() -> Iterator[str]:
            with TRACER.start_as_current_span("inner"):
                yield current_name()
                yield current_name()
            yield current_name()

        assert [(inside, current_name()) for inside in nested()] == [("inner", ""), ("inner", ""), ("outer", "")]
        telemetry.assert_parent("inner", "outer")

    def test_a_generator_may_go_on_in_another_thread(self, telemetry: Telemetry) -> None:
        seen: list[str] = []
        generator = rows(seen)
        next(generator)
        thread = threading.Thread(target=lambda: next(generator))
        thread.start()
        thread.join()
        assert list(generator) == [2]
        assert seen == ["rows"] * 3

    def test_generators_taken_in_turn_do_not_mix(self, telemetry: Telemetry) -> None:
        @traced("a")
        def first() -> Iterator[str]:
            yield current_name()
            yield current_name()

        @traced("b")
        def second() -> Iterator[str]:
            yield current_name()
            yield current_name()

        assert list(zip(first(), second(), strict=True)) == [("a", "b"), ("a", "b")]
        assert {span.parent_span_id for span in telemetry.spans()} == {""}

    def test_a_generator_closed_early_is_no_error(self, telemetry: Telemetry) -> None:
        generator = rows([])
        next(generator)
        assert telemetry.spans("rows") == []
        generator.close()  # type: ignore[attr-defined]
        assert_without_error(telemetry.span("rows"))

    def test_a_generator_never_started_has_no_span(self, telemetry: Telemetry) -> None:
        rows([])
        assert telemetry.spans() == []

    def test_an_async_generator_left_to_its_loop_ends_in_silence(
        self, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            async for _ in pages([]):
                break

        asyncio.run(main())
        assert_without_error(telemetry.span("pages"))
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    def test_nothing_is_left_current_afterwards(self, telemetry: Telemetry) -> None:
        before = context.get_current()
        list(rows([]))
        on_module_level()
        asyncio.run(later())
        assert context.get_current() is before


class TestInstrument:
    def test_a_call_is_a_span_counted_and_timed(self, telemetry: Telemetry) -> None:
        assert instrument("place")(current_name)() == "place"
        duration = telemetry.metric("place.duration")
        assert isinstance(duration, Distribution)
        assert duration.count == 1
        assert outcomes(telemetry, "place") == [({"outcome": "ok"}, 1)]

    def test_its_metrics_are_in_seconds_and_calls(self, telemetry: Telemetry) -> None:
        instrument("place")(len)("abc")
        units = {point.metric.name: point.metric.unit for point in telemetry.metrics()}
        assert units == {"place.duration": "s", "place.calls": "{call}"}

    def test_by_default_they_are_named_after_the_function(self, telemetry: Telemetry) -> None:
        @instrument
        def place() -> None: ...

        place()
        assert telemetry.metric(f"{__name__}.place.calls") == 1

    def test_a_name_that_no_metric_can_have_is_made_one(self, telemetry: Telemetry) -> None:
        function = eval("lambda: 3", {"__name__": "__main__"})
        assert instrument(function)() == 3
        assert telemetry.metric("main._lambda_.calls") == 1

    @pytest.mark.parametrize(
        ("end", "attributes"),
        [
            (LookupError, {"outcome": "error", "error.type": "LookupError"}),
            (asyncio.CancelledError, {"outcome": "cancelled"}),
            (KeyboardInterrupt, {"outcome": "cancelled"}),
            (StopIteration, {"outcome": "ok"}),
        ],
    )
    def test_how_a_call_ended_is_an_attribute(
        self, telemetry: Telemetry, end: type[BaseException], attributes: dict[str, str]
    ) -> None:
        @instrument("ends")
        def ends() -> None:
            raise end

        with pytest.raises(end):
            ends()
        assert outcomes(telemetry, "ends") == [(attributes, 1)]

    def test_arguments_are_on_the_span_only_and_attributes_on_all(self, telemetry: Telemetry) -> None:
        instrument("x", arguments=("order_id",), attributes={"shop": "north"})(lambda order_id: None)(7)
        assert telemetry.span("x").attributes == {"shop": "north", "order_id": 7}
        assert outcomes(telemetry, "x") == [({"shop": "north", "outcome": "ok"}, 1)]

    def test_attributes_may_be_called_as_options_of_metrics_are(self, telemetry: Telemetry) -> None:
        instrument("x", attributes={"unit": "u", "value": 1, "description": "d", "buckets": "b"})(len)("abc")
        assert telemetry.metric("x.calls", unit="u", value=1, description="d", buckets="b") == 1

    def test_without_span_there_are_only_metrics(self, telemetry: Telemetry) -> None:
        instrument("x", span=False)(len)("abc")
        assert (telemetry.spans(), telemetry.metric("x.calls")) == ([], 1)

    def test_a_coroutine_is_counted_when_it_ends(self, telemetry: Telemetry) -> None:
        @instrument("later")
        async def later() -> int:
            await asyncio.sleep(0)
            return 3

        assert asyncio.run(later()) == 3
        assert telemetry.metric("later.calls", outcome="ok") == 1

    def test_a_generator_is_counted_once(self, telemetry: Telemetry) -> None:
        @instrument("rows")
        def rows() -> Iterator[str]:
            yield current_name()
            yield current_name()

        assert [(inside, current_name()) for inside in rows()] == [("rows", ""), ("rows", "")]
        assert outcomes(telemetry, "rows") == [({"outcome": "ok"}, 1)]

    def test_a_measurement_has_its_span_as_exemplar(self, telemetry: Telemetry) -> None:
        instrument("x")(len)("abc")
        (point,) = telemetry.metrics("x.duration")
        assert [exemplar["span_id"] for exemplar in point.exemplars] == [telemetry.span("x").span_id]
