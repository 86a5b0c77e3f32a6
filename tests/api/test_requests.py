"""What is read of a request, whatever it is of; real requests of Starlette, Flask and Django, without a server."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from starlette.authentication import SimpleUser, UnauthenticatedUser
from starlette.requests import Request
from starlette.websockets import WebSocket
from werkzeug.test import EnvironBuilder

from tidegate import RequestContext, extract_session_id, extract_user_id, get_request_context
from tidegate.api.calls import complaints
from tidegate.api.request import finding
from tidegate.api.request.handled import Request as Handled
from tidegate.api.request.handled import begin, describe, end
from tidegate.api.request.sessions import hashed_session


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is complained of yet, and sources of ids that a test changes are the old ones after it."""
    monkeypatch.setattr(finding, "sources", finding.Sources())
    complaints.forget()
    yield
    complaints.forget()


def scope(**more: Any) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in more.pop("headers", {}).items()]
    return {"type": "http", "method": "GET", "path": "/orders/7", "headers": headers, **more}


def with_user(user: Any) -> dict[str, Any]:
    return scope(user=user)


class Broken:
    """A user whose id cannot be had."""

    @property
    def id(self) -> int:
        raise RuntimeError("no session")


class TestUsers:
    @pytest.mark.parametrize(
        ("id", "text"),
        [
            (42, "42"),
            ("ann", "ann"),
            (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
            (b"bob", "bob"),
            (b"\xff\x00", "ff00"),
        ],
    )
    def test_an_id_is_text(self, id: object, text: str) -> None:
        assert extract_user_id(with_user(SimpleNamespace(id=id))) == text

    @pytest.mark.parametrize("id", [None, "", True, [], {}, object(), "x" * 257, lambda: 1])
    def test_what_is_no_id_is_none(self, id: object) -> None:
        assert extract_user_id(with_user(SimpleNamespace(id=id))) is None

    @pytest.mark.parametrize(
        "user", [None, UnauthenticatedUser(), SimpleNamespace(is_authenticated=False, id=42), object()]
    )
    def test_nobody_has_no_id(self, user: object) -> None:
        assert extract_user_id(with_user(user)) is None

    def test_a_primary_key_comes_before_an_id_and_that_before_an_identity(self) -> None:
        assert extract_user_id(with_user(SimpleNamespace(pk=1, id=2, identity="ann"))) == "1"
        assert extract_user_id(with_user(SimpleNamespace(id=2, identity="ann"))) == "2"

    def test_an_identity_of_starlettes_is_one(self) -> None:
        assert extract_user_id(with_user(SimpleUser("ann"))) == "ann"

    def test_a_mapping_may_be_a_user(self) -> None:
        assert extract_user_id(with_user({"id": 42})) == "42"

    @pytest.mark.parametrize("state", [{"user_id": 42}, {"user": SimpleNamespace(id=42)}, {"user": {"id": 42}}])
    def test_the_state_of_a_request_may_have_it(self, state: dict[str, Any]) -> None:
        assert extract_user_id(scope(state=state)) == "42"

    def test_who_is_authenticated_comes_before_what_the_state_says(self) -> None:
        assert extract_user_id(scope(user=SimpleNamespace(id=1), state={"user_id": 2})) == "1"

    def test_a_user_that_fails_is_complained_of_once(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "tidegate"):
            found = [extract_user_id(scope(user=Broken(), state={"user_id": 42})) for _ in range(3)]
        assert found == ["42", "42", "42"]
        assert [record.getMessage() for record in caplog.records] == [
            "A request's user could not be read: RuntimeError"
        ]
        assert complaints.counts["request"] == 3

    def test_a_property_that_a_class_does_without_is_nothing_to_complain_of(self) -> None:
        from starlette.authentication import BaseUser

        class Guest(BaseUser):
            is_authenticated = True

        assert extract_user_id(with_user(Guest())) is None
        assert not complaints.counts

    def test_a_field_that_sqlalchemy_would_have_to_fetch_is_not_asked_for(self) -> None:
        class Row:
            """As SQLAlchemy has one after a commit: its fields are gone, its identity is known."""

            _id = property(lambda self: pytest.fail("a query"))
            id = _id

            def __init__(self, identity: tuple[int, ...] | None) -> None:
                self._sa_instance_state = SimpleNamespace(identity=identity)

        assert extract_user_id(with_user(Row((42,)))) == "42"
        assert extract_user_id(with_user(Row(None))) is None

    def test_cookies_are_read_only_when_asked_for(self) -> None:
        request = scope(headers={"cookie": "user_id=42; theme=dark"})
        assert extract_user_id(request) is None
        assert extract_user_id(request, cookies=("uid", "user_id")) == "42"
        assert extract_user_id(request, cookies="user_id") == "42"

    def test_cookies_that_the_settings_name_are_read_unless_others_are_asked_for(self) -> None:
        finding.read_from(finding.Sources(user_cookies=("user_id",)))
        request = scope(headers={"cookie": "user_id=42; uid=7"})
        assert extract_user_id(request) == "42"
        assert extract_user_id(request, cookies="uid") == "7"
        assert extract_user_id(request, cookies=()) is None

    @pytest.mark.parametrize("cookies", [5, [None, 7], object(), [["user_id"]]])
    def test_names_of_cookies_that_are_none_are_no_error(self, cookies: Any) -> None:
        request = scope(headers={"cookie": "user_id=42"})
        assert (extract_user_id(request, cookies=cookies), extract_session_id(request, cookies=cookies)) == (None, None)


class TestSessions:
    def test_the_state_of_a_request_may_have_one(self) -> None:
        assert extract_session_id(scope(state={"session_id": "f2c1a9"})) == hashed_session("f2c1a9")

    def test_a_session_never_shows(self) -> None:
        found = extract_session_id(scope(headers={"cookie": 'sessionid="f2c1a9"'}), cookies=("sessionid",))
        assert found == "hash:b06c545791ecde5af5dab23428de62a9"

    def test_cookies_are_read_only_when_asked_for(self) -> None:
        assert extract_session_id(scope(headers={"cookie": "sessionid=f2c1a9"})) is None

    def test_the_signed_cookie_of_starlette_is_no_id(self) -> None:
        assert extract_session_id(scope(session={"cart": 7})) is None

    def test_cookies_that_the_settings_name_are_read(self) -> None:
        finding.read_from(finding.Sources(session_cookies=("sid",)))
        assert extract_session_id(scope(headers={"cookie": "sid=f2c1a9"})) == hashed_session("f2c1a9")

    def test_who_sends_a_hash_in_a_cookie_is_not_taken_for_whose_it_is(self) -> None:
        forged = scope(headers={"cookie": f"sid={hashed_session('f2c1a9')}"})
        assert extract_session_id(forged, cookies="sid") not in (None, hashed_session("f2c1a9"))

    def test_what_is_hashed_stays_as_it_is(self) -> None:
        assert hashed_session(hashed_session("f2c1a9")) == hashed_session("f2c1a9")

    def test_text_and_bytes_are_the_same_session(self) -> None:
        assert hashed_session(b"f2c1a9") == hashed_session("f2c1a9")

    def test_any_object_has_a_hash(self) -> None:
        class Mute:
            def __str__(self) -> str:
                raise ValueError

        assert hashed_session(Mute()).startswith("hash:")
        assert hashed_session("\ud800").startswith("hash:")


class TestRequestIds:
    @pytest.mark.parametrize("name", ["x-request-id", "x-correlation-id"])
    def test_headers_have_it(self, name: str) -> None:
        assert get_request_context(scope(headers={name: "a1b2"})).request_id == "a1b2"

    def test_the_first_header_that_has_one_counts(self) -> None:
        headers = {"x-correlation-id": "second", "x-request-id": "first"}
        assert get_request_context(scope(headers=headers)).request_id == "first"

    @pytest.mark.parametrize("value", ["", "with space", "line\nfeed", "x" * 129, "é", "\x1b[31m"])
    def test_what_could_be_anything_is_ignored(self, value: str) -> None:
        assert get_request_context(scope(headers={"x-request-id": value})).request_id is None

    def test_the_longest_has_128_characters(self) -> None:
        assert get_request_context(scope(headers={"x-request-id": "x" * 128})).request_id == "x" * 128

    def test_headers_may_be_named_otherwise(self) -> None:
        finding.read_from(finding.Sources(request_id_headers=("X-Amzn-Trace-Id",)))
        assert get_request_context(scope(headers={"x-amzn-trace-id": "a1b2"})).request_id == "a1b2"


class TestContext:
    def test_an_asgi_scope(self) -> None:
        request = scope(client=("10.0.0.1", 4711), route=SimpleNamespace(path="/orders/{id}"), root_path="/shop")
        assert get_request_context(request) == RequestContext(
            method="GET", path="/orders/7", route="/shop/orders/{id}", client_address="10.0.0.1"
        )

    def test_a_request_of_starlette(self) -> None:
        request = Request(scope())
        request.state.user_id = 42
        assert get_request_context(request) == RequestContext(method="GET", path="/orders/7", user_id="42")

    def test_a_websocket(self) -> None:
        async def nothing(*message: object) -> Any:
            """A connection that says nothing."""

        socket = WebSocket({"type": "websocket", "path": "/feed", "headers": []}, nothing, nothing)
        assert get_request_context(socket) == RequestContext(path="/feed")

    def test_a_wsgi_environ(self) -> None:
        headers = [("X-Request-ID", "a1b2"), ("Cookie", "sid=f2c1a9")]
        environ = EnvironBuilder("/straße/7", headers=headers, environ_base={"REMOTE_USER": "ann"}).get_environ()
        finding.read_from(finding.Sources(session_cookies=("sid",)))
        found = get_request_context({**environ, "REMOTE_ADDR": "10.0.0.1"})
        assert found == RequestContext(
            method="GET",
            path="/straße/7",
            user_id="ann",
            session_id=hashed_session("f2c1a9"),
            request_id="a1b2",
            client_address="10.0.0.1",
        )

    def test_outside_of_a_request_nothing_is_known(self) -> None:
        assert get_request_context() == RequestContext()
        assert get_request_context().to_attributes() == {}

    def test_the_request_that_is_handled_is_found(self) -> None:
        request = begin(scope(user=SimpleNamespace(id=42)))
        try:
            assert get_request_context() == RequestContext(method="GET", path="/orders/7", user_id="42")
        finally:
            end(request)

    @pytest.mark.parametrize("request_", [7, "GET /", object(), [], {}, {"type": 7, "headers": 7, "state": 7}])
    def test_what_is_no_request_says_nothing(self, request_: object) -> None:
        assert get_request_context(request_) == RequestContext()
        assert (extract_user_id(request_), extract_session_id(request_)) == (None, None)

    def test_a_request_that_fails_says_nothing(self) -> None:
        class Closed:
            @property
            def META(self) -> object:
                raise RuntimeError("closed")

        assert get_request_context(Closed()) == RequestContext()
        assert complaints.counts["request"] > 0

    def test_attributes_have_the_names_of_the_conventions(self) -> None:
        known = RequestContext("GET", "/orders/7", "/orders/{id}", "42", "hash:0", "a1b2", "10.0.0.1")
        assert known.to_attributes() == {
            "http.request.method": "GET",
            "url.path": "/orders/7",
            "http.route": "/orders/{id}",
            "user.id": "42",
            "session.id": "hash:0",
            "request.id": "a1b2",
            "client.address": "10.0.0.1",
        }


class TestFlask:
    @pytest.fixture
    def app(self) -> flask.Flask:
        app = flask.Flask("shop")
        app.secret_key = "for a test"
        app.add_url_rule("/orders/<int:id>", "order", lambda id: "")
        return app

    def test_place_and_session_are_read(self, app: flask.Flask) -> None:
        with app.test_request_context("/orders/7", headers={"X-Request-ID": "a1b2"}):
            flask.session["user_id"] = 42
            found = get_request_context(flask.request)
        assert (found.path, found.route, found.user_id) == ("/orders/7", "/orders/<int:id>", "42")
        assert (found.method, found.request_id) == ("GET", "a1b2")

    def test_other_names_of_the_user_are_known(self, app: flask.Flask) -> None:
        with app.test_request_context("/orders/7"):
            flask.session["userId"] = uuid.UUID(int=7)
            assert extract_user_id(flask.request) == str(uuid.UUID(int=7))

    def test_reading_does_not_mark_the_session_as_accessed(self, app: flask.Flask) -> None:
        @app.before_request
        def read() -> None:
            get_request_context(flask.request)

        assert "Vary" not in app.test_client().get("/orders/7").headers

    def test_a_server_side_session_has_an_id(self, app: flask.Flask) -> None:
        with app.test_request_context("/orders/7") as context:
            vars(context.session)["sid"] = "f2c1a9"  # as Flask-Session has it
            assert extract_session_id(flask.request) == hashed_session("f2c1a9")


class TestSpans:
    def test_a_request_that_has_no_span_is_not_described(self) -> None:
        end(begin(scope()))
        assert not complaints.counts

    def test_a_span_that_fails_is_complained_of(self) -> None:
        describe(Handled(scope(), span=object()))
        assert complaints.counts["request"] == 1

    def test_on_a_span_of_another_sdk_what_the_application_has_set_stays(self) -> None:
        class Span:
            def __init__(self) -> None:
                self.attributes = {"user.id": "mine"}

            def is_recording(self) -> bool:
                return True

            def set_attributes(self, attributes: dict[str, str]) -> None:
                self.attributes = {**self.attributes, **attributes}

        span = Span()
        end(begin(scope(user={"id": 42}, headers={"x-request-id": "a1b2"}), span))
        assert span.attributes == {"user.id": "mine", "request.id": "a1b2"}


class TestDjango:
    @pytest.fixture
    def request_(self) -> HttpRequest:
        request = HttpRequest.__new__(HttpRequest)  # its ``__init__`` wants a project's settings
        request.method, request.path = "GET", "/orders/7"
        request.META = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_REQUEST_ID": "a1b2", "HTTP_COOKIE": "sid=f2c1a9"}
        return request

    def test_place_and_request_id_are_read(self, request_: HttpRequest) -> None:
        request_.resolver_match = SimpleNamespace(route="orders/<int:id>")
        assert get_request_context(request_) == RequestContext(
            "GET", "/orders/7", "orders/<int:id>", request_id="a1b2", client_address="10.0.0.1"
        )

    def test_a_user_that_would_have_to_be_fetched_is_not(self, request_: HttpRequest) -> None:
        request_.user = SimpleLazyObject(lambda: pytest.fail("a query"))
        assert extract_user_id(request_) is None

    def test_a_lazy_user_that_is_there_has_an_id(self, request_: HttpRequest) -> None:
        request_.user = SimpleLazyObject(lambda: SimpleNamespace(pk=42, is_authenticated=True))
        assert request_.user.pk == 42
        assert extract_user_id(request_) == "42"

    @pytest.mark.parametrize("name", ["user", "_cached_user", "_acached_user"])
    def test_a_user_that_is_set_has_an_id(self, request_: HttpRequest, name: str) -> None:
        vars(request_)[name] = SimpleNamespace(pk=uuid.UUID(int=7))
        assert extract_user_id(request_) == str(uuid.UUID(int=7))

    def test_who_is_anonymous_has_none(self, request_: HttpRequest) -> None:
        request_.user = SimpleNamespace(is_authenticated=False, pk=None)
        assert extract_user_id(request_) is None

    def test_a_session_has_a_key(self, request_: HttpRequest) -> None:
        request_.session = SimpleNamespace(session_key="f2c1a9")
        assert extract_session_id(request_) == hashed_session("f2c1a9")

    def test_a_cookie_is_the_same_session(self, request_: HttpRequest) -> None:
        assert extract_session_id(request_, cookies=("sid",)) == hashed_session("f2c1a9")

    def test_a_request_of_rest_framework_has_djangos_in_it(self, request_: HttpRequest) -> None:
        class Wrapper:
            """As REST framework has one."""

            def __init__(self, request: HttpRequest) -> None:
                self._request = request

            def __getattr__(self, name: str) -> object:
                return getattr(self._request, name)

        request_.user = SimpleNamespace(pk=42)
        assert extract_user_id(Wrapper(request_)) == "42"
