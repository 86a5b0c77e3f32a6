"""What a user adds: names, expressions, and a callback that is asked about each secret found."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from making import log, span
from tidegate.errors import ConfigurationError
from tidegate.record import logs, spans
from tidegate.record.redaction import REDACTED, Match, Redactor, clean, lines
from tidegate.records import ORIGIN, Origin
from tidegate.settings import load

SECRET = "hunter22"


def attributes(redactor: Redactor, **values: Any) -> Mapping[str, Any]:
    batch = spans.batch([span(attributes={name.replace("__", "."): value for name, value in values.items()})])
    redactor.redact(batch)
    return dict(batch.columns["attributes"][0])


def body(redactor: Redactor, value: Any) -> Any:
    batch = logs.batch([log(value)])
    redactor.redact(batch)
    return batch.columns["body"][0]


# -- expressions


def test_what_an_expression_matches_goes() -> None:
    assert body(Redactor(patterns=[r"shop-\d{4}"]), "order shop-1234 of shop-9876") == "order [redacted] of [redacted]"


def test_of_an_expression_with_a_group_named_secret_that_group_goes() -> None:
    assert body(Redactor(patterns=["badge (?P<secret>[A-Z]+)"]), "badge ABC seen") == "badge [redacted] seen"


def test_an_expression_is_looked_for_in_what_built_in_formats_left() -> None:
    assert body(Redactor(patterns=["badge [A-Z]+"]), "pwd=hunter22 badge ABC") == "pwd=[redacted] [redacted]"


def test_an_expression_is_looked_for_in_a_text_again_that_differs_in_digits() -> None:
    redactor = Redactor(patterns=["room 7"])
    assert [body(redactor, f"room {number}") for number in (5, 6, 7, 7)] == ["room 5", "room 6", REDACTED, REDACTED]


@pytest.mark.parametrize("before", [0, 1000, 1020, 2040, 2048, 5000])
def test_an_expression_finds_what_lies_anywhere_in_a_long_text(before: int) -> None:
    text = "." * before + "badge-" + "A" * 40 + "." * 3000
    assert body(Redactor(patterns=["badge-A{40}"]), text) == "." * before + REDACTED + "." * 3000


def test_an_expression_that_goes_over_a_long_text_takes_bounded_time() -> None:
    text = "a" * 20_000
    assert body(Redactor(patterns=["a+b"]), text) == text


def test_expressions_come_from_a_text_separated_by_semicolons() -> None:
    settings = load({"redact_patterns": r"a-\d;b\x3bc"}, environ={})
    assert body(Redactor.of(settings), "a-1 b;c d") == "[redacted] [redacted] d"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("[", "'\\[' is not valid: unterminated character set"),
        ("(a+)+b", "'\\(a\\+\\)\\+b' has a repetition inside a repetition"),
        (r"(a)\1", "refers back to a group"),
        ("a*b*a*b*c", "has too many repetitions that match the same text"),
        ("x*", "'x\\*' matches the empty text"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused(pattern: str, why: str) -> None:
    told = f"argument redact_patterns is .*; it must be regular expressions, .* The regular expression .*{why}"
    with pytest.raises(ConfigurationError, match=told):
        load({"redact_patterns": [pattern]})


def test_what_held_no_match_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_REMEMBERED", 10)
    redactor = Redactor(patterns=["badge"])
    for number in range(40):
        body(redactor, "x" * number)
        assert len(redactor._passed) <= 10


# -- the callback


def test_a_callback_is_told_the_name_the_text_and_the_rule() -> None:
    asked: list[Match] = []
    redactor = Redactor(["vat"], ["badge [A-Z]+"], asked.append)
    attributes(redactor, password=SECRET, note="pwd=hunter22", vat=17, seen="badge ABC")
    assert sorted((match.name, match.text, match.rule) for match in asked) == [
        ("note", SECRET, "password"),
        ("password", SECRET, "name of the attribute"),
        ("seen", "badge ABC", "badge [A-Z]+"),
        ("vat", "17", "name of the attribute"),
    ]


def test_a_body_has_no_name() -> None:
    asked: list[Match] = []
    body(Redactor(callback=asked.append), "pwd=hunter22")
    assert [match.name for match in asked] == [""]


def test_what_a_callback_returns_is_written() -> None:
    redactor = Redactor(callback=lambda match: match.text.upper() if match.name == "note" else None)
    assert attributes(redactor, note="pwd=hunter22", other="pwd=hunter22") == {
        "note": "pwd=HUNTER22",
        "other": "pwd=[redacted]",
    }


def test_a_callback_lets_a_false_positive_through_by_its_name() -> None:
    redactor = Redactor(callback=lambda match: match.text if match.name == "shop.token" else None)
    assert attributes(redactor, shop__token="bus", token="x") == {"shop.token": "bus", "token": REDACTED}


@pytest.mark.parametrize("answer", [17, b"x", ["x"]])
def test_an_answer_that_is_no_text_hides(answer: Any) -> None:
    assert body(Redactor(callback=lambda match: answer), "pwd=hunter22") == "pwd=[redacted]"


def test_a_callback_that_raises_hides_is_counted_and_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail(match: Match) -> str:
        raise ValueError(match.text)

    redactor = Redactor(callback=fail)
    with caplog.at_level(logging.WARNING, "tidegate"):
        assert [body(redactor, "pwd=hunter22") for _ in range(3)] == ["pwd=[redacted]"] * 3
    assert redactor.decide.failed == 3
    assert [record.getMessage() for record in caplog.records] == [
        "redact_callback failed (ValueError); what it was asked about is hidden."
    ]


def test_a_callback_that_cannot_be_imported_is_said_to(caplog: pytest.LogCaptureFixture) -> None:
    redactor = Redactor.of(load({"redact_callback": "nowhere_at_all:decide"}, environ={}))
    with caplog.at_level(logging.WARNING, "tidegate"):
        assert body(redactor, "pwd=hunter22") == "pwd=[redacted]"
    assert "nowhere_at_all:decide cannot be had" in caplog.text


def test_a_match_does_not_show_what_was_found() -> None:
    assert SECRET not in repr(Match("it", SECRET, "password"))


# -- names and places


@pytest.mark.parametrize("name", ["url.query", "http.query_string"])
def test_a_query_is_read_as_what_follows_the_question_mark(name: str) -> None:
    assert attributes(Redactor(), **{name: "key=hunter22&page=2"}) == {name: "key=[redacted]&page=2"}


@pytest.mark.parametrize(
    ("template", "message", "left"),
    [
        ("%(password)s here", "hunter22 here", "[redacted] here"),
        (
            "100%% of %(user)s by %(token)-9s, %(n)03d",
            "100% of ann by hunter22 , 007",
            "100% of ann by [redacted], 007",
        ),
        ("%(user)s%(pin)s", "ann1234", "[redacted]"),
        ("%(password)s", "%(password)s", "[redacted]"),
        ("%(password)s here", "something else", "something else"),
        ("%(user)s here", "hunter22 here", "hunter22 here"),
    ],
)
def test_an_argument_that_is_named_in_the_template_is_hidden_by_its_name(
    template: str, message: str, left: str
) -> None:
    records = [log("fine"), log(message)]
    setattr(records[1].log_record, ORIGIN, Origin(template, "/app.py", 1, "f"))
    batch = logs.batch(records)
    Redactor().redact(batch)
    assert list(batch.columns["body"]) == ["fine", left]


def test_what_is_hidden_by_its_name_is_hidden_in_the_message_made_of_it() -> None:
    batch = logs.batch([log("in by hunter22", attributes={"password": SECRET, "user": "ann"}), log("hunter22")])
    Redactor().redact(batch)
    assert list(batch.columns["body"]) == ["in by [redacted]", "hunter22"]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (["shop", "--password", SECRET, "--keep", "5"], ["shop", "--password", REDACTED, "--keep", "5"]),
        (["shop", "--password=hunter22"], ["shop", "--password=[redacted]"]),
        (["shop", "--password", "--token", SECRET], ["shop", "--password", "--token", REDACTED]),
        (["password", SECRET], ["password", SECRET]),
    ],
)
def test_an_argument_of_a_command_is_hidden_by_its_flag(given: list[str], left: list[str]) -> None:
    assert attributes(Redactor(), process__command_args=given) == {"process.command_args": left}


def test_the_template_of_an_argument_asks_the_callback() -> None:
    record = log("hunter22 here")
    setattr(record.log_record, ORIGIN, Origin("%(token)s here", "/app.py", 1, "f"))
    batch = logs.batch([record])
    Redactor(callback=lambda match: match.name.upper()).redact(batch)
    assert batch.columns["body"] == ["TOKEN here"]


@pytest.mark.parametrize("value", ["oauth2", "Basic", "api-key"])
def test_how_one_signs_in_is_no_secret(value: str) -> None:
    assert attributes(Redactor(), auth=value) == {"auth": value}


def test_who_signs_in_by_what_is_a_secret() -> None:
    assert attributes(Redactor(), auth=SECRET) == {"auth": REDACTED}


def test_a_table_that_is_known_still_shows_what_is_new_in_it() -> None:
    redactor = Redactor()
    for template, left in (("fine %s", "fine %s"), ("fine %s", "fine %s"), ("pwd=hunter22 %s", "pwd=[redacted] %s")):
        record = log("x")
        setattr(record.log_record, ORIGIN, Origin(template, "/app.py", 1, "f"))
        batch = logs.batch([record])
        redactor.redact(batch)
        assert batch.columns["origins"] == [[left, "/app.py", 1, "f"]]


def test_an_id_beside_others_that_were_clean_does_not_hide_a_secret() -> None:
    redactor = Redactor()
    texts = [f"request {letter * 8} token=abcdefgh" for letter in "abcdef"] + ["request 12ab34cd token: 12345678abcd"]
    left = [body(redactor, text) for text in texts]
    assert left == [clean(text) for text in texts]


def test_a_hashed_session_stays() -> None:
    hashed = "hash:" + "0a1b2c3d" * 4
    assert attributes(Redactor(), session__id=hashed) == {"session.id": hashed}


@pytest.mark.parametrize("value", ["abc", "hash:abc", "hash:" + "0a1b2c3d" * 4 + "0", 17])
def test_a_session_that_is_not_hashed_goes(value: Any) -> None:
    redactor = Redactor()
    attributes(redactor, session__id="hash:" + "0a1b2c3d" * 4)
    assert attributes(redactor, session__id=value) == {"session.id": REDACTED}


def test_a_hash_is_a_secret_under_another_name() -> None:
    assert attributes(Redactor(), password="hash:" + "0a1b2c3d" * 4) == {"password": REDACTED}


def test_a_secret_that_is_a_name_goes() -> None:
    key = "xo" + "xb-1234567890-abcdef"
    batch = logs.batch([log({key: {key: 1}}, attributes={key: 1, "other": 2})])
    Redactor().redact(batch)
    assert batch.columns["attributes"] == [{REDACTED: 1, "other": 2}]
    assert batch.columns["body"] == [{REDACTED: {REDACTED: 1}}]


@pytest.mark.parametrize("value", [True, False, None, ""])
def test_that_there_is_or_is_no_secret_is_none(value: Any) -> None:
    assert attributes(Redactor(), password=value, note="pwd=hunter22")["password"] is value
