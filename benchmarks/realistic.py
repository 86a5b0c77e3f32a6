"""A shop's records, made by the real SDK: what a web service with a database and a payment provider produces."""

from __future__ import annotations

import random
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from tidegate.records import ORIGIN, Origin

RESOURCE = Resource(
    {
        "service.name": "shop",
        "service.version": "1.4.2",
        "service.instance.id": "6f1c2d3e-0000-4000-8000-5b6a79880000",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.45.1",
    }
)

ROUTES = ["/", "/items", "/items/{item_id}", "/cart", "/cart/{cart_id}", "/orders", "/orders/{order_id}", "/health"]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0", "python-httpx/0.28.1", "curl/8.5.0", "kube-probe/1.31"]
STATEMENTS = [
    "SELECT id, name, price FROM items WHERE id = ?",
    "SELECT * FROM carts WHERE user_id = ? ORDER BY created_at DESC LIMIT 20",
    "INSERT INTO orders (user_id, total, created_at) VALUES (?, ?, ?)",
]
STACK = """Traceback (most recent call last):
  File "/app/shop/pay.py", line 88, in charge
    raise CardDeclined(answer.text)
shop.errors.CardDeclined: card declined
"""

#: Template, severity, and line of the call.
LINES = [
    ("order %d of user %d was placed for %.2f EUR in %d items", 9, 41),
    ("cache miss for item %d, loading it from the database, attempt %d", 5, 77),
    ("payment provider answered in %d ms with status %d for order %d", 9, 102),
    ("stock of item %d is low: %d left, reordering from supplier %d", 13, 131),
    ("charging order %d failed after %d attempts: card declined", 17, 155),
]


class _Kept(SpanProcessor, LogRecordProcessor):
    """Keeps what ends or is emitted."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.records.append(span)

    def on_emit(self, log_record: Any) -> None:
        self.records.append(log_record)

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def records(count: int, *, captured: bool, seed: int = 1) -> tuple[list[Any], list[Any]]:
    """``count`` finished spans, and as many log records that were emitted within them.

    The call site of a log record is where Tidegate's capture leaves it, together with the template
    (``captured``), or among the attributes, where other handlers put it.
    """
    chance = random.Random(seed)
    spans, logs = _Kept(), _Kept()
    tracers = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    tracers.add_span_processor(spans)
    loggers = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    loggers.add_log_record_processor(logs)
    web = tracers.get_tracer("opentelemetry.instrumentation.fastapi", "0.66b1")
    database = tracers.get_tracer("opentelemetry.instrumentation.sqlite3", "0.66b1")
    client = tracers.get_tracer("opentelemetry.instrumentation.httpx", "0.66b1")
    writers = [loggers.get_logger(name) for name in ("shop.orders", "shop.items", "uvicorn.access")]
    now = 1_760_000_000 * 10**9
    while len(spans.records) < count:
        now += chance.randrange(5_000_000)
        _request(chance, now, web, database, client, writers, captured=captured)
    return spans.records[:count], logs.records[:count]


def _request(
    chance: random.Random, now: int, web: Any, database: Any, client: Any, writers: list[Any], *, captured: bool
) -> None:
    route = chance.choice(ROUTES)
    failed = chance.random() < 0.02
    number = chance.randrange(100_000)
    server = web.start_span(
        f"GET {route}",
        kind=SpanKind.SERVER,
        start_time=now,
        attributes={
            "http.request.method": "GET",
            "http.route": route,
            "url.path": route.replace("{item_id}", str(number)),
            "url.scheme": "http",
            "server.address": "shop.internal",
            "server.port": 8000,
            "network.protocol.version": "1.1",
            "client.address": f"10.0.{chance.randrange(256)}.{chance.randrange(256)}",
            "user_agent.original": chance.choice(AGENTS),
            "http.response.status_code": 500 if failed else 200,
        },
    )
    context = set_span_in_context(server)
    at = now
    for _ in range(chance.choice((1, 2))):
        at += chance.randrange(1_000_000)
        attributes = {"db.system.name": "sqlite", "db.namespace": "shop", "db.query.text": chance.choice(STATEMENTS)}
        query = database.start_span("SELECT", context, SpanKind.CLIENT, attributes, start_time=at)
        at += chance.randrange(3_000_000)
        query.end(at)
    call = client.start_span(
        "POST",
        context,
        SpanKind.CLIENT,
        {
            "http.request.method": "POST",
            "url.full": f"https://pay.example.com/v1/charges/{number}",
            "server.address": "pay.example.com",
            "server.port": 443,
            "http.response.status_code": 402 if failed else 200,
            "network.protocol.version": "1.1",
        },
        start_time=at,
    )
    at += chance.randrange(40_000_000)
    if failed:
        call.add_event(
            "exception",
            {
                "exception.type": "shop.errors.CardDeclined",
                "exception.message": "card declined",
                "exception.stacktrace": STACK,
            },
            at,
        )
        call.set_status(Status(StatusCode.ERROR, "card declined"))
        server.set_status(Status(StatusCode.ERROR))
    call.end(at)
    for _ in range(4):
        at += chance.randrange(500_000)
        _log(chance, at, context, number, chance.choice(writers), failed=failed, captured=captured)
    server.end(at + 100_000)


def _log(
    chance: random.Random, at: int, context: Any, number: int, writer: Any, *, failed: bool, captured: bool
) -> None:
    template, severity, line = LINES[4] if failed and chance.random() < 0.5 else chance.choice(LINES[:4])
    arguments = tuple(chance.randrange(1, 1000) for _ in range(template.count("%") - 1))
    site: dict[str, Any] = {
        "code.file.path": "/app/shop/orders.py",
        "code.line.number": line,
        "code.function.name": "place_order",
    }
    record = LogRecord(
        timestamp=at,
        observed_timestamp=at + 20_000,
        context=context,
        severity_number=SeverityNumber(severity),
        severity_text=SeverityNumber(severity).name,
        body=template % (number, *arguments),
        attributes={"order.id": number, **({} if captured else site)},
    )
    if captured:
        setattr(record, ORIGIN, Origin(template, *site.values()))
    writer.emit(record)
