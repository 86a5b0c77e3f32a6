"""Records that were refused for good, as people find them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import faulty_receiver as faults
from faulty_receiver import FaultyReceiver, faulty_receiver
from shipping import numbered, otlp
from tidegate.ship.refused import Refused
from tidegate.ship.sender import Sender


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "refused"


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


def lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_an_offending_record_is_set_aside_and_the_others_arrive(receiver: FaultyReceiver, directory: Path) -> None:
    receiver.behave(faults.refuse_marked(b"number 7"))
    sender = Sender(otlp(receiver.endpoint), refused=Refused(str(directory), "logs-otlp"))
    result = sender.send(numbered(10))
    sender.close()
    [line] = lines(directory / "logs-otlp.ndjson")
    assert (result.sent, line["record"]["body"], line["error"]) == (9, "number 7", "400 marked")


def test_a_line_says_when_and_where_from_and_by_which_words(directory: Path) -> None:
    Refused(str(directory), "logs-otlp").add(numbered(1), "400 no", now_ns=5)
    [line] = lines(directory / "logs-otlp.ndjson")
    assert line.pop("record")["body"] == "number 0"
    assert line == {"time_unix_nano": 5, "error": "400 no", "segment": "0123456789abcdef", "sequence": 0}


def test_records_that_cannot_be_read_are_said_to_be_so(directory: Path) -> None:
    there, [damaged] = otlp("http://localhost:1"), numbered(2)
    damaged.rows.columns["body"] = ["one too few"]  # type: ignore[index]
    sender = Sender(there, refused=Refused(str(directory), "logs-otlp"))
    result = sender.send([damaged])
    sender.close()
    told = lines(directory / "logs-otlp.ndjson")
    assert (result.done, sender.refused, [line["sequence"] for line in told]) == (True, {"encoding": 2}, [0, 1])
    assert all("FormatError" in line["unreadable"] for line in told)


def test_only_the_user_may_read_it(directory: Path) -> None:
    Refused(str(directory), "logs-otlp").add(numbered(1), "400 no")
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (directory, directory / "logs-otlp.ndjson")]
    assert modes == [0o700, 0o600]


def test_it_stays_within_its_bytes_and_keeps_the_newest(directory: Path) -> None:
    refused = Refused(str(directory), "logs-otlp", max_bytes=20_000)
    for number in range(100):
        refused.add(numbered(3), str(number))
    older, newer = sorted(directory.iterdir())
    kept = [int(line["error"]) for path in (older, newer) for line in lines(path)]
    assert 10_000 < older.stat().st_size + newer.stat().st_size <= 20_000
    assert kept == sorted(kept)
    assert kept[-1] == 99


def test_many_at_once_stay_within_its_bytes_too(directory: Path) -> None:
    Refused(str(directory), "logs-otlp", max_bytes=20_000).add(numbered(500), "400 no")
    assert sum(path.stat().st_size for path in directory.iterdir()) <= 20_000


def test_a_record_that_is_too_large_is_counted_as_lost(directory: Path) -> None:
    refused = Refused(str(directory), "logs-otlp", max_bytes=100)
    refused.add(numbered(2), "400 no")
    assert refused.lost == 2


def test_a_place_that_cannot_be_written_is_counted_as_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    refused = Refused(str(tmp_path / "file" / "refused"), "logs-otlp")
    refused.add(numbered(2), "400 no")
    assert refused.lost == 2


def test_a_full_disk_leaves_no_half_lines(small_disk: Path) -> None:
    refused = Refused(str(small_disk), "logs-otlp", max_bytes=64 << 20)
    for _ in range(40):
        refused.add(numbered(512), "400 no")
    assert len(lines(small_disk / "logs-otlp.ndjson")) + refused.lost == 40 * 512
    assert refused.lost > 0
