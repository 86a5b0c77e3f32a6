"""One reader for many threads, as under a threaded WSGI server, while processes write and segments merge."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import sealing
from making import log, put, span
from merged import merge
from storing import Store
from tidegate.records import Log

THREADS = 8
ROUNDS = 30


def at_once(work: Callable[[int], None], meanwhile: Callable[[], None]) -> None:
    """Do ``work`` in several threads, over and over, until ``meanwhile`` is done and a round after it."""
    done = Event()

    def repeat(number: int) -> None:
        last = False
        while not last:
            last = done.is_set()
            work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(repeat, number) for number in range(THREADS)]
        try:
            meanwhile()
        finally:
            done.set()
        for each in running:
            each.result()


def test_many_threads_ask_one_reader_while_others_write(store: Store) -> None:
    writer, reader = store.writer(), store.reader()
    put(writer, [log(0)])

    def ask(number: int) -> None:
        found = [record.body for record in reader.logs()]
        assert found == list(range(len(found)))[::-1]
        assert len(list(reader.lines("logs"))) >= len(found)
        assert sum(service.logs for service in reader.services()) >= len(found)
        assert reader.damaged == 0

    def write() -> None:
        for number in range(1, ROUNDS):
            put(writer, [log(number, number)])

    at_once(ask, write)
    assert len(list(reader.logs())) == ROUNDS


def test_no_thread_misses_a_record_while_segments_are_merged(directory: Store) -> None:
    for number in range(10):
        put(directory.writer(), [log(number, number)])
    expected = list(range(10))[::-1]
    reader = directory.reader()

    def ask(_: int) -> None:
        assert [record.body for record in reader.logs()] == expected

    def merge_all() -> None:
        for _ in range(3):
            merge(directory.location)

    at_once(ask, merge_all)


def test_no_thread_misses_a_record_while_segments_are_sealed_and_their_files_merged(directory: Store) -> None:
    for number in range(12):
        put(directory.writer(), [log(number, number, severity=9 + 4 * (number % 3), trace=5)])
    directory.close()
    expected = list(range(12))[::-1]
    reader = directory.reader()

    def ask(_: int) -> None:
        assert [record.body for record in reader.logs()] == expected
        assert [record.body for record in reader.logs(trace_id=f"{5:032x}", text="", limit=12)] == expected
        assert reader.count("logs", min_level="warn") == 8

    def seal_and_merge() -> None:
        for path in sealing.ended(directory.location):
            sealing.seal(directory.location, [path])
        for kind in ("error", "warning", "info"):
            of_kind = [path for path in sealing.sealed(directory.location) if f".{kind}." in path]
            sealing.merge(directory.location, of_kind[:2])
            sealing.merge(directory.location, of_kind[2:])

    at_once(ask, seal_and_merge)
    reader.close()


def test_each_of_many_followers_of_one_reader_gets_each_record_once(store: Store) -> None:
    reader = store.reader()
    followers = [reader.follower("logs", within=0) for _ in range(THREADS)]
    got: list[list[object]] = [[] for _ in followers]

    def poll(number: int) -> None:
        got[number] += [record.body for record in followers[number].poll() if isinstance(record, Log)]

    writers = [store.writer() for _ in range(2)]

    def write() -> None:
        for number in range(ROUNDS):
            put(writers[number % 2], [log(number)])

    at_once(poll, write)
    assert [sorted(each, key=str) for each in got] == [sorted(range(ROUNDS), key=str)] * THREADS


def test_threads_share_the_blocks_that_are_kept(store: Store) -> None:
    for number in range(40):
        put(store.writer(), [span(str(number), number, trace=number + 1)])
    reader = store.reader()

    def ask(number: int) -> None:
        assert len(list(reader.traces(limit=number + 1))) == number + 1

    at_once(ask, lambda: None)
