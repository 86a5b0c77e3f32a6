"""Call sites: one statement's text, or everybody's."""

from __future__ import annotations

import pytest

from tidegate.patterns import Miner, Pattern
from tidegate.patterns.sites import EVERY, FIRST, common, location

PATH = "/app/shop/orders.py"


def logged(texts: list[str], miner: Miner | None = None) -> list[Pattern]:
    miner = miner or Miner()
    return [miner.match_site(PATH, 7, "run", text) for text in texts]


def test_a_statement_is_one_pattern_however_its_text_varies() -> None:
    found = logged([f"order {name} of {name} was sent on" for name in ("a", "b c d", "e", "'f'", "None")])
    assert {(pattern.kind, pattern.id) for pattern in found} == {("site", found[0].id)}
    assert found[0].count == 5


def test_the_template_of_a_statement_grows_more_general() -> None:
    assert logged(["order alpha was sent", "order beta was sent"])[-1].template == "order <*> was sent"


def test_a_wrapper_that_logs_for_everyone_is_mined() -> None:
    found = logged(["order 5 was sent", "cache is cold", "no such user", "order 6 was sent"])
    assert [pattern.kind for pattern in found[1:]] == ["mined"] * 3
    assert [pattern.template for pattern in found[1:]] == ["cache is cold", "no such user", "order <num> was sent"]


def test_what_a_wrapper_showed_first_is_counted_where_its_text_is_mined() -> None:
    miner = Miner()
    first = logged(["order 5 was sent"] * 3, miner)[0].id
    logged(["cache is cold"], miner)
    resolved = miner.resolve(first)
    assert resolved is not None
    assert (resolved.kind, resolved.template, resolved.count) == ("mined", "order <num> was sent", 3)


def test_texts_that_share_no_word_but_their_end_are_of_one_statement() -> None:
    assert {pattern.kind for pattern in logged(["alpha_done", "beta_done", "gamma_done"])} == {"site"}


def test_a_wrapper_is_found_though_its_first_messages_were_alike() -> None:
    miner = Miner()
    logged(["order 5 was sent"] * (FIRST + 1), miner)
    found = logged(["cache is cold"] * (EVERY + 1), miner)
    assert found[-1].kind == "mined"


def test_counts_sum_when_a_place_turns_out_to_be_a_wrapper() -> None:
    miner = Miner()
    texts = ["order 5 was sent"] * 70 + ["cache is cold", "no such user"] * 70
    logged(texts, miner)
    assert sum(pattern.count for pattern in miner.patterns()) == len(texts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/venv/lib/python3.12/site-packages/shop/a.py", "/usr/lib/python3/dist-packages/shop/a.py"),
        (r"C:\venv\Lib\site-packages\shop\a.py", "/x/site-packages/shop/a.py"),
        ("/home/me/code/shop/src/a.py", "/srv/code/shop/src/a.py"),
        ("/usr/lib/python3.12/asyncio/base.py", "/opt/lib/python3.12/asyncio/base.py"),
    ],
)
def test_a_place_has_one_id_wherever_its_environment_lies(one: str, other: str) -> None:
    assert location(one, 3, "f") == location(other, 3, "f")


def test_places_differ_by_line_and_by_function() -> None:
    assert len({location(PATH, 1, "f"), location(PATH, 2, "f"), location(PATH, 1, "g"), location("b.py", 1, "f")}) == 4


@pytest.mark.parametrize(
    ("one", "other", "template"),
    [
        ("a b c", "a x c", "a <*> c"),
        ("a b c", "a x y c", "a <*> c"),
        ("a b", "a", "a <*>"),
        ("b c", "c", "<*> c"),
        ("", "a", "<*>"),
    ],
)
def test_what_two_texts_have_in_common(one: str, other: str, template: str) -> None:
    assert common(one, other) == template


@pytest.mark.parametrize("path", [None, [], 5, b"a.py", ""])
def test_a_place_that_is_none_does_no_harm(path: object) -> None:
    assert Miner().match_site(path, "x", None, "order 5 was sent").count == 1  # type: ignore[arg-type]
