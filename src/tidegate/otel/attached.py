"""What is put into a provider for a while: a processor, a reader, another sampler, other ids, another clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from time import perf_counter, time_ns
from typing import Any

from opentelemetry._logs import _internal as logs_api
from opentelemetry.sdk import trace as trace_sdk

#: Where a provider of spans, or of log records, keeps the chain of its processors, and that its processors.
CHAINS = (
    ("_active_span_processor", "_span_processors"),
    ("_multi_log_record_processor", "_log_record_processors"),
)


def remove_processor(provider: Any, processor: Any) -> None:
    """Take a processor out of a provider's chain; one of a provider made otherwise stays, and has to be idle."""
    for chain_name, name in CHAINS:
        chain: Any = getattr(provider, chain_name, None)
        if hasattr(chain, name):
            with chain._lock:
                setattr(chain, name, tuple(each for each in getattr(chain, name) if each is not processor))


def has_observables(provider: Any) -> bool:
    """Whether there are instruments that ask the application for their values."""
    consumer = getattr(provider, "_measurement_consumer", None)
    return bool(getattr(consumer, "_async_instruments", True))


def replace_in_tracers(provider: Any, name: str, replaced: Callable[[Any], Any]) -> None:
    """Give a provider, and all its tracers, what ``replaced`` makes of their ``sampler`` or ``id_generator``."""
    for owner in (provider, *list(getattr(provider, "_tracers", {}).values())):
        setattr(owner, name, replaced(getattr(owner, name)))


#: Modules that have a ``time_ns`` of their own, for spans and their events, and for log records.
_CLOCKED: tuple[Any, ...] = (trace_sdk, logs_api)

_clocks: list[Callable[[], int]] = []
_former: list[tuple[Any, str, Callable[[], Any]]] = []
_lock = Lock()


def _now() -> int:
    clocks = _clocks
    return clocks[-1]() if clocks else time_ns()


def _seconds(since: int) -> float:
    return (_now() - since) / 1e9 if _clocks else perf_counter()


@contextmanager
def clock(tick: Callable[[], int], stopwatches: Sequence[Any] = (), since: int = 0) -> Iterator[None]:
    """Spans and log records have their times, in ns, from ``tick``: of the clock that was set last.

    So have modules with a ``perf_counter`` of their own, the ``stopwatches``, in seconds ``since`` then.
    """
    with _lock:
        if not _clocks:
            for module in _CLOCKED:
                _replace(module, "time_ns", _now)
            for module in stopwatches:
                _replace(module, "perf_counter", partial(_seconds, since))
        _clocks.append(tick)
    try:
        yield
    finally:
        with _lock:
            _clocks.remove(tick)
            if not _clocks:
                while _former:
                    setattr(*_former.pop())


def _replace(module: Any, name: str, now: Callable[[], Any]) -> None:
    _former.append((module, name, getattr(module, name)))
    setattr(module, name, now)
