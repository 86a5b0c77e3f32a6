"""How a grouping is judged: Loghub-2.0's GA and FGA."""

from __future__ import annotations

import pytest
from benchmarks.grouping import Score, accuracy, judged, mean, mistakes, score
from benchmarks.parsers import predecessor


def test_the_truth_itself_is_perfect_whatever_its_groups_are_called() -> None:
    assert accuracy([7, 7, 8], ["a", "a", "b"]) == (1.0, 1.0)


def test_one_group_for_everything_has_nothing_right() -> None:
    assert accuracy([1, 1, 1], ["a", "a", "b"]) == (0.0, 0.0)


def test_a_group_that_lacks_one_message_is_wrong_as_a_whole() -> None:
    ga, fga = accuracy([1, 1, 2, 3], ["a", "a", "a", "b"])
    assert ga == 0.25
    assert fga == pytest.approx(2 * 1 / (3 + 2))


def test_a_rare_template_weighs_as_much_as_a_busy_one_in_fga_only() -> None:
    found, truths = [1] * 98 + [2, 2], ["busy"] * 98 + ["rare", "other"]
    assert accuracy(found, truths) == (0.98, 2 * 1 / (2 + 3))


def test_no_messages_are_no_mistakes() -> None:
    assert accuracy([], []) == (1.0, 1.0)


def test_ids_are_judged_as_given_and_as_resolved_later() -> None:
    got = judged([1, 2], ["a", "a"], lambda id: 1)
    assert (got.ga, got.fga, got.online_ga, got.online_fga, got.stable) == (1.0, 1.0, 0.0, 0.0, 0.5)


def test_a_parser_is_a_function_of_the_text() -> None:
    assert score(str.lower, [("A", "a"), ("a", "a"), ("B", "b")]).ga == 1.0


def test_every_stream_counts_alike_in_a_mean() -> None:
    assert mean([Score(1, 1, 1, 1, 1), Score(0, 0.5, 0, 0, 1)]) == Score(0.5, 0.75, 0.5, 0.5, 1)


def test_mistakes_are_the_wrong_groups_the_busiest_first_with_what_they_were_taken_for() -> None:
    texts = ["a 1", "a 2", "a 3", "b", "c", "fine"]
    wrong = mistakes(texts, [1, 2, 2, 3, 3, 4], ["A", "A", "A", "B", "C", "F"])
    assert [(mistake.truth, mistake.messages, mistake.groups) for mistake in wrong] == [
        ("A", 3, 2),
        ("B", 1, 1),
        ("C", 1, 1),
    ]
    assert [mistake.others for mistake in wrong] == [(), ("C",), ("B",)]
    assert wrong[0].samples == ("a 3", "a 1")


def test_the_predecessor_sees_through_its_six_kinds_of_values_and_no_others() -> None:
    parse = predecessor().parse
    assert parse("user 1 at 10.0.0.1 2026-01-01T00:00:00Z") == parse("user 2 at 10.9.9.9 2025-02-03T04:05:06Z")
    assert parse("mail a@b.example https://a.example/x") == parse("mail c@d.example https://b.example/y?z")
    assert parse("user alice") != parse("user bob")
