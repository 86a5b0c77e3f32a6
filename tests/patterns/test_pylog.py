"""PyLog: messages of real logging calls, with the truth."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from benchmarks import pylog
from benchmarks.pylog_scan import Call, Hole, Names, Package, scan

NAMES = Names(("Pool", "Worker"), ("close", "flush"), ("shop.orders",), (("ValueError", ("no ", Hole("x"), " left")),))


def call(*parts: str | Hole, style: str = "text", level: str = "INFO", line: int = 1, template: str = "") -> Call:
    return Call("shop", "shop.py", line, "run", level, "shop", parts, style, template)


def shop(*calls: Call) -> list[Package]:
    return [Package("shop", calls, NAMES)]


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What was found installed is forgotten before and after."""
    pylog.packages.cache_clear()
    yield
    pylog.packages.cache_clear()


def test_the_same_seed_gives_the_same_stream() -> None:
    asyncio = [scan("asyncio")]
    texts = [[message.text for message in pylog.stream(asyncio, seed, 500)] for seed in (1, 1, 2)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_a_message_is_what_the_standard_library_would_make_of_template_and_arguments() -> None:
    for message in pylog.stream([scan("asyncio")], 0, 2_000):
        args = (message.args,) if isinstance(message.args, dict) else message.args
        record = logging.LogRecord("x", logging.INFO, message.path, message.line, message.template, args, None)
        assert record.getMessage() == message.text


def test_the_truth_is_the_calls_own_template() -> None:
    messages = list(pylog.stream(shop(call("sent ", Hole("count", "%d"), " mails")), 0, 50))
    assert {message.truth for message in messages} == {"sent <*> mails"}
    assert len({message.text for message in messages}) > 1


def test_calls_with_the_same_template_are_one_truth() -> None:
    two = shop(call("done: ", Hole("name"), line=1), call("done: ", Hole("job.id"), line=2))
    assert len({message.truth for message in pylog.stream(two, 0, 50)}) == 1


def test_calls_of_which_the_text_tells_nothing_are_not_mined() -> None:
    some = shop(call(Hole("error"), style="variable"), call(Hole("a"), ": ", Hole("b"), line=2), call("up", line=3))
    assert {message.truth for message in pylog.stream(some, 0, 50)} == {"up"}


def test_a_few_calls_make_most_of_the_noise() -> None:
    many = shop(*(call(f"statement {line}", line=line) for line in range(200)))
    counts = Counter(message.truth for message in pylog.stream(many, 0, 10_000))
    assert sum(count for _, count in counts.most_common(20)) > 5_000
    assert len(counts) > 190


def test_levels_have_the_shares_that_are_wanted() -> None:
    two = shop(*(call(f"info {line}", line=line) for line in range(50)), call("bad", level="ERROR", line=99))
    messages = pylog.stream(two, 0, 20_000, shares={"INFO": 0.95, "ERROR": 0.05})
    assert 900 < sum(message.level == "ERROR" for message in messages) < 1_100


def test_whether_a_package_is_held_out_is_in_its_name() -> None:
    assert [
        name for name in ("asyncio", "django", "uvicorn", "pip", "urllib3", "gunicorn") if pylog.held_out(name)
    ] == [
        "pip",
        "urllib3",
        "gunicorn",
    ]


def test_packages_are_held_out_or_for_tuning(monkeypatch: pytest.MonkeyPatch, forgotten: None) -> None:
    found = [Package(f"package_{number}", (), NAMES) for number in range(40)]
    monkeypatch.setattr(pylog, "installed", lambda: found)
    held, tuned = pylog.side(held=True), pylog.side(held=False)
    assert sorted(held + tuned) == sorted(found)
    assert min(len(held), len(tuned)) > 10


def test_fewer_than_ten_packages_are_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, forgotten: None
) -> None:
    monkeypatch.setattr(pylog, "installed", lambda: [scan("asyncio")])
    with pytest.raises(SystemExit, match=r"at least 10 .* found 1 \(asyncio\).*pip install"):
        pylog.packages()


def test_a_record_with_arguments_is_told_apart_by_its_template_and_another_by_its_place() -> None:
    some = shop(
        call("a ", Hole("x", "%s"), style="percent", template="a %s"), call("b ", Hole("x"), style="text", line=7)
    )
    assert {pylog.statement(message) for message in pylog.stream(some, 0, 50)} == {"a %s", ("shop.py", 7)}
