"""Values that fill PyLog's messages."""

from __future__ import annotations

from random import Random

import pytest
from benchmarks.pylog_scan import Hole, Names
from benchmarks.pylog_values import KINDS, WORDS, Filler, guess

NAMES = Names(("Pool", "Worker"), ("close", "flush"), ("shop.orders",), (("ShopError", ("no ", Hole("x"), " left")),))


def texts(hole: Hole, place: str = "here", count: int = 200) -> list[str]:
    filler, rng = Filler(hole, place, NAMES), Random(0)
    return [filler.shown(filler.value(rng)) for _ in range(count)]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("self.request.id", "id"),
        ("exc", "exception"),
        ("str(e)", "exception"),
        ("len(self.queue)", "count"),
        ("type(exc).__name__", "class_name"),
        ("self.__class__", "type"),
        ("', '.join(names)", "separated"),
        ("time.time() - start", "seconds"),
        ("os.getpid()", "pid"),
        ("request.headers['host']", "host"),
        ("config.get('timeout')", "seconds"),
        ("self.file_name", "path"),
        ("userName", "person"),
        ("os.path.join(a, b)", "path"),
        ("max_retries", "count"),
        ("paths", "paths"),
        ("queues", "words"),
        ("response.status_code", "code"),
        ("traceback.format_exc()", "traceback"),
        ("zzz", "unknown"),
    ],
)
def test_the_source_of_an_argument_tells_its_kind(source: str, kind: str) -> None:
    assert guess(source) == kind


def test_every_kind_that_a_word_speaks_of_can_be_made() -> None:
    assert set(WORDS) <= set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_variant_of_a_kind_makes_values(kind: str) -> None:
    rng = Random(0)
    assert all(make(rng, NAMES) is not None for make in KINDS[kind] for _ in range(50))


@pytest.mark.parametrize("source", ["exc", "name", "zzz", "task.id", "elapsed", "response"])
@pytest.mark.parametrize("spec", ["%d", "%5.1f", "%x", "%s", "%r", "%-10s", "%03d"])
def test_a_value_fits_the_conversion_that_shows_it(source: str, spec: str) -> None:
    filler, rng = Filler(Hole(source, spec), "here", NAMES), Random(0)
    for _ in range(50):
        value = filler.value(rng)
        assert filler.shown(value) == spec % (value,)


def test_a_conversion_shows_the_repr() -> None:
    assert all(text.endswith(")") for text in texts(Hole("exc", "", "r")))


def test_one_place_keeps_its_habits_on_every_machine() -> None:
    assert texts(Hole("task.id"), "one") == texts(Hole("task.id"), "one")
    assert texts(Hole("task.id"), "one") != texts(Hole("task.id"), "two")


def test_what_is_joined_is_joined_by_what_the_source_says() -> None:
    shown = texts(Hole("' -> '.join(names)"))
    assert max(text.count(" -> ") for text in shown) >= 3
    assert not any(", " in text for text in shown)


def test_alternatives_are_what_is_chosen_from() -> None:
    assert set(texts(Hole("x", choices=("hit", "miss")))) <= {"hit", "miss", "None"}


def test_few_states_pass_one_place_and_ids_without_end() -> None:
    assert len(set(texts(Hole("self.state")))) <= 7
    assert len(set(texts(Hole("request.uuid")))) > 150


def test_exceptions_are_the_packages_own_too() -> None:
    shown = texts(Hole("exc", "", "r"))
    assert any(text.startswith("ShopError(") for text in shown)
    assert any("left" in text for text in shown)
