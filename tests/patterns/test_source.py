"""What the source says about a logging call, with real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.patterns import Miner
from tidegate.patterns.source import MAX_FILE, MAX_LINES, template_at


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return tmp_path / "module.py"


@pytest.mark.parametrize(
    ("source", "text", "template"),
    [
        ('log.info(f"hello {name}!")', "hello bob!", "hello <*>!"),
        ('self.log.warning(f"{a}: {b!r:>10} of {c:,}")', "x: 'y' of 3", "<*>: <*> of <*>"),
        ('    log.error("no " + what + " here")', "no tea here", "no <*> here"),
        ('log.debug("%s of %d" % (a, b))', "x of 3", "<*> of <num>"),
        ('log.info("{} and {x:d} {{kept}}".format(1, x=2))', "1 and 2 {kept}", "<*> and <*> {kept}"),
        ('log.log(level, f"at {time}")', "at noon", "at <*>"),
        ('logger.exception(msg=f"lost {key}", exc_info=error)', "lost k", "lost <*>"),
        ('if bad: log.critical(f"bad {thing}")', "bad egg", "bad <*>"),
        ('else: log.info(f"good {thing}")', "good egg", "good <*>"),
        ('call(lambda: log.info(f"late {thing}")),', "late bird", "late <*>"),
        ('log.info(\n    f"one {a} "\n    f"two {b}",\n    extra={"c": (1, 2)},\n)', "one 1 two 2", "one <*> two <*>"),
        ("log.info(f\"a {g(')')} b\")", "a x b", "a <*> b"),
    ],
)
def test_a_call_gives_its_template(module: Path, source: str, text: str, template: str) -> None:
    module.write_text(f"# a program\n{source}\n")
    assert template_at(str(module), 2, text) == template


@pytest.mark.parametrize(
    "source",
    [
        "log.info(message)",
        'log.info(f"{one}")',
        'log.info("[hello] " + message)',
        'log.info(f"[{component}] {message}")',
        'log.info(f"[{component}:app] - {one}")',
        'log.info(f"hi {one}"); log.info(f"hello {two}")',
        'print(f"hello {name}")',
        'log.info(f"bye {name}")',
        "log.info()",
        "log.info(",
        "'''",
        "",
    ],
)
def test_what_is_no_single_call_with_a_text_of_its_own_that_fits_gives_nothing(module: Path, source: str) -> None:
    module.write_text(f"{source}\n")
    for text in ("hello bob", "[hello] bob", "[x:app] - bob"):
        assert template_at(str(module), 1, text) == ""


def test_a_file_that_is_not_there_gives_nothing(module: Path) -> None:
    assert template_at(str(module), 1, "hello") == ""


def test_nothing_but_python_files_is_read(tmp_path: Path) -> None:
    (tmp_path / "secrets.txt").write_text('log.info(f"hello {name}")\n')
    assert template_at(str(tmp_path / "secrets.txt"), 1, "hello bob") == ""


def test_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    assert template_at(str(tmp_path / "zero.py"), 1, "hello") == ""


def test_a_huge_file_is_not_read(module: Path) -> None:
    module.write_text('log.info(f"hello {name}")\n' + "#" * MAX_FILE)
    assert template_at(str(module), 1, "hello bob") == ""


def test_a_call_longer_than_what_is_looked_at_gives_nothing(module: Path) -> None:
    module.write_text("log.info(\n" + "\n" * MAX_LINES + 'f"hello {name}")\n')
    assert template_at(str(module), 1, "hello bob") == ""


def test_a_site_whose_texts_share_no_words_is_one_statement_if_its_source_says_so(module: Path) -> None:
    module.write_text('log.info(f"{name} started: {why}")\n')
    miner = Miner()
    names = ("the first of all services", "another quite different daemon", "x", "a b c d e f g h")
    found = {miner.match_record(f"{name} started: {name}", "", str(module), 1, "f").id for name in names}
    assert len(found) == 1
    assert [each.template for each in miner.patterns()] == ["<*> started: <*>"]


TEXTS = ("connected to the database", "cache warmed in 12 ms", "user 17 logged in", "worker died unexpectedly")


@pytest.mark.parametrize(
    ("source", "prefix"),
    [
        ("logger.info(message)", ""),
        ('logger.info("[app] " + message)', "[app] "),
        ('logger.info(f"[{component}] {message}")', "[cache] "),
    ],
)
def test_a_wrapper_is_still_mined(module: Path, source: str, prefix: str) -> None:
    module.write_text(f"{source}\n")
    miner = Miner()
    assert len({miner.match_record(prefix + text, "", str(module), 1, "say").id for text in TEXTS}) >= 3
