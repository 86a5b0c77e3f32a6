from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.store import values

texts = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates and NUL too
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.binary(max_size=20), texts)
keys = st.one_of(texts, st.sampled_from(["$bytes", "$int", "$float", "$text", "$map", "$", "tagged", "all"]))
plain = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=20,
)


def there_and_back(value: Any) -> Any:
    return values.loads(values.dumps({"column": [value]}))["column"][0]


@given(plain)
def test_a_value_comes_back_with_its_types(value: Any) -> None:
    assert typed(there_and_back(value)) == typed(value)


@given(plain)
def test_a_snapshot_is_the_same_value(value: Any) -> None:
    assert typed(values.snapshot(value)) == typed(value)


def typed(value: Any) -> Any:
    """``value`` so that 1, 1.0 and True differ, and 0.0 and -0.0 as well."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return (type(value), str(value) if isinstance(value, float) else value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_that_JSON_has_no_words_for_come_back(value: float) -> None:
    assert str(there_and_back({"deep": [value]})["deep"][0]) == str(value)


@pytest.mark.parametrize("bits", [63, 64, 20_000])
def test_integers_of_any_size_come_back(bits: int) -> None:
    assert there_and_back([1 << bits, -(1 << bits) - 1]) == [1 << bits, -(1 << bits) - 1]


def test_ten_megabytes_of_text_come_back() -> None:
    assert there_and_back("é" * 5_000_000) == "é" * 5_000_000


def test_keys_that_are_no_text_become_text() -> None:
    assert there_and_back({1: "a", None: "b", (2, 3): "c"}) == {"1": "a", "None": "b", "(2, 3)": "c"}


def test_tuples_and_sets_come_back_as_lists() -> None:
    assert there_and_back(((1, 2), {3})) == [[1, 2], [3]]


class Colour(Enum):
    RED = "red"


class Word(str, Enum):
    YES = "yes"


class Celsius(float):
    pass


@dataclass
class Order:
    id: int

    def __str__(self) -> str:
        return f"order {self.id}"


@pytest.mark.parametrize("beside", ["nothing special", b"bytes, which need a tag"])
@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Colour.RED, "red"),
        (Word.YES, "yes"),
        (Celsius(1.5), 1.5),
        (Order(7), "order 7"),
        (datetime(2024, 1, 2, 3, 4, 5), "2024-01-02 03:04:05"),
    ],
)
def test_other_objects_are_kept_the_same_way_whatever_is_beside_them(value: Any, kept: Any, beside: Any) -> None:
    assert there_and_back([value, beside])[0] == kept


class Mute:
    def __str__(self) -> str:
        raise RuntimeError


def test_an_object_that_cannot_be_shown_is_kept_by_its_type() -> None:
    assert there_and_back(Mute()) == "<Mute>"


def test_a_value_in_itself_is_cut_off_there() -> None:
    value: dict[str, Any] = {"name": "root"}
    value["self"] = value
    assert there_and_back(value) == {"name": "root", "self": "…"}


def test_a_tree_that_knows_its_parents_costs_no_more_than_its_nodes() -> None:
    root: dict[str, Any] = {}
    root["children"] = [{"parent": root, "n": n} for n in range(50)]
    assert there_and_back(root) == {"children": [{"parent": "…", "n": n} for n in range(50)]}


def test_nesting_without_end_is_cut_off() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert b"\xe2\x80\xa6" in values.dumps({"column": value})  # "…"


def test_a_snapshot_does_not_change_with_the_original() -> None:
    value = {"items": [1]}
    copy = values.snapshot(value)
    value["items"].append(2)
    assert copy == {"items": [1]}


class Hostile(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError


def test_a_snapshot_of_what_cannot_be_read_says_so() -> None:
    assert values.snapshot([Hostile(a=1)]) == "<list>"


def test_data_that_looks_like_a_tag_is_data() -> None:
    assert there_and_back({"$bytes": "aGVsbG8="}) == {"$bytes": "aGVsbG8="}


def test_data_that_looks_like_a_tag_is_data_beside_real_tags() -> None:
    assert there_and_back([{"$bytes": "aGVsbG8="}, b"hello"]) == [{"$bytes": "aGVsbG8="}, b"hello"]


def test_a_block_without_odd_values_is_plain_JSON() -> None:
    columns = {"t0": "1", "attributes": [{"a": 1}, {"b": None}]}
    assert orjson.loads(values.dumps(columns)) == columns
