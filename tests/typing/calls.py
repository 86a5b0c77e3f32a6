"""Every public name in use as its documentation says; mypy and pyright read this, nothing runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typing_extensions import assert_type

import tidegate

# events and errors
assert_type(tidegate.track_event("order.placed"), None)
tidegate.track_event("order.placed", user_id=7, session_id=None, category="shop", total=1.5, items=[1], **{"a.b": None})
assert_type(tidegate.track_error(ValueError()), None)
tidegate.track_error(KeyboardInterrupt(), order_id=7, order=object())
tidegate.track_event("order.placed", {"order.id": 7}, user_id=7)
tidegate.track_error(ValueError(), {"order.id": 7}, note="n")
tidegate.track_event(1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue,reportArgumentType]
tidegate.track_error("text")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue,reportArgumentType]

# metrics
assert_type(tidegate.counter("orders"), None)
tidegate.counter("sales", 12.5, unit="EUR", description="d", channel="web")
tidegate.gauge("queue", 3, unit="{order}")
tidegate.counter("parcels", 1, {"unit": "kg"}, shop="north")
tidegate.histogram("basket", 3, unit="{item}", buckets=(1, 2, 5), shop="north")
tidegate.histogram("basket", 3, buckets=tidegate.DEFAULT_HISTOGRAM_BUCKETS)
with tidegate.timer("pricing", unit="ms", currency="EUR"):
    pass

# logs
tidegate.log("info", "message", order_id=7)
tidegate.log(20, "message")
tidegate.debug("message", order_id=7)
tidegate.info("message", order=object())
tidegate.warn("message", {"order.id": 7}, note="n")
tidegate.warn("message %s", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
tidegate.error("message", note=None)
tidegate.log_exception("message", order_id=7)
tidegate.log_exception()
tidegate.log_exception(exc=ValueError())
with tidegate.timed_log("import", level="debug", rows=7):
    pass
log = tidegate.get_logger("shop")
assert_type(log.name, str)
log.info("message", order_id=7)
log.warning("message")
log.exception("message")
tidegate.get_logger()

# context
with tidegate.log_context(tenant="north"):
    assert_type(tidegate.get_log_context(), dict[str, Any])
with tidegate.log_context({"tenant.id": 7}, region="eu"):
    pass
tidegate.set_log_context({"tenant.id": 7}, region="eu")
tidegate.update_log_context(region="eu")
tidegate.clear_log_context()


def provide() -> Mapping[str, Any]:
    return {"tenant": "north"}


provider: tidegate.ContextProvider = provide

# requests
request = tidegate.get_request_context()
assert_type(request, tidegate.RequestContext)
assert_type(request.user_id, str | None)
assert_type(request.method, str | None)
assert_type(tidegate.extract_user_id(object()), str | None)
assert_type(tidegate.extract_session_id(object(), cookies=("sid",)), str | None)

# errors are one tree
tree: list[type[tidegate.TidegateError]] = [tidegate.ConfigurationError, tidegate.QueryError, tidegate.StoreError]

# set-up
handle = tidegate.configure_observability(service_name="shop")
assert_type(handle, tidegate.Handle)
tidegate.configure_observability(
    app=object(),
    service_name=None,
    console="json",
    dev="true",
    queue_size=4096,
    slow=0.5,
    span_budget="none",
    store=Path("telemetry"),
    excluded_urls=["/healthz"],
    headers={"x-team": "shop"},
    context_provider=provide,
    redact_callback="shop:mask",
)
options: tidegate.Options = {"service_name": "shop", "retention": "default=3d"}
tidegate.configure_observability(**options)
from_elsewhere: dict[str, Any] = {}
tidegate.configure_observability(**from_elsewhere)
tidegate.configure_observability(service_nam="shop")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
tidegate.configure_observability(service_name=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
tidegate.configure_observability(console="jsn")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# loaded on demand, from wherever it is at home
assert_type(tidegate.mask_secret("sk_live_4242"), str)
tidegate.StructuredFormatter()
tidegate.configure_logging()
tidegate.instrument_app(object())


def mask(found: tidegate.Match) -> str | None:
    return found.text[:4] if found.name == "order.key" else None


spans = tidegate.RedactingSpanExporter(InMemorySpanExporter(), callback=mask)
logs = tidegate.RedactingLogRecordExporter(ConsoleLogRecordExporter(), keys=("pin",))

# the parts, for other set-ups
tracers = TracerProvider(sampler=tidegate.AdaptiveSampler())
tracers.add_span_processor(SimpleSpanProcessor(spans))
processor = tidegate.PatternLogRecordProcessor(SimpleLogRecordProcessor(logs))
assert_type(tidegate.health.__name__, str)
breaker = tidegate.CircuitBreaker()
opened: type[Exception] = tidegate.CircuitBreakerOpen
assert_type(tidegate.exponential_backoff(3), float)
assert_type(tidegate.should_retry(status_code=503), bool)
assert_type(tidegate.__version__, str)
