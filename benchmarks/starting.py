"""What Tidegate adds to the start, the end and the memory of a program under ``opentelemetry-instrument``.

The baseline is an installation of the same packages without Tidegate, whose SDK is configured by
the SDK's own configurator, with every exporter off: the least that loads the SDK at all.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from benchmarks.measure import table

#: One span; then when the program's own work was done, and how much memory it has.
PROGRAM = """
import time
from opentelemetry import trace
with trace.get_tracer("script").start_as_current_span("work"):
    pass
memory = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(memory, time.time())
"""

INSTRUMENT = """\
from opentelemetry.instrumentation.auto_instrumentation import run
run()
"""

BASELINE = {
    "opentelemetry_distro": "baseline = opentelemetry.instrumentation.distro:DefaultDistro",
    "opentelemetry_configurator": "baseline = opentelemetry.sdk._configuration:_OTelSDKConfigurator",
}

OFF = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}


def run(repeats: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        plain, ours = Path(directory, "plain"), Path(directory, "tidegate")
        _environment(plain, _requirements("tidegate") - {"tidegate"}, BASELINE)
        _environment(ours, _requirements("tidegate"), {})
        cases = {
            "exporters none": (plain, OFF),
            "Tidegate": (ours, {"OTEL_PYTHON_TIDEGATE_STORE": f"{directory}/store"}),
        }
        times: dict[str, list[tuple[float, ...]]] = {name: [] for name in cases}
        for _ in range(2 * repeats + 1):
            for name, (environment, variables) in cases.items():
                times[name].append(_once(environment, variables))
        if not any(Path(directory, "store").glob("*.*")):
            raise RuntimeError("nothing was recorded, so nothing was measured")
    medians = {
        name: [statistics.median(column) for column in zip(*rows[1:], strict=True)] for name, rows in times.items()
    }
    base, ours_ = medians.values()
    aims = ("≤ 60 ms", "≤ 60 ms", "< 300 ms", "≤ 5 MB")
    names = (
        "from the command to the end of the program, ms",
        "the same in CPU, ms",
        "end of the program to end of the process, ms",
        "memory, MB",
    )
    rows = [
        [name, f"{a:.1f}", f"{b:.1f}", f"{b - a:+.1f}", aim]
        for name, a, b, aim in zip(names, base, ours_, aims, strict=True)
    ]
    return table("A script with one span", ["", "SDK, exporters none", "Tidegate", "added", "aim"], rows)


def _once(environment: Path, variables: dict[str, str]) -> tuple[float, float, float, float]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    environ |= {"PATH": f"{environment}/bin:{os.environ['PATH']}", **variables}
    begin = time.time()
    with subprocess.Popen(
        [f"{environment}/bin/opentelemetry-instrument", f"{environment}/bin/python", "-c", PROGRAM],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        _, status, usage = os.wait4(process.pid, 0)
        end = time.time()
        process.returncode = status
        output, errors = process.stdout.read().split(), process.stderr.read()
    if status or errors:
        raise RuntimeError(errors.decode())
    memory, done = float(output[0]), float(output[1])
    cpu = usage.ru_utime + usage.ru_stime
    return (done - begin) * 1e3, cpu * 1e3, (end - done) * 1e3, memory / 1024


def _environment(path: Path, packages: set[str], entry_points: dict[str, str]) -> None:
    """A virtual environment with these distributions of this one, linked file by file, and further entry points."""
    venv.create(path, symlinks=True)
    site = next(path.glob("lib/python*/site-packages"))
    for package in packages:
        for file in importlib.metadata.files(package) or ():
            _link(Path(str(file.locate())), site / file)
    if "tidegate" in packages:
        _link(Path(__file__).parents[1] / "src" / "tidegate", site / "tidegate")
    information = site / "baseline-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: baseline\nVersion: 1\n")
    text = "\n".join(f"[{group}]\n{line}\n" for group, line in entry_points.items())
    (information / "entry_points.txt").write_text(text)
    script = path / "bin" / "opentelemetry-instrument"
    script.write_text(f"#!{path}/bin/python\n{INSTRUMENT}")
    script.chmod(0o755)


def _link(source: Path, target: Path) -> None:
    if ".." in target.parts or target.exists() or not source.exists() or source.suffix == ".pth":
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)


def _requirements(name: str) -> set[str]:
    """A distribution and all that it needs, without extras."""
    found: set[str] = set()
    pending = [name]
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name in found:
            continue
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system or Python
        found.add(name)
        pending += [re.split(r"[^\w.-]", need)[0] for need in needed if "extra ==" not in need]
    return found


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
