"""From results to statuses. Pure functions: times are arguments, nothing is changed in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.errors import ConfigurationError

HEALTHY = "healthy"
DEGRADED = "degraded"
UNHEALTHY = "unhealthy"

#: Not checked yet, in this process.
UNKNOWN = "unknown"

#: What a check may answer.
ANSWERS = (HEALTHY, DEGRADED, UNHEALTHY)

#: Changes of status that are kept for each check.
MAX_HISTORY = 32


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found: ``status`` is healthy, degraded or unhealthy, ``detail`` a sentence for people.

    Unhealthy is a failure like any other, so that it takes several in a row until the component is
    unhealthy too. Raises `ConfigurationError` for another status.
    """

    status: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.status not in ANSWERS:
            raise ConfigurationError(
                f"the status of a health.Result is {self.status!r}; it must be one of {', '.join(ANSWERS)}."
            )


@dataclass(frozen=True, slots=True)
class Change:
    """A change from the status ``previous`` to ``status``."""

    time_unix_nano: int
    status: str
    previous: str
    detail: str


@dataclass(frozen=True, slots=True)
class Component:
    """How the subject of one check is.

    ``checked_time_unix_nano`` is when the last check ended, 0 before the first one, and
    ``duration_ms`` how long it took, in milliseconds. ``history`` holds the last changes of status,
    oldest first.
    """

    critical: bool
    status: str = UNKNOWN
    detail: str = ""
    checked_time_unix_nano: int = 0
    duration_ms: float = 0.0
    consecutive_failures: int = 0
    history: tuple[Change, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "history": [asdict(change) for change in self.history]}


def after(component: Component, result: Result, failures: int, now: int, duration_ms: float) -> Component:
    """The component after one more result at ``now`` (ns since the epoch).

    One success makes it healthy. Fewer than ``failures`` failures in a row make it degraded, and
    that many unhealthy.
    """
    failed = result.status == UNHEALTHY
    count = component.consecutive_failures + 1 if failed else 0
    status = DEGRADED if failed and count < failures else result.status
    history = component.history
    if status != component.status:
        history = (*history, Change(now, status, component.status, result.detail))[-MAX_HISTORY:]
    return Component(component.critical, status, result.detail, now, duration_ms, count, history)


def overall(components: Iterable[Component]) -> str:
    """The status of all together.

    Unhealthy if a critical component is; unknown while a critical one is, since nobody may rely on
    it yet; degraded if any is, or a component that is not critical is unhealthy; otherwise healthy.
    """
    seen = {(component.status, component.critical) for component in components}
    if (UNHEALTHY, True) in seen:
        return UNHEALTHY
    if (UNKNOWN, True) in seen:
        return UNKNOWN
    return DEGRADED if {status for status, _ in seen} & {DEGRADED, UNHEALTHY} else HEALTHY
