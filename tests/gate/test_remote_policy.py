"""A policy comes from a server, whatever that server does."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from policy_server import PolicyServer, document, policy_server, with_etag
from scripted import head, scripted
from tidegate.errors import ConfigurationError
from tidegate.gate.policies import remote
from tidegate.gate.policies.lines import MAX_BYTES
from tidegate.gate.policies.sources import JAEGER_REFRESH_S, REFRESH_S, Unavailable, source

POLICY = '{"traces": {"budget": 7}}'


@pytest.fixture
def server() -> Iterator[PolicyServer]:
    with policy_server() as server:
        yield server


def trouble(url: str, **options: str) -> str:
    with pytest.raises(Unavailable) as unavailable:
        source(url, **options).fetch()  # type: ignore[arg-type]
    return str(unavailable.value)


def test_a_document_is_given_as_it_is(server: PolicyServer) -> None:
    server.answer = document(POLICY)
    assert source(f"{server.url}/shop/policy.json?stage=live").fetch() == POLICY.encode()
    assert server.requests[0][0] == "/shop/policy.json?stage=live"


def test_the_query_is_not_shown(server: PolicyServer) -> None:
    assert source(f"{server.url}/p?key=secret").location == f"{server.url}/p"


def test_the_token_is_shown_to_the_server(server: PolicyServer) -> None:
    server.answer = document(POLICY)
    source(server.url, token="t0ken").fetch()
    assert server.requests[0][1]["authorization"] == "Bearer t0ken"


def test_without_a_token_nothing_is_shown(server: PolicyServer) -> None:
    server.answer = document(POLICY)
    source(server.url).fetch()
    assert "authorization" not in server.requests[0][1]


def test_an_unchanged_document_is_not_sent_again(server: PolicyServer) -> None:
    server.answer = with_etag(POLICY, '"1"')
    one = source(server.url)
    assert [one.fetch(), one.fetch()] == [POLICY.encode(), None]
    assert server.requests[1][1]["if-none-match"] == '"1"'


def test_a_changed_document_is(server: PolicyServer) -> None:
    one = source(server.url)
    server.answer = with_etag(POLICY, '"1"')
    one.fetch()
    server.answer = with_etag("other", '"2"')
    assert one.fetch() == b"other"


def test_the_time_of_a_document_serves_as_well_as_an_etag(server: PolicyServer) -> None:
    server.answer = document(POLICY, Last_Modified="Sat, 21 Nov 2026 10:00:00 GMT")
    one = source(server.url)
    one.fetch()
    one.fetch()
    assert server.requests[1][1]["if-modified-since"] == "Sat, 21 Nov 2026 10:00:00 GMT"


def test_not_modified_is_no_answer_to_who_has_nothing(server: PolicyServer) -> None:
    server.answer = document("", 304)
    assert "answers 304" in trouble(server.url)


def test_a_redirect_within_the_origin_is_followed_with_the_token(server: PolicyServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        document(*(("", 302) if handler.path == "/" else (POLICY,)), Location="/v2?x=1")(handler)

    server.answer = answer
    assert source(server.url, token="t0ken").fetch() == POLICY.encode()
    assert [(path, headers["authorization"]) for path, headers in server.requests] == [
        ("/", "Bearer t0ken"),
        ("/v2?x=1", "Bearer t0ken"),
    ]


def test_a_redirect_elsewhere_is_not_followed(server: PolicyServer) -> None:
    with policy_server() as other:
        server.answer = document("", 307, Location=f"{other.url}/p")
        assert "which is not followed" in trouble(server.url, token="t0ken")
        assert other.requests == []


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "//user@127.0.0.1/", "http://[", "file:///etc/passwd"])
def test_a_redirect_to_something_else_is_not_followed(server: PolicyServer, location: str) -> None:
    server.answer = document("", 302, Location=location)
    assert "is not followed" in trouble(server.url)


def test_redirects_have_an_end(server: PolicyServer) -> None:
    server.answer = document("", 302, Location="/again")
    assert "redirects more than 3 times" in trouble(server.url)
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [204, 400, 404, 410, 429, 500, 503])
def test_another_status_is_no_policy(server: PolicyServer, status: int) -> None:
    server.answer = document(POLICY, status)
    assert f"answers {status}" in trouble(server.url)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_token(server: PolicyServer, status: int) -> None:
    server.answer = document("", status)
    assert "OTEL_PYTHON_TIDEGATE_POLICY_TOKEN" in trouble(server.url)


def test_a_page_for_people_is_no_policy(server: PolicyServer) -> None:
    server.answer = document("<html>", Content_Type="text/html; charset=utf-8")
    assert "a page for people (text/html)" in trouble(server.url)


def test_a_compressed_answer_is_no_policy(server: PolicyServer) -> None:
    server.answer = document(POLICY, Content_Encoding="gzip")
    assert "answers compressed" in trouble(server.url)


def test_of_a_huge_answer_no_more_is_read_than_could_be_a_policy(server: PolicyServer) -> None:
    server.answer = document(b"x" * (4 * MAX_BYTES))
    found = source(server.url).fetch()
    assert isinstance(found, bytes)
    assert len(found) == MAX_BYTES + 1


def test_an_answer_that_breaks_off_is_no_policy(server: PolicyServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(POLICY.encode())

    server.answer = answer
    assert "broke off" in trouble(server.url)


def test_what_does_not_speak_http_is_no_policy(server: PolicyServer) -> None:
    server.answer = lambda handler: (handler.wfile.write(b"\x00" * 100), None)[1]
    assert "it does not speak HTTP as it should" in trouble(server.url)


def test_junk_with_line_breaks_is_told_in_one_line(server: PolicyServer) -> None:
    server.answer = lambda handler: (handler.wfile.write(b"one\r\ntwo\r\n"), None)[1]
    assert trouble(server.url).isprintable()


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_wants_a_token_is_told_with_the_next_step(server: PolicyServer, status: int) -> None:
    server.answer = lambda handler: handler.send_error(status)
    expected = "so it wants to know who asks; set OTEL_PYTHON_TIDEGATE_POLICY_TOKEN to its token."
    assert trouble(server.url).endswith(expected)


@pytest.mark.parametrize("length", [True, False], ids=["with its length", "until the end"])
def test_an_answer_that_trickles_has_an_end(
    server: PolicyServer, monkeypatch: pytest.MonkeyPatch, *, length: bool
) -> None:
    monkeypatch.setattr(remote, "TOTAL_S", 0.2)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if length:
            handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.01)

    server.answer = answer
    assert server.url in trouble(server.url)


def test_nobody_there_is_told(free_port: int) -> None:
    assert trouble(f"http://127.0.0.1:{free_port}/p") == (
        f"http://127.0.0.1:{free_port}/p cannot be read: nothing listens there."
    )


def test_an_unknown_host_is_told() -> None:
    assert "there is no host of that name" in trouble("http://no-such-host.invalid/p")


def test_plain_http_where_tls_is_meant_is_told(server: PolicyServer) -> None:
    assert "TLS failed" in trouble(server.url.replace("http://", "https://"))


@pytest.mark.parametrize(
    "url", ["http://", "http://:80/", "http://a b/", "http://user:pw@host/p", "http://host:port/", "http://[::1/"]
)
def test_what_is_no_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        source(url)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "tokén"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        source("http://127.0.0.1/", token=token)
    assert token not in str(refused.value)


def test_servers_and_jaeger_have_their_own_intervals() -> None:
    assert source("http://127.0.0.1/").refresh == REFRESH_S == 300
    assert source("jaeger+http://127.0.0.1:5778", service="shop").refresh == JAEGER_REFRESH_S == 60
    assert source("http://127.0.0.1/", refresh=5).refresh == 5


@pytest.mark.parametrize(("path", "asked"), [("", "/sampling"), ("/", "/sampling"), ("/api/sampling", "/api/sampling")])
def test_jaeger_is_asked_about_the_service(server: PolicyServer, path: str, asked: str) -> None:
    server.answer = document("{}")
    source(f"jaeger+{server.url}{path}", service="a shop & more").fetch()
    assert server.requests[0][0] == f"{asked}?service=a%20shop%20%26%20more"


def test_jaeger_needs_a_service() -> None:
    with pytest.raises(ConfigurationError, match="set OTEL_SERVICE_NAME"):
        source("jaeger+http://127.0.0.1:5778")


def test_asking_leaves_no_telemetry(server: PolicyServer) -> None:
    """Nothing that an instrumentation patches is even imported."""
    server.answer = document(POLICY)
    program = f"""
import sys
import time
from tidegate.gate.policies.sources import source
source({server.url!r}).fetch()
print([name for name in sys.modules if name in ("requests", "urllib3", "httpx", "aiohttp", "opentelemetry")])
"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"[]\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's own, with its key."""
    directory = tmp_path_factory.mktemp("certificate")
    path, key = directory / "own.pem", directory / "key.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", key, "-out", path], check=True, capture_output=True, timeout=60)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path) -> Iterator[str]:
    """The URL of a server with that certificate, which answers with a policy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with scripted(head("application/json") + POLICY.encode()) as server:
        server.wrap = lambda connection: context.wrap_socket(connection, server_side=True)
        yield server.url.replace("http://", "https://")


def test_a_certificate_that_nobody_vouches_for_is_refused(tls: str) -> None:
    assert "its certificate is not trusted" in trouble(tls, token="t0ken")


def test_one_s_own_authority_may_be_named(tls: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert source(tls).fetch() == POLICY.encode()
