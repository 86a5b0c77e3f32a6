"""What type checkers know of the settings is what the table says."""

from __future__ import annotations

from inspect import signature
from typing import Literal, get_args, get_type_hints

import pytest

import tidegate
from tidegate.options import Function, Names, Number, Options, Pairs, Switch, Text, Whole
from tidegate.settings import BY_NAME, OPTIONS, Option

#: What each kind takes; of a choice it is the words of its own.
TYPES = {
    "boolean": Switch,
    "budget": Number,
    "callable": Function,
    "endpoint": Text,
    "hosts": Names,
    "integer": Whole,
    "location": Text,
    "names": Names,
    "number": Number,
    "pairs": Pairs,
    "regexes": Names,
    "retention": Text,
    "size": Whole,
    "slow": Number,
    "span budget": Number,
    "store": Text,
    "text": Text,
    "token": Text,
    "urls": Names,
}


def test_every_setting_is_there_in_the_order_of_the_table() -> None:
    assert list(Options.__annotations__) == [option.name for option in OPTIONS]


def test_no_setting_is_required() -> None:
    assert Options.__required_keys__ == frozenset()


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.kind.name != "choice"], ids=lambda each: each.name)
def test_the_type_is_what_the_kind_takes(option: Option) -> None:
    assert get_type_hints(Options)[option.name] == TYPES[option.kind.name]


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.kind.name == "choice"], ids=lambda each: each.name)
def test_the_type_of_a_choice_is_its_words(option: Option) -> None:
    hint = get_type_hints(Options)[option.name]
    words = get_args(get_args(hint)[0])
    assert hint == Literal[words] | None
    assert option.kind.rule == f"one of {', '.join(words)}"


def test_what_the_call_takes_beside_them_is_no_setting() -> None:
    own = [name for name in signature(tidegate.configure_observability).parameters if name != "options"]
    assert [name for name in own if name in BY_NAME] == []
