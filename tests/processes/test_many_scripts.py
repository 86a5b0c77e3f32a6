"""Hundreds of short programs: each is recorded, and reading stays quick."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recorded import read
from tidegate import store

pytestmark = pytest.mark.servers

SCRIPTS = 200


@pytest.fixture
def after_many(environ: Mapping[str, str], program: Callable[..., Path], store_dir: Path) -> Path:
    # no instrumentations and no resource detectors: what is tested is what each leaves in the store
    path = program("""
        import sys
        import tidegate
        tidegate.configure_observability(instrument=False, service_name="script")
        from opentelemetry import trace
        trace.get_tracer("test").start_span(sys.argv[1]).end()
    """)

    def script(number: int) -> int:
        command = [sys.executable, str(path), str(number)]
        return subprocess.run(command, env=dict(environ), check=False, timeout=60).returncode

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(script, range(SCRIPTS))) == {0}
    return store_dir


def test_two_hundred_short_scripts_are_all_recorded_and_few_files_are_left_to_read(
    after_many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = read(after_many)
    assert seen.names == Counter(str(number) for number in range(SCRIPTS))
    assert seen.processes == SCRIPTS
    assert seen.damaged == 0
    assert len(os.listdir(after_many)) < 50
    opened = _count_opens(monkeypatch)
    with store.open(after_many) as reader:
        assert len(list(reader.spans(limit=20))) == 20
    assert len(opened) < 80


def _count_opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    import builtins

    opened: list[str] = []
    real = builtins.open

    def counting(file: object, *args: object, **kwargs: object) -> object:
        opened.append(str(file))
        return real(file, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", counting)
    return opened
