"""Anything can be a message, and nothing is ever raised."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.patterns import Miner


class Silent:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Wrong:
    def __str__(self) -> str:
        return None  # type: ignore[return-value]  # noqa: PLE0307 — as badly written objects do


class Sliced(str):
    __slots__ = ()

    def __getitem__(self, key: object) -> str:
        raise IndexError(key)


class Endless(dict[str, int]):
    def get(self, key: object, default: Any = None) -> Any:
        raise RecursionError


class Unequal:
    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


KINDS = """bytes|bytearray|memoryview|bytes that are no UTF-8|None|a number|an event|a message|a mapping
an empty mapping|JSON|a long list|an exception|without text|with a wrong text|a mapping that raises
a string that raises|empty|a lone surrogate|control characters|a megabyte""".replace("\n", "|").split("|")


@pytest.mark.parametrize(
    ("message", "template"),
    [
        (b"user 12 left", "user <num> left"),
        (bytearray(b"user 12 left"), "user <num> left"),
        (memoryview(b"user 12 left"), "user <num> left"),
        (b"user \xff 12", "user � <num>"),
        (None, "None"),
        (5, "<num>"),
        ({"event": "user 12 left", "level": "info"}, "user <num> left"),
        ({"message": "user 12 left"}, "user <num> left"),
        ({"b": 1, "a": 2}, "mapping of a b"),
        ({}, "mapping of"),
        ('{"level": "info", "event": "user 12 left"}', "user <num> left"),
        ([1] * 1_000_000, "<obj>"),
        (ValueError("no such thing 5"), "ValueError: no such thing <num>"),
        (Silent(), "<obj>"),
        (Wrong(), "<obj>"),
        (Endless(a=1), "<obj>"),
        (Sliced("user 12 left"), "user <num> left"),
        ("", ""),
        ("\ud800 is alone 5", "? is alone <num>"),
        ("nul \0 and \x1b[31mred\x1b[0m 5", "nul \0 and red <num>"),
        ("x" * 1_000_000, "<id> <*>"),
    ],
    ids=KINDS,
)
def test_a_message_of_any_kind_has_a_pattern(message: object, template: str) -> None:
    miner = Miner()
    pattern = miner.match(message)
    assert pattern.template == template
    assert miner.match(message).count == 2


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ('{"user": 5, "cart": {"items": [1, {"id": 2}]}}', "mapping of cart user"),
        ('{"user": "a \\"b\\": {", "id" : 7}', "mapping of id user"),
        ('{"user": 1, "parts": [' + "1, " * 500 + "], 5}", "mapping of parts user"),
        ('{"user": 1, "part": "' + "x" * 2000 + '"}', "mapping of part user"),
        ('{"user": 5} was read', "<list> was read"),
        ("{'user': 5}", "<list>"),
    ],
    ids=["nested", "escaped", "long", "cut off", "beginning", "repr"],
)
def test_json_without_a_message_is_named_by_its_keys(text: str, template: str) -> None:
    assert Miner().match(text).template == template


def test_json_of_different_keys_is_of_different_patterns() -> None:
    miner = Miner()
    texts = ('{"order": 5, "sum": 3}', '{"user": 7, "ok": true}', '{"queue": "a", "depth": 9}')
    assert len({miner.match(text).id for text in texts}) == 3


FRAME = '  File "/app/shop/orders.py", line 12, in run\n    order.send()\n'
CAUSE = f"Traceback (most recent call last):\n{FRAME}KeyError: 5\n\nDuring handling, another exception occurred:\n\n"


@pytest.mark.parametrize("before", ["", CAUSE], ids=["alone", "chained"])
@pytest.mark.parametrize("frames", [1, 100])
def test_tracebacks_are_told_apart_by_what_was_raised(frames: int, before: str) -> None:
    miner = Miner()
    text = f"{before}Traceback (most recent call last):\n{FRAME * frames}"
    raised = ("ValueError: no order 5\nand more", "shop.errors.Closed", "KeyError: 'order'", "ValueError: no order 6")
    found = [miner.match(text + each).template for each in raised]
    assert found == [
        "ValueError: no order <num>",
        "shop.errors.Closed",
        "KeyError: <str>",
        "ValueError: no order <num>",
    ]


def test_a_traceback_without_its_end_is_a_text() -> None:
    assert Miner().match("Traceback (most recent call last):").template == "Traceback (most recent call last):"


def test_a_mapping_that_is_no_dict_is_one() -> None:
    assert Miner().match(UserDict(event="user 5 left")).template == "user <num> left"


def test_a_body_that_cannot_be_compared_is_no_matter() -> None:
    assert Miner().match_record(Unequal(), "took %s").kind == "template"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_whatever_is_passed_is_counted_once(body: Any, template: Any, path: Any, line: Any) -> None:
    miner = Miner()
    miner.match(body)
    miner.match_template(template)
    miner.match_site(path, line, template, body)
    miner.match_record(body, template, path, line, path)
    assert sum(pattern.count for pattern in miner.patterns()) == 4


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(alphabet=st.characters(codec=None), max_size=200), max_size=20))
def test_any_texts_can_be_mined_and_saved(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    miner = Miner()
    for text in texts:
        miner.match(text)
        miner.match_template(text)
    path = tmp_path_factory.mktemp("any") / "x"
    miner.save(path)
    assert len(Miner.load(path).patterns()) == len(miner.patterns())
