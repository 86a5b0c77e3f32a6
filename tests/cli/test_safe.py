"""Nothing that comes from data does anything to a terminal but show itself."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.text import Text

from cli.samples import log, span, trace
from tidegate.cli import lines, tables, tree
from tidegate.cli.ndjson import dumps
from tidegate.cli.output import Terminal
from tidegate.safe import hide_password, safe, safe_lines

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ATTACKS = [
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x1b\\",
    "\x9b31m",
    "a\rb",
    "\b\b\b",
    "\x7f",
    "\u202eevil",
    "\ud800",
    "[bold red]x[/bold red]",
    "[/]",
    ":smile:",
]
#: Any text, with what is dangerous more frequent than chance would have it.
texts = st.lists(st.one_of(st.text(st.characters()), st.sampled_from([*ATTACKS, *BIDI, "\n", "\t"]))).map("".join)


def harmless(text: str) -> bool:
    return not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI for char in text)


@given(texts)
def test_safe_text_has_nothing_harmful(text: str) -> None:
    assert harmless(safe(text))


@given(texts)
def test_every_safe_line_has_nothing_harmful(text: str) -> None:
    assert all(map(harmless, safe_lines(text)))


@given(texts)
def test_safe_text_stays_as_it_is(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@pytest.mark.parametrize("text", ["order 42", "Ünïcödé", "日本語", "می‌خواهم", "👨‍👩‍👧 ok", "a\\nb", "[x]", "٠١٢"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert safe(text) == text


def test_what_is_harmful_is_shown_as_its_escape() -> None:
    assert safe("a\x1b[0m\n\u202e\U000e0041\ud800") == "a\\x1b[0m\\n\\u202e\\U000e0041\\ud800"


def test_an_empty_text_is_one_empty_line() -> None:
    assert safe_lines("") == [""]


def test_lines_are_kept_apart_and_tabs_become_blanks() -> None:
    assert safe_lines("a\r\n\tb\n") == ["a", "    b"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts)
def test_a_screen_shows_data_without_harm(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]], text: str
) -> None:
    one = span(text, id="a" * 16, status_code="ERROR", status_message=text, attributes={text: text}, end=1)
    record = log(text, severity=0, severity_text=text, attributes={text: text, "exception.stacktrace": text})
    screen = terminal(60)
    shown = [
        *printed(screen, tables.spans, [one]),
        *printed(screen, tables.traces, [trace(one)]),
        *printed(screen, tree.show, trace(one, logs=(record,)), attributes=True),
        *printed(screen, lines.show, record),
    ]
    assert all(harmless(Text.from_ansi(line).plain) and harmless(line.replace("\x1b", "")) for line in shown)
    assert all(part in ("", "0m", "1m", "2m", "1;2m") for line in shown for part in _after_escapes(line))


def _after_escapes(line: str) -> list[str]:
    """What follows each escape character, up to the end of the sequence."""
    return [part.removeprefix("[").partition("m")[0] + "m" for part in line.split("\x1b")[1:]]


def test_markup_in_data_is_shown_as_it_is_written(
    terminal: Callable[..., Terminal], printed: Callable[..., list[str]]
) -> None:
    (line,) = printed(terminal(200), lines.show, log("[bold]x[/bold] [/] :smile:"))
    assert "[bold]x[/bold] [/] :smile:" in line


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts, st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(texts, json_values, max_size=4))
def test_json_lines_can_be_parsed_and_have_nothing_harmful(record: dict[str, object]) -> None:
    line = dumps(record)
    assert line.endswith(b"\n")
    assert harmless(line[:-1].decode())
    json.loads(line)


@given(st.text())
def test_json_means_what_was_recorded(text: str) -> None:
    assert json.loads(dumps({text: [text]})) == {text: [text]}


def test_a_password_in_a_url_is_hidden() -> None:
    assert hide_password("https://me:secret@host:4318/v1") == "https://***@host:4318/v1"


def test_a_url_without_a_password_is_left_alone() -> None:
    assert hide_password("http://host/a@b") == "http://host/a@b"
