"""How a browser comes from a token or a login URL to a cookie, in a real one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from browsing import Browser, browser, other_site
from live_server import LiveServer
from served import TOKEN, fill, served

pytestmark = pytest.mark.servers

OTHER_TOKEN = TOKEN[::-1]
CLICK = "document.querySelector('button').click()"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("login")
    fill(directory)
    return directory


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[LiveServer]:
    with served(directory) as server:
        yield server


@pytest.fixture
def tab(directory: Path, tmp_path: Path) -> Iterator[Browser]:
    """A browser that nobody has used."""
    with browser(tmp_path) as tab:
        yield tab


@pytest.fixture
def start(directory: Path) -> Iterator[Callable[..., LiveServer]]:
    """``start(*flags, token=…)``: one more server, with a login URL that was not used."""
    with ExitStack() as stack:
        yield lambda *flags, **options: stack.enter_context(served(directory, *flags, **options))


def url(server: LiveServer, path: str = "/", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.port}{path}"


def login_url(server: LiveServer) -> str:
    (found,) = re.findall(r"http\S+/login[?]code=\S+", server.output.read_text())
    return str(found)


def post(server: LiveServer, **options: Any) -> httpx.Response:
    """A form posted by a client that keeps no cookies."""
    return httpx.post(url(server, "/login"), trust_env=False, **options)


def log_in(tab: Browser, server: LiveServer, token: str = TOKEN, host: str = "127.0.0.1") -> None:
    tab.visit(url(server, "/", host))
    tab.run(f"document.querySelector('input').value = '{token}'")
    tab.leave(CLICK)


# --- with the token


def test_a_browser_without_a_cookie_is_shown_the_form(tab: Browser, server: LiveServer) -> None:
    tab.visit(url(server, "/logs/json"))
    assert tab.url == url(server, "/login")
    assert "Token" in tab.text


def test_the_token_in_the_form_opens_everything(tab: Browser, server: LiveServer) -> None:
    log_in(tab, server)
    assert tab.url == url(server)
    tab.visit(url(server, "/logs/json?limit=1"))
    assert "order" in tab.text
    assert tab.run("fetch('/services').then(answer => answer.status)") == 200


def test_a_wrong_token_in_the_form_opens_nothing(tab: Browser, server: LiveServer) -> None:
    log_in(tab, server, TOKEN[:-1])
    assert "This is not the token." in tab.text
    assert tab.run("fetch('/services').then(answer => answer.status)") == 401


def test_scripts_never_see_the_cookie(tab: Browser, server: LiveServer) -> None:
    log_in(tab, server)
    assert tab.run("document.cookie") == ""


def test_servers_at_two_ports_of_a_host_each_keep_their_login(
    tab: Browser, server: LiveServer, start: Callable[..., LiveServer]
) -> None:
    other = start(token=OTHER_TOKEN)
    log_in(tab, server)
    log_in(tab, other, OTHER_TOKEN)
    for each in (server, other):
        tab.visit(url(each, "/logs/json?limit=1"))
        assert "order" in tab.text


def test_the_cookie_is_for_the_host_of_the_login_alone(tab: Browser, server: LiveServer) -> None:
    log_in(tab, server)
    tab.visit(url(server, "/logs/json", "localhost"))
    assert tab.url == url(server, "/login", "localhost")


@pytest.mark.parametrize("site", ["evil.test", "127.0.0.1"])
def test_requests_of_other_pages_get_nothing_out_of_the_cookie(tab: Browser, server: LiveServer, site: str) -> None:
    log_in(tab, server)
    asked = url(server, "/logs?limit=1")
    with other_site() as port:
        tab.visit(f"http://{site}:{port}/")
        tab.run(f"fetch('{asked}', {{credentials: 'include', mode: 'no-cors'}}).catch(() => 1).then(() => 1)")
        assert tab.wait_for(lambda: tab.answered(asked)) == [403]


def test_requests_of_other_sites_do_not_carry_the_cookie(tab: Browser, server: LiveServer) -> None:
    log_in(tab, server)
    asked = url(server, "/login?code=1")
    with other_site() as port:
        tab.visit(f"http://evil.test:{port}/")
        tab.leave(f"location.href = '{asked}'")
        assert tab.wait_for(lambda: tab.sent(asked, "Cookie")) == [""]


def test_no_page_of_another_site_can_log_a_browser_in(tab: Browser, server: LiveServer) -> None:
    form = f'<form method=post action="{url(server, "/login")}"><input name=token value="{TOKEN}"><button>'
    with other_site() as port:
        tab.visit(f"http://evil.test:{port}/")
        tab.run(f"document.body.innerHTML = '{form}'")
        tab.leave(CLICK)
    assert "the Origin is 'http://evil.test" in tab.text
    assert tab.run("fetch('/services').then(answer => answer.status)") == 401


# --- with a login URL


def test_a_login_url_logs_in_by_its_button(tab: Browser, start: Callable[..., LiveServer]) -> None:
    server = start()
    tab.visit(login_url(server))
    tab.leave(CLICK)
    assert tab.url == url(server)
    tab.visit(url(server, "/logs/json?limit=1"))
    assert "order" in tab.text


def test_a_login_url_in_a_page_of_another_site_logs_in_too(tab: Browser, start: Callable[..., LiveServer]) -> None:
    server = start()
    with other_site() as port:
        tab.visit(f"http://evil.test:{port}/")
        tab.leave(f"location.href = '{login_url(server)}'")
        tab.leave(CLICK)
    assert tab.url == url(server)
    assert tab.run("fetch('/services').then(answer => answer.status)") == 200


def test_a_login_url_is_used_once(tab: Browser, start: Callable[..., LiveServer]) -> None:
    server = start()
    tab.visit(login_url(server))
    tab.leave(CLICK)
    tab.visit(login_url(server))
    tab.leave(CLICK)
    assert "This link was used" in tab.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_login_url_uses_nothing_up(method: str, start: Callable[..., LiveServer]) -> None:
    server = start()
    for _ in range(3):
        seen = server.client.request(method, login_url(server))
        assert (seen.status_code, "set-cookie" in seen.headers) == (200, False)
    assert post(server, data={"code": login_url(server).partition("=")[2]}).status_code == 303


def test_of_many_clients_with_one_login_url_one_gets_in(start: Callable[..., LiveServer]) -> None:
    server = start()
    code = login_url(server).partition("=")[2]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: post(server, data={"code": code}).status_code, range(24)))
    assert sorted(statuses) == [303, *[403] * 23]


def test_a_wrong_code_does_not_use_the_right_one_up(start: Callable[..., LiveServer]) -> None:
    server = start()
    code = login_url(server).partition("=")[2]
    assert post(server, data={"code": code[:-1]}).status_code == 403
    assert post(server, data={"code": code}).status_code == 303


def test_a_code_is_no_token_and_no_cookie(server: LiveServer) -> None:
    code = login_url(server).partition("=")[2]
    assert server.get("/logs", authorization=f"Bearer {code}").status_code == 401
    assert server.get("/logs", cookie=f"tidegate_session_{server.port}={code}").status_code == 401


# --- the form, and the cookie that comes of it


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": {"token": TOKEN}}, 303),
        ({"data": {"token": ""}}, 403),
        ({"data": {}}, 415),
        ({"json": {"token": TOKEN}}, 415),
        ({"content": f"token={TOKEN}", "headers": {"content-type": "text/plain"}}, 415),
        ({"files": {"token": TOKEN.encode()}}, 415),
        ({"data": {"token": [TOKEN, TOKEN]}}, 400),
        ({"data": {"token": TOKEN, "next": "//evil.test"}}, 400),
        ({"data": {"token": "a" * 5000}}, 413),
        ({"data": {"token": TOKEN}, "headers": {"origin": "null"}}, 403),
        ({"data": {"token": TOKEN}, "headers": {"origin": "http://evil.test"}}, 403),
        ({"data": {"token": TOKEN}, "headers": {"sec-fetch-site": "cross-site"}}, 403),
        ({"data": {"token": TOKEN}, "headers": {"sec-fetch-site": "same-site"}}, 403),
        ({"data": {"token": TOKEN}, "params": {"next": "//evil.test"}}, 400),
    ],
    ids=str,
)
def test_only_a_form_of_our_own_with_the_token_logs_in(
    server: LiveServer, options: dict[str, Any], status: int
) -> None:
    answer = post(server, **options)
    assert (answer.status_code, "set-cookie" in answer.headers) == (status, status == 303)


@pytest.mark.parametrize("content", [b"token=\xff", b"token=%ff", b"%00", b"&" * 20, b"token", b"\x00" * 100])
def test_a_form_of_any_bytes_is_refused(server: LiveServer, content: bytes) -> None:
    answer = post(server, content=content, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 403)


def test_the_cookie_says_how_it_may_be_used(server: LiveServer) -> None:
    cookie = post(server, data={"token": TOKEN}).headers["set-cookie"]
    name, *flags = cookie.split("; ")
    assert re.fullmatch(rf"tidegate_session_{server.port}=[0-9]+[.][0-9a-f]{{64}}", name)
    assert flags == ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict"]


def test_after_the_login_a_browser_is_led_to_this_server(server: LiveServer) -> None:
    assert post(server, data={"token": TOKEN}).headers["location"] == "/"


def test_any_process_that_knows_the_token_takes_the_cookie(
    server: LiveServer, start: Callable[..., LiveServer]
) -> None:
    value = post(server, data={"token": TOKEN}).headers["set-cookie"].partition(";")[0].partition("=")[2]
    other = start()
    assert other.get("/logs", cookie=f"tidegate_session_{other.port}={value}").status_code == 200


def test_a_server_with_another_token_does_not_take_the_cookie(
    server: LiveServer, start: Callable[..., LiveServer]
) -> None:
    value = post(server, data={"token": TOKEN}).headers["set-cookie"].partition(";")[0].partition("=")[2]
    other = start(token=OTHER_TOKEN)
    assert other.get("/logs", cookie=f"tidegate_session_{other.port}={value}").status_code == 401


def test_what_the_url_says_is_text_in_the_page(tab: Browser, server: LiveServer) -> None:
    tab.visit(url(server, "/login?code=%22%3E%3Cimg%20id=in%20src=x%3E%3Cscript%3E"))
    assert tab.run("[document.getElementById('in'), document.scripts.length]") == [None, 0]
    assert tab.run("document.querySelector('input').value") == '"><img id=in src=x><script>'


def test_a_server_without_a_token_has_no_login(start: Callable[..., LiveServer]) -> None:
    server = start(token="")
    assert server.get("/login").status_code == 404
    assert post(server, data={"token": ""}).status_code == 404
