from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.gate.threshold import (
    MAX,
    adjusted_count,
    decode,
    decode_randomness,
    encode,
    probability_to_threshold,
    randomness,
    threshold_to_probability,
)

probabilities = st.floats(min_value=2.0**-40, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("probability", "th"),
    [(1, "0"), (0.5, "8"), (0.25, "c"), (0.75, "4"), (0.1, "e666"), (0.01, "fd70a"), (0.001, "ffbe76")],
)
def test_well_known_probabilities_have_their_short_thresholds(probability: float, th: str) -> None:
    assert encode(probability_to_threshold(probability)) == th


@given(probabilities)
def test_a_threshold_keeps_what_its_probability_says_and_hardly_more(probability: float) -> None:
    kept = threshold_to_probability(probability_to_threshold(probability))
    assert probability <= kept <= probability * (1 + 1 / 4096)


@given(probabilities, probabilities)
def test_a_higher_probability_never_has_a_higher_threshold(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert probability_to_threshold(high) <= probability_to_threshold(low)


@given(probabilities)
def test_a_threshold_is_short_apart_from_leading_zeros_and_fs(probability: float) -> None:
    text = encode(probability_to_threshold(probability))
    assert len(text.lstrip(text[0]) if text[0] in "0f" else text) <= 5


@pytest.mark.parametrize("probability", [0, -1, -0.0, math.nan, -math.inf])
def test_what_is_no_chance_keeps_nothing(probability: float) -> None:
    assert probability_to_threshold(probability) == MAX


@pytest.mark.parametrize("probability", [1, 1.5, math.inf])
def test_what_is_certain_keeps_everything(probability: float) -> None:
    assert probability_to_threshold(probability) == 0


@pytest.mark.parametrize("probability", [5e-324, 1e-300, 2.0**-57, 2.0**-56])
def test_the_lowest_probability_is_one_value_of_the_randomness(probability: float) -> None:
    assert probability_to_threshold(probability) == MAX - 1


def test_a_probability_next_to_one_is_not_taken_for_certain() -> None:
    assert 0 < probability_to_threshold(1 - 2.0**-50) < MAX


@given(st.integers(min_value=0, max_value=MAX - 1))
def test_a_threshold_comes_back_from_its_text(threshold: int) -> None:
    assert decode(encode(threshold)) == threshold


def test_an_adjusted_count_is_one_over_the_probability() -> None:
    assert [adjusted_count(probability_to_threshold(p)) for p in (1, 0.5, 0.25)] == [1, 2, 4]


def test_what_keeps_nothing_stands_for_nothing() -> None:
    assert adjusted_count(MAX) == 0


def test_digits_may_be_capital() -> None:
    assert decode("FD70A") == decode("fd70a") == 0xFD70A000000000


@pytest.mark.parametrize("text", ["", "0x1", "+1", "-1", " 1", "1_0", "g", "\uff11", "0" * 15, "1\n"])
def test_text_that_is_no_threshold_is_none(text: str) -> None:
    assert decode(text) is None


@pytest.mark.parametrize("text", ["", "8", "0" * 13, "0" * 15, "0000000000000g"])
def test_a_randomness_has_fourteen_digits(text: str) -> None:
    assert decode_randomness(text) is None


def test_the_randomness_is_the_low_56_bits_of_a_trace_id() -> None:
    assert randomness(0x0123456789ABCDEFFEDCBA9876543210) == decode_randomness("dcba9876543210")
