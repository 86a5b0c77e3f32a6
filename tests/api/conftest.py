"""What these tests see of what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from signalling import Signals
from tidegate.api.calls import complaints
from tidegate.testing import Telemetry, capture


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Whatever is recorded in this test."""
    with capture() as telemetry:
        yield telemetry


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """``said()``: what our logger has said in this test, as if nothing had been said before."""
    complaints.forget()
    yield lambda: [record.getMessage() for record in caplog.records if record.name == "tidegate"]
    complaints.forget()


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signals]:
    """Providers of the SDK alone, in which nothing of ours has a part."""
    complaints.forget()
    yield Signals(monkeypatch)
    complaints.forget()
