"""Lines of JSON carry what JSON can, and the nearest thing to what it cannot."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tidegate.cli.ndjson import dumps


def nested(depth: int) -> Any:
    value: Any = "core"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "carried"),
    [
        (math.nan, None),
        (math.inf, None),
        (b"\x00\xff", "AP8="),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**80, str(2**80)),
        ("\ud800x", "\\ud800x"),
        ({1: {None: True}}, {"1": {"null": True}}),
        ((1, "a"), [1, "a"]),
        ({"a"}, ["a"]),
        (3 + 4j, "(3+4j)"),
        ("\x1b\x7f\x9b\u202e", "\x1b\x7f\x9b\u202e"),
    ],
)
def test_a_value_is_carried_as(value: object, carried: object) -> None:
    assert json.loads(dumps({"value": value})) == {"value": carried}


def test_one_value_that_json_lacks_leaves_the_others_as_they_are() -> None:
    assert json.loads(dumps({"a": 2**80, "b": [1.5, True, None], "c": {"d": b""}})) == {
        "a": str(2**80),
        "b": [1.5, True, None],
        "c": {"d": ""},
    }


def test_control_characters_are_escaped() -> None:
    assert dumps({"a": "\x1b\x7f\x85\u2028\U000e0041"}) == b'{"a":"\\u001b\\u007f\\u0085\\u2028\\udb40\\udc41"}\n'


def test_endless_nesting_is_cut_to_text() -> None:
    assert "…" in dumps({"deep": nested(2000)}).decode()


def test_an_integer_too_long_to_become_decimal_is_hexadecimal() -> None:
    assert json.loads(dumps({"value": 2**20000})) == {"value": hex(2**20000)}
