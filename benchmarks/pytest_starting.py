"""What the pytest plugin adds to the start of pytest, where Tidegate is installed and where its fixture is used."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measure import table

#: One test that records nothing, and one that is asked what it records.
PLAIN = "def test(): pass\n"
USING = "def test(telemetry): assert telemetry.spans() == []\n"


def run(repeats: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        plain, using = Path(directory, "test_plain.py"), Path(directory, "test_using.py")
        plain.write_text(PLAIN)
        using.write_text(USING)
        cases: dict[str, Callable[[], float]] = {
            "without the plugin": partial(_once, plain, "-p", "no:tidegate"),
            "with the plugin": partial(_once, plain),
            "with the fixture": partial(_once, using),
        }
        found = dict.fromkeys(cases, float("inf"))
        for _ in range(3 * repeats):  # the best of many: what is added is less than what a busy machine adds
            for name, case in cases.items():
                found[name] = min(found[name], case())
    base = found["without the plugin"]
    aims = {"with the plugin": "≤ 1.02"}
    rows = [
        [name, f"{seconds * 1e3:.0f}", f"{seconds / base:.2f}", aims.get(name, "")] for name, seconds in found.items()
    ]
    return table("Start of pytest: one test, CPU, the best of many", ["", "ms", "ratio", "aim"], rows)


def _once(file: Path, *arguments: str) -> float:
    """CPU seconds of pytest, with no plugins but pytest's own and ours."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST", "PYTHON"))}
    ours = () if "no:tidegate" in arguments else ("-p", "tidegate.pytest_plugin")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, *ours, str(file)]
    with subprocess.Popen(
        command,
        env={**environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=file.parent,
        stdout=subprocess.DEVNULL,
    ) as process:
        _, process.returncode, usage = os.wait4(process.pid, 0)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
