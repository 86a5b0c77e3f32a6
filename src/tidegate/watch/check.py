"""What is checked, how often, and how strictly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.errors import ConfigurationError

#: Characters of a check's name.
MAX_NAME = 100

#: Shortest and longest time between two checks, and for a single one, in seconds.
SHORTEST, LONGEST = 0.05, 86_400

#: A count of failures beyond this is taken for a mistake.
MAX_FAILURES = 1000


@dataclass(frozen=True, slots=True)
class Check:
    """``call`` is synchronous or asynchronous and takes no argument; times are in seconds.

    Raises `ConfigurationError` for a value that breaks its rule.
    """

    name: str
    call: Callable[[], Any]
    critical: bool = True
    interval: float = 30
    timeout: float = 10
    failures: int = 3

    def __post_init__(self) -> None:
        name, seconds = self.name, f"a number of seconds from {SHORTEST:g} to {LONGEST:,}"
        self._require("name", _is_name(name), f"a text of 1 to {MAX_NAME} printable characters")
        self._require("check", callable(self.call), "a function without arguments; give it without calling it")
        self._require("critical", isinstance(self.critical, bool), "True or False")
        self._require("interval", _is_time(self.interval), seconds)
        self._require("timeout", _is_time(self.timeout), seconds)
        self._require("failures", _is_count(self.failures), f"a whole number from 1 to {MAX_FAILURES:,}")

    def _require(self, argument: str, right: bool, rule: str) -> None:
        if not right:
            value = self.call if argument == "check" else getattr(self, argument)
            where = "" if argument == "name" else f" of the health check {self.name!r}"
            raise ConfigurationError(f"{argument}{where} is {_short(value)}; it must be {rule}.")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_NAME and value.isprintable()


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and SHORTEST <= value <= LONGEST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_FAILURES


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_NAME else text[:MAX_NAME] + "…"
