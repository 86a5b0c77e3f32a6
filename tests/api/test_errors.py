"""Exceptions, recorded by a call and by a decorator: once on a span, once in the log, and never in the way."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace

from tidegate import ConfigurationError, traced, track_error
from tidegate.otel import suppressed
from tidegate.record.plain import MAX_STACKTRACE
from tidegate.record.raised import is_new_on
from tidegate.records import Event, Log, Span
from tidegate.testing import Telemetry

Said = Callable[[], list[str]]

TRACER = trace.get_tracer("test")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int = 1


class Sealed(Exception):
    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def raised(error: BaseException) -> BaseException:
    """The exception with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def exception_events(span: Span) -> list[Event]:
    return [event for event in span.events if event.name == "exception"]


def the_log(telemetry: Telemetry) -> Log:
    (log,) = telemetry.logs()
    return log


class TestCall:
    def test_the_log_record_has_the_exception(self, telemetry: Telemetry) -> None:
        track_error(raised(LookupError("no such order")))
        log = the_log(telemetry)
        assert (log.severity_text, log.body) == ("ERROR", "LookupError: no such order")
        assert log.attributes["exception.type"] == "LookupError"
        assert log.attributes["exception.message"] == "no such order"
        assert "raise error" in log.attributes["exception.stacktrace"]

    def test_the_current_span_has_the_exception_and_the_status(self, telemetry: Telemetry) -> None:
        with TRACER.start_as_current_span("around"):
            track_error(raised(LookupError("no such order")))
        span = telemetry.span("around")
        (event,) = exception_events(span)
        assert (span.status_code, span.status_message) == ("ERROR", "LookupError: no such order")
        assert event.attributes["exception.message"] == "no such order"

    def test_both_have_the_given_attributes(self, telemetry: Telemetry) -> None:
        with TRACER.start_as_current_span("around"):
            track_error(LookupError(), order_id=7, note=None, order={1, 2} - {2})
        (event,) = exception_events(telemetry.span("around"))
        for attributes in (the_log(telemetry).attributes, event.attributes):
            assert (attributes["order_id"], "note" in attributes, list(attributes["order"])) == (7, False, [1])

    def test_the_scope_is_the_callers_module(self, telemetry: Telemetry) -> None:
        track_error(LookupError())
        assert the_log(telemetry).scope.name == __name__

    def test_the_same_exception_is_logged_once_and_once_on_a_span(self, telemetry: Telemetry) -> None:
        error = raised(LookupError())
        with TRACER.start_as_current_span("around"):
            track_error(error)
            track_error(error)
        assert len(telemetry.logs()) == 1
        assert len(exception_events(telemetry.span("around"))) == 1

    def test_outside_of_spans_it_is_logged_once(self, telemetry: Telemetry) -> None:
        error = LookupError()
        track_error(error)
        track_error(error)
        assert len(telemetry.logs()) == 1

    def test_each_span_that_it_passes_has_it(self, telemetry: Telemetry) -> None:
        error = LookupError()
        with TRACER.start_as_current_span("outer"):
            with TRACER.start_as_current_span("inner"):
                track_error(error)
            track_error(error)
        assert [len(exception_events(telemetry.span(name))) for name in ("outer", "inner")] == [1, 1]

    def test_in_another_trace_it_is_another_error(self, telemetry: Telemetry) -> None:
        error = LookupError()
        for name in ("one", "two"):
            with TRACER.start_as_current_span(name):
                track_error(error)
        assert len({log.trace_id for log in telemetry.logs()}) == 2

    @pytest.mark.parametrize("error", [Mute(), Frozen(), Sealed()])
    def test_exceptions_that_allow_little_are_recorded(self, telemetry: Telemetry, error: BaseException) -> None:
        track_error(error)
        assert the_log(telemetry).attributes["exception.type"] == f"{__name__}.{type(error).__qualname__}"

    @pytest.mark.parametrize("thing", ["text", None, 7, LookupError])
    def test_what_is_no_exception_is_told_and_not_recorded(self, telemetry: Telemetry, said: Said, thing: Any) -> None:
        track_error(thing, order_id=7)
        assert telemetry.logs() == []
        assert "track_error takes an exception" in said()[0]

    def test_a_forgotten_exception_is_told(self, said: Said) -> None:
        track_error(order_id=7)  # type: ignore[call-overload]
        assert said() == ["track_error(…) was given order_id, but no exception"]

    def test_without_providers_nothing_happens(self) -> None:
        track_error(Mute())

    def test_an_error_that_the_span_has_already_makes_its_status(self, telemetry: Telemetry) -> None:
        with TRACER.start_as_current_span("around") as span:
            error = raised(LookupError("no such order"))
            is_new_on(error, span.get_span_context().span_id)  # by `Span.record_exception`
            track_error(error)
        assert telemetry.span("around").status_code == "ERROR"
        assert exception_events(telemetry.span("around")) == []

    def test_a_span_that_fails_has_the_errors_type(self, telemetry: Telemetry) -> None:
        with TRACER.start_as_current_span("around"):
            track_error(Sealed())
        assert telemetry.span("around").attributes["error.type"] == f"{__name__}.Sealed"

    def test_an_error_whose_log_record_was_left_out_is_not_taken_for_logged(self, telemetry: Telemetry) -> None:
        error = LookupError()
        with suppressed():
            track_error(error)
        track_error(error)
        assert len(telemetry.logs()) == 1

    @pytest.mark.parametrize(
        ("module", "name"), [("builtins", "Odd"), ("__main__", "__main__.Odd"), ("shop", "shop.Odd"), (None, "Odd")]
    )
    def test_a_type_is_named_as_the_sdk_names_it(self, telemetry: Telemetry, module: str | None, name: str) -> None:
        error = type("Odd", (Exception,), {"__module__": module, "__qualname__": "Odd"})()
        with TRACER.start_as_current_span("around") as span:
            span.record_exception(error, {"by": "sdk"})
            track_error(error)
        types = [event.attributes["exception.type"] for event in exception_events(telemetry.span("around"))]
        assert {*types, the_log(telemetry).attributes["exception.type"]} == {name}

    def test_a_huge_message_is_cut_in_the_middle(self, telemetry: Telemetry) -> None:
        track_error(raised(LookupError("a" * 10**6 + "z")))
        log = the_log(telemetry)
        texts = [log.body, *(log.attributes[f"exception.{name}"] for name in ("message", "stacktrace"))]
        assert all(len(text) < MAX_STACKTRACE + 100 and text.rstrip().endswith("z") for text in texts)


class TestDecorator:
    def test_the_very_same_exception_passes(self, telemetry: Telemetry) -> None:
        error = LookupError()

        @track_error
        def fails() -> None:
            raise error

        with pytest.raises(LookupError) as caught:
            fails()
        assert caught.value is error
        assert len(telemetry.logs()) == 1

    def test_the_record_says_which_function_it_was(self, telemetry: Telemetry) -> None:
        @track_error
        def fails() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            fails()
        assert the_log(telemetry).attributes["code.function.name"] == f"{__name__}.fails"

    def test_the_stack_trace_has_no_frame_of_ours(self, telemetry: Telemetry) -> None:
        @track_error(reraise=False)
        def fails() -> None:
            raise LookupError

        fails()
        trace = the_log(telemetry).attributes["exception.stacktrace"]
        assert trace.count("File ") == 1
        assert "in fails" in trace

    def test_the_result_passes(self) -> None:
        assert track_error(lambda: 3)() == 3

    def test_without_reraise_the_call_returns_none(self, telemetry: Telemetry) -> None:
        @track_error(reraise=False)
        def fails() -> int:
            raise LookupError

        assert fails() is None
        assert len(telemetry.logs()) == 1

    def test_without_reraise_a_coroutine_returns_none(self, telemetry: Telemetry) -> None:
        @track_error(reraise=False)
        async def fails() -> int:
            raise LookupError

        assert asyncio.run(fails()) is None
        assert len(telemetry.logs()) == 1

    def test_without_reraise_a_generator_ends(self, telemetry: Telemetry) -> None:
        @track_error(reraise=False)
        def fails() -> Iterator[int]:
            yield 1
            raise LookupError

        assert list(fails()) == [1]  # type: ignore[arg-type]  # a generator is one in any case
        assert len(telemetry.logs()) == 1

    def test_an_async_generators_error_passes(self, telemetry: Telemetry) -> None:
        @track_error
        async def fails() -> AsyncIterator[int]:
            yield 1
            raise LookupError

        async def main() -> list[int]:
            return [item async for item in fails()]

        with pytest.raises(LookupError):
            asyncio.run(main())
        assert len(telemetry.logs()) == 1

    def test_arguments_and_what_extract_returns_are_attributes(self, telemetry: Telemetry) -> None:
        @track_error(reraise=False, arguments=("name",), extract=lambda name: {"length": len(name)})
        def load(name: str) -> None:
            raise LookupError(name)

        load("abc")
        attributes = the_log(telemetry).attributes
        assert (attributes["name"], attributes["length"]) == ("abc", 3)

    @pytest.mark.parametrize(
        "end", [asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit, StopIteration]
    )
    @pytest.mark.parametrize("reraise", [True, False])
    def test_what_is_no_error_passes_unrecorded(
        self, telemetry: Telemetry, end: type[BaseException], reraise: bool
    ) -> None:
        def ends() -> None:
            raise end

        decorated = track_error(reraise=False)(ends) if not reraise else track_error(ends)
        with pytest.raises(end):
            decorated()
        assert telemetry.logs() == []

    def test_nested_ones_log_it_once(self, telemetry: Telemetry) -> None:
        @track_error
        def inner() -> None:
            raise LookupError

        @track_error
        def outer() -> None:
            inner()

        with pytest.raises(LookupError):
            outer()
        assert len(telemetry.logs()) == 1

    def test_below_traced_the_span_has_it_once(self, telemetry: Telemetry) -> None:
        @traced("fails")
        @track_error
        def fails() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            fails()
        assert len(exception_events(telemetry.span("fails"))) == 1
        telemetry.assert_parent(the_log(telemetry), "fails")

    def test_pytest_leaves_our_frame_out(self) -> None:
        @track_error
        def fails() -> None:
            raise LookupError

        with pytest.raises(LookupError) as caught:
            fails()
        assert [entry.frame.f_locals.get("__tracebackhide__", False) for entry in caught.traceback] == [
            False,
            True,
            False,
        ]

    def test_an_extract_that_must_be_awaited_is_refused(self) -> None:
        async def extract() -> dict[str, Any]:
            return {}

        with pytest.raises(ConfigurationError, match="not async"):
            track_error(extract=extract)(lambda: None)  # type: ignore[arg-type]

    def test_a_class_is_refused_where_it_is_decorated(self) -> None:
        with pytest.raises(ConfigurationError):
            track_error(reraise=True)(type("Shop", (), {}))


def test_an_error_that_left_a_trace_is_logged_in_it(telemetry: Telemetry) -> None:
    error = ValueError("no moon")
    with pytest.raises(ValueError, match="no moon"):
        raise_in_span(error)
    track_error(error)
    assert telemetry.log("ValueError: no moon").span_id == telemetry.span("night").span_id


@traced("night")
def raise_in_span(error: BaseException) -> None:
    raise error
