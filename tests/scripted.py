"""A server that sends what a test wants, right or wrong, over a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

#: What a connection is sent: bytes by and by.
Reply = Iterable[bytes]


class Scripted:
    """The n-th connection gets the n-th reply, later ones the last. ``requests``: the heads of all so far."""

    def __init__(self, replies: Sequence[Callable[[], Reply]]) -> None:
        self.requests: list[str] = []
        self.ended = threading.Event()
        #: What a connection becomes before anything is said.
        self.wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection
        self._replies = replies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._answer, connection)

    def _answer(self, plain: socket.socket) -> None:
        with suppress(OSError), plain, self.wrap(plain) as connection:  # the client may leave in the middle
            head = b""
            while not head.endswith(b"\r\n\r\n") and (more := connection.recv(65536)):
                head += more
            self.requests.append(head.decode("latin-1"))
            for part in self._replies[min(len(self.requests), len(self._replies)) - 1]():
                if self.ended.is_set():
                    return
                connection.sendall(part)

    def close(self) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@contextmanager
def scripted(*replies: Callable[[], Reply] | bytes) -> Iterator[Scripted]:
    """A server with these replies, each whole bytes or a function that makes parts."""
    server = Scripted([(lambda each=each: [each]) if isinstance(each, bytes) else each for each in replies])  # type: ignore[misc]
    try:
        yield server
    finally:
        server.close()


def head(content_type: str, status: str = "200 OK", *headers: str) -> bytes:
    """The head of a reply whose end is that of its connection."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
