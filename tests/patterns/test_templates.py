"""The template of a logging call as its pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.patterns import Miner
from tidegate.patterns.templates import SHOWN, shown


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("User %s logged in", "User <*> logged in"),
        ("%d of %5.2f, %x and %r", "<num> of <num>, <hex> and <*>"),
        ("%(user)s took %(ms)d ms", "<*> took <num> ms"),
        ("at 100%% of %-10s", "at 100% of <*>"),
        ("%*d|%.*f", "<num>|<num>"),
        ("user {} in {name!r:>10}", "user <*> in <*>"),
        ("{count:d} of {share:.1f}", "<num> of <num>"),
        ("{{literal}} {0[key].x}", "{literal} <*>"),
        ("user_logged_in", "user_logged_in"),
        ("{'a': 1}", "{'a': 1}"),
        ("100% sure", "100% sure"),
    ],
)
def test_placeholders_are_shown_as_variables(template: str, expected: str) -> None:
    assert shown(template) == expected


@given(st.text(alphabet="%{}sd(x).5*!: ", max_size=40))
def test_any_template_can_be_shown(template: str) -> None:
    assert isinstance(shown(template), str)


def test_a_template_is_shown_up_to_a_length() -> None:
    assert len(shown("x" * 10 * SHOWN)) == SHOWN


def test_one_template_is_one_pattern_from_wherever_it_is_logged() -> None:
    miner = Miner()
    one = miner.match_record("took 5 ms", "took %d ms", "a.py", 1, "f")
    assert miner.match_record("took 6 ms", "took %d ms", "b.py", 2, "g") is one
    assert one.count == 2


def test_templates_that_differ_in_a_digit_are_two() -> None:
    miner = Miner()
    assert miner.match_template("phase 1 of %s") is not miner.match_template("phase 2 of %s")


def test_what_is_no_template_is_mined() -> None:
    assert Miner().match_template(None).kind == "mined"  # type: ignore[arg-type]
    assert Miner().match_template(["%s"]).kind == "mined"  # type: ignore[arg-type]


def test_a_template_of_a_subclass_of_str_is_one() -> None:
    class Safe(str):
        __slots__ = ()

    miner = Miner()
    assert miner.match_template(Safe("took %d ms")) is miner.match_template("took %d ms")
