"""Messages, and the patterns that they are counted under."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.patterns import Miner, Pattern
from tidegate.patterns.pattern import KINDS

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]


def matched(texts: list[str], miner: Miner | None = None) -> list[Pattern]:
    """The patterns of texts, after the last of them."""
    miner = miner or Miner()
    ids = [miner.match(text).id for text in texts]
    found = [miner.resolve(id) for id in ids]
    return [pattern for pattern in found if pattern is not None]


def are_one(texts: list[str]) -> bool:
    return len({pattern.id for pattern in matched(texts)}) == 1


def test_messages_that_differ_in_values_are_one_pattern() -> None:
    assert are_one(["User 123 logged in from 10.0.0.1", "User 456 logged in from fe80::1"])


def test_messages_that_differ_in_a_word_that_matters_are_two() -> None:
    assert not are_one(["User 123 logged in", "User 123 logged out"])


def test_a_pattern_counts_its_messages() -> None:
    assert matched([f"worker {number} started" for number in range(7)])[-1].count == 7


def test_a_template_shows_what_is_variable() -> None:
    assert matched(["User 123 logged in from 10.0.0.1"])[0].template == "User <num> logged in from <ip>"


def test_a_text_of_digits_alone_is_not_taken_for_an_empty_one() -> None:
    miner = Miner()
    assert miner.match("12") is not miner.match("")
    assert miner.match("34").template == "<num>"


def test_ids_are_the_same_in_every_process() -> None:
    ids = [
        Miner().match_template("took %d ms").id,
        Miner().match_site("/venv/lib/python3.12/site-packages/a/b.py", 3, "f", "x").id,
        Miner().match("took 5 ms").id,
    ]
    assert ids == [
        "9c22688f123e1c15911e7774cd21c575",
        "a0dddc3bcd2b2dcdbe776f2909edbd01",
        "fbe819d79c458e724e721f2a7006faad",
    ]


def test_words_of_many_kinds_in_one_place_become_a_variable() -> None:
    found = matched([f"loading plugin {word} from the shared directory" for word in WORDS])
    assert found[-1].template == "loading plugin <*> from the shared directory"
    assert found[-1].count == len(WORDS)


def test_a_number_and_a_word_in_one_place_are_one_variable() -> None:
    assert are_one(["retry limit of queue is 5", "retry limit of queue is None"])


def test_two_words_that_come_again_and_again_stay_apart() -> None:
    texts = ["power of rack 5 turned on", "power of rack 7 turned off"]
    assert not are_one([text for _ in range(40) for text in texts])


def test_states_in_capitals_stay_apart() -> None:
    states = ["NEW", "READY", "RUNNING"]
    assert not are_one([f"attempt_1 moved over to state {state} at last" for _ in range(20) for state in states])


def test_what_follows_a_failure_is_a_variable_whatever_its_length() -> None:
    texts = ["connection refused", "no such table: users", "the server closed the connection unexpectedly"]
    found = matched([f"Failed to write the cache entry: {text}" for text in texts])
    assert {pattern.template for pattern in found} == {"Failed to write the cache entry: <*>"}


def test_nothing_after_a_failure_is_the_same_failure() -> None:
    texts = ["connection refused", "no such table: users", "", "disk quota was exceeded for this user"]
    assert len({pattern.id for pattern in matched([f"Failed to write the cache entry: {t}" for t in texts])[2:]}) == 1


def test_several_words_at_once_become_variables() -> None:
    rng = Random(4)
    texts = [
        f"Moved job {a}-x from queue {b}-y to queue {c}-z now" for a, b, c in (rng.sample(WORDS, 3) for _ in "1234")
    ]
    assert matched(texts)[-1].template == "Moved job <*> from queue <*> to queue <*> now"


def test_an_earlier_line_joins_the_pattern_that_it_turns_out_to_fit() -> None:
    miner = Miner()
    first = miner.match("Moved job alpha-x from queue beta-y to queue gamma-z now").id
    for word in WORDS:
        miner.match(f"Moved job {word}-x from queue {word}-y to queue {word}-z now")
    resolved = miner.resolve(first)
    assert resolved is not None
    assert resolved.count == 1 + len(WORDS)


def test_a_merged_pattern_keeps_the_id_that_counted_most() -> None:
    miner = Miner()
    busy = {miner.match("loading plugin alpha from the shared directory").id for _ in range(3)}.pop()
    for word in WORDS[1:]:
        miner.match(f"loading plugin {word}_1 from the shared directory")
    living = miner.resolve(busy)
    assert living is not None
    assert living.id == busy


def test_an_id_that_is_unknown_resolves_to_nothing() -> None:
    assert Miner().resolve("0" * 32) is None


def test_status_codes_can_be_kept_apart() -> None:
    texts = ["GET /a status 404", "GET /b status 200", "GET /c status 404"]
    assert are_one(texts)
    kept = matched(texts, Miner(keep_status_codes=True))
    assert [pattern.template for pattern in kept] == [f"GET <path> status {code}" for code in (404, 200, 404)]


def test_the_order_is_template_then_call_site_then_text() -> None:
    miner = Miner()
    kinds = [
        miner.match_record("took 5 ms", "took %d ms", "a.py", 3, "f").kind,
        miner.match_record("took 5 ms", "", "a.py", 3, "f").kind,
        miner.match_record("took 5 ms").kind,
    ]
    assert kinds == ["template", "site", "mined"]


def test_a_template_that_is_the_text_itself_says_nothing_of_values() -> None:
    assert Miner().match_record("took 5 ms", "took 5 ms", "a.py", 3, "f").kind == "site"


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["Failed to open", "user", "loading plugin for"]),
        st.sampled_from([*WORDS, "5", "x_1", "None", "a b c", "10.0.0.1", "FOO", "['a']", "ValueError: no"]),
        st.sampled_from(["now", ": went wrong again", "from the shared store"]),
    ).map(" ".join),
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(MESSAGES)
def test_counts_sum_to_the_messages_whatever_merges(texts: list[str]) -> None:
    miner = Miner()
    for text in texts:
        miner.match(text)
    assert sum(pattern.count for pattern in miner.patterns()) == len(texts)


@settings(max_examples=60, deadline=None)
@given(MESSAGES)
def test_every_id_leads_to_a_living_pattern(texts: list[str]) -> None:
    miner = Miner()
    ids = {miner.match(text).id for text in texts}
    alive = {pattern.id: pattern for pattern in miner.patterns()}
    for id in ids:
        found = miner.resolve(id)
        assert found is not None
        assert alive[found.id] is found
        assert found.into is None


@settings(max_examples=30, deadline=None)
@given(MESSAGES)
def test_the_same_messages_give_the_same_patterns(texts: list[str]) -> None:
    one, other = matched(texts), matched(texts)
    assert [(pattern.id, pattern.template, pattern.count) for pattern in one] == [
        (pattern.id, pattern.template, pattern.count) for pattern in other
    ]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30))
def test_a_pattern_is_of_a_known_kind_and_its_id_is_hexadecimal(words: list[str]) -> None:
    for pattern in matched(words):
        assert pattern.kind in KINDS
        assert len(bytes.fromhex(pattern.id)) == 16


def test_a_pattern_shows_itself() -> None:
    assert "User <num> left" in repr(matched(["User 1 left"])[0])


@pytest.mark.parametrize(("name", "value"), [("max_patterns", 0), ("max_patterns", -5), ("max_bytes", 0)])
def test_bounds_that_hold_nothing_are_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        Miner(**{name: value})  # type: ignore[arg-type]


def test_messages_in_quotes_after_where_they_were_logged_are_told_apart() -> None:
    miner = Miner()
    texts = (
        'scheduler.go:611] "Bound pod to node" pod="a/b" node="n1"',
        'kubelet.go:700] "Pod evicted" pod="a/b" node="n1"',
    )
    assert len({miner.match(f"I0312 10:00:00.5 1 {text}").id for text in texts}) == 2


def test_statements_without_blanks_between_words_are_mined() -> None:
    miner = Miner()
    names = ("bob", "alice", "carol", "dave", "erin", "frank")
    found = [miner.match(f"用户{name}已退出系统").id for name in names]
    assert len({resolved.id for id in found if (resolved := miner.resolve(id))}) == 1
