"""Arguments that break a rule."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.errors import ConfigurationError
from tidegate.watch.check import Check

WRONG = [
    ({"name": ""}, "name is ''; it must be a text of 1 to 100"),
    ({"name": "  "}, "name is '  '; it must be a text"),
    ({"name": None}, "name is None; it must be a text"),
    ({"name": "x" * 101}, "it must be a text of 1 to 100"),
    ({"name": "a\nb"}, r"name is 'a\\nb'; it must be a text"),
    ({"call": True}, "check of the health check 'it' is True; it must be a function without arguments"),
    ({"critical": "yes"}, "critical of the health check 'it' is 'yes'; it must be True or False"),
    ({"interval": 0}, "interval of the health check 'it' is 0; it must be a number of seconds from 0.05 to 86,400"),
    ({"interval": float("nan")}, "interval of the health check 'it' is nan; it must be a number"),
    ({"interval": float("inf")}, "interval of the health check 'it' is inf; it must be a number"),
    ({"interval": "30"}, "interval of the health check 'it' is '30'; it must be a number"),
    ({"interval": True}, "interval of the health check 'it' is True; it must be a number"),
    ({"timeout": -1}, "timeout of the health check 'it' is -1; it must be a number of seconds"),
    ({"timeout": None}, "timeout of the health check 'it' is None; it must be a number of seconds"),
    ({"failures": 0}, "failures of the health check 'it' is 0; it must be a whole number from 1 to 1,000"),
    ({"failures": 2.0}, "failures of the health check 'it' is 2.0; it must be a whole number"),
    ({"failures": True}, "failures of the health check 'it' is True; it must be a whole number"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_wrong_argument_is_told_with_its_value_and_the_rule(wrong: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"name": "it", "call": print, **wrong}
    with pytest.raises(ConfigurationError, match=message):
        Check(**arguments)


def test_the_defaults_are_thirty_seconds_ten_seconds_and_three_failures() -> None:
    check = Check("it", print)
    assert (check.critical, check.interval, check.timeout, check.failures) == (True, 30, 10, 3)
