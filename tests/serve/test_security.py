"""Who can read what is served, point by point, against a real server with real clients."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from browsing import Browser, browser, other_site
from live_server import LiveServer
from served import TOKEN, fill, served
from tidegate.serve.routes import ROUTES

pytestmark = pytest.mark.servers

BEARER = {"authorization": f"Bearer {TOKEN}"}
GUARDED = [route.path.format(trace_id="0123", pattern_id="0123") for route in ROUTES if not route.is_open]

WEBSOCKET = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
}


@dataclass(frozen=True)
class World:
    """A server with a token, one without, the port of another site's server, and a browser."""

    server: LiveServer
    open: LiveServer
    elsewhere: int
    browser: Browser

    @property
    def page(self) -> str:
        """A page of another site."""
        return f"http://evil.test:{self.elsewhere}/"

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.open.port}{path}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("guarded")
    fill(directory)
    with ExitStack() as stack:
        enter = stack.enter_context
        yield World(
            enter(served(directory)), enter(served(directory, token="")), enter(other_site()), enter(browser(directory))
        )


@pytest.fixture
def server(world: World) -> LiveServer:
    return world.server


@pytest.fixture
def attacker(world: World) -> Browser:
    """A browser that shows a page of another site, whose scripts tests run."""
    world.browser.visit(world.page)
    return world.browser


def raw(server: LiveServer, head: bytes, host: bool = True) -> tuple[int, bytes]:
    """Status and whole answer of a request whose bytes are given, as no proper client would send it."""
    lines = [head, b"Connection: close", *([b"Host: localhost"] if host else [])]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ")[1]), answer


# --- the host, before anything else


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "localhost.", "shop.localhost", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:4319"],
)
def test_a_host_that_is_this_machine_is_answered(server: LiveServer, host: str) -> None:
    assert server.get("/logs", host=host, **BEARER).status_code == 200


OTHER_HOSTS = """
evil.test localhost.evil.test evil.test:4319 127.0.0.1.evil.test evil-localhost xn--bcher-kva.test
user@localhost user:secret@localhost localhost@evil.test localhost/evil localhost# localhost?a localhost,localhost
localhost:port localhost: localhost:123456 localhost.. ::1 [::1 [::1]evil [fe80::1%lo] . *
127.1 2130706433 0x7f000001 0177.0.0.1 256.1.1.1
"""


@pytest.mark.parametrize("host", ["", "localhost evil.test", *OTHER_HOSTS.split()])
def test_any_other_host_is_refused_whoever_asks(server: LiveServer, host: str) -> None:
    answer = server.get("/logs", host=host, **BEARER)
    assert answer.status_code in (400, 403)
    assert "order" not in answer.text


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "10.0.0.1:4319", "[2001:db8::1]", "169.254.169.254"])
def test_an_address_that_is_not_loopback_needs_a_server_with_a_token(world: World, host: str) -> None:
    assert world.server.get("/logs", host=host, **BEARER).status_code == 200
    assert world.open.get("/logs", host=host).status_code == 403


def test_the_host_is_checked_before_the_token_and_the_path(server: LiveServer) -> None:
    for path in ("/logs", "/login", "/nothing", "/health/live", "/logs?nothing=1"):
        assert server.get(path, host="evil.test").status_code == 403


@pytest.mark.parametrize("name", ["x-forwarded-host", "forwarded", "x-host", "x-original-host"])
def test_no_other_header_says_the_host(server: LiveServer, name: str) -> None:
    value = "host=localhost" if name == "forwarded" else "localhost"
    assert server.get("/logs", host="evil.test", **{name: value}, **BEARER).status_code == 403


@pytest.mark.parametrize(
    "head",
    [
        b"GET /logs HTTP/1.1",
        b"GET /logs HTTP/1.0",
        b"GET /logs HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
        b"GET /logs HTTP/1.1\r\nHost: localhost\r\nHost: evil.test",
        b"GET /logs HTTP/1.1\r\nHost: local\x00host",
        b"GET /logs HTTP/1.1\r\nHost : localhost",
    ],
)
def test_a_request_with_no_host_or_several_is_refused(world: World, head: bytes) -> None:
    status, answer = raw(world.open, head, host=False)
    assert status in (400, 403)
    assert b"order" not in answer


@pytest.mark.parametrize(
    "target", [b"http://evil.test/logs", b"//evil.test/logs", b"http:///logs", b"*", b"evil.test:80", b"\\logs"]
)
def test_a_target_that_is_no_path_of_ours_gets_nothing(world: World, target: bytes) -> None:
    status, answer = raw(world.open, b"GET " + target + b" HTTP/1.1")
    assert 400 <= status < 500
    assert b"order" not in answer


def test_a_name_that_is_rebound_to_this_machine_gets_nothing(world: World) -> None:
    world.browser.visit(f"http://rebound.test:{world.open.port}/logs/json")
    assert "the Host header is 'rebound.test" in world.browser.text
    assert world.browser.run("fetch('/logs').then(answer => answer.status)") == 403


# --- pages of other sites, with a server that needs no token: nothing but the origin stands between


_LOADS = "new Promise((yes, no) => document.head.append(Object.assign({}, {{onload: yes, onerror: no, {}: '%s'}})))"

ATTEMPTS = {
    "fetch": ("/logs?limit=1", "fetch('%s')"),
    "opaque fetch": ("/logs?limit=2", "fetch('%s', {mode: 'no-cors', credentials: 'include'})"),
    "preflight": ("/logs?limit=3", "fetch('%s', {headers: {'X-Custom': '1'}})"),
    "post": ("/logs?limit=4", "fetch('%s', {method: 'POST', mode: 'no-cors', body: 'a=b'})"),
    "image": ("/logs?limit=5", _LOADS.format("new Image()", "src")),
    "script": ("/logs?limit=6", _LOADS.format("document.createElement('script')", "src")),
    "style": ("/metrics", _LOADS.format("document.createElement('link')", "rel: 'stylesheet', href")),
    "events": (
        "/logs/stream",
        "new Promise((yes, no) => Object.assign(new EventSource('%s'), {onopen: yes, onerror: no}))",
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_page_of_another_site_gets_nothing(world: World, attacker: Browser, attempt: str) -> None:
    path, script = ATTEMPTS[attempt]
    url = world.url(path)
    said = attacker.run(script % url + ".then(() => 'got', () => 'refused')")
    assert said == "refused"
    assert attacker.wait_for(lambda: attacker.answered(url)) == [403]


_OPENS = (
    "new Promise(done => Object.assign(new WebSocket('%s'),"
    " {onopen: () => done('open'), onerror: () => done('error')}))"
)


@pytest.mark.parametrize("site", ["http://evil.test", "http://localhost", "http://127.0.0.1"])
def test_a_page_of_another_origin_gets_no_websocket(world: World, site: str) -> None:
    world.browser.visit(f"{site}:{world.elsewhere}/")
    url = f"ws://127.0.0.1:{world.open.port}/stream?service={site[7:]}"
    assert world.browser.run(_OPENS % url) == "error"
    assert world.browser.wait_for(lambda: world.browser.answered(url)) == [403]


def test_a_page_of_the_server_itself_gets_everything(world: World) -> None:
    world.browser.visit(world.url("/"))
    assert world.browser.run("fetch('/logs').then(answer => answer.status)") == 200
    assert world.browser.run(_OPENS % f"ws://127.0.0.1:{world.open.port}/stream") == "open"
    events = "new Promise(done => Object.assign(new EventSource('/logs/stream'), {onopen: () => done('open')}))"
    assert world.browser.run(events) == "open"


@pytest.mark.parametrize("path", ["/logs/json", "/login", "/nothing"])
def test_no_page_of_another_site_can_frame_ours(world: World, attacker: Browser, path: str) -> None:
    url = f"http://127.0.0.1:{world.server.port}{path}"
    attacker.run(f"document.body.append(Object.assign(document.createElement('iframe'), {{src: '{url}'}}))")
    assert attacker.wait_for(lambda: attacker.failures(url)) == ["net::ERR_BLOCKED_BY_RESPONSE"]


def test_a_link_from_another_site_shows_nothing(world: World, attacker: Browser) -> None:
    attacker.leave(f"location.href = '{world.url('/logs/json')}'")
    assert "Sec-Fetch-Site is 'cross-site'" in attacker.text


def test_no_script_runs_in_a_page_of_ours_even_if_it_got_there(world: World) -> None:
    world.browser.visit(f"http://127.0.0.1:{world.server.port}/login")
    world.browser.run(
        "(() => { const it = document.createElement('script'); it.textContent = 'document.title = \"ran\"';"
        " document.body.append(it) })()"
    )
    assert world.browser.run("document.title") == "Tidegate"


def test_what_was_recorded_is_never_taken_for_a_page(world: World) -> None:
    world.browser.visit(world.url("/logs/json?text=%3Cscript%3E"))
    assert "<script>" in world.browser.text
    assert world.browser.run("[document.contentType, document.scripts.length]") == ["application/json", 0]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"origin": "file://"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "same-origin, same-origin"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/logs", "/nothing", "/logs?nothing=1", "/stream", "/health/live"])
def test_another_origin_is_refused_even_with_the_token(server: LiveServer, path: str, headers: dict[str, str]) -> None:
    assert server.get(path, **headers, **BEARER).status_code == 403


def test_a_websocket_of_another_origin_is_refused_even_with_the_token(server: LiveServer) -> None:
    answer = server.get("/stream", origin="http://evil.test", **WEBSOCKET, **BEARER)
    assert answer.status_code == 403
    assert answer.headers["x-content-type-options"] == "nosniff"


# --- the token


@pytest.mark.parametrize("path", [*GUARDED, "/nothing", "/logs?nothing=1", "/favicon.ico"])
def test_without_the_token_nothing_is_said(server: LiveServer, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="tidegate"'
    assert answer.json() == server.get("/other").json()


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "ANYTHING"])
def test_no_other_method_goes_round_the_token(server: LiveServer, method: str) -> None:
    assert server.client.request(method, "/logs").status_code == 401


def test_a_websocket_needs_the_token(server: LiveServer) -> None:
    answer = server.get("/stream", **WEBSOCKET)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="tidegate"')


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.lower()}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f"Basic {base64.b64encode(f'user:{TOKEN}'.encode()).decode()}",
        TOKEN,
        f"Bearer {'é' * 4}",
    ],
)
def test_what_is_not_the_token_does_not_do(server: LiveServer, shown: str) -> None:
    answer = server.client.get("/logs", headers={b"authorization": shown.encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "code={}", "authorization=Bearer%20{}"])
def test_a_token_in_the_url_does_not_do(server: LiveServer, query: str) -> None:
    assert server.get("/logs?" + query.format(TOKEN)).status_code == 401


def test_a_token_is_in_no_answer_and_not_in_the_log(server: LiveServer) -> None:
    answers = [
        server.get(path, **headers)
        for path in (f"/logs?token={TOKEN}", f"/logs?{TOKEN}", "/", "/openapi.json", "/nothing", "/login")
        for headers in ({}, BEARER, {"authorization": f"Basic {TOKEN}"}, {"cookie": f"tidegate_session_={TOKEN}"})
        if not (headers and path.endswith(f"?{TOKEN}"))
    ]
    answers += [
        server.client.post("/login", data={"token": TOKEN[:-1]}),
        server.client.post("/login", data={"x": TOKEN}),
    ]
    assert not any(TOKEN[:-1] in f"{answer.headers}{answer.text}" for answer in answers)
    assert TOKEN[:-1] not in server.output.read_text()


# --- what goes out with every answer


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/logs", BEARER, 200),
        ("HEAD", "/logs", BEARER, 200),
        ("GET", "/", BEARER, 200),
        ("GET", "/login", {}, 200),
        ("GET", "/logs?nothing=1", BEARER, 400),
        ("GET", "/logs", {}, 401),
        ("GET", "/logs", {"host": "evil.test"}, 403),
        ("GET", "/nothing", BEARER, 404),
        ("DELETE", "/logs", BEARER, 405),
        ("POST", "/login", {}, 415),
        ("GET", "/stream", BEARER, 426),
        ("GET", "/stream", WEBSOCKET, 401),
        ("OPTIONS", "/logs", {"origin": "http://evil.test", "access-control-request-method": "GET"}, 403),
        ("OPTIONS", "/logs", {**BEARER, "access-control-request-method": "GET"}, 405),
    ],
)
def test_every_answer_carries_what_protects_it(
    server: LiveServer, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = server.client.request(method, path, headers=headers)
    assert answer.status_code == status
    expected = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    policy = answer.headers["content-security-policy"]
    assert all(part in policy for part in ("default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"))
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "server" not in answer.headers


# --- what comes in is bounded


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/logs?text=" + "a" * 8192, {}, 414),
        ("/" + "a" * 8193, {}, 414),
        ("/logs", {"x-long": "a" * 8193}, 431),
        ("/logs", {f"x-{number}": "a" for number in range(129)}, 431),
        ("/logs?" + "&".join(["where=a=b"] * 65), {}, 400),
        ("/logs?" + "&" * 65, {}, 400),
        ("/logs", {"accept": "a/b," * 2000}, 200),
        ("/logs", {"accept-encoding": "gzip;q=0.1," * 700}, 200),
        ("/logs", {"cookie": "a=b;" * 2000}, 200),
        ("/logs", {"cookie": "=;" * 4000}, 200),
        ("/logs/stream", {"last-event-id": "a" * 8000}, 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_too_long_or_too_much_is_refused(
    server: LiveServer, path: str, headers: dict[str, str], status: int
) -> None:
    assert server.get(path, **headers, **BEARER).status_code == status


def test_a_long_token_is_just_a_wrong_one(server: LiveServer) -> None:
    assert server.get("/logs", authorization="Bearer " + "a" * 8000).status_code == 401


@pytest.mark.parametrize("head", [b"GET /logs HTTP/1.1\r\nX: " + b"a" * 70000, b"GET /" + b"a" * 70000 + b" HTTP/1.1"])
def test_a_head_without_an_end_is_not_collected(server: LiveServer, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head)
        try:
            said = connection.recv(65536)
        except ConnectionResetError:
            said = b""
    assert said[9:12] in (b"400", b"431", b"")


def test_a_long_body_is_not_collected(server: LiveServer) -> None:
    head = b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 999999999"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head + b"\r\nHost: localhost\r\n\r\n" + b"a" * 5000)
        assert connection.recv(12) == b"HTTP/1.1 413"


# --- nothing but what is asked for is read


@pytest.mark.parametrize(
    "path",
    [
        b"/../../etc/passwd",
        b"/logs/../../../etc/passwd",
        b"/%2e%2e/%2e%2e/etc/passwd",
        b"/traces/..%2f..%2fetc%2fpasswd",
        b"/traces/..%5c..%5cetc",
        b"/traces/%00",
        b"/traces/0123%00",
        b"/traces/%ff%fe",
        b"/traces/%c0%ae%c0%ae",
        b"/traces/%F0%9F%A6%80",
        b"/logs%00",
        b"/logs%0d%0aX-Injected:%20yes",
        b"/logs?text=%ff",
        b"/logs?%ff=a",
        b"/logs?cursor=..%2f..%2fetc%2fpasswd",
        b"/logs?since=%00",
        b"/logs?service=%ED%A0%80",
        b"/login/%0d%0aSet-Cookie:%20a=b",
    ],
)
def test_a_path_or_query_that_is_none_is_refused(world: World, path: bytes) -> None:
    status, answer = raw(world.open, b"GET " + path + b" HTTP/1.1")
    assert status in (400, 404)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"x-injected" not in head
    assert b"set-cookie" not in head
    assert b"root:" not in answer


@pytest.mark.parametrize("path", [b"/logs?text=%0d%0aX-Injected:%20yes", b"/logs?text=%00", b"/logs?where=%00=%0a"])
def test_control_characters_in_a_text_are_only_looked_for(world: World, path: bytes) -> None:
    status, answer = raw(world.open, b"GET " + path + b" HTTP/1.1")
    assert status == 200
    assert b"x-injected" not in answer.lower()


def test_bytes_that_are_no_request_get_none_of_the_records(server: LiveServer) -> None:
    for head in (b"\x16\x03\x01\x02\x00", b"GET", b"GET  /logs HTTP/1.1"):
        assert raw(server, head)[0] == 400


def test_the_files_of_a_store_are_their_owners_alone(world: World) -> None:
    store = Path(world.open.output).parent / "store"
    assert not [path for path in (store, *store.rglob("*")) if path.stat().st_mode & 0o077]


def test_no_client_can_use_a_forged_forwarded_scheme_or_address(server: LiveServer) -> None:
    headers = {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "x-forwarded-proto": "https"}
    assert server.get("/logs", **headers).status_code == 401
    logged_in = httpx.post(
        f"http://127.0.0.1:{server.port}/login", data={"token": TOKEN}, headers=headers, trust_env=False
    )
    assert "Secure" not in logged_in.headers["set-cookie"]
