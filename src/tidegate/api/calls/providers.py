"""What the global providers make: tracers, loggers, instruments; kept, and made anew when a provider is another one.

So nothing of a provider is asked for before it is needed, one that is set later is followed, and one
that a test replaces is let go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from opentelemetry._logs import Logger, get_logger_provider
from opentelemetry.trace import Tracer, get_tracer_provider

#: Things of one kind that are kept; a program that makes names up must not fill the memory.
MAX_MADE = 4096

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class Following(Generic[Key, Made]):
    """``following(key)``: what ``make(provider, key)`` made with the provider that is in force now."""

    __slots__ = ("_held", "_make", "_provider")

    def __init__(self, provider: Callable[[], Any], make: Callable[[Any, Key], Made]) -> None:
        self._provider = provider
        self._make = make
        self._held: tuple[object, dict[Key, Made]] = (None, {})

    def __call__(self, key: Key) -> Made:
        provider = self._provider()
        held, made = self._held
        if held is not provider:
            made = {}
            self._held = provider, made  # at once, for threads
        try:
            return made[key]
        except KeyError:
            if len(made) >= MAX_MADE:
                made.clear()
            found = made[key] = self._make(provider, key)
            return found


def leads_nowhere(made: object) -> bool:
    """Whether it is of the API itself, which makes what does nothing as long as there is no provider."""
    return type(made).__module__.startswith(("opentelemetry.trace", "opentelemetry._logs", "opentelemetry.metrics"))


def _tracer(provider: Any, scope: str) -> Tracer | None:
    found: Tracer = provider.get_tracer(scope)
    return None if leads_nowhere(found) else found


def _logger(provider: Any, scope: str) -> Logger | None:
    found: Logger = provider.get_logger(scope)
    return None if leads_nowhere(found) else found


#: The tracer, and the logger, of an instrumentation scope; None where they would do nothing.
tracer: Following[str, Tracer | None] = Following(get_tracer_provider, _tracer)
logger: Following[str, Logger | None] = Following(get_logger_provider, _logger)


def takes_logs(scope: str) -> bool:
    """Whether there is anything that takes log records. Never raises."""
    try:
        return logger(scope) is not None
    except Exception:  # a provider that fails, which it will do again where it is told
        return True
