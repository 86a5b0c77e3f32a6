"""Reading a served store: what is sent, what comes back, and servers that are not what they should be."""

from __future__ import annotations

import gzip
import json
import math
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, cast

import pytest

import tidegate.store
from making import T0, log, put, span
from scripted import Scripted, head, scripted
from served import TOKEN
from storing import Store
from tidegate.errors import ConfigurationError, QueryError, QueryTimeout, StoreError, StoreNotFound
from tidegate.records import Log
from tidegate.store.deadline import Deadline
from tidegate.store.served import client
from tidegate.store.served.remote import RemoteReader

NDJSON = head("application/x-ndjson")
PROBLEM = "application/problem+json"


def line(body: Any = "hello", **more: Any) -> bytes:
    """A log record as a server sends it."""
    record = Log.from_dict({"time_unix_nano": T0, "observed_time_unix_nano": T0, "body": body, "resource": {}})
    return json.dumps({**record.to_dict(), **more}).encode() + b"\n"


def logs_of(server: Scripted, **filters: Any) -> list[Log]:
    with tidegate.store.open(server.url) as reader:
        return list(reader.logs(**filters))


@pytest.fixture
def served(stores_of: Callable[[str], Callable[[], Store]], monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    return stores_of("served")()


# --- addresses


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://127.0.0.1:4319", "http://127.0.0.1:4319"),
        (" HTTP://Shop.Example.com/telemetry// ", "http://shop.example.com/telemetry"),
        ("https://[::1]:4319/", "https://[::1]:4319"),
        ("http://127.0.0.1/a b/é", "http://127.0.0.1/a%20b/%C3%A9"),
        ("http://127.0.0.1/a%2Fb", "http://127.0.0.1/a%2Fb"),
    ],
)
def test_a_url_is_kept_without_slashes_at_its_end(url: str, location: str) -> None:
    assert tidegate.store.open(url).location == location


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://shop", "begins with 'ftp'; a store is a directory, or a URL that begins with http"),
        ("http://ann:secret@shop", "a user or password before 'shop'.* set OTEL_PYTHON_TIDEGATE_TOKEN"),
        ("http://shop?token=secret", "something after '[?]' or '#'.* set OTEL_PYTHON_TIDEGATE_TOKEN"),
        ("http://shop:secret", "an unusable host or port; write it like http://127.0.0.1:4319"),
        ("http://[::1", "an unusable host or port"),
        ("http://shop:99999", "an unusable host or port"),
        ("http://", "has the host ''"),
        ("http:///logs", "has the host ''"),
        ("http://a\x1b[31m", "has the host|an unusable host"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused_without_showing_secrets(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        tidegate.store.open(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("missing_ok", [True, False])
@pytest.mark.parametrize("text", ["localhost:4319", "127.0.0.1:80/telemetry", "[::1]:4319"])
def test_an_address_without_its_scheme_gets_a_hint(text: str, missing_ok: bool) -> None:
    with pytest.raises(StoreNotFound, match=r"a URL begins with its scheme: http://") as caught:
        tidegate.store.open(text, missing_ok=missing_ok)
    assert str(caught.value).endswith(f"http://{text}.")


def test_a_directory_may_have_the_name_of_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "localhost:4319").mkdir()
    with tidegate.store.open("localhost:4319") as reader:
        assert reader.location == str(tmp_path / "localhost:4319")


def test_the_service_of_a_served_store_is_the_server_s_to_restrict() -> None:
    with pytest.raises(ConfigurationError, match="service is 'shop', but a served store is restricted by its server"):
        tidegate.store.open("http://127.0.0.1:1", service="shop")


def test_a_url_is_nothing_to_record_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_STORE", "http://127.0.0.1:4319")
    with pytest.raises(ConfigurationError, match=r"TIDEGATE_STORE is 'http://127.0.0.1:4319'; it must be a directory"):
        tidegate.store.open()


def test_a_password_in_the_store_s_setting_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_STORE", "http://ann:secret@127.0.0.1")
    with pytest.raises(ConfigurationError, match="a hidden value") as caught:
        tidegate.store.open()
    assert "secret" not in str(caught.value)


# --- what is sent


def test_the_token_of_the_settings_goes_into_a_header_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    with scripted(NDJSON) as server:
        logs_of(server)
        first, *others = server.requests[0].split("\r\n")
    assert first == "GET /logs HTTP/1.1"
    assert [each for each in others if TOKEN in each] == [f"Authorization: Bearer {TOKEN}"]


def test_without_a_token_nothing_is_shown() -> None:
    with scripted(NDJSON) as server:
        logs_of(server)
        assert "authorization" not in server.requests[0].lower()


def test_filters_become_parameters() -> None:
    with scripted(NDJSON) as server:
        logs_of(
            server, since=1_500_000_000, min_level="warn", where={"a": 1, "b": "x y&é"}, text="", limit=5, cursor=""
        )
        target = server.requests[0].split()[1]
    assert target == "/logs?min_level=warn&limit=5&since=1.500000000&where=a%3D1&where=b%3Dx+y%26%C3%A9"


@pytest.mark.parametrize("filters", [{"since": 5, "until": 5}, {"until": 0}, {"since": -3, "until": -1}])
def test_a_time_in_which_nothing_can_be_is_not_asked_for(filters: dict[str, int]) -> None:
    with scripted(NDJSON) as server:
        assert logs_of(server, **filters) == []
        assert server.requests == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"level": "loud"}, "a severity is 'loud'"),
        ({"colour": "red"}, "'colour' is not a filter of this question"),
        ({"where": {"a=b": 1}}, "the key 'a=b' cannot be asked for over HTTP"),
        ({"limit": 0}, "the limit is 0"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_before_anything_is_sent(filters: dict[str, Any], message: str) -> None:
    with tidegate.store.open("http://127.0.0.1:1") as reader, pytest.raises(QueryError, match=message):
        reader.logs(**filters)


def test_a_text_that_no_url_can_carry_is_refused() -> None:
    with tidegate.store.open("http://127.0.0.1:1") as reader, pytest.raises(QueryError, match="a lone surrogate"):
        next(reader.logs(text="\ud800"))


def test_what_the_server_refuses_is_a_query_error_in_its_words() -> None:
    detail = "the parameter 'text' is 'x'; it must be shorter."
    with (
        scripted(head(PROBLEM, "400 Bad Request") + json.dumps({"detail": detail}).encode()) as server,
        pytest.raises(QueryError) as caught,
    ):
        logs_of(server)
    assert str(caught.value) == detail


def test_an_http_proxy_of_the_environment_is_used_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(NDJSON + line()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://ann:pass@127.0.0.1:{proxy.port}")
        with tidegate.store.open("http://shop.invalid/telemetry") as reader:
            assert [log.body for log in reader.logs()] == ["hello"]
        (request,) = proxy.requests
    assert request.startswith("GET http://shop.invalid/telemetry/logs HTTP/1.1\r\nHost: shop.invalid\r\n")
    assert "Proxy-Authorization: Basic YW5uOnBhc3M=\r\n" in request


def test_https_goes_through_a_proxy_s_tunnel_without_showing_it_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    with scripted(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        with (
            tidegate.store.open("https://shop.invalid") as reader,
            pytest.raises(StoreError, match=r"shop[.]invalid cannot be read: Tunnel connection failed: 403 Forbidden"),
        ):
            next(reader.logs())
        (request,) = proxy.requests
    assert request.startswith("CONNECT shop.invalid:443 HTTP/1.")
    assert TOKEN not in request


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_no_proxy_is_asked_for_this_machine_itself(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with scripted(NDJSON + line()) as server:
        assert len(logs_of(server)) == 1


# --- what comes back


def test_what_json_cannot_carry_comes_as_the_nearest_thing(served: Store) -> None:
    body = {"nan": math.nan, "inf": -math.inf, "bytes": b"\xff", "big": 1 << 70, "text": "\ud800"}
    put(served.writer(), [log(body)])
    with served.reader() as reader:
        (record,) = reader.logs()
    assert record.body == {"nan": None, "inf": None, "bytes": "/w==", "big": str(1 << 70), "text": "\\ud800"}


def test_lines_are_those_of_the_directory(served: Store) -> None:
    put(served.writer(), [log(1), log(2)])
    with served.reader() as reader, tidegate.store.open(served.location) as local:
        assert list(reader.lines("logs")) == list(local.lines("logs"))


def test_steps_are_those_of_the_questions(served: Store) -> None:
    put(served.writer(), [log(1), log(2), log(3)])
    put(served.writer(), [span(trace=trace) for trace in (1, 2, 3)])
    with served.reader() as reader:
        assert list(filter(None, reader.line_steps("logs"))) == list(reader.lines("logs"))
        assert [step.trace_id for step in reader.trace_steps() if step] == [each.trace_id for each in reader.traces()]


def test_a_trace_without_its_logs_has_none(served: Store) -> None:
    put(served.writer(), [span(trace=5 << 100)])
    put(served.writer(), [log(trace=5 << 100)])
    with served.reader() as reader:
        traces = [reader.trace("00000050", logs=logs) for logs in (True, False)]
    assert [len(trace.logs) for trace in traces if trace] == [1, 0]


def test_the_server_says_how_it_is(served: Store) -> None:
    with served.reader() as reader:
        assert isinstance(reader, RemoteReader)
        assert reader.health()["status"] in ("healthy", "degraded")


def test_the_wrong_token_is_told(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN[::-1])
    with (
        served.reader() as reader,
        pytest.raises(StoreError, match=r"refuses \(401\).*TIDEGATE_TOKEN the server's own"),
    ):
        reader.services()


def test_a_missing_token_is_told(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_PYTHON_TIDEGATE_TOKEN")
    with served.reader() as reader, pytest.raises(StoreError, match=r"set OTEL_PYTHON_TIDEGATE_TOKEN to the server's"):
        reader.trace("abcd")


def test_records_come_before_the_answer_has_ended() -> None:
    taken = threading.Event()

    def reply() -> Iterator[bytes]:
        yield NDJSON + line(1)
        assert taken.wait(60)
        yield line(2)

    with scripted(reply) as server, tidegate.store.open(server.url) as reader:
        records = reader.logs()
        first = next(records)
        taken.set()
        assert [first.body, *(record.body for record in records)] == [1, 2]


def test_a_million_records_do_not_fill_the_memory() -> None:
    block = line("x" * 500) * 500
    with scripted(lambda: [NDJSON, *repeat(block, 100)]) as server, tidegate.store.open(server.url) as reader:
        next(reader.logs())
        tracemalloc.start()
        count = sum(1 for _ in reader.logs())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 50_000
    assert peak < 4 << 20


def test_a_question_that_is_dropped_lets_its_connection_go() -> None:
    gone = threading.Event()

    def reply() -> Iterator[bytes]:
        yield NDJSON
        try:
            while True:
                yield line("x" * 1000) * 100
        finally:
            gone.set()

    with scripted(reply) as server, tidegate.store.open(server.url) as reader:
        records = cast("Any", reader.logs())
        next(records)
        records.close()
        assert gone.wait(60)


# --- servers that are not what they should be


def silence() -> Iterator[bytes]:
    """Nothing, until the server is closed."""
    while True:
        time.sleep(0.05)
        yield b""


def endless(start: bytes, part: bytes) -> Callable[[], Iterable[bytes]]:
    def reply() -> Iterator[bytes]:
        yield start
        yield from repeat(part * (1 << 14) if len(part) < 64 else part)

    return reply


PACKED = head("application/x-ndjson", "200 OK", "content-encoding: gzip")
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (head("text/html") + b"<h1>Shop</h1>", StoreNotFound, "is not a served store: it answered with 200 text/html"),
        (
            head("text/html", "404 Not Found"),
            StoreNotFound,
            "it answered with 404 text/html; give the URL of `tidegate",
        ),
        (head("application/json") + b"{}", StoreNotFound, "answered with 200 application/json"),
        (head(PROBLEM, "404 Not Found") + b'{"detail": "nothing"}', StoreNotFound, "answered with 404"),
        (head(PROBLEM, "400 Bad Request") + b"[", StoreNotFound, "answered with 400"),
        (head(PROBLEM, "403 No") + b'{"detail": "the Host is odd."}', StoreError, r"refuses \(403\): the Host is odd"),
        (head("text/html", "502 Bad Gateway"), StoreError, r"cannot answer now \(502\)"),
        (head(PROBLEM, "503 No") + b'{"detail": "come again."}', StoreError, r"answer now \(503\): come again"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", StoreError, "does not speak HTTP as it should"),
        (b"", StoreError, "cannot be read: Remote end closed connection"),
        (NDJSON + line()[:-5], StoreError, "the answer ended in the middle of a line"),
        (CHUNKED + b"FF\r\n{", StoreError, "the answer broke off"),
        (CHUNKED + b"what\r\n", StoreError, "the answer broke off"),
        (head("application/x-ndjson", "200 OK", "content-length: 99") + line()[:9], StoreError, "the answer broke off"),
        (PACKED + gzip.compress(line())[:-9], StoreError, "the answer broke off"),
        (PACKED + line(), StoreError, "does not speak HTTP as it should .*decompressing data"),
        (NDJSON + b"<html>\n", StoreError, "sent what is not a record"),
        (NDJSON + b"[]\n", StoreError, "sent what is not a record"),
        (NDJSON + b'"text"\n', StoreError, "sent what is not a record"),
        (NDJSON + b"{}\n", StoreError, "sent what is not a record: .* is missing"),
        (NDJSON + b"[" * 100_000 + b"\n", StoreError, "sent what is not a record"),
        (NDJSON + line(severity_number="high"), StoreError, "severity_number is 'high'"),
        (NDJSON + line(scope=[1]), StoreError, r"scope is \[1\]"),
    ],
)
def test_a_server_that_is_wrong_is_told_clearly(reply: bytes, kind: type[StoreError], message: str) -> None:
    with scripted(reply) as server, pytest.raises(kind, match=message) as caught:
        logs_of(server)
    assert len(str(caught.value)) < 2000


def test_a_redirect_is_not_followed_and_takes_no_token_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    with scripted(NDJSON) as other, scripted(head("text/html", "302 Found", f"location: {other.url}/logs")) as server:
        with pytest.raises(StoreError, match=f"redirects to '{other.url}/logs'; that is not followed"):
            logs_of(server)
        assert other.requests == []


def test_nothing_that_listens_is_told() -> None:
    with (
        tidegate.store.open("http://127.0.0.1:1") as reader,
        pytest.raises(StoreError, match="nothing listens at http"),
    ):
        reader.services()


@pytest.mark.parametrize("host", ["a" * 70 + ".invalid", "a..b"])
def test_a_host_that_no_network_has_is_told(host: str) -> None:
    with (
        tidegate.store.open(f"http://{host}") as reader,
        pytest.raises(StoreError, match="there is no host of the name"),
    ):
        reader.services()


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_S", 0.1)
    with scripted(silence) as server, pytest.raises(StoreError, match="it does not answer in time"):
        logs_of(server)


@pytest.mark.parametrize(
    ("start", "part", "message"),
    [
        (NDJSON, b"a", "a line of more than 1 MiB"),
        (PACKED, gzip.compress(b"a" * (64 << 20)), "a line of more than 1 MiB"),
        (CHUNKED + b"FFFFFFFF\r\n", b"a", "a line of more than 1 MiB"),
        (head(PROBLEM, "400 Bad Request"), b"a", "is not a served store"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n", "does not speak HTTP as it should"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a", "does not speak HTTP as it should"),
        (b"", b"a", "does not speak HTTP as it should"),
    ],
    ids=["line", "gzip", "chunk", "refusal", "headers", "header", "status"],
)
def test_what_has_no_end_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, start: bytes, part: bytes, message: str
) -> None:
    monkeypatch.setattr(client, "MAX_LINE", 1 << 20)
    with scripted(endless(start, part)) as server:
        tracemalloc.start()
        with pytest.raises(StoreError, match=message):
            logs_of(server)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 12 << 20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's own, with its key."""
    directory = tmp_path_factory.mktemp("certificate")
    path = directory / "own.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", directory / "key.pem", "-out", path], check=True, capture_output=True, timeout=60
    )
    path.write_bytes(path.read_bytes() + (directory / "key.pem").read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path) -> Iterator[str]:
    """The URL of a server with that certificate; it answers one log record."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with scripted(NDJSON + line()) as server:
        server.wrap = lambda connection: context.wrap_socket(connection, server_side=True)
        yield server.url.replace("http://", "https://")


def test_a_certificate_that_nobody_vouches_for_is_refused(tls: str) -> None:
    with (
        tidegate.store.open(tls) as reader,
        pytest.raises(StoreError, match=r"certificate of https://.* is not trusted: self.signed.*SSL_CERT_FILE"),
    ):
        list(reader.logs())


def test_one_s_own_authority_may_be_named(tls: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with tidegate.store.open(tls) as reader:
        assert [log.body for log in reader.logs()] == ["hello"]


def test_a_url_with_the_wrong_scheme_is_told(served: Store) -> None:
    with served.reader() as reader:
        url = reader.location.replace("http:", "https:")
    with (
        tidegate.store.open(url) as reader,
        pytest.raises(StoreError, match="as it does when it is http:// and not https://"),
    ):
        list(reader.logs())


def test_an_answer_that_comes_too_late_for_a_trace_is_none(served: Store) -> None:
    class Late(Deadline):
        is_over = True

    put(served.writer(), [span(trace=0xABC << 100)])
    with pytest.raises(QueryTimeout, match="longer than its timeout of 60 s, before there was an answer"):
        served.reader().trace(f"{0xABC << 100:032x}", timeout=Late(60.0))
