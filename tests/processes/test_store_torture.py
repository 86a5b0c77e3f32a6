"""The store where processes are killed, disks are full, clocks jump and directories vanish."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tidegate.store
from tidegate.store.tailing import RowsFollower
from tidegate.store.watermark import Watermark
from tormenting import BLOCK, ENVIRON, ROUNDS, identities, is_sound, keep, told

pytestmark = pytest.mark.servers

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Wait = Callable[..., None]

PREAMBLE = """
import os, resource, sys, time
from tormenting import *
store, name = sys.argv[1:3]
told_file = open(f"told-{name}", "a", buffering=1)
def commit_and_tell(sink, number):
    commit(sink, name, number)
    told_file.write(f"{name}.{number}\\n")
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""

#: Begins segment after segment, and now and then seals, merges and prunes.
BUSY = """
for number in range(10**9):
    if number % 7 == 0:
        sink = FileSink(store)
    commit_and_tell(sink, number)
    if number % 7 == 6:
        sink.close()
    if number % 21 == 20:
        keep(store, **eval(sys.argv[3]))
"""


@pytest.fixture
def drive(start: Start, program: Callable[..., Path], store_dir: Path) -> Callable[..., subprocess.Popen[str]]:
    """``drive(source, name, *more)``: a process that runs ``source`` over the test's store."""

    def drive(source: str, name: str, *more: str) -> subprocess.Popen[str]:
        path = program(PREAMBLE + textwrap.dedent(source), f"{name}.py")
        return start([sys.executable, path, str(store_dir), name, *more], env=ENVIRON)

    return drive


def tellings(directory: Path) -> list[Path]:
    return sorted(directory.glob("told-*"))


def ends_well(process: subprocess.Popen[str], tmp_path: Path) -> None:
    status = process.wait(60)
    assert status == 0, "\n".join(path.read_text() for path in tmp_path.glob("output-*.txt"))


# --- killed


def test_kill_9_of_who_writes_seals_and_merges_loses_doubles_and_renames_no_record(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, wait_for: Wait
) -> None:
    chance = random.Random(20)
    known: dict[str, str] = {}
    for turn in range(ROUNDS):
        processes = [drive(BUSY, f"{turn}-{number}", "{}") for number in range(2)]
        wait_for(lambda turn=turn: all((tmp_path / f"told-{turn}-{number}").exists() for number in range(2)))
        for process in processes:
            time.sleep(chance.random() / 2)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        found = identities(store_dir)
        said = told(tellings(tmp_path))
        assert said <= found.keys()
        # of each process one block may have been committed and not told
        assert len(found) - len(said) <= 2 * (turn + 1) * BLOCK
        assert {name: found[name] for name in known} == known
        assert is_sound(store_dir)
        known = found
    keep(str(store_dir))
    assert identities(store_dir) == known
    assert is_sound(store_dir)
    assert not list(store_dir.glob("*.active"))


def test_who_follows_by_rows_gets_each_once_while_others_write_seal_and_merge_and_are_killed(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, wait_for: Wait
) -> None:
    """Each time a new follower goes on where the former one was, but for a record that was not decided yet."""
    processes = [drive(BUSY, str(number), "{}") for number in range(2)]
    wait_for(lambda: all((tmp_path / f"told-{number}").exists() for number in range(2)))
    place, got = Watermark(), Counter[str]()
    for turn in range(6):
        follower, found = followed(store_dir, place)
        segment, last = max(found, default=("", 0))
        undecided = {segment: last} if found else {}
        got.update(name for place, name in found.items() if place != (segment, last))
        place = Watermark.parse(follower.watermark(undecided).text())
        if turn in (1, 3):
            processes[turn // 2].send_signal(signal.SIGKILL)
            processes[turn // 2].wait(10)
    got.update(followed(store_dir, place)[1].values())
    with tidegate.store.open(store_dir) as reader:
        assert got == Counter(str(each.body) for each in reader.logs())


def followed(store: Path, after: Watermark) -> tuple[RowsFollower, dict[tuple[str, int], str]]:
    """What a new follower finds, by its places."""
    found: dict[tuple[str, int], str] = {}
    with tidegate.store.open(store) as reader:
        follower = reader.rows_follower("logs", after=after, within=0)
        is_more = True
        while is_more:
            for portion in follower.poll():
                rows = portion.rows
                found.update((rows.places[row], str(rows.record(row).body)) for row in portion.picked)  # type: ignore[union-attr]
            is_more = follower.pending
    return follower, found


def test_kill_9_of_who_prunes_leaves_whole_files_and_no_record_twice(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, wait_for: Wait
) -> None:
    chance = random.Random(21)
    for turn in range(ROUNDS):
        process = drive(BUSY, str(turn), "{'size': 100_000}")
        wait_for(lambda turn=turn: (tmp_path / f"told-{turn}").exists())
        time.sleep(chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        found = identities(store_dir)
        assert found
        assert len(found.keys() - told(tellings(tmp_path))) <= (turn + 1) * BLOCK
        assert is_sound(store_dir)


def test_64_processes_that_start_fork_and_die_together_leave_every_record_once(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, wait_for: Wait
) -> None:
    source = """
    import signal
    parent, name = name, ""
    def live(number, depth):
        global name, told_file
        name = f"{parent}.{os.getpid()}"
        told_file = open(f"told-{name}", "a", buffering=1)
        sink.abandon()
        commit_and_tell(sink, 0)
        if depth and os.fork() == 0:
            live(number, 0)
        commit_and_tell(sink, 1)
        if number % 3 == 0:
            keep(store)
        if number % 4 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if number % 4 == 1:
            sink.close()
        commit_and_tell(sink, 2)
        os._exit(0)
    sink = FileSink(store)
    commit(sink, "first", 0)
    for number in range(64):
        if os.fork() == 0:
            live(number, number % 2)
    for number in range(64):
        os.wait()
    """
    process = drive(source, "all")
    ends_well(process, tmp_path)
    # grandchildren may outlive their parents; each says at least two things
    wait_for(lambda: len(told(tellings(tmp_path))) >= (64 + 32) * 2 * BLOCK)
    said = told(tellings(tmp_path)) | {f"first.0.{row}" for row in range(BLOCK)}
    assert said <= identities(store_dir).keys()
    keep(str(store_dir))
    assert said <= identities(store_dir).keys()
    assert is_sound(store_dir)


# --- a disk that is full: a file may have no more than so many bytes, which needs no privileges


def test_a_full_disk_while_writing_costs_the_blocks_that_have_no_room_and_nothing_else(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path
) -> None:
    source = """
    sink = FileSink(store)
    failed = 0
    limit(20_000)
    for number in range(100):
        try:
            commit_and_tell(sink, number)
        except OSError:
            failed += 1
    assert failed > 20, failed
    limit(resource.RLIM_INFINITY)
    commit_and_tell(sink, 100)
    """
    ends_well(drive(source, "full"), tmp_path)
    assert identities(store_dir).keys() == told(tellings(tmp_path))
    assert is_sound(store_dir)


@pytest.mark.parametrize("size", [0, 100, 4096, 8192, 20_000])
def test_a_full_disk_while_sealing_changes_nothing_until_there_is_room(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, size: int
) -> None:
    source = """
    for number in range(200):
        if number % 20 == 0:
            sink = FileSink(store)
        commit_and_tell(sink, number)
        if number % 20 == 19:
            sink.close()
    before = identities(store)
    limit(int(sys.argv[3]))
    try:
        keep(store)
    except OSError:
        pass
    limit(resource.RLIM_INFINITY)
    assert identities(store) == before
    keep(store)
    assert identities(store) == before
    """
    ends_well(drive(source, "full", str(size)), tmp_path)
    assert identities(store_dir).keys() == told(tellings(tmp_path))
    assert is_sound(store_dir)
    assert not [path for path in store_dir.iterdir() if path.suffix in (".active", ".partial")]


def test_on_a_full_disk_pruning_makes_room(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path
) -> None:
    source = """
    for number in range(200):
        if number % 20 == 0:
            sink = FileSink(store)
        commit_and_tell(sink, number)
        if number % 20 == 19:
            sink.close()
            keep(store)
    size = lambda: sum(entry.stat().st_size for entry in os.scandir(store))
    before = size()
    limit(0)
    try:
        keep(store, size=before // 2)
    except OSError:
        pass
    limit(resource.RLIM_INFINITY)
    assert size() < before
    """
    ends_well(drive(source, "full"), tmp_path)
    assert identities(store_dir).keys() < told(tellings(tmp_path))
    assert is_sound(store_dir)


# --- somebody else's directory


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory that everybody reaches, which the directories of tests do not let them."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield Path(made)


def run_as_somebody_else(source: str, *arguments: str) -> str:
    """What a program prints that may not write what this process has made read-only."""
    done = subprocess.run(
        [sys.executable, "-c", SOMEBODY_ELSE + textwrap.dedent(source), *arguments],
        env={**os.environ, **ENVIRON},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


#: Root may write everything, so that it becomes another user; whoever else runs the tests is bound by modes.
SOMEBODY_ELSE = """
import json, os, sys, tempfile
from tormenting import *
from tidegate.errors import StoreError
# what is imported late may be where only this user may read
with tempfile.TemporaryDirectory() as store:
    with_all = FileSink(store)
    commit(with_all, "all", 0)
    with_all.close()
    keep(store)
    assert identities(store) and is_sound(store)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""

READ = """
before = sorted(os.listdir(sys.argv[1]))
found = identities(sys.argv[1])
assert is_sound(sys.argv[1])
assert sorted(os.listdir(sys.argv[1])) == before
print(json.dumps(found))
"""


def test_another_user_reads_and_checks_a_store_that_is_read_only_and_leaves_no_trace(
    drive: Callable[..., subprocess.Popen[str]], theirs: Path, store_dir: Path, tmp_path: Path
) -> None:
    store_dir.symlink_to(theirs)
    source = """
    sink = FileSink(store)
    commit_and_tell(sink, 0)
    sink.close()
    keep(store)
    sink = FileSink(store)
    commit_and_tell(sink, 1)
    os._exit(0)
    """
    ends_well(drive(source, "writer"), tmp_path)
    for path in theirs.iterdir():
        path.chmod(0o444)
    theirs.chmod(0o555)
    try:
        found = json.loads(run_as_somebody_else(READ, str(theirs)))
    finally:
        theirs.chmod(0o755)
    assert found.keys() == told(tellings(tmp_path))


def test_a_store_that_another_user_may_not_read_is_refused_with_a_sentence(theirs: Path) -> None:
    theirs.chmod(0)
    source = """
    for ask in (lambda: list(tidegate.store.open(sys.argv[1]).logs()), lambda: list(check(sys.argv[1]))):
        try:
            ask()
        except StoreError as error:
            print("ask as the user" in str(error))
    """
    try:
        assert run_as_somebody_else(source, str(theirs)) == "True\nTrue\n"
    finally:
        theirs.chmod(0o755)


def test_a_directory_that_becomes_read_only_lets_a_running_process_go_on(theirs: Path) -> None:
    theirs.chmod(0o777)
    source = """
    store = sys.argv[1] + "/store"
    sink = FileSink(store, rotate_bytes=4000)
    number = 0
    while sink.opened < 2:
        commit(sink, "before", number)
        number += 1
    os.chmod(store, 0o555)
    failed = 0
    for each in range(40):
        try:
            commit(sink, "after", each)
        except OSError:
            failed += 1
    assert failed, "a segment was begun in a directory that is read-only"
    try:
        keep(store)
    except OSError:
        pass
    os.chmod(store, 0o755)
    commit(sink, "again", 0)
    found = identities(store)
    assert len(found) == (number + 40 - failed + 1) * BLOCK
    assert is_sound(store)
    sink.close()
    """
    run_as_somebody_else(source, str(theirs))


# --- clocks and containers


@pytest.mark.parametrize("jump", [-86_400, -3600, 3600, 86_400 * 365 * 10, -86_400 * 365 * 40])
def test_a_clock_that_jumps_loses_and_doubles_nothing(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, jump: int
) -> None:
    source = """
    real, jump = time.time_ns, int(sys.argv[3]) * 10**9
    sink = FileSink(store, rotate_bytes=6000)
    for number in range(60):
        if number == 20:
            time.time_ns, time.time = lambda: real() + jump, lambda: (real() + jump) / 1e9
            keep(store, "default=99999d, error=99999d, debug=99999d")
        if number == 40:
            time.time_ns, time.time = real, lambda: real() / 1e9
            keep(store, "default=99999d, error=99999d, debug=99999d")
        commit_and_tell(sink, number)
    sink.close()
    keep(store, "default=99999d, error=99999d, debug=99999d")
    """
    ends_well(drive(source, "jumping", str(jump)), tmp_path)
    assert identities(store_dir).keys() == told(tellings(tmp_path))
    assert is_sound(store_dir)


def test_two_containers_with_the_same_pids_on_one_volume_keep_their_segments_apart(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, wait_for: Wait
) -> None:
    source = """
    import socket
    os.getpid, socket.gethostname = lambda: 7, lambda: "container"
    sink = FileSink(store)
    commit_and_tell(sink, 0)
    others = [other for other in ("a", "b", "c") if other != name]
    while not all(os.path.exists(f"told-{other}") and open(f"told-{other}").read() for other in others):
        time.sleep(0.01)
    for number in range(1, 20):
        keep(store)
        commit_and_tell(sink, number)
    if name == "a":
        os.kill(os.getppid() and int(open("/proc/self/stat").read().split()[0]), 9)
    sink.close()
    keep(store)
    """
    processes = [drive(source, name) for name in ("a", "b", "c")]
    assert [process.wait(60) for process in processes] == [-9, 0, 0]
    assert identities(store_dir).keys() == told(tellings(tmp_path))
    keep(str(store_dir))
    assert identities(store_dir).keys() == told(tellings(tmp_path))
    assert is_sound(store_dir)


def test_the_directory_may_be_deleted_while_it_is_kept(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path
) -> None:
    source = """
    import shutil, threading
    chance = __import__("random").Random(3)
    def remove():
        for _ in range(15):
            time.sleep(chance.random() / 50)
            shutil.rmtree(store, ignore_errors=True)
    thread = threading.Thread(target=remove)
    thread.start()
    sink = FileSink(store)
    while thread.is_alive():
        try:
            commit(sink, name, 1)
            keep(store)
        except OSError:
            pass
    thread.join()
    shutil.rmtree(store, ignore_errors=True)
    commit_and_tell(sink, 0)
    sink.close()
    keep(store)
    """
    ends_well(drive(source, "deleted"), tmp_path)
    assert identities(store_dir).keys() == told(tellings(tmp_path))
    assert is_sound(store_dir)


def test_a_check_amid_writing_sealing_merging_and_pruning_takes_nothing_for_damage(
    drive: Callable[..., subprocess.Popen[str]], store_dir: Path, tmp_path: Path, wait_for: Wait
) -> None:
    processes = [drive(BUSY, str(number), "{'size': 300_000}") for number in range(2)]
    wait_for(lambda: all((tmp_path / f"told-{number}").exists() for number in range(2)))
    for _ in range(2 * ROUNDS):
        assert is_sound(store_dir)
    assert [process.poll() for process in processes] == [None, None]
