"""HTTP as a reader of a served store needs it: questions with answers that stream, everything bounded.

By `http.client`, which loads quickly, lets one take what has come without waiting for more, bounds
headers, follows no redirect, reads no ``.netrc``, and is instrumented by nobody: what reads telemetry
must not become telemetry.
"""

from __future__ import annotations

import socket
import ssl
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, IncompleteRead
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson

from tidegate.errors import QueryError, StoreError, StoreNotFound
from tidegate.store.served.address import TOKEN, Address, connection_to

T = TypeVar("T")

#: Names and texts of a query string.
Parameters = list[tuple[str, str]]

NDJSON, JSON, EVENTS = "application/x-ndjson", "application/json", "text/event-stream"
PROBLEM = "application/problem+json"

#: Seconds for which a server may say nothing: it may have to look through all there is before it finds a match.
SILENCE_S = 300.0

#: Bytes of one line; the longest is a trace with all its spans.
MAX_LINE = 64 << 20

#: Bytes taken at a time, and bytes that a refusal may have.
_CHUNK = 1 << 16

#: Characters shown of what a server says.
_MAX_SAID = 1000

#: With these window bits zlib reads gzip's format.
_GZIP_WINDOW = 31


class Unreachable(StoreError):
    """The server cannot be had, or went away in the middle of an answer; another time it may work."""


class Unsupported(StoreError):
    """The server has no such answer to give (501)."""


class Answer:
    """What a server answers; its body is read as it comes. To be closed."""

    def __init__(self, address: Address, connection: HTTPConnection) -> None:
        self._connection = connection
        self._socket = connection.sock  # the connection forgets it when the server wants to close
        self._response = response = connection.getresponse()
        self.status = response.status
        self.content_type = (response.getheader("content-type") or "").partition(";")[0].strip().lower()
        self.address = address
        self._is_packed = (response.getheader("content-encoding") or "").lower() in ("gzip", "x-gzip")

    def close(self) -> None:
        self.interrupt()  # else it would wait for a thread that waits for the server
        self._response.close()
        self._connection.close()

    def interrupt(self) -> None:
        """Let a thread that waits for more of it have an end."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has ended already
            pass

    def header(self, name: str) -> str:
        return (self._response.getheader(name) or "")[:_MAX_SAID]

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, unpacked; raises `Unreachable` when it breaks off."""
        unpacker = zlib.decompressobj(_GZIP_WINDOW) if self._is_packed else None
        with in_our_words(self.address):
            while chunk := self._response.read1(_CHUNK):
                while chunk and unpacker:  # little may become very much, so it comes by and by
                    yield unpacker.decompress(chunk, _CHUNK)
                    chunk = unpacker.unconsumed_tail
                if chunk:
                    yield chunk
            if self._response.length or (unpacker and not unpacker.eof):
                raise EOFError

    def batches(self) -> Iterator[list[bytes]]:
        """The body's lines, without their ends, as many at a time as have come; raises `StoreError`."""
        held = bytearray()
        for chunk in self.chunks():
            head, *others = chunk.split(b"\n")
            held += head
            if len(held) > MAX_LINE:
                raise StoreError(
                    f"{self.address} sent a line of more than {MAX_LINE >> 20} MiB; ask for less, by filters or limit."
                )
            if others:
                yield [bytes(held), *others[:-1]]
                held = bytearray(others[-1])
        if held:
            raise broken(self.address, "the answer ended in the middle of a line")

    def detail(self) -> str:
        """What the server says about its refusal (RFC 9457), or nothing if that is not one of ours."""
        if self.content_type != PROBLEM:
            return ""
        content = b""
        try:
            for chunk in self.chunks():
                content += chunk
                if len(content) > _CHUNK:
                    return ""
            found = orjson.loads(content)["detail"]
        except (StoreError, ValueError, LookupError, TypeError):
            return ""
        return found[:_MAX_SAID] if isinstance(found, str) else ""


class Client:
    """Asks one served store; every question has a connection of its own."""

    def __init__(self, address: Address, token: str = "") -> None:
        self.address = address
        self._token = token
        self._answers: weakref.WeakSet[Answer] = weakref.WeakSet()

    def close(self) -> None:
        """Close the connections of all answers that were not read to their end."""
        for answer in list(self._answers):
            answer.close()

    def ask(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        accept: str,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> Answer:
        """The answer to GET, whatever its status; the server may be silent for ``patience`` seconds.

        Raises `QueryError` for what no URL can carry, `StoreError`.
        """
        try:
            query = urlencode(parameters or [])
        except UnicodeEncodeError:
            raise QueryError(
                "a filter has a lone surrogate, which no URL can carry; look for something else."
            ) from None
        sent = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "tidegate", **(headers or {})}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        with in_our_words(self.address):
            connection, before = connection_to(self.address, sent)
            try:
                connection.connect()
                connection.sock.settimeout(SILENCE_S if patience is None else patience)
                connection.request(
                    "GET", f"{before}{self.address.path}{path}{'?' if query else ''}{query}", headers=sent
                )
                answer = Answer(self.address, connection)
            except BaseException:
                connection.close()
                raise
        self._answers.add(answer)
        return answer

    def checked(self, answer: Answer, content_type: str) -> Answer:
        """The answer if it is the right one; else it is closed, and what is wrong raised."""
        if answer.status == 200 and answer.content_type == content_type:
            return answer
        with closing(answer):
            raise no_readers(answer) if answer.status == 200 else refusal(answer, has_token=bool(self._token))

    def lines(self, path: str, parameters: Parameters, patience: float | None = None) -> Iterator[bytes]:
        """The lines of an endpoint, asked for when the first is wanted; see `ask` for ``patience``."""
        answered = self.ask(path, parameters, accept=NDJSON, patience=patience)
        with closing(self.checked(answered, NDJSON)) as answer:
            yield from chain.from_iterable(answer.batches())

    def one(self, answer: Answer, make: Callable[[dict[str, Any]], T]) -> T:
        """What ``make`` makes of an answer that is one object."""
        with closing(answer):
            return self.made(next(chain.from_iterable(answer.batches()), b""), make)

    def made(self, line: bytes, make: Callable[[dict[str, Any]], T]) -> T:
        """What ``make`` makes of the object in a line; raises `StoreError`."""
        try:
            return make(orjson.loads(line))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise StoreError(
                f"{self.address} sent what is not a record: {str(error)[:200]}; is the server of another version?"
            ) from None


@contextmanager
def in_our_words(address: Address) -> Iterator[None]:
    """Let what goes wrong on the way to a server be a `StoreError`."""
    try:
        yield
    except (OSError, HTTPException, EOFError, ValueError, zlib.error) as error:
        raise _said(address, error) from None


def _said(address: Address, error: Exception) -> StoreError:
    match error:
        case ssl.SSLCertVerificationError():
            return StoreError(
                f"the certificate of {address} is not trusted: {error.verify_message}; if it is one of your own, name"
                " the file (PEM) of its authority in SSL_CERT_FILE."
            )
        case ssl.SSLError():
            return broken(
                address, f"TLS failed ({error.reason or error}), as it does when it is http:// and not https://"
            )
        case ConnectionRefusedError():
            return Unreachable(f"nothing listens at {address}; start `tidegate serve` there, or correct the URL.")
        case socket.gaierror() | UnicodeError():
            return Unreachable(f"there is no host of the name in {address}; correct the URL.")
        case TimeoutError():
            return broken(address, "it does not answer in time")
        case EOFError() | IncompleteRead():
            return broken(address, "the answer broke off")
        case OSError():
            return broken(address, error.strerror or str(error))
    return broken(address, f"it does not speak HTTP as it should ({str(error)[:80] or type(error).__name__})")


def broken(address: Address, why: str) -> Unreachable:
    return Unreachable(f"{address} cannot be read: {why[:_MAX_SAID]}.")


def refusal(answer: Answer, *, has_token: bool) -> StoreError | QueryError:
    """What a status other than success means."""
    address, status = answer.address, answer.status
    if 300 <= status < 400:
        return StoreError(
            f"{address} redirects to {answer.header('location')!r}; that is not followed, lest the token go to another"
            " host: give the URL that is meant."
        )
    detail = answer.detail()
    if status in (401, 403):
        hint = f"is {TOKEN} the server's own token?" if has_token else f"set {TOKEN} to the server's token."
        return StoreError(f"{address} refuses ({status}): {detail or 'it wants to know who asks;'} Here: {hint}")
    if status == 501:
        return Unsupported(f"{address} cannot do this: {detail}")
    if status >= 500 or status == 429:
        return Unreachable(f"{address} cannot answer now ({status}): {detail or 'it does not say why.'}")
    return QueryError(detail) if detail and status != 404 else no_readers(answer)


def no_readers(answer: Answer) -> StoreNotFound:
    what = f"{answer.status} {answer.content_type[:80]}".rstrip()
    return StoreNotFound(
        f"{answer.address} is not a served store: it answered with {what}; give the URL of `tidegate serve`, or of a"
        " mount such as https://shop.example.com/telemetry."
    )
