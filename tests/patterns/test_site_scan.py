"""The logging calls that PyLog finds in installed packages."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from benchmarks.pylog_scan import Call, Hole, Package, scan

Scanned = Callable[..., Package]
_numbers = count()


@pytest.fixture
def scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scanned:
    """Installs a package of one module and looks at it."""
    monkeypatch.syspath_prepend(tmp_path)

    def look(source: str, file: str = "__init__.py") -> Package:
        name = f"scanned_{next(_numbers)}"
        place = tmp_path / name / file
        place.parent.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        place.write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        return scan(name)

    return look


def only(package: Package) -> Call:
    (call,) = package.calls
    return call


def test_a_template_with_arguments_is_known_with_what_fills_it(scanned: Scanned) -> None:
    call = only(scanned('logger.info("sent %d of %s", count, self.total)'))
    assert (call.style, call.template) == ("percent", "sent %d of %s")
    assert call.parts == ("sent ", Hole("count", "%d"), " of ", Hole("self.total", "%s"))


def test_named_fields_of_a_template_are_filled_from_the_dictionary(scanned: Scanned) -> None:
    call = only(scanned('logger.info("%(name)s done", {"name": task.name})'))
    assert (call.fields, call.parts) == (["name"], (Hole("task.name", "%s"), " done"))


def test_two_percent_signs_are_one_in_the_message(scanned: Scanned) -> None:
    assert only(scanned('log.info("%d%% done", share)')).truth == "<*>% done"


def test_a_call_with_too_many_arguments_is_no_template(scanned: Scanned) -> None:
    assert scanned('log.info("done %s", one, two)').calls == ()


@pytest.mark.parametrize(
    "message",
    [
        'f"got {size} bytes"',
        '"got {} bytes".format(size)',
        '"got {size} bytes".format(size=size)',
        '"got {0} bytes".format(size)',
        '"got %s bytes" % size',
        '"got " + str(size) + " bytes"',
        '_("got %s bytes") % size',
    ],
)
def test_a_message_made_before_the_call_has_the_same_truth_however_it_is_made(scanned: Scanned, message: str) -> None:
    call = only(scanned(f"log.warning({message})"))
    assert (call.style, call.truth) == ("text", "got <*> bytes")


def test_what_is_filled_into_an_f_string_later_is_a_hole_too(scanned: Scanned) -> None:
    call = only(scanned('log.error(f"calling {name} failed (%s)", error)'))
    assert (call.style, call.truth) == ("text", "calling <*> failed (<*>)")


def test_a_message_behind_a_name_is_what_was_assigned_once(scanned: Scanned) -> None:
    package = scanned(
        """
        GREETING = "hello"
        def one():
            text = "started in %s"
            log.info(text, mode)
            log.info(GREETING)
        """
    )
    assert [call.truth for call in package.calls] == ["started in <*>", "hello"]


def test_a_message_that_is_assigned_twice_is_a_variable(scanned: Scanned) -> None:
    package = scanned('text = "one"\ntext = "two"\nlog.info(text)')
    assert only(package).style == "variable"


def test_alternatives_of_a_hole_are_known(scanned: Scanned) -> None:
    (_, hole) = only(scanned("log.info(f\"cache {'hit' if found else 'miss'}\")")).parts
    assert isinstance(hole, Hole)
    assert hole.choices == ("hit", "miss")


def test_a_format_and_a_conversion_stay_with_the_hole(scanned: Scanned) -> None:
    call = only(scanned('log.info(f"{name!r} took {seconds:.2f}")'))
    assert call.parts == (Hole("name", "", "r"), " took ", Hole("seconds", ".2f"))


def test_fields_by_keyword_fill_a_format(scanned: Scanned) -> None:
    assert only(scanned('self._log.info("got {thing}", thing=thing, exc_info=True)')).truth == "got <*>"


@pytest.mark.parametrize(
    ("call", "level"),
    [
        ("logger.exception('x')", "ERROR"),
        ("logging.warn('x')", "WARNING"),
        ("self.log.critical('x')", "CRITICAL"),
        ("LOG.log(logging.DEBUG, 'x')", "DEBUG"),
        ("LOG.log(level, 'x')", "INFO"),
        ("self._log(ERROR, 'x')", "ERROR"),
        ("logging.getLogger(__name__).debug('x')", "DEBUG"),
        ("app.logger.info('x')", "INFO"),
        ("_logger.fatal('x')", "CRITICAL"),
    ],
)
def test_a_call_is_known_by_its_receiver_and_has_its_level(scanned: Scanned, call: str, level: str) -> None:
    assert only(scanned(call)).level == level


@pytest.mark.parametrize("call", ["catalog.info('x')", "dialog.error('x')", "print.info('x')", "log.handlers('x')"])
def test_what_only_looks_like_one_is_none(scanned: Scanned, call: str) -> None:
    assert scanned(f"{call}\nlog.info('real')").calls[0].truth == "real"


def test_a_call_has_its_place(scanned: Scanned) -> None:
    call = only(scanned("def close():\n    log.info('closed')\n", file="pool.py"))
    assert (call.line, call.function, Path(call.path).name) == (2, "close", "pool.py")
    assert call.logger == f"{call.package}.pool"


def test_tests_and_vendored_copies_are_left_out(scanned: Scanned) -> None:
    assert scanned("log.info('x')", file="_vendor/copy.py").calls == ()


def test_a_file_that_is_no_python_is_left_out(scanned: Scanned) -> None:
    assert scanned("log.info('x'", file="broken.py").calls == ()


def test_a_package_that_is_not_installed_has_no_calls() -> None:
    assert scan("surely_not_installed_anywhere").calls == ()


def test_names_and_raised_texts_of_a_package_are_material_for_values(scanned: Scanned) -> None:
    names = scanned(
        """
        class Pool:
            def close(self):
                log.info("x")
                raise ValueError(f"no {thing} left")
        """
    ).names
    assert (names.classes, names.functions) == (("Pool",), ("close",))
    assert names.errors == (("ValueError", ("no ", Hole("thing"), " left")),)
