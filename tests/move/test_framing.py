"""Where a file's messages begin and end, whatever it is, and what is said of one that cannot be read."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import FormatError, StoreNotFound
from tidegate.move import framing
from tidegate.move.files import source
from tidegate.move.reading import Read, read
from tidegate.records import Log
from tidegate.store import codec

LOG = {
    "resourceLogs": [
        {"scopeLogs": [{"logRecords": [{"timeUnixNano": "1", "body": {"stringValue": "hello"}, "severityNumber": 9}]}]}
    ]
}
LINE = json.dumps(LOG).encode()
PRETTY = json.dumps(LOG, indent=2).encode()


def proto(name: str = "hello") -> bytes:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs

    record = LogRecord(time_unix_nano=1, body=AnyValue(string_value=name))
    message = LogsData(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])])
    data: bytes = message.SerializeToString()
    return data


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


Reading = Callable[..., list[Read]]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """``reading(content)``: what is read of a file with it."""

    def reading(content: bytes, **options: Any) -> list[Read]:
        path = tmp_path / "telemetry"
        path.write_bytes(content)
        with source(str(path)) as opened:
            return list(read(opened, **options))

    return reading


def bodies(found: list[Read]) -> list[Any]:
    return [log.body for each in found for _, records in each.records for log in records if isinstance(log, Log)]


@pytest.mark.parametrize(
    "content",
    [
        LINE + b"\n" + LINE,
        LINE + b"\n\n" + LINE + b"\n",
        PRETTY + b"\n" + PRETTY,
        PRETTY + b"\n" + LINE + b"\r\n",
        LINE + b"\r\n" + PRETTY + b"\n",
        b"\n " + LINE + b"\n" + LINE,
        framed(proto(), proto()),
        framed(codec.compress(proto()), codec.compress(LINE)),
        framed(LINE, proto()),
        framed(b"", proto(), proto()),
    ],
    ids=["lines", "gaps", "pretty", "pretty and line", "line and pretty", "blanks", "proto", "zstd", "both", "empty"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, codec.compress], ids=["plain", "gzip", "zstd"])
def test_messages_are_found(reading: Reading, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    assert bodies(reading(pack(content))) == ["hello", "hello"]


def test_several_compressed_parts_are_one_file(reading: Reading) -> None:
    assert len(bodies(reading(gzip.compress(LINE + b"\n") + gzip.compress(LINE)))) == 2
    assert len(bodies(reading(codec.compress(LINE + b"\n") + codec.compress(LINE)))) == 2


def test_an_empty_file_has_no_messages(reading: Reading) -> None:
    assert reading(b"") == []


def test_one_line_may_hold_all_signals(reading: Reading) -> None:
    both = {**LOG, "resourceSpans": [{"scopeSpans": [{"spans": [{"name": "work"}]}]}]}
    [found] = reading(json.dumps(both).encode())
    assert sorted((signal, len(records)) for signal, records in found.records) == [("logs", 1), ("spans", 1)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"resourceLogs": [', "line 2: it is '{\"resourceLogs\": ['…, which is no JSON object ("),
        (b"[]", "line 2: it is '[]'…, which is no JSON object"),
        (b"nonsense", "line 2: it is 'nonsense'…, which is no JSON object"),
        (b'{"a": 1, "b": 2}', "line 2: it has a, b; it must have resourceSpans, resourceLogs or resourceMetrics"),
        (b"{}", "line 2: it has nothing; it must have resourceSpans"),
        (b'{"resourceLogs": 5}', "line 2: resourceLogs is 5; it must be a list"),
        (b'{"name":"n","type":"tree","aggregation_temporality":""}', "line 2: type is 'tree'; it must be one of gauge"),
        (b'{"severity_number": 99}', "line 2: severity_number is 99; it must be one of 0, 1"),
        (b'{"resourceLogs":' + b"[" * 100_000, "line 2: it is "),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(reading: Reading, line: bytes, problem: str) -> None:
    found = reading(LINE + b"\n" + line + b"\n" + LINE + b"\n")
    assert [bool(each.problem) for each in found] == [False, True, False]
    assert problem in found[1].problem
    assert found[1].records == []


def test_a_bad_field_leaves_nothing_of_its_line(reading: Reading) -> None:
    good, bad = {"severityNumber": 9}, {"severityNumber": "loud"}
    line = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [good, bad]}]}]}).encode()
    [found] = reading(line)
    assert found.records == []
    assert "resourceLogs.scopeLogs.logRecords.severityNumber is 'loud'; it must be one of" in found.problem


def test_a_bad_message_between_others_is_passed_by(reading: Reading) -> None:
    found = reading(framed(proto(), b"\x0a\xff\xff", codec.compress(proto())[:-5], proto()))
    assert [bool(each.problem) for each in found] == [False, True, True, False]
    assert ", byte " in found[1].problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello there", "which is neither JSON nor a length; it must be lines of JSON"),
        (b"[1, 2]", "which is neither JSON nor a length"),
        (proto(), "which may be one protobuf message alone"),
        (b"SQLite format 3\0", "which is a file of a store; name its directory to `tidegate export --store`"),
        (b"\x5d\x2a\x4d\x18\x00\x00\x00\x00", "which is a file of a store"),
        (framed(proto())[:-1], "by its length it must have"),
        (framed(proto()) + b"\x00\x00", "byte 28: the length is 0000; it must be four bytes"),
        (framed(proto()) + b"\xff\xff\xff\xffxx", "the length is ffffffff; it must be"),
        (gzip.compress(LINE * 9)[:-12], "it is cut short or damaged"),
        (codec.compress(LINE * 9)[:-12], "it is cut short or damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(reading: Reading, content: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        reading(content)
    assert message in str(caught.value)
    assert "telemetry" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "form"),
    [(LINE, "ndjson"), (LINE, "otlp-proto"), (framed(proto()), "otlp-json"), (b'{"severity_number": 9}', "otlp-json")],
)
def test_another_format_than_was_asked_for_is_refused(reading: Reading, content: bytes, form: str) -> None:
    [found] = reading(content, form=form)
    assert f"by --format it must be {form}" in found.problem


def test_no_message_is_longer_than_the_bound(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_MESSAGE_BYTES", 200)
    long = LINE[:-1] + b" " * 300 + b"}"
    found = reading(LINE + b"\n" + long + b"\n" + LINE)
    assert [bool(each.problem) for each in found] == [False, True, False]
    assert "line 2: it is longer than 200 bytes" in found[1].problem


def test_no_object_of_several_lines_is_longer_than_the_bound(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_MESSAGE_BYTES", 200)
    found = reading(b"{\n" + b" \n" * 300 + b'"a": 1}\n' + LINE)
    assert found[0].problem.endswith("line 1: it is longer than 200 bytes, which none may be.")
    assert bodies(found) == ["hello"]


def test_an_object_of_many_lines_takes_little_more_than_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "telemetry"
    path.write_bytes(b"{\n" + b"a\n" * 600_000 + b"}\n")
    with source(str(path)) as opened:
        tracemalloc.start()
        try:
            assert [len(message.data) for message in framing.messages(opened)] == [path.stat().st_size]
            assert tracemalloc.get_traced_memory()[1] < 6 << 20
        finally:
            tracemalloc.stop()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreNotFound, match=r"there is no file 'nowhere\.jsonl'"), source("nowhere.jsonl"):
        pass
