"""Texts brought to patterns that are known, without being masked."""

from __future__ import annotations

import pytest

from tidegate.patterns import Miner, Pattern
from tidegate.patterns.guesses import KNOWN, TRIED, Guesses
from tidegate.patterns.mask import Masker


def pattern(template: str) -> Pattern:
    return Pattern(template, template, "mined")


def guesses(*templates: str, stretch: int = -1) -> Guesses:
    found = Guesses(Masker().mask)
    for template in templates:
        found.learn(pattern(template), lambda _: stretch)
    return found


def guessed(text: str, *templates: str) -> str | None:
    found = guesses(*templates).find(text)
    return found.template if found else None


FITTING = [
    ("Lock <uuid> acquired on <path>", "Lock 00000000-abcd-0000-abcd-00000000abcd acquired on /var/lib/a.b/c"),
    ("<obj> communicate: close stdin", "<_Loop: x> communicate: close stdin"),
    ("<ip> - <str> <num>", 'localhost:0000 - "GET /a b HTTP/0.0" 000'),
    ("user <*> left", "user alice-x.y left"),
    ("user <*> left", "user 'alice x' left"),
    ("got (<list>) now", "got ('a', <X object at 0x0>) now"),
    ("got <list> now", "got {'a': [None, 0]} now"),
    ("Close <obj>", "Close Order(id=0, name='x')"),
    ("took <dur> and <size>", "took 0.0 seconds and 00 KB (0.0 KB)"),
    ("failed: <exc>", "failed: [Errno 00] Connection refused"),
    ("> GET <path>", "> GET /a/b HTTP/0.0"),
    ("two blanks at <num> here", "two  blanks at\n0 here"),
]


@pytest.mark.parametrize(("template", "text"), FITTING)
def test_a_text_with_values_of_the_variables_is_the_pattern_s(template: str, text: str) -> None:
    assert guessed(text, template) == template


@pytest.mark.parametrize(("template", "text"), [case for case in FITTING if "<*>" not in case[0]])
def test_masking_says_the_same(template: str, text: str) -> None:
    assert Masker().mask(text) == template


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Lock <uuid> acquired on <path>", "Lock 0000 acquired on /var"),
        ("Lock <num> acquired", "Lock 0 acquired again"),
        ("user <*> left", "user alice, who came, left"),
        ("user <*> left", "user  left"),
        ("took <num> of it", "took 0 or 0 of it"),
        ("wrote <path>", "wrote /a/b."),
        ("said <str> now", 'said "GET /x HTTP/0.0" now'),
        ("<num> - <num>", "word - 0"),
    ],
)
def test_a_text_with_other_values_is_not(template: str, text: str) -> None:
    assert guessed(text, template) is None


def test_a_stretch_is_of_any_length() -> None:
    assert guesses("Failed to read: <*>", stretch=16).find("Failed to read: no such thing, at all") is not None


def test_a_template_without_variables_is_not_tried() -> None:
    assert guessed("all is well", "all is well") is None


def test_a_pattern_that_became_another_is_not_found() -> None:
    found, one = guesses(), pattern("user <num> left")
    found.learn(one, lambda _: -1)
    one.into = pattern("user <*> left")
    assert found.find("user 0 left") is None


def test_a_pattern_is_found_by_its_present_template_only() -> None:
    found, one = guesses(), pattern("user <num> left")
    found.learn(one, lambda _: -1)
    one.template = "user <*> left"
    assert found.find("user 0 left") is None
    found.learn(one, lambda _: -1)
    assert found.find("user alice left") is one


def test_what_is_tried_is_bounded() -> None:
    found = guesses(*(f"{'word' * (at % 7)} <num> {'x' * at}" for at in range(KNOWN + 100)))
    assert len(found._known) <= KNOWN
    assert max(map(len, found._tried.values())) <= TRIED


def test_messages_that_are_guessed_are_counted() -> None:
    miner = Miner()
    paths = ["/a/b", "/srv/c.txt", "/usr/d", "/e/f/g", "~/h"]
    found = {miner.match(f"wrote {path} at last").id for path in paths}
    assert [(one.template, one.count) for one in miner.patterns()] == [("wrote <path> at last", 5)]
    assert len(found) == 1
