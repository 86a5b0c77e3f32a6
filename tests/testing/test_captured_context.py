"""What is captured has the log context, without any configuration."""

from __future__ import annotations

import logging

from opentelemetry import trace

from tidegate import log_context
from tidegate.testing import capture


def test_spans_have_the_log_context() -> None:
    with capture() as telemetry, log_context(tenant="acme"):
        trace.get_tracer("shop").start_span("work").end()
    assert telemetry.span("work").attributes == {"tenant": "acme"}


def test_captured_log_records_have_the_log_context() -> None:
    with capture() as telemetry, log_context(tenant="acme"):
        logging.getLogger("shop").warning("paid")
    assert telemetry.log("paid").attributes["tenant"] == "acme"
