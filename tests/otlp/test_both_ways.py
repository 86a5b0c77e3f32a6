"""What is written as OTLP is read back as it was."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moving import ODD, RECORDS, shown
from tidegate import otlp
from tidegate.otlp import as_plain
from tidegate.records import Log, Resource, Scope
from tidegate.store import values

MANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

EVERY = pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])


def back(form: str, signal: str, records: list[Any]) -> list[Any]:
    message: Any = otlp.write(form, signal, records)
    return otlp.read(form, signal, orjson.loads(message) if form == "json" else message)


@EVERY
@pytest.mark.parametrize("form", ["json", "proto"])
@MANY
@given(data=st.data())
def test_every_field_of_a_record_survives(form: str, signal: str, data: st.DataObject) -> None:
    record = data.draw(RECORDS[signal])
    assert [shown(each) for each in back(form, signal, [record])] == [shown(record)]


@EVERY
@MANY
@given(data=st.data())
def test_a_line_of_a_record_holds_what_a_store_can(signal: str, data: st.DataObject) -> None:
    record = data.draw(ODD[signal])
    line = values.loads(values.dumps(record.to_dict()))
    assert as_plain.signal_of(line) == signal
    assert shown(as_plain.record(signal, line)) == shown(record)


@EVERY
@MANY
@given(data=st.data())
def test_what_otlp_cannot_carry_is_still_written_and_read(signal: str, data: st.DataObject) -> None:
    record = data.draw(ODD[signal])
    assert len(back("json", signal, [record])) == len(back("proto", signal, [record])) == 1


@EVERY
@pytest.mark.parametrize("form", ["json", "proto"])
@MANY
@given(data=st.data())
def test_records_of_several_resources_and_scopes_stay_apart(form: str, signal: str, data: st.DataObject) -> None:
    records = data.draw(st.lists(RECORDS[signal], max_size=5))
    assert sorted(map(shown, back(form, signal, records))) == sorted(map(shown, records))


def log(**fields: Any) -> Log:
    return Log(1, 2, Resource({}), Scope(), **fields)


@pytest.mark.parametrize("form", ["json", "proto"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 << 64, str(1 << 64)),
        (-(1 << 63) - 1, str(-(1 << 63) - 1)),
        ("a\ud800", "a\\ud800"),
        (1 << 5000, hex(1 << 5000)),
    ],
    ids=["large", "small", "surrogate", "huge"],
)
def test_what_otlp_cannot_carry_becomes_text(form: str, value: Any, text: str) -> None:
    [read] = back(form, "logs", [log(body=value, attributes={"deep": [{"er": value}]})])
    assert (read.body, read.attributes) == (text, {"deep": [{"er": text}]})


@pytest.mark.parametrize("form", ["json", "proto"])
def test_what_is_nested_too_deep_becomes_its_json(form: str) -> None:
    value: Any = "core"
    for _ in range(60):
        value = {"in": [value]}
    [read] = back(form, "logs", [log(body=value)])
    found, depth = read.body, 0
    while not isinstance(found, str):
        found, depth = found["in"] if isinstance(found, dict) else found[0], depth + 1
    assert depth == 24
    assert orjson.loads(found)


@pytest.mark.parametrize("form", ["json", "proto"])
def test_a_template_travels_as_an_attribute(form: str) -> None:
    message: Any = otlp.write(form, "logs", [log(template="order %d", attributes={"a": 1})])
    assert b"log.record.template" in message
    [read] = back(form, "logs", [log(template="order %d", attributes={"a": 1})])
    assert (read.template, read.attributes) == ("order %d", {"a": 1})


def test_equal_resources_of_several_objects_are_written_once() -> None:
    logs = [Log(1, 2, Resource({"service.name": "shop"}), Scope("a")) for _ in range(3)]
    (resource,) = orjson.loads(otlp.write("json", "logs", logs))["resourceLogs"]
    (scope,) = resource["scopeLogs"]
    assert len(scope["logRecords"]) == 3


def test_resources_with_values_of_other_types_are_not_equal() -> None:
    logs = [Log(1, 2, Resource({"a": value}), Scope()) for value in (1, True, 1.0)]
    assert len(orjson.loads(otlp.write("json", "logs", logs))["resourceLogs"]) == 3


def test_a_number_beyond_64_bits_of_a_point_becomes_a_double() -> None:
    line = {"name": "n", "type": "sum", "aggregation_temporality": "delta", "as_double": 1.0}
    made: Any = as_plain.record("metrics", line)
    made.value = {"as_int": 1 << 70}
    [point] = back("proto", "metrics", [made])
    assert point.value == {"as_double": float(1 << 70)}
