"""Events, recorded by a call and by a decorator."""

from __future__ import annotations

import asyncio
import enum
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from tidegate import ConfigurationError, track_event
from tidegate.otel import suppressed
from tidegate.records import Log
from tidegate.testing import Telemetry, capture

Said = Callable[[], list[str]]


class Order:
    def __init__(self, total: float) -> None:
        self.total = total
        self.customer = {"id": "c1"}


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Events(str, enum.Enum):
    PLACED = "order.placed"


class Kind(enum.Enum):
    BIG = 1


def the_event(telemetry: Telemetry) -> Log:
    (log,) = telemetry.logs()
    return log


def attributes(telemetry: Telemetry) -> dict[str, Any]:
    """The event's, without where it comes from."""
    return {name: value for name, value in the_event(telemetry).attributes.items() if not name.startswith("code.")}


def line_of(text: str) -> int:
    """Of this file, the first that has the text."""
    lines = Path(__file__).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f'"{text}"' in line)


class TestCall:
    def test_an_event_is_a_log_record_with_a_name(self, telemetry: Telemetry) -> None:
        track_event("order.placed")
        log = the_event(telemetry)
        assert (log.event_name, log.severity_number, log.severity_text) == ("order.placed", 9, "INFO")

    def test_it_belongs_to_the_current_span(self, telemetry: Telemetry) -> None:
        with trace.get_tracer("t").start_as_current_span("around"):
            track_event("order.placed")
        telemetry.assert_parent(the_event(telemetry), "around")

    @pytest.mark.parametrize("name", ["", " "])
    def test_one_without_a_name_is_not_recorded(self, telemetry: Telemetry, said: Said, name: str) -> None:
        track_event(name, order_id=7)
        assert (telemetry.logs(), len(said())) == ([], 1)

    def test_its_scope_is_the_callers_module(self, telemetry: Telemetry) -> None:
        track_event("order.placed")
        assert the_event(telemetry).scope.name == __name__

    def test_its_origin_is_the_callers_line(self, telemetry: Telemetry) -> None:
        track_event("origin.here")
        found = the_event(telemetry).attributes
        assert (found["code.file.path"], found["code.line.number"]) == (__file__, line_of("origin.here"))

    def test_category_user_and_session_have_their_own_names(self, telemetry: Telemetry) -> None:
        track_event("order.placed", category="shop", user_id=7)
        assert attributes(telemetry) == {"event.category": "shop", "user.id": "7"}

    def test_the_session_is_hashed(self, telemetry: Telemetry) -> None:
        track_event("order.placed", session_id="f2c1a9")
        assert attributes(telemetry) == {"session.id": "hash:b06c545791ecde5af5dab23428de62a9"}

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            (1.5, 1.5),
            (True, True),
            ((1, 2), [1, 2]),
            ({"a": [1]}, {"a": [1]}),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (Kind.BIG, "Kind.BIG"),
            (Mute(), "<Mute without a text: RuntimeError>"),
        ],
    )
    def test_a_value_may_be_of_any_type(self, telemetry: Telemetry, value: object, kept: object) -> None:
        track_event("order.placed", value=value)
        assert attributes(telemetry) == {"value": kept}

    @pytest.mark.parametrize("name", ["event", "arguments", "extract", "on_error", "name", "subject"])
    def test_names_of_the_decorators_options_are_attributes(self, telemetry: Telemetry, name: str) -> None:
        track_event("order.placed", **{name: "x"})
        assert attributes(telemetry) == {name: "x"}

    def test_none_is_left_out(self, telemetry: Telemetry) -> None:
        track_event("order.placed", user_id=None, session_id=None, category=None, note=None)
        assert attributes(telemetry) == {}

    @pytest.mark.parametrize("name", [None, 7, Kind.BIG, Mute()])
    def test_a_name_of_another_type_becomes_text(self, telemetry: Telemetry, name: Any) -> None:
        track_event(name)
        assert the_event(telemetry).event_name in ("None", "7", "Kind.BIG", "<Mute without a text: RuntimeError>")

    def test_a_name_may_be_a_member_of_an_enumeration_of_texts(self, telemetry: Telemetry) -> None:
        track_event(Events.PLACED)
        assert the_event(telemetry).event_name == "order.placed"

    def test_a_forgotten_name_is_told(self, said: Said) -> None:
        track_event(order_id=7)  # type: ignore[call-overload]
        assert said() == ["track_event(…) was given order_id, but no name"]

    def test_without_a_provider_nothing_happens(self) -> None:
        track_event("order.placed", user_id=Mute())

    def test_an_exporters_own_work_is_left_out(self, telemetry: Telemetry) -> None:
        with suppressed():
            track_event("order.placed")
        assert telemetry.logs() == []

    def test_a_processor_that_fails_is_told_once(self, telemetry: Telemetry, said: Said) -> None:
        with failing():
            track_event("order.placed")
            track_event("order.placed")
        (message,) = said()
        assert "full" in message

    def test_a_processor_that_records_events_does_not_go_round_in_circles(self, telemetry: Telemetry) -> None:
        seen: list[str] = []

        class Again(Processor):
            def on_emit(self, log_record: ReadWriteLogRecord) -> None:
                seen.append(log_record.log_record.event_name or "")
                track_event("again")

        with processing(Again()):
            track_event("order.placed")
        assert seen == ["order.placed"]


class Processor(LogRecordProcessor):
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        raise ValueError("full")

    def shutdown(self) -> None:
        """There is nothing to end."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class processing:  # noqa: N801  # reads like a function
    """A further processor of the provider in force, for a while."""

    def __init__(self, processor: LogRecordProcessor) -> None:
        self.processor = processor

    def __enter__(self) -> None:
        provider: Any = get_logger_provider()
        self.multi = provider._multi_log_record_processor
        self.former = self.multi._log_record_processors
        self.multi.add_log_record_processor(self.processor)

    def __exit__(self, *exc_info: object) -> None:
        self.multi._log_record_processors = self.former


def failing() -> processing:
    return processing(Processor())


class TestDecorator:
    def test_a_call_that_returned_is_an_event(self, telemetry: Telemetry) -> None:
        @track_event
        def place() -> int:
            assert telemetry.logs() == []
            return 3

        assert place() == 3
        assert the_event(telemetry).event_name == f"{__name__}.place"

    def test_its_scope_and_origin_are_the_functions(self, telemetry: Telemetry) -> None:
        @track_event(event="order.placed")
        def place() -> None: ...

        place()
        log = the_event(telemetry)
        assert (log.scope.name, log.attributes["code.file.path"]) == (__name__, __file__)
        assert log.attributes["code.function.name"] == f"{__name__}.place"

    def test_arguments_become_attributes_by_name(self, telemetry: Telemetry) -> None:
        @track_event(event="order.placed", arguments=("order_id", "note", "order.total", "order.customer.id"))
        def place(order_id: int, order: Order, note: str = "none") -> None: ...

        place(7, order=Order(2.5))
        assert attributes(telemetry) == {"order_id": 7, "note": "none", "order.total": 2.5, "order.customer.id": "c1"}

    def test_a_mapping_names_the_attributes(self, telemetry: Telemetry) -> None:
        @track_event(event="order.placed", arguments={"user.id": "order.customer.id"})
        def place(order: Order) -> None: ...

        place(Order(1))
        assert attributes(telemetry) == {"user.id": "c1"}

    def test_category_and_what_extract_returns_are_attributes(self, telemetry: Telemetry) -> None:
        def extract(a: int, *, b: int) -> dict[str, int]:
            return {"sum": a + b}

        @track_event(event="added", extract=extract, category="maths")
        def add(a: int, *, b: int) -> None: ...

        add(1, b=2)
        assert attributes(telemetry) == {"sum": 3, "event.category": "maths"}

    def test_arguments_are_read_when_the_call_has_returned(self, telemetry: Telemetry) -> None:
        @track_event(event="order.placed", arguments=("order.total",))
        def place(order: Order) -> None:
            order.total = 9

        place(Order(1))
        assert attributes(telemetry) == {"order.total": 9}

    def test_a_call_that_raises_is_none(self, telemetry: Telemetry) -> None:
        @track_event
        def place() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            place()
        assert telemetry.logs() == []

    def test_a_call_that_raises_can_be_one(self, telemetry: Telemetry) -> None:
        @track_event(on_error=True)
        def place() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            place()
        assert attributes(telemetry)["error.type"] == "LookupError"

    def test_a_coroutine_is_one_when_it_has_returned(self, telemetry: Telemetry) -> None:
        @track_event
        async def place() -> int:
            await asyncio.sleep(0)
            assert telemetry.logs() == []
            return 3

        assert asyncio.run(place()) == 3
        assert len(telemetry.logs()) == 1

    def test_a_cancelled_coroutine_is_none(self, telemetry: Telemetry) -> None:
        @track_event(on_error=True)
        async def place() -> None:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(place())
        assert telemetry.logs() == []

    def test_a_generator_is_one_at_its_end(self, telemetry: Telemetry) -> None:
        @track_event
        def rows() -> Iterator[int]:
            yield 1

        next(rows())
        assert telemetry.logs() == []
        assert list(rows()) == [1]
        assert len(telemetry.logs()) == 1

    def test_an_async_generator_is_one_at_its_end(self, telemetry: Telemetry) -> None:
        @track_event
        async def rows() -> AsyncIterator[int]:
            yield 1

        async def main() -> None:
            assert [row async for row in rows()] == [1]

        asyncio.run(main())
        assert len(telemetry.logs()) == 1

    def test_an_extractor_that_fails_is_told_once_and_the_event_stays(self, telemetry: Telemetry, said: Said) -> None:
        @track_event(event="order.placed", extract=lambda: {"a": 1 // 0})
        def place() -> None: ...

        place()
        place()
        assert [log.event_name for log in telemetry.logs()] == ["order.placed"] * 2
        assert len(said()) == 1

    def test_an_argument_that_cannot_be_read_is_left_out(self, telemetry: Telemetry, said: Said) -> None:
        @track_event(arguments=("order.weight",))
        def place(order: Order) -> None: ...

        place(Order(1))
        assert attributes(telemetry) == {}
        assert "'order.weight'" in said()[0]

    def test_an_argument_that_is_none_is_left_out_in_silence(self, telemetry: Telemetry, said: Said) -> None:
        @track_event(arguments=("order.total",))
        def place(order: Order | None = None) -> None: ...

        place()
        assert (attributes(telemetry), said()) == ({}, [])

    def test_a_name_that_is_no_parameter_is_refused(self) -> None:
        def place(order_id: int) -> None: ...

        with pytest.raises(ConfigurationError, match="has no parameter 'ordr', but: order_id"):
            track_event(arguments=("ordr",))(place)

    def test_one_name_instead_of_several_is_refused(self) -> None:
        def place(order_id: int) -> None: ...

        with pytest.raises(ConfigurationError, match=r"write \('order_id',\)"):
            track_event(arguments="order_id")(place)

    def test_nothing_is_asked_of_a_provider_before_the_first_call(self) -> None:
        @track_event
        def place() -> None: ...

        for _ in range(2):  # a provider of today, and another one of tomorrow
            with capture() as telemetry:
                place()
            assert len(telemetry.logs()) == 1


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "found"),
    [
        (lambda a, /, b, *, c=3: None, (1,), {"b": 2}, {"a": 1, "b": 2, "c": 3}),
        (lambda a, b=2, *rest, c=3: None, (1, 5, 6, 7), {"c": 8}, {"a": 1, "b": 5, "c": 8}),
        (lambda b=2, **rest: None, (), {"a": 1, "c": 3}, {"a": 1, "b": 2, "c": 3}),
        (lambda **rest: None, (), {"a": 1}, {"a": 1}),
    ],
)
def test_arguments_are_found_however_they_are_passed(
    telemetry: Telemetry, function: Any, args: Any, kwargs: Any, found: dict[str, int]
) -> None:
    track_event(arguments=("a", "b", "c"))(function)(*args, **kwargs)
    assert attributes(telemetry) == found


def test_a_built_in_functions_arguments_are_found_by_keyword(telemetry: Telemetry) -> None:
    made = track_event(event="made", arguments=("end",))(print)
    made(end="")
    assert attributes(telemetry) == {"end": ""}
