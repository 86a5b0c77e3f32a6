"""Filters of sealed blocks say no to much, and never to what is there."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event

from making import log, put, resource, span
from regrouping import regroup, sealed_rows
from tidegate.records import ORIGIN, Origin
from tidegate.store.conditions import as_text
from tidegate.store.query import Query
from tidegate.store.sealed import pairs, words
from tidegate.store.sealed.file import SealedFile
from tidegate.store.sinks import FileSink

pytestmark = pytest.mark.damaging  # its files are no store

TRICKY = [*"éÉİẞßKÅΣςﬁŉ\"\\/'\x00\x1b\x7f\x85\u2028\n\t😀🎉aAkKiIsS {}[]:,1e+-0xX", "null", "ss", "\\n", "$text"]
texts = st.lists(st.sampled_from(TRICKY) | st.characters(), min_size=1, max_size=8).map("".join)
odd_texts = st.one_of(texts, texts, texts.map(lambda text: text[:1] + "\ud800" + text[1:]))
numbers = st.integers() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.booleans() | st.none()
some_numbers = st.sampled_from([1, 1.0, True, 0, 0.0, -0.0, False, 1e16, 1e-7, 1e300, 1 << 64, math.nan, -math.inf])
values = st.recursive(
    odd_texts | numbers | some_numbers | st.binary(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(["a", "a=", "b?", "b*", "code.file.path", "service.name"]) | odd_texts
attributes = st.dictionaries(keys, values, max_size=3)
changes: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [str, str.upper, str.lower, str.casefold, str.swapcase]
)
several = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)

Sealed = Callable[..., SealedFile]


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Sealed]:
    """``sealed(records, **attributes of the resource)``: a sealed file of one block; closed at the end."""
    made: list[SealedFile] = []

    def seal(records: list[Any], /, **of: Any) -> SealedFile:
        directory = tmp_path / str(len(made))
        sink = FileSink(str(directory))
        put(sink, records, resource(**of))
        sink.close()
        made.append(regroup(directory, tmp_path / f"{len(made)}.sealed"))
        return made[-1]

    yield seal
    for file in made:
        file.close()


def located(made: Any, path: str, function: str) -> Any:
    setattr(made.log_record, ORIGIN, Origin("template", path, 7, function))
    return made


def leaves(value: Any) -> Iterator[str]:
    """Texts of which parts are looked for."""
    if isinstance(value, Mapping):
        yield from itertools.chain.from_iterable((key, *leaves(item)) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        yield from itertools.chain.from_iterable(map(leaves, value))
    else:
        yield as_text(value)


def check_text(file: SealedFile, signal: str, text: str) -> None:
    (rows,) = sealed_rows(file)
    query = Query.build(signal, text=text)
    if any(query.matches(rows.record(row)) for row in range(rows.count)):
        assert file.may_hold(1, query.text)


@several
@given(bodies=st.lists(st.tuples(values, attributes, texts), min_size=1, max_size=3), data=st.data())
def test_any_part_of_a_text_of_a_log_record_may_be_there(
    sealed: Sealed, bodies: list[tuple[Any, dict[str, Any], str]], data: st.DataObject
) -> None:
    made = [located(log(body, attributes=attrs, event_name=name), name, name[::-1]) for body, attrs, name in bodies]
    file = sealed(made)
    part = data.draw(st.sampled_from([*leaves([[body, attrs, name] for body, attrs, name in bodies]), "null"]))
    start = data.draw(st.integers(0, len(part)))
    change = data.draw(changes)
    check_text(file, "logs", change(part[start : data.draw(st.integers(start, len(part)))]))


@several
@given(name=odd_texts, attrs=attributes, inside=attributes, data=st.data())
def test_any_part_of_a_text_of_a_span_may_be_there(
    sealed: Sealed, name: str, attrs: dict[str, Any], inside: dict[str, Any], data: st.DataObject
) -> None:
    made = span(name, attributes=attrs, error=True)
    made._events = (Event(name[::-1], inside, 5),)
    part = data.draw(st.sampled_from([*leaves([name, name[::-1], attrs, inside]), "failed"]))
    start = data.draw(st.integers(0, len(part)))
    check_text(sealed([made, span("other")]), "spans", part[start : data.draw(st.integers(start, len(part)))])


@several
@given(
    many=st.lists(attributes, min_size=1, max_size=4), of=attributes.map(lambda of: {str(k): v for k, v in of.items()})
)
@example(many=[{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}], of={"b": True})
@example(many=[{"a": 0.0}, {"a": -0.0}, {"a": math.nan}, {"a": None}], of={})
def test_every_attribute_may_be_there(sealed: Sealed, many: list[dict[str, Any]], of: dict[str, Any]) -> None:
    file = sealed([log(attributes=each) for each in many], **{key: of[key] for key in of if key != "service"})
    (rows,) = sealed_rows(file)
    for record in [rows.record(row) for row in range(rows.count)]:
        for key, value in (*record.attributes.items(), *record.resource.attributes.items()):
            assert file.may_have(1, key, as_text(value))
            assert file.may_have(1, key, None)


@pytest.mark.parametrize(
    ("key", "value"), [("code.file.path", "/srv/shop.py"), ("code.line.number", "7"), ("code.function.name", "buy")]
)
def test_where_a_log_call_stands_may_be_there(sealed: Sealed, key: str, value: str) -> None:
    file = sealed([located(log(), "/srv/shop.py", "buy")])
    assert file.may_have(1, key, value)
    assert file.may_have(1, key, None)


@pytest.mark.parametrize("needle", ["refund", "order 7 refused", "straßen", "pfund"])
def test_a_text_of_which_a_word_is_nowhere_is_not_there(sealed: Sealed, needle: str) -> None:
    assert not sealed([log("order 7 was placed"), log("Straße")]).may_hold(1, needle.casefold())


@pytest.mark.parametrize("needle", ["", "12", "-", "ORDER 9", "aced", "7 was", "STRASSE", "was order"])
def test_a_text_of_whose_words_parts_are_there_may_be_there(sealed: Sealed, needle: str) -> None:
    assert sealed([log("order 7 was placed"), log("Straße")]).may_hold(1, needle.casefold())


@pytest.mark.parametrize(
    ("key", "value"), [("user", "bob"), ("user", "an"), ("users", None), ("amount", "7"), ("service.name", "pay")]
)
def test_an_attribute_that_no_record_has_is_not_there(sealed: Sealed, key: str, value: str | None) -> None:
    assert not sealed([log(attributes={"user": "ann", "amount": 7.5})]).may_have(1, key, value)


def test_a_key_with_too_many_values_may_have_any_and_the_others_may_not(sealed: Sealed) -> None:
    rest = {f"key{n}": f"v{n}" for n in range(10)}
    made = [log(attributes={**rest, **{f"id{n}": f"{number}.{n}" for n in range(6)}}) for number in range(2000)]
    file = sealed(made)
    assert file.may_have(1, "id0", "what nobody wrote")
    assert not file.may_have(1, "key3", "v4")
    assert not file.may_have(1, "id9", None)


def test_a_wrong_yes_of_the_pairs_is_rare() -> None:
    made = pairs.make({"shapes": [["id"]], "attributes.0.id": list(map(str, range(2000))), "resources": []}, 2000)
    assert made is not None
    assert sum(pairs.may_have(made, "id", f"other {number}") for number in range(2000)) < 2000 * 2 / pairs.ROOM


def test_pairs_of_many_values_take_about_a_byte_each() -> None:
    made = pairs.make({"shapes": [["id"]], "attributes.0.id": list(map(str, range(2000))), "resources": []}, 2000)
    assert made is not None
    assert len(made) < 2000 * 1.1


def test_a_block_with_too_many_words_may_hold_any() -> None:
    chance = random.Random(5)
    texts = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=40)) for _ in range(1000)]
    assert words.make([orjson.dumps({"body": texts})], 1000) is None


def test_folding_the_case_of_a_letter_never_makes_what_ends_a_word() -> None:
    for code in range(0x80, sys.maxunicode + 1):
        folded = chr(code).casefold()
        assert all(not each.isascii() or each.isalpha() for each in folded), hex(code)


@pytest.mark.parametrize("text", ["Inside", "behind"])
def test_what_looks_like_the_end_of_a_table_hides_no_text(sealed: Sealed, text: str) -> None:
    made = span("work")
    made._events = (Event("event", {"values": "Inside", "list": ["x"], "rows": ["behind"]}, 5),)
    file = sealed([made, span("other"), span("third")])
    assert file.may_hold(1, text.casefold())
