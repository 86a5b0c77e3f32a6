"""One reader for many threads, as under a threaded WSGI server, while processes write and segments merge."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

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
