"""Captures: what everything that runs in a block records, seen by the test, and nothing left behind."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tidegate.record import raised
from tidegate.record.redaction import Redactor
from tidegate.settings import Settings, load
from tidegate.testing import deterministic as determined
from tidegate.testing.keeping import Kept
from tidegate.testing.stage import on_stage
from tidegate.testing.taps import Taps
from tidegate.testing.telemetry import Telemetry


@contextmanager
def capture(
    *, deterministic: bool = False, level: int | str | None = None, providers: Sequence[Any] = ()
) -> Iterator[Telemetry]:
    """Capture what is recorded while the block runs, in all threads and tasks of the process.

    Spans (of every sampling decision), log records (of the standard library, structlog and loguru too) and
    measurements are kept in memory as a store would have them, secrets redacted. Providers of the SDK that exist, of
    `configure_observability` or of your own, go on as they are, and what they store or send, they store or send; where
    there are none, some stand in for them, also although ``OTEL_SDK_DISABLED`` is set. Afterwards all is as it was, and
    what was captured can still be asked for.

    ``deterministic``: ids count up from 1, and spans, log records and what `timer`, `timed_log` and `instrument`
    measure have times from a clock that starts at 2000-01-01T00:00:00Z and goes on by 1 ms whenever it is looked at.
    ``level`` is set on the root logger meanwhile. ``providers`` are those of the SDK that are not the global ones. A
    global one of another library, such as an agent's, gets nothing meanwhile, which is logged, unless it holds one of
    the SDK's (as logfire's does) or that is named here. Raises `ConfigurationError` where a setting in the environment
    is wrong.

    >>> from opentelemetry import trace
    >>> with capture() as telemetry:
    ...     with trace.get_tracer("shop").start_as_current_span("place_order", attributes={"order.id": 7}):
    ...         pass
    >>> telemetry.span("place_order", {"order.id": 7}).kind
    'INTERNAL'
    """
    settings = _settings()
    kept = Kept(Redactor.of(settings).redact, is_redacted=settings.redact)
    taps = Taps(kept, timed=deterministic)
    raised.begin_anew()  # tests may share an exception, and have the same ids
    with ExitStack() as stack:
        if level is not None:
            stack.enter_context(_root_level(level))
        if deterministic:
            stack.enter_context(determined.ids_and_clock())
        stack.enter_context(on_stage(taps, providers))
        yield Telemetry(kept, taps.collect, is_deterministic=deterministic)


def _settings() -> Settings:
    configure: Any = sys.modules.get("tidegate.configure")  # a program that has not loaded it has not called it
    settings: Settings = load() if configure is None else configure.own_settings()
    return settings


@contextmanager
def _root_level(level: int | str) -> Iterator[None]:
    root = logging.getLogger()
    former = root.level
    root.setLevel(level.upper() if isinstance(level, str) else level)
    try:
        yield
    finally:
        root.setLevel(former)
