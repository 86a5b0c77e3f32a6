from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.gate.threshold import MAX
from tidegate.gate.traces.tracestate import MAX_LENGTH, NOTHING, Ot, parse, with_threshold

RV = "6e6d1a75832a2f"
R = 0x6E6D1A75832A2F


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("th:c", Ot(0xC0000000000000, None, "")),
        ("th:0", Ot(0, None, "")),
        (f"rv:{RV}", Ot(None, R, f"rv:{RV}")),
        (f"th:8;rv:{RV}", Ot(1 << 55, R, f"rv:{RV}")),
        (f"a:1;rv:{RV};b:2;th:8;c:3", Ot(1 << 55, R, f"rv:{RV};a:1;b:2;c:3")),
        ("p:8;r:62", Ot(None, None, "p:8;r:62")),
    ],
)
def test_what_an_ot_member_says(value: str, expected: Ot) -> None:
    assert parse(value) == expected


@pytest.mark.parametrize("value", ["th:", "th:x", "th:0x8", "th:-1", "th", "th:" + "0" * 15, "th:8;th:8", "th: 8"])
def test_a_malformed_threshold_is_unknown_and_not_passed_on(value: str) -> None:
    assert parse(value) == NOTHING


@pytest.mark.parametrize("value", ["rv:", "rv:1", f"rv:{RV}0", f"rv:{RV};rv:{RV}", "rv:gggggggggggggg"])
def test_a_malformed_randomness_is_unknown_and_not_passed_on(value: str) -> None:
    assert parse(value) == NOTHING


def test_an_overlong_value_says_nothing() -> None:
    assert parse("th:8;x:" + "a" * MAX_LENGTH) == NOTHING


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(value: str) -> None:
    ot = parse(value)
    assert ot.threshold is None or 0 <= ot.threshold < MAX


@given(st.text(alphabet="thrv:;018fx", max_size=60))
def test_what_is_passed_on_is_read_as_before_but_for_the_threshold(value: str) -> None:
    ot = parse(value)
    assert parse(ot.rest) == Ot(None, ot.randomness, ot.rest)


def test_a_threshold_comes_before_other_sub_keys() -> None:
    assert with_threshold(1 << 55, "a:1;b:2") == "th:8;a:1;b:2"


def test_there_may_be_no_room_for_a_threshold() -> None:
    assert with_threshold(1 << 55, "a:" + "x" * (MAX_LENGTH - 2)) is None
