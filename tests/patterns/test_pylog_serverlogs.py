"""Server logs of our own making, with the truth."""

from __future__ import annotations

import re
from random import Random

import pytest
from benchmarks import serverlogs
from benchmarks.parsers import Parsing
from benchmarks.pylog import held_out
from benchmarks.serverlogs_kinds import KINDS, POOLS, Pools, value


@pytest.mark.parametrize("name", sorted(serverlogs.LOGS))
def test_every_line_is_its_template_filled_in(name: str) -> None:
    for line in serverlogs.stream(name, 3, 400):
        pattern = ".*".join(re.escape(piece) for piece in line.truth.split("<*>"))
        assert re.fullmatch(pattern, line.text, re.DOTALL), line
        assert "«" not in line.text


@pytest.mark.parametrize("name", sorted(serverlogs.LOGS))
def test_no_template_is_listed_twice(name: str) -> None:
    truths = [re.sub("«[^»]*»", "<*>", template) for template in serverlogs.templates(name)]
    assert len(truths) == len(set(truths))


def test_the_same_seed_gives_the_same_lines() -> None:
    assert list(serverlogs.stream("redis", 1, 200)) == list(serverlogs.stream("redis", 1, 200))
    assert list(serverlogs.stream("redis", 1, 200)) != list(serverlogs.stream("redis", 2, 200))


def test_sixteen_logs_are_as_parsers_are_usually_judged_on_and_some_are_not() -> None:
    assert len(serverlogs.IMITATED) >= 16
    assert len(serverlogs.LOGS) - len(serverlogs.IMITATED) >= 8


def test_some_logs_are_held_out() -> None:
    assert 4 <= sum(held_out(name) for name in serverlogs.LOGS) <= len(serverlogs.LOGS) - 4


def test_a_pooled_kind_shows_so_many_different_values_in_one_log() -> None:
    rng, pools = Random(0), Pools()
    assert len({value("host", rng, pools) for _ in range(2_000)}) <= POOLS["host"]


def test_what_is_pooled_is_a_kind() -> None:
    assert {name for name in POOLS if not re.fullmatch(r"hex\d+", name)} <= set(KINDS)


@pytest.mark.parametrize("name", sorted(serverlogs.LOGS))
def test_every_value_of_a_template_is_made_by_something(name: str) -> None:
    kinds = {kind for template in serverlogs.templates(name) for kind in re.findall("«([^»|]*)»", template)}
    assert {kind for kind in kinds if value(kind, Random(0), Pools()) == kind} == set()


def test_an_alternative_is_a_kind_where_there_is_one_of_its_name() -> None:
    rng, pools = Random(0), Pools()
    shown = {value("-|uuid", rng, pools) for _ in range(50)}
    assert "-" in shown
    assert "uuid" not in shown


def test_a_perfect_parser_is_perfect_on_a_log() -> None:
    lines = {line.text: line.truth for line in serverlogs.stream("kafka")}
    got = serverlogs.judge(Parsing(lines.__getitem__), "kafka")
    assert (got.ga, got.fga, got.stable) == (1.0, 1.0, 1.0)
