"""A store that cannot be used, or goes away: one clear warning, and an application that works."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorded import Recorded, read

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
See = Callable[[], Recorded]
Wait = Callable[..., None]

WORK = """\
import logging, os, sys, time
import tidegate
from opentelemetry import trace
def work(name, padding=""):
    with trace.get_tracer("test").start_as_current_span(name, attributes={"padding": padding}):
        pass
"""


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``mounted(*options)``: a mount point of its own, made as root in CI and unmounted afterwards."""
    points: list[Path] = []

    def mounted(*options: str) -> Path:
        point = tmp_path / "mounted"
        point.mkdir()
        subprocess.run(["mount", *options, str(point)], check=True, timeout=10)
        points.append(point)
        return point

    yield mounted
    for point in points:
        subprocess.run(["umount", "--lazy", str(point)], check=True, timeout=10)


@pytest.fixture(params=["a file", "proc", "read-only"])
def unusable(request: pytest.FixtureRequest, tmp_path: Path, mounted: Callable[..., Path]) -> Path:
    """A path at which no store can be."""
    if request.param == "a file":
        (tmp_path / "a file").touch()
        return tmp_path / "a file"
    if request.param == "proc":
        return Path("/proc/tidegate")
    return mounted("-t", "tmpfs", "-o", "ro", "tmpfs") / "store"


def test_a_store_that_cannot_be_written_is_one_warning_and_the_application_works(
    instrument: Run, unusable: Path
) -> None:
    done = instrument(
        WORK + "for number in range(3): work('work'); time.sleep(0.6)\nprint('done')",
        env={"OTEL_PYTHON_TIDEGATE_STORE": str(unusable)},
    )
    assert done.stdout == "done\n"
    [warning] = done.stderr.splitlines()
    assert str(unusable) in warning
    assert "in memory instead" in warning


def test_what_a_store_could_not_take_is_read_from_memory_in_the_same_process(instrument: Run) -> None:
    done = instrument(
        WORK + "work('kept'); tidegate.configure_observability().flush()\n"
        "with tidegate.store.open('memory:') as reader: print([span.name for span in reader.spans()])",
        env={"OTEL_PYTHON_TIDEGATE_STORE": "/proc/tidegate"},
    )
    assert done.stdout == "['kept']\n"


def test_memory_is_read_in_the_same_process_and_leaves_no_file(instrument: Run, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.name != "program.py"}
    done = instrument(
        WORK + "work('kept'); logging.getLogger('app').error('logged'); tidegate.configure_observability().flush()\n"
        "with tidegate.store.open('memory:') as reader:\n"
        "    print([span.name for span in reader.spans()], [log.body for log in reader.logs()])",
        env={"OTEL_PYTHON_TIDEGATE_STORE": "memory:"},
    )
    assert done.stdout == "['kept'] ['logged']\n"
    assert {path for path in tmp_path.rglob("*") if path.name != "program.py"} == before


def test_off_records_nothing_and_creates_nothing(instrument: Run, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.name != "program.py"}
    done = instrument(
        WORK + "work('gone'); handle = tidegate.configure_observability(); print(handle.store, handle.flush())",
        env={"OTEL_PYTHON_TIDEGATE_STORE": "off"},
    )
    assert done.stdout == "off True\n"
    assert done.stderr == ""
    assert {path for path in tmp_path.rglob("*") if path.name != "program.py"} == before


def test_a_store_that_is_deleted_under_a_running_process_is_made_anew(
    start: Start, program: Callable[..., Path], tmp_path: Path, store_dir: Path, wait_for: Wait
) -> None:
    path = program(
        WORK + "work('before')\n"
        "while not os.path.exists('deleted'): time.sleep(0.02)\n"
        "work('after')\n"
        "while not os.path.exists('end'): time.sleep(0.02)\n"
        "work('at the end')"
    )
    process = start(["opentelemetry-instrument", "python", path])
    wait_for(lambda: read(store_dir).names == {"before": 1})
    shutil.rmtree(store_dir)
    (tmp_path / "deleted").touch()
    wait_for(lambda: read(store_dir).names == {"after": 1})
    (tmp_path / "end").touch()
    assert process.wait(20) == 0
    assert read(store_dir).names == {"after": 1, "at the end": 1}
    assert (tmp_path / "output-0.txt").read_text() == ""


def test_on_a_full_disk_the_application_goes_on_drops_are_counted_and_what_is_there_is_whole(
    instrument: Run, mounted: Callable[..., Path]
) -> None:
    store = mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs") / "store"
    done = instrument(
        WORK + "handle = tidegate.configure_observability()\n"
        "for number in range(60): work(str(number), os.urandom(8192).hex()); handle.flush()\n"
        "print(handle.dropped)",
        env={"OTEL_PYTHON_TIDEGATE_STORE": str(store)},
    )
    seen = read(store)
    dropped = eval(done.stdout)
    assert dropped.keys() == {"disk"}
    assert len(seen.spans) > 5
    assert {span.name for span in seen.spans} >= {str(number) for number in range(5)}
    assert len(seen.spans) + dropped["disk"] >= 60
    assert seen.damaged == 0
    [warning] = done.stderr.splitlines()
    assert "No space left on device" in warning


def test_recording_goes_on_when_a_full_disk_has_room_again(
    start: Start, program: Callable[..., Path], mounted: Callable[..., Path], tmp_path: Path, wait_for: Wait
) -> None:
    disk = mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs")
    path = program(
        WORK + "handle = tidegate.configure_observability()\n"
        "work('before'); handle.flush()\n"
        "open('committed', 'w').close()\n"
        "while not os.path.exists('full'): time.sleep(0.02)\n"
        "work('lost', os.urandom(8192).hex()); handle.flush()\n"
        "assert handle.dropped == {'disk': 1}, handle.dropped\n"
        "open('dropped', 'w').close()\n"
        "while not os.path.exists('room'): time.sleep(0.02)\n"
        "work('after')"
    )
    process = start(
        ["opentelemetry-instrument", "python", path], env={"OTEL_PYTHON_TIDEGATE_STORE": str(disk / "store")}
    )
    wait_for((tmp_path / "committed").exists)
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass
    (tmp_path / "full").touch()
    wait_for(lambda: (tmp_path / "dropped").exists() or process.poll() is not None)
    (disk / "ballast").unlink()
    (tmp_path / "room").touch()
    assert process.wait(20) == 0, (tmp_path / "output-0.txt").read_text()
    assert read(disk / "store").names == {"before": 1, "after": 1}


def test_the_store_and_its_files_are_private_to_the_user(instrument: Run, store_dir: Path) -> None:
    instrument(WORK + "os.umask(0); work('work')")
    assert oct(store_dir.stat().st_mode & 0o777) == "0o700"
    assert {oct(path.stat().st_mode & 0o777) for path in store_dir.iterdir()} == {"0o600"}


def test_without_a_home_there_is_a_private_store_in_the_temporary_directory(instrument: Run, tmp_path: Path) -> None:
    environ = {
        "OTEL_PYTHON_TIDEGATE_STORE": None,
        "XDG_STATE_HOME": None,
        "HOME": "/dev/null",
        "TMPDIR": str(tmp_path),
    }
    done = instrument(WORK + "work('work')\nprint(tidegate.configure_observability().store)", env=environ)
    place = Path(done.stdout.strip())
    assert place == tmp_path / f"tidegate-{os.getuid()}"
    assert read(place).names == {"work": 1}


def test_a_relative_store_stays_where_it_was_when_the_program_started(instrument: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    source = (
        WORK
        + """
work("before")
os.chdir("elsewhere")
if os.fork() == 0:
    work("child")
    os._exit(0)
os.wait()
work("after")
"""
    )
    instrument(source, env={"OTEL_PYTHON_TIDEGATE_STORE": "near"})
    assert sorted(read(tmp_path / "near").names) == ["after", "before", "child"]


def test_a_relative_store_is_the_same_for_programs_started_elsewhere(instrument: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "child.py").write_text(WORK + 'work("child")')
    source = WORK + 'import subprocess; subprocess.run([sys.executable, "child.py"], cwd="elsewhere", check=True)'
    instrument(source + '\nwork("parent")\n', env={"OTEL_PYTHON_TIDEGATE_STORE": "near"})
    assert sorted(read(tmp_path / "near").names) == ["child", "parent"]
