"""What looks like a secret goes, wherever it stands; what only reminds of one stays."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaks import AROUND, KEYS, WORD, in_context, placed
from making import log, span
from ordinary import ATTRIBUTES, TEXTS
from tidegate.record import logs, spans
from tidegate.record.redaction import REDACTED, Redactor, clean
from tidegate.record.redaction.cards import has_checksum, is_card
from tidegate.record.redaction.formats import FORMATS

if sys.version_info >= (3, 11):
    from re import _constants as names  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_constants as names
    import sre_parse as parser


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_ordinary_attribute_stays_as_it_is(name: str) -> None:
    batch = spans.batch([span(attributes={name: ATTRIBUTES[name]})])
    Redactor().redact(batch)
    assert batch.columns["attributes"][0] == span(attributes={name: ATTRIBUTES[name]}).attributes


@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
def test_a_key_goes_wherever_it_stands(make: Any) -> None:
    for _ in range(3):
        secret = make()
        left = [text for text in placed(secret) if secret in clean(text)]
        assert left == []


@pytest.mark.parametrize("text", in_context(), ids=range(len(AROUND)))
def test_what_stands_around_a_word_makes_it_a_secret(text: str) -> None:
    assert WORD not in clean(text)
    assert REDACTED in clean(text)


@pytest.mark.parametrize("text", in_context(), ids=range(len(AROUND)))
def test_what_stands_around_a_secret_in_a_longer_line_stays(text: str) -> None:
    cleaned = clean(f"begin {text}\nend")
    assert cleaned.startswith("begin ")
    assert cleaned.endswith("\nend") or "PRIVATE" in text
    assert WORD not in cleaned


@given(st.text(alphabet=st.sampled_from("pasword=:'\"\\ \n{}[],;&?@/-_.keytoknBEGIN1479")))
def test_cleaning_twice_changes_no_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@example(["curl -s -u ann:hunter22 https://shop", "curl -s -u ann:hunter22 https://shop"])
@given(st.lists(st.sampled_from([*in_context(), *TEXTS, *(make() for make in KEYS.values())])))
def test_cleaning_pieces_of_telemetry_twice_changes_no_more(pieces: list[str]) -> None:
    """Whole ones: what excuses a word, as in "cancellation token", may be a part of a secret if they run together."""
    text = ", ".join(pieces)
    assert clean(clean(text)) == clean(text)


#: Of keys over several lines, the first one alone tells.
_MANY_LINES = {"private key", "PuTTY private key"}


@given(st.lists(st.sampled_from([*in_context(), *TEXTS, *(make() for make in KEYS.values()), *"=:'\" \n&?@/-.,"])))
def test_a_text_holds_a_secret_where_one_of_its_lines_does(pieces: list[str]) -> None:
    """Lines are what is searched and remembered."""
    text = "".join(pieces)
    assert (clean(text) != text) == any(clean(line) != line for line in text.split("\n"))


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from(TEXTS)


@given(st.recursive(_PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)))
def test_a_value_of_any_shape_is_redacted_without_an_error(value: Any) -> None:
    batch = logs.batch([log("x")])
    batch.columns["body"], batch.columns["attributes"] = [value], [{"it": value, "password": value}]
    Redactor().redact(batch)


class Odd:
    """Refuses everything."""

    def __hash__(self) -> int:
        raise TypeError("no")

    def __str__(self) -> str:
        raise ValueError("no")

    def __eq__(self, other: object) -> bool:
        raise ValueError("no")

    __repr__ = __str__


def test_an_object_that_refuses_everything_is_redacted_by_its_name() -> None:
    batch = logs.batch([log("x")])
    batch.columns["attributes"] = [{"password": Odd(), "it": 1}]
    Redactor(callback=lambda match: None).redact(batch)
    assert batch.columns["attributes"] == [{"password": REDACTED, "it": 1}]


@pytest.mark.parametrize("form", [form for form in FORMATS if form.check is None], ids=lambda form: form.rule)
def test_a_format_does_not_tell_one_digit_from_another(form: Any) -> None:
    """Lines that differ in digits only are searched once."""
    digits = set(map(ord, "0123456789"))

    def parts(tree: Any) -> Any:
        for operation, argument in tree:
            yield operation, argument
            stack = [argument]
            while stack:
                each = stack.pop()
                if isinstance(each, parser.SubPattern):
                    yield from parts(each)
                elif isinstance(each, (tuple, list)):
                    stack.extend(each)

    for operation, argument in parts(parser.parse(form.source)):
        items = argument if operation is names.IN else [(operation, argument)]
        for kind, what in items:
            if kind in (names.LITERAL, names.NOT_LITERAL):
                assert what not in digits
            if kind is names.RANGE:
                assert len(digits & set(range(what[0], what[1] + 1))) in (0, 10)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.rule)
def test_a_mark_is_in_the_form_that_is_searched(form: Any) -> None:
    for mark in form.marks:
        assert not set(mark) & set("123456789")
        assert mark == mark.lower() or not form.folds


def test_each_rule_is_found_in_a_leak() -> None:
    texts = [*in_context(), *(make() for make in KEYS.values() for _ in range(20))]
    found = {form.rule for form in FORMATS if any(form.pattern.search(text) for text in texts)}
    assert {form.rule for form in FORMATS} - found <= UNPROVEN


#: Rules without a leak of their own above.
UNPROVEN: set[str] = set()


@pytest.mark.parametrize("digits", ["4" + "1" * 15, "5" * 12 + "4" * 4, "378282246310005", "6011" + "1" * 11 + "7"])
def test_a_card_with_another_last_digit_is_none(digits: str) -> None:
    assert is_card(digits)
    assert not is_card(digits[:-1] + str((int(digits[-1]) + 1) % 10))


def test_a_number_with_a_checksum_that_no_issuer_gives_is_no_card() -> None:
    assert has_checksum("1" * 15 + "7") != has_checksum("1" * 15 + "8")
    assert not any(is_card("1" * 15 + str(last)) for last in range(10))
