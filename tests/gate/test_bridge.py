"""Kept records handed to any handler of the standard library: once, and without a loop."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.instrumentation.logging.handler import LoggingHandler

from gating import COUNT, PATTERN, Gated
from tidegate.gate.logs.bridge import stdlib_record
from tidegate.records import Origin

DROP_INFO: dict[str, Any] = {"min_rate": 0, "severity_rates": {"INFO": 0.2, "DEBUG": 0}}


class Listing(logging.Handler):
    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger without anybody's handlers."""
    root = logging.getLogger()
    former = root.handlers, root.level
    root.handlers, root.level = [], logging.DEBUG
    yield root
    root.handlers, root.level = former


@pytest.mark.parametrize("early", [False, True])
def test_a_handler_gets_what_is_kept_and_nothing_else(early: bool) -> None:
    gated = Gated(early=early, downstream_handler=(listing := Listing()), **DROP_INFO)
    for number in range(300):
        gated.log.info("order %d", number)
    assert listing.messages() == gated.bodies()
    assert 0 < len(listing.records) < 300


def test_a_handler_that_is_also_on_the_root_logger_gets_each_record_once(root: logging.Logger) -> None:
    listing = Listing()
    gated = Gated(downstream_handler=listing, **DROP_INFO)
    root.handlers = [gated.handler, listing]
    for number in range(300):
        logging.getLogger("shop").info("order %d", number)
    assert listing.messages() == gated.bodies()


@pytest.mark.parametrize("early", [False, True])
def test_a_handler_that_leads_back_to_the_gate_makes_no_loop(early: bool) -> None:
    gated = Gated(**DROP_INFO)
    back = LoggingHandler(logger_provider=gated.provider)
    if early:
        back.addFilter(gated.processor.filter)
    from tidegate.gate.logs.bridge import Bridge

    gated.processor._bridge = Bridge(back, gated.processor)
    for number in range(200):
        gated.log.info("order %d", number)
    assert gated.seen() == 200
    assert len(gated.kept()) == gated.counted() < 100


def test_a_handler_of_another_provider_gets_what_is_kept_with_its_count() -> None:
    other = Gated(min_rate=0, severity_rates={"INFO": 0})
    gated = Gated(downstream_handler=LoggingHandler(logger_provider=other.provider), **DROP_INFO)
    for number in range(100):
        gated.log.info("order %d", number)
    assert other.bodies() == gated.bodies()
    assert other.stands_for() == gated.stands_for()
    assert other.seen() == 0


def test_a_handler_has_its_level_and_its_filters() -> None:
    listing = Listing(logging.ERROR)
    listing.addFilter(lambda record: "secret" not in record.getMessage())
    gated = Gated(downstream_handler=listing)
    gated.log.info("fine")
    gated.log.error("broken")
    gated.log.error("secret")
    assert listing.messages() == ["broken"]


def test_through_the_filter_a_handler_has_the_record_itself() -> None:
    gated = Gated(early=True, downstream_handler=(listing := Listing()))
    error = ValueError("no stock")
    gated.log.error("order %d", 7, exc_info=error, extra={"user": "u1"})
    (record,) = listing.records
    assert (record.msg, record.args, record.funcName) == (
        "order %d",
        (7,),
        "test_through_the_filter_a_handler_has_the_record_itself",
    )
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    fields = vars(record)
    assert (fields["user"], fields[COUNT]) == ("u1", 1.0)
    assert len(fields[PATTERN]) == 32


def test_the_record_that_the_application_logged_is_not_changed() -> None:
    listing, before = Listing(), Listing()
    gated = Gated(early=True, downstream_handler=listing)
    gated.log.addHandler(before)
    gated.log.error("broken")
    assert PATTERN not in vars(before.records[0])
    assert PATTERN in vars(listing.records[0])


def test_released_records_are_handed_on_with_their_own_time() -> None:
    gated = Gated(downstream_handler=(listing := Listing()), **DROP_INFO)
    with gated.tracer.start_as_current_span("request"):
        gated.log.debug("step %d", 1)
        gated.log.error("broken")
    step, broken = listing.records
    assert [step.getMessage(), broken.getMessage()] == ["step 1", "broken"]
    assert step.created < broken.created


def test_a_handler_that_fails_harms_nobody() -> None:
    class Failing(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("no network")

    gated = Gated(downstream_handler=Failing())
    gated.log.error("broken")
    assert (gated.bodies(), gated.processor.failures) == (["broken"], 0)


def test_what_a_handler_logs_itself_is_not_handed_to_it() -> None:
    gated = Gated()

    class Chatty(Listing):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            gated.log.error("sending")

    from tidegate.gate.logs.bridge import Bridge

    gated.processor._bridge = Bridge(chatty := Chatty(), gated.processor)
    gated.log.error("broken")
    assert chatty.messages() == ["broken"]


def test_after_the_end_a_handler_is_as_it_was(root: logging.Logger) -> None:
    listing = Listing()
    gated = Gated(downstream_handler=listing)
    gated.processor.shutdown()
    root.addHandler(listing)
    root.info("direct")
    assert (listing.messages(), listing.filters) == (["direct"], [])


def test_a_formatter_finds_all_that_it_knows() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(module)s:%(lineno)d %(message)s"))
    gated = Gated(downstream_handler=handler)
    gated.provider.get_logger("api").emit(
        LogRecord(
            timestamp=1_700_000_000_123_000_000,
            severity_number=SeverityNumber.WARN2,
            body="100 % full",
            attributes={
                "code.file.path": "/srv/disk.py",
                "code.line.number": 12,
                "exception.stacktrace": "Trace\nback\n",
            },
        )
    )
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith(",123 WARNING api disk:12 100 % full")
    assert rest == ["Trace", "back"]


@pytest.mark.parametrize(
    ("severity", "level"),
    [(0, 0), (1, 5), (4, 5), (5, 10), (9, 20), (12, 20), (13, 30), (17, 40), (20, 40), (21, 50), (24, 50), (99, 50)],
)
def test_severities_become_levels(severity: int, level: int) -> None:
    assert stdlib_record("shop", severity, "body", 0, Origin(), {}).levelno == level


@pytest.mark.parametrize("body", [None, b"bytes", {"a": 1}, 7, "%s %d"])
def test_any_body_is_a_message(body: object) -> None:
    assert stdlib_record("shop", 9, body, 0, Origin(), {}).getMessage() == str(body)


def test_attributes_do_not_overwrite_what_a_record_is_made_of() -> None:
    record = stdlib_record("shop", 9, "body", 0, Origin(), {"name": "x", "args": (1,), "message": "y", "user": "u"})
    assert (record.name, record.args, record.getMessage(), vars(record)["user"]) == ("shop", (), "body", "u")
