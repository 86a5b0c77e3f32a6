"""The rules of the guard, with a clock of its own and mounts that no server of ours has."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from served import TOKEN
from tidegate.errors import ConfigurationError
from tidegate.serve.guard import CODE_SECONDS, MAX_CODES, SESSION_SECONDS, Guard
from tidegate.serve.message import Problem, Request, Response
from tidegate.serve.site import Site

NAVIGATION = {"sec-fetch-mode": "navigate", "accept": "text/html,*/*;q=0.8"}


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    return Guard(TOKEN, clock=clock)


def request(path: str = "/logs", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", path, headers={"host": "localhost:4319", **named})


def site(store_dir: Path, guard: Guard, **options: Any) -> Site:
    return Site(lambda: tidegate.store.open(store_dir, missing_ok=True), guard, **options)


def refused(check: Any, *arguments: Any) -> int:
    with pytest.raises(Problem) as problem:
        check(*arguments)
    return problem.value.status


def body(response: Response) -> str:
    return b"".join(response.body).decode()


# --- hosts


@pytest.mark.parametrize(
    ("allowed", "host", "ours"),
    [
        (["shop.example.com"], "shop.example.com", True),
        (["Shop.Example.com"], "SHOP.example.COM.:8080", True),
        (["shop.example.com"], "example.com", False),
        (["shop.example.com"], "a.shop.example.com", False),
        (["*.example.com"], "a.b.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "evilexample.com", False),
        (["*.example.com"], "example.com.evil.test", False),
        (["*"], "anything.test", True),
        (["*"], "anything.test/", False),
        ([], "shop.example.com", False),
    ],
)
def test_only_allowed_names_are_ours(allowed: list[str], host: str, ours: bool) -> None:
    guard = Guard(TOKEN, allowed)
    if ours:
        guard.check_host(request(host=host))
    else:
        assert refused(guard.check_host, request(host=host)) == 403


def test_names_may_be_allowed_without_a_token() -> None:
    Guard("", ["shop.example.com"]).check_host(request(host="shop.example.com"))


def test_any_name_may_not_be_allowed_without_a_token() -> None:
    with pytest.raises(ConfigurationError, match="DNS rebinding"):
        Guard("", ["*"])


def test_the_token_is_not_in_the_repr() -> None:
    assert TOKEN not in repr(Guard(TOKEN))


# --- origins


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:4319", "http://localhost:4319"),
        ("LOCALHOST:4319", "http://localhost:4319"),
        ("shop.example.com", "https://shop.example.com"),
        ("[::1]:4319", "http://[::1]:4319"),
    ],
)
def test_the_own_origin_may_ask(guard: Guard, host: str, origin: str) -> None:
    guard.check_origin(request(host=host, origin=origin, sec_fetch_site="same-origin"))


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost", "http://localhost:43190", "http://localhost:4319/", "http://localhost:4319.evil.test"),
        *("localhost:4319", "ftp://localhost:4319", "null", "", "http://user@localhost:4319", "chrome-extension://abc"),
    ],
)
def test_no_other_origin_may_ask(guard: Guard, origin: str) -> None:
    assert refused(guard.check_origin, request(origin=origin)) == 403


# --- the cookie


def cookie(guard: Guard, asked: Request | None = None) -> str:
    return guard.cookie(asked or request()).partition(";")[0]


def test_the_cookie_logs_in(guard: Guard) -> None:
    guard.check_token(request(cookie=cookie(guard)))


def test_the_cookie_does_not_hold_the_token(guard: Guard) -> None:
    assert TOKEN not in cookie(guard)


def test_the_cookie_expires(guard: Guard, clock: Clock) -> None:
    made = cookie(guard)
    clock.now += SESSION_SECONDS - 1
    guard.check_token(request(cookie=made))
    clock.now += 1
    assert refused(guard.check_token, request(cookie=made)) == 401


@pytest.mark.parametrize("change", [(-1, ""), (-1, "g"), (-64, ""), (len("tidegate_session_4319="), "9" * 12)])
def test_a_changed_cookie_does_not_log_in(guard: Guard, change: tuple[int, str]) -> None:
    place, text = change
    made = cookie(guard)
    assert refused(guard.check_token, request(cookie=made[:place] + text)) == 401


def test_a_later_expiry_needs_a_signature_of_its_own(guard: Guard) -> None:
    name, _, value = cookie(guard).partition("=")
    expires, _, signature = value.partition(".")
    assert refused(guard.check_token, request(cookie=f"{name}={int(expires) + 1}.{signature}")) == 401


@pytest.mark.parametrize("value", ["", ".", "a.b", "9" * 5000 + ".a", "٣.a", "-1.a", "é", "9999999999." + "0" * 64])
def test_a_made_up_cookie_does_not_log_in(guard: Guard, value: str) -> None:
    assert refused(guard.check_token, request(cookie=f"tidegate_session_4319={value}")) == 401


@pytest.mark.parametrize(
    "around", ["{}", 'app={{"a":1}}; {}', "tidegate_session_4319=old; {}", "{}; tidegate_session_4319=old", " ;;=;{} ;"]
)
def test_other_cookies_of_the_host_are_not_in_the_way(guard: Guard, around: str) -> None:
    guard.check_token(request(cookie=around.format(cookie(guard))))


def test_the_cookie_of_another_port_is_another_one(guard: Guard) -> None:
    assert cookie(guard, request(host="localhost:1")).startswith("tidegate_session_1=")
    assert refused(guard.check_token, request(cookie=cookie(guard, request(host="localhost:1")))) == 401


def test_the_cookie_of_a_mount_is_for_its_path_alone(guard: Guard) -> None:
    mounted = Request("GET", "/logs", headers={"host": "localhost"}, root="/shop/telemetry")
    assert "; Path=/shop/telemetry; " in guard.cookie(mounted)


def test_the_cookie_of_https_is_for_https_alone(guard: Guard) -> None:
    assert guard.cookie(Request("GET", "/", headers={"host": "localhost"}, scheme="https")).endswith("; Secure")


def test_the_cookie_opens_nothing_where_no_token_is(guard: Guard) -> None:
    assert not Guard("").is_known(request(cookie=cookie(Guard(""))))


# --- login URLs


def test_a_code_expires(guard: Guard, clock: Clock) -> None:
    code = guard.new_code()
    clock.now += CODE_SECONDS
    assert not guard.use_code(code)


def test_a_code_works_until_it_expires(guard: Guard, clock: Clock) -> None:
    code = guard.new_code()
    clock.now += CODE_SECONDS - 1
    assert guard.use_code(code)


def test_of_many_codes_the_newest_are_kept(guard: Guard) -> None:
    codes = [guard.new_code() for _ in range(MAX_CODES + 1)]
    assert [guard.use_code(code) for code in codes] == [False, *[True] * MAX_CODES]


def test_a_code_has_as_many_bits_as_a_token_needs(guard: Guard) -> None:
    assert len(guard.new_code()) * 6 >= 256


# --- browsers that ask for a page


def test_a_browser_is_led_to_the_form(guard: Guard, store_dir: Path) -> None:
    response = site(store_dir, guard).respond(request(**NAVIGATION))
    assert (response.status, dict(response.headers)["location"]) == (303, "/login")


@pytest.mark.parametrize("lacking", NAVIGATION)
def test_who_asks_for_no_page_is_told_that_a_token_is_needed(guard: Guard, lacking: str) -> None:
    headers = {name: value for name, value in NAVIGATION.items() if name != lacking}
    assert refused(guard.check_token, request(**headers)) == 401


@pytest.mark.parametrize(
    ("root", "base"),
    [
        ("/telemetry", "/telemetry"),
        ("//evil.test", "/evil.test"),
        ("/\\evil.test", "/%5Cevil.test"),
        ("/a\r\nset-cookie: b=c", "/a%0D%0Aset-cookie%3A%20b%3Dc"),
        ('/"><script>', "/%22%3E%3Cscript%3E"),
        ("/a; Domain=test", "/a%3B%20Domain%3Dtest"),
        ("/\x00\ud800", "/%00%3F"),
    ],
)
def test_a_mount_path_that_a_client_chose_stays_a_path_of_this_host(
    guard: Guard, store_dir: Path, root: str, base: str
) -> None:
    mounted = site(store_dir, guard)
    headers = {"host": "localhost", **NAVIGATION}
    assert (
        dict(mounted.respond(Request("GET", "/logs", headers=headers, root=root)).headers)["location"]
        == f"{base}/login"
    )
    page = body(mounted.respond(Request("GET", "/login", headers=headers, root=root)))
    assert re.findall('action="([^"]*)"', page) == [html.escape(f"{base}/login")]
    assert "<script" not in page
    assert f"; Path={base}; " in guard.cookie(Request("GET", "/", headers=headers, root=root))


# --- health for anyone


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/live"])
def test_open_health_tells_anyone_a_status_and_nothing_else(guard: Guard, store_dir: Path, path: str) -> None:
    response = site(store_dir, guard, open_health=True).respond(request(path))
    assert re.fullmatch(r'\{"status":"[a-z]+"\}\n', body(response))


def test_open_health_tells_components_to_who_shows_the_token(guard: Guard, store_dir: Path) -> None:
    asked = request("/health", authorization=f"Bearer {TOKEN}")
    assert "components" in body(site(store_dir, guard, open_health=True).respond(asked))


@pytest.mark.parametrize("path", ["/healthy", "/health/other", "/logs", "/", "/services"])
def test_open_health_opens_nothing_else(guard: Guard, store_dir: Path, path: str) -> None:
    assert site(store_dir, guard, open_health=True).respond(request(path)).status == 401


def test_open_health_still_asks_for_the_host_and_the_origin(guard: Guard, store_dir: Path) -> None:
    opened = site(store_dir, guard, open_health=True)
    assert opened.respond(request("/health", host="evil.test")).status == 403
    assert opened.respond(request("/health", origin="http://evil.test")).status == 403


def test_health_is_not_open_by_itself(guard: Guard, store_dir: Path) -> None:
    assert site(store_dir, guard).respond(request("/health")).status == 401


def test_what_went_wrong_is_not_told(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Any:
        raise RuntimeError("a secret")

    response = Site(fail, guard).respond(request(authorization=f"Bearer {TOKEN}"))
    assert response.status == 500
    assert "secret" not in body(response)
    assert "a secret" in caplog.text
