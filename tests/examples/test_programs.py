"""The examples that run to their end, as their docstrings say to start them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate import store
from tidegate.records import SEVERITIES

pytestmark = pytest.mark.servers

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def example(instrument: Run, root: Path, tmp_path: Path) -> Callable[[str], str]:
    """Runs an example under `opentelemetry-instrument` and returns what it printed, both streams."""

    def example(name: str) -> str:
        path = root / "examples" / name
        done = instrument(path, env={"SHOP_DATABASE": str(tmp_path / "shop.db")}, cwd=path.parent)
        return done.stdout + done.stderr

    return example


def test_the_script_prints_what_it_did(example: Callable[[str], str]) -> None:
    assert "2 of 3 carts were paid for" in example("plain_script.py")


def test_the_script_makes_one_trace_a_cart(example: Callable[[str], str], store_dir: Path) -> None:
    example("plain_script.py")
    with store.open(store_dir) as reader:
        roots = [span for span in reader.spans(name="settle cart") if not span.parent_span_id]
    assert sorted(span.attributes["shop.cart"] for span in roots) == ["ann", "bob", "cleo"]


def test_the_span_that_an_exception_left_keeps_it(example: Callable[[str], str], store_dir: Path) -> None:
    example("plain_script.py")
    with store.open(store_dir) as reader:
        (failed,) = reader.spans(name="check out", errors=True)
    assert failed.events[0].attributes["exception.message"] == "the card was reported stolen"


def test_the_script_has_its_log_lines_in_the_trace_of_their_cart(
    example: Callable[[str], str], store_dir: Path
) -> None:
    example("plain_script.py")
    with store.open(store_dir) as reader:
        (bob,) = reader.traces(where={"shop.cart": "bob"})
        whole = reader.trace(bob.trace_id)
    assert whole is not None
    assert [log.body for log in whole.logs] == [
        "2 x Tide table put into cart bob",
        "payment of 2580 cents for cart bob failed",
        "cart bob is kept for tomorrow",
    ]


@pytest.mark.parametrize("name", ["structlog_app.py", "loguru_app.py"])
class TestLoggingLibraries:
    def test_the_library_prints_as_ever(self, name: str, example: Callable[[str], str]) -> None:
        assert "count" in example(name)

    def test_every_event_is_recorded_once(self, name: str, example: Callable[[str], str], store_dir: Path) -> None:
        example(name)
        with store.open(store_dir) as reader:
            levels = [log.severity_number for log in reader.logs()]
        assert sorted(levels) == [SEVERITIES["INFO"], SEVERITIES["WARN"], SEVERITIES["ERROR"]]

    def test_events_carry_the_trace_around_them(
        self, name: str, example: Callable[[str], str], store_dir: Path
    ) -> None:
        example(name)
        with store.open(store_dir) as reader:
            (span,) = reader.spans(name="take stock")
            logs = list(reader.logs())
        assert {(log.trace_id, log.span_id) for log in logs} == {(span.trace_id, span.span_id)}

    def test_an_exception_is_kept_with_its_event(
        self, name: str, example: Callable[[str], str], store_dir: Path
    ) -> None:
        example(name)
        with store.open(store_dir) as reader:
            (error,) = reader.logs(level="error")
        assert error.attributes["exception.type"] == "ValueError"
        assert error.attributes["exception.message"] == "-1 cannot be left"

    def test_a_bound_value_is_an_attribute_to_search_by(
        self, name: str, example: Callable[[str], str], store_dir: Path
    ) -> None:
        example(name)
        with store.open(store_dir) as reader:
            assert len(list(reader.logs(level="info", where={"product": "tide table"}))) == 1


def test_one_call_records_spans_sql_and_logs_in_one_trace(
    run: Run, root: Path, tmp_path: Path, store_dir: Path
) -> None:
    run(
        ["python", root / "examples" / "one_call.py"],
        env={"SHOP_DATABASE": str(tmp_path / "shop.db")},
        cwd=root / "examples",
    )
    with store.open(store_dir) as reader:
        (bought,) = reader.traces(name="buy boots")
        trace = reader.trace(bought.trace_id)
    assert trace is not None
    assert trace.services == ["one-call"]
    assert {"buy boots", "select", "insert"} <= {span.name.lower() for span in trace.spans}
    assert [log.body for log in trace.logs] == ["1 x Sea boots put into cart dora", "order placed"]
