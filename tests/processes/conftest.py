"""What tests of real processes share: what was recorded, and what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otlp_receiver import OtlpReceiver, otlp_receiver
from recorded import Recorded, read


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """Without instrumentations, which take a program of the standard library more time to load than all the rest."""
    return {**environ, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


@pytest.fixture
def recorded(store_dir: Path) -> Callable[[], Recorded]:
    """``recorded()``: everything in the test's store by now."""
    return lambda: read(store_dir)


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver of OTLP that listens."""
    with otlp_receiver() as receiver:
        yield receiver


@pytest.fixture
def sent(instrument: Callable[..., Any], receiver: OtlpReceiver) -> Callable[..., OtlpReceiver]:
    """``sent(source, **environ)``: run a program with an endpoint, and see what has arrived when it has ended."""

    def sent(source: str, **environ: str) -> OtlpReceiver:
        instrument(source, env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **environ})
        return receiver

    return sent
