"""Secrets reach neither a file of the store nor a byte of what is sent, wherever a program has them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from otlp_receiver import OtlpReceiver
from store_files import decompress, frames

#: One for each place, so that it is seen which one leaks. By itself, none looks like a secret.
PROGRAM = """\
import logging
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

places = iter(range(100))

def hidden():
    return f"swordfish-{next(places)}z"

def line():
    return "pwd=" + hidden()

def attributes():
    return {
        "password": hidden(), "line": line(), "list": [line(), "fine"], "url.full": f"https://ann:{hidden()}@shop/?n=1",
        "url.query": f"key={hidden()}&page=2", "http.request.header.authorization": [f"Bearer {hidden()}"],
        "db.query.text": f"CREATE USER ann IDENTIFIED BY '{hidden()}'",
    }

tracer = trace.get_tracer("shop", attributes={"password": hidden(), "line": line()})
with tracer.start_as_current_span(
    line(), attributes=attributes(), links=[Link(SpanContext(1, 2, is_remote=False), attributes())]
) as span:
    span.add_event(line(), attributes())
    span.set_status(Status(StatusCode.ERROR, line()))
    try:
        raise ValueError(line())
    except ValueError as error:
        span.record_exception(error)
        logging.getLogger("shop").exception("lost %s", line(), extra={"password": hidden()})
    logging.getLogger("shop").error(line() + " %s", line())
    body = {"deep": [{"token": hidden()}, line()], "line": line()}
    get_logger("shop").emit(
        LogRecord(body=body, attributes=attributes(), event_name=line(), severity_number=SeverityNumber.ERROR)
    )
    meter = metrics.get_meter("shop", attributes={"line": line()})
    meter.create_counter("orders", description=line(), unit="1").add(1, attributes())
    meter.create_histogram("sizes").record(1, attributes())
"""


def test_no_secret_is_in_the_store_or_in_what_is_sent(sent: Callable[..., OtlpReceiver], store_dir: Path) -> None:
    receiver = sent(
        PROGRAM,
        OTEL_RESOURCE_ATTRIBUTES="service.name=shop,password=swordfish-r,line=pwd%3Dswordfish-q",
        OTEL_PYTHON_TIDEGATE_SEND="all",
    )
    stored, bodies = everything(store_dir), b"".join(receiver.bodies)
    assert (len(receiver.spans), len(receiver.logs)) == (1, 3)
    assert receiver.metrics
    for kept in (stored, bodies):
        assert kept.count(b"[redacted]") > 40
        assert leaks(kept) == []


def leaks(kept: bytes) -> list[bytes]:
    """What stands around each secret that is there, as text or in Base64."""
    words = [b"swordfish", *(base64.b64encode(b"x" * pad + b"swordfish")[4:12] for pad in range(3))]
    return [kept[max(at - 60, 0) : at + 20] for word in words if (at := kept.find(word)) >= 0]


def everything(directory: Path) -> bytes:
    """All that is in the files, and in what they hold compressed."""
    found = b""
    for path in directory.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        found += data
        for _, content, skippable in frames(data) if data else ():
            try:
                found += b"" if skippable else decompress(content)
            except Exception:  # no file of blocks
                pass
    return found
