"""What ``text`` finds. Readers pass by blocks whose JSON lacks it; that must never hide a match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event

from making import log, put, span
from storing import Store
from tidegate.records import ORIGIN, Origin
from tidegate.store.query import Query

#: Letters that change their number or become ASCII when their case is folded, and what JSON escapes.
TRICKY = [*"éÉİẞßKÅΣςﬁŉ\"\\/'\x00\x1b\x7f\x85\u2028\n\t😀🎉aAkKiIsS {}[]:,1e+-", "null", "ss", "\\n", "\\u001b"]
letters = st.lists(st.sampled_from(TRICKY) | st.characters(), min_size=1, max_size=8)
texts = letters.map("".join)
#: The half of a pair that UTF-8 has no bytes for, here and there.
odd_texts = st.one_of(texts, texts, texts.map(lambda text: text[:1] + "\ud800" + text[1:]))
numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.sampled_from([1e16, 1e-7, 1e300, -0.0])
bodies = st.recursive(
    odd_texts | numbers | st.binary(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
attributes = st.dictionaries(texts.filter(bool), odd_texts | numbers | st.lists(texts, max_size=3), max_size=3)


def shown(value: Any) -> Iterator[str]:
    """Every text in a value, as a naive reader would list them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from shown(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from shown(item)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, (bool, int)) and abs(value) < 1 << 63:
        yield orjson.dumps(value).decode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    records=st.lists(st.tuples(bodies, attributes), min_size=1, max_size=3),
    change=st.sampled_from([str, str.upper, str.lower, str.casefold, str.swapcase]),
    data=st.data(),
)
def test_any_part_of_any_text_of_a_record_finds_it_in_any_case(
    new_store: Callable[[], Store], records: list[tuple[Any, dict[str, Any]]], change: Any, data: st.DataObject
) -> None:
    store = new_store()
    for number, (body, values) in enumerate(records):
        put(store.writer(), [log(body, number, attributes=values)])
    known = [
        (number, part) for number, record in enumerate(records) for part in shown([record[0], *record[1].values()])
    ]
    if not known:
        return
    number, part = data.draw(st.sampled_from(known))
    start = data.draw(st.integers(0, len(part) - 1))
    text = part[start : data.draw(st.integers(start + 1, len(part)))]
    if change(text).casefold() != text.casefold():
        return  # there are letters whose upper case is that of another letter
    with store.reader() as reader:
        found = [record.time_unix_nano for record in reader.logs(text=change(text))]
        everything = [record.time_unix_nano for record in reader.logs()]
    assert everything[len(records) - 1 - number] in found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(body=bodies, values=attributes, text=odd_texts | numbers.map(str))
def test_looking_into_the_block_first_changes_no_answer(
    new_store: Callable[[], Store], body: Any, values: dict[str, Any], text: str
) -> None:
    store = new_store()
    put(store.writer(), [log(body, attributes=values)])
    with store.reader() as reader:
        by_record = [record for record in reader.logs() if Query.build("logs", text=text).matches(record)]
        # a second reader has not opened the block yet
        with store.reader() as fresh:
            assert len(list(fresh.logs(text=text))) == len(by_record)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδοσ"),
        ("Æther", "æTHER"),
        ("300 K", "300 k"),  # the sign of the kelvin
        ("İstanbul", "i̇stanbul"),
        ('say "hi"', 'SAY "HI"'),
        (r"C:\temp", r"c:\TEMP"),
        ("a/b", "A/B"),
        ("line\nbreak", "LINE\nBREAK"),
        ("\x1b[31m", "\x1b[31M"),
        ("DEL\x7f", "del\x7f"),
        ("😀", "😀"),
        ("half a pair \ud83d", "PAIR"),
        ("half a pair \ud83d", "\ud83d"),
    ],
)
def test_text_is_found_in_any_case_and_script(store: Store, text: str, wanted: str) -> None:
    put(store.writer(), [log(f"before {text} after"), log("nothing")])
    with store.reader() as reader:
        assert [record.body for record in reader.logs(text=wanted)] == [f"before {text} after"]


@pytest.mark.parametrize("text", ["shop/orders.py", "4711", "place_order"])
def test_a_call_site_is_found(store: Store, text: str) -> None:
    record = log("ordered")
    setattr(record.log_record, ORIGIN, Origin("order %s", "/app/shop/orders.py", 4711, "place_order"))
    put(store.writer(), [record])
    with store.reader() as reader:
        assert [found.body for found in reader.logs(text=text)] == ["ordered"]


@pytest.mark.parametrize("text", ["order %s", "none", "null", "code.file.path", "made"])
def test_a_template_and_names_of_attributes_are_not_text_of_a_record(store: Store, text: str) -> None:
    record = log(None, attributes={"user": "ann"})
    setattr(record.log_record, ORIGIN, Origin("order %s", "orders.py", 1, "place"))
    put(store.writer(), [record])
    with store.reader() as reader:
        assert list(reader.logs(text=text)) == []


@pytest.mark.parametrize("text", ["deep", "KEY", "7.5", "true"])
def test_text_is_found_in_a_body_of_any_shape(store: Store, text: str) -> None:
    put(store.writer(), [log({"key": ["deep", 7.5, True]})])
    with store.reader() as reader:
        assert len(list(reader.logs(text=text))) == 1


@pytest.mark.parametrize("text", ["checkout", "failed", "attribute's", "event's name", "in the event"])
def test_text_of_a_span_is_its_name_status_attributes_and_events(store: Store, text: str) -> None:
    made = span("Checkout", error=True, attributes={"a": "attribute's"})
    made._events = (Event("event's name", {"b": "in the event"}, 5),)
    put(store.writer(), [made, span("other")])
    with store.reader() as reader:
        assert [found.name for found in reader.spans(text=text)] == ["Checkout"]
