"""Health checks: how the application and its recording are.

    from tidegate import health

    @health.check("database", interval=15)
    def database():
        connection.execute("SELECT 1")

    health.report().status          # healthy, degraded, unhealthy or unknown

A check is a function without arguments, synchronous or asynchronous. It has passed when it returns
None or True, and failed when it returns False, raises, or takes longer than its timeout; it may
return "degraded" or a `Result` with a detail too. Each runs in a thread of its own, so it must not
need the application's event loop. A change of status is recorded as the event
``tidegate.health.changed``, unless all that happened is that the first check has passed.

In a process that records, the checks ``store``, ``disk``, ``queue``, ``lag``, ``destination`` (whether it can be
reached) and ``exporter`` (whether what is to be sent goes there) are there without being registered, and run when
a report is asked for. None of them is critical.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tidegate import watch
from tidegate.watch.check import Check
from tidegate.watch.registry import Registry, Report
from tidegate.watch.status import Change, Component, Result

__all__ = ["Change", "Component", "Report", "Result", "check", "register", "report", "unregister"]

Function = TypeVar("Function", bound=Callable[[], Any])

_registry = Registry(watch.builtin)


def register(
    name: str,
    check: Callable[[], Any],
    critical: bool = True,
    interval: float = 30,
    timeout: float = 10,
    failures: int = 3,
    *,
    replace: bool = False,
) -> None:
    """Run ``check`` every ``interval`` seconds from now on, the first time at once.

    It fails when it takes longer than ``timeout`` seconds, and is not started again before it has
    returned. Until ``failures`` failures in a row the component is degraded, then unhealthy; if it is
    ``critical``, so is the whole. The name of a built-in check may be taken; that of another one only
    with ``replace``. Raises `ConfigurationError` for arguments that break a rule.
    """
    _registry.register(Check(name, check, critical, interval, timeout, failures), replace)


def check(name: str, **options: Any) -> Callable[[Function], Function]:
    """A decorator that registers a function; ``options`` are those of `register`."""

    def decorate(function: Function) -> Function:
        register(name, function, **options)
        return function

    return decorate


def unregister(name: str) -> bool:
    """Run this check no more, also a built-in one; False if there is none of that name."""
    return _registry.unregister(name)


def report(wait: float = 2.0) -> Report:
    """How everything is now.

    Checks without a result, and built-in ones whose result is older than their interval, are run
    first, and waited for up to ``wait`` seconds; what has no result then is unknown. Blocks for so
    long: call it in a thread where there is an event loop.
    """
    return _registry.report(wait)
