"""Which `LogPolicy` is in force: the arguments', a policy's over them, or the fallback until there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigurationError
from tidegate.gate.policy import LogPolicy, Policy

if TYPE_CHECKING:
    from tidegate.gate.policies.watcher import Watcher


def log_policy(**arguments: Any) -> LogPolicy:
    """A LogPolicy of what was given; None stands for its default."""
    return LogPolicy(**{name: value for name, value in arguments.items() if value is not None})


class Steering:
    """Calls ``apply`` with what is in force: ``base`` at first, or what ``policy`` gives over it.

    ``policy``: a `Policy`, a location (a watcher of our own is started), a `Watcher`, or None. Raises
    `ConfigurationError` for what cannot be used.
    """

    def __init__(
        self,
        base: LogPolicy,
        apply: Callable[[LogPolicy], None],
        policy: Policy | Watcher | str | PathLike[str] | None,
        fallback: float,
        token: str,
        refresh: float | None,
    ) -> None:
        self._base, self._apply = base, apply
        self._watcher: Watcher | None = None
        self._waits = self._is_own = False
        if isinstance(policy, Policy):
            self.take(policy)
        elif policy is not None:
            self._watcher, self._is_own = _watcher(policy, token, refresh)
            self._begin(self._watcher, fallback)

    def _begin(self, watcher: Watcher, fallback: float) -> None:
        if not 0 <= fallback <= 1:
            raise ConfigurationError(
                f"fallback_sample_rate is {fallback!r}; it must be a share of the records from 0 to 1."
            )
        if watcher.source.is_remote and not watcher.answered:
            self._waits = True
            self._apply(replace(self._base, severity_rates={}, global_rate=fallback))
        watcher.subscribe(self.take)
        if self._is_own:
            watcher.start()

    def take(self, policy: Policy) -> None:
        """Let ``policy`` be in force. What it does not say is as the arguments say."""
        self._waits = False
        self._apply(policy.logs.over(self._base) if policy.logs is not None else self._base)

    def tick(self) -> None:
        """A server has answered with what cannot be used: it is not away, so its fallback is over."""
        if self._waits and self._watcher is not None and self._watcher.answered:
            self._waits = False
            if self._watcher.policy is None:
                self._apply(self._base)

    def close(self) -> None:
        if self._watcher is not None and self._is_own:
            self._watcher.stop()


def _watcher(policy: Watcher | str | PathLike[str], token: str, refresh: float | None) -> tuple[Watcher, bool]:
    """The watcher, and whether it is ours to start and stop."""
    from tidegate.gate.policies.sources import source
    from tidegate.gate.policies.watcher import Watcher

    if isinstance(policy, Watcher):
        return policy, False
    if not isinstance(policy, (str, PathLike)):
        raise ConfigurationError(
            f"policy is of type {type(policy).__name__}; it must be a Policy, a file's path, or a URL."
        )
    return Watcher(source(fspath(policy), token=token, refresh=refresh)), True
