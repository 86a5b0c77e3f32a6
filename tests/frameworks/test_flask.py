"""Flask: whose a request is, where that shows, and that nothing of it stays."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import opentelemetry.instrumentation.flask
import pytest
from cachelib import FileSystemCache
from flask_login import LoginManager, UserMixin, login_required, login_user
from flask_session import Session
from opentelemetry.context import get_current, get_value
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from werkzeug.middleware.proxy_fix import ProxyFix

import tidegate
from framework_telemetry import Telemetry
from tidegate.api.context import REQUEST_KEY
from tidegate.api.request.sessions import hashed_session
from tidegate.api.requests import extract_user_id
from tidegate.configure import Handle
from tidegate.errors import ConfigurationError
from tidegate.frameworks import loading
from tidegate.frameworks.applications import instrument_app
from tidegate.frameworks.flask import prepare
from tidegate.record.raised import context_of, mark_logged
from tidegate.settings import load

Instrument = Callable[..., flask.Flask]

logger = logging.getLogger("shop")


@pytest.fixture
def instrument(telemetry: Telemetry) -> Instrument:
    """Instruments an application as its user would, by the standard instrumentation."""
    prepare(opentelemetry.instrumentation.flask)

    def instrument(app: flask.Flask, **options: Any) -> flask.Flask:
        FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
            app, tracer_provider=telemetry.tracers, **options
        )
        return app

    return instrument


@pytest.fixture
def app(instrument: Instrument) -> flask.Flask:
    """A shop whose users log in by their name, in Flask's own session."""
    app = flask.Flask("shop")
    app.secret_key = "for a test"

    @app.get("/login/<name>")
    def login(name: str) -> str:
        logger.warning("%s comes", name)
        flask.session["user_id"] = name
        logger.warning("%s is there", name)
        return name

    @app.get("/orders")
    def orders() -> str:
        logger.warning("orders")
        return "none"

    @app.get("/broken")
    def broken() -> str:
        raise ValueError("no such order")

    return instrument(app)


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Whatever a test does, the context is afterwards what it was before."""
    before = get_current()
    yield
    assert get_current() == before


def inside() -> bool:
    return get_value(REQUEST_KEY) is not None


class TestWhoseARequestIs:
    def test_a_user_of_the_session_is_on_the_span(self, app: flask.Flask, telemetry: Telemetry) -> None:
        client = app.test_client()
        client.get("/login/ann")
        client.get("/orders")
        assert [span.attributes["user.id"] for span in telemetry.server_spans] == ["ann", "ann"]

    def test_a_user_is_on_log_records_from_the_login_on(self, app: flask.Flask, telemetry: Telemetry) -> None:
        app.test_client().get("/login/ann")
        assert [log.attributes.get("user.id") for log in telemetry.logs] == [None, "ann"]

    def test_nobody_is_the_user_of_a_request_without_one(self, app: flask.Flask, telemetry: Telemetry) -> None:
        app.test_client().get("/orders")
        [span] = telemetry.server_spans
        assert not {"user.id", "session.id"} & span.attributes.keys()

    def test_a_request_id_is_on_span_and_log_record(self, app: flask.Flask, telemetry: Telemetry) -> None:
        app.test_client().get("/orders", headers={"X-Request-ID": "r-1"})
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert (span.attributes["request.id"], log.attributes["request.id"]) == ("r-1", "r-1")

    def test_a_session_that_only_telemetry_looks_at_does_not_make_the_response_vary(self, app: flask.Flask) -> None:
        client = app.test_client()
        client.get("/login/ann")
        assert "Vary" not in client.get("/orders").headers

    def test_another_request_than_the_current_one_is_not_taken_for_it(self, app: flask.Flask) -> None:
        with app.test_request_context("/orders"):
            former = flask.request._get_current_object()  # type: ignore[attr-defined]
        with app.test_request_context("/login/ann"):
            flask.session["user_id"] = "ann"
            assert extract_user_id(flask.request) == "ann"
            assert extract_user_id(former) is None

    def test_a_user_of_flask_login_is_on_span_and_log_record(
        self, instrument: Instrument, telemetry: Telemetry
    ) -> None:
        class User(UserMixin):  # type: ignore[misc]
            def __init__(self, id: str) -> None:
                self.id = id

        app = flask.Flask("shop")
        app.secret_key = "for a test"
        logins = LoginManager(app)
        logins.user_loader(User)

        @app.get("/login")
        def login() -> str:
            login_user(User("7"))
            return "welcome"

        @app.get("/account")
        @login_required  # type: ignore[untyped-decorator]
        def account() -> str:
            logger.warning("account")
            return "yours"

        client = instrument(app).test_client()
        client.get("/login")
        assert client.get("/account").status_code == 200
        assert [span.attributes["user.id"] for span in telemetry.server_spans] == ["7", "7"]
        assert [log.attributes["user.id"] for log in telemetry.logs] == ["7"]

    @pytest.fixture
    def kept(self, instrument: Instrument, tmp_path: Path) -> flask.Flask:
        """An application whose sessions Flask-Session keeps in files."""
        app = flask.Flask("shop")
        app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path / "sessions")))
        Session(app)

        @app.get("/cart/<item>")
        def put(item: str) -> str:
            flask.session["item"] = item
            return str(getattr(flask.session, "sid"))  # noqa: B009  # Flask's own has none

        @app.get("/")
        def start() -> str:
            logger.warning("start")
            return "welcome"

        return instrument(app)

    def test_a_session_of_flask_session_is_told_by_its_hash(self, kept: flask.Flask, telemetry: Telemetry) -> None:
        client = kept.test_client()
        sid = client.get("/cart/boots").text
        client.get("/")
        assert [span.attributes["session.id"] for span in telemetry.server_spans] == [hashed_session(sid)] * 2
        assert [log.attributes["session.id"] for log in telemetry.logs] == [hashed_session(sid)]

    def test_a_session_of_flask_session_is_not_accessed_either(self, kept: flask.Flask) -> None:
        client = kept.test_client()
        client.get("/cart/boots")
        kept.config["SESSION_REFRESH_EACH_REQUEST"] = False
        assert "Vary" not in client.get("/").headers


class TestNothingStays:
    """`nothing_stays` looks after each."""

    def test_after_an_error(self, app: flask.Flask) -> None:
        assert app.test_client().get("/broken").status_code == 500

    def test_after_an_error_that_propagates(self, app: flask.Flask) -> None:
        app.testing = True
        with pytest.raises(ValueError, match="no such order"):
            app.test_client().get("/broken")

    def test_within_a_span_around_the_request(self, app: flask.Flask, telemetry: Telemetry) -> None:
        client = app.test_client()
        with telemetry.tracers.get_tracer("test").start_as_current_span("test"):
            before = get_current()
            client.get("/orders")
            assert get_current() == before

    def test_of_a_request_inside_a_request(self, app: flask.Flask, telemetry: Telemetry) -> None:
        @app.get("/outer")
        def outer() -> str:
            flask.session["user_id"] = "ann"
            before = get_current()
            app.test_client().get("/login/bob")
            assert get_current() == before
            logger.warning("back")
            return "done"

        assert app.test_client().get("/outer").status_code == 200
        users = {log.body: log.attributes.get("user.id") for log in telemetry.logs}
        assert users == {"bob comes": None, "bob is there": "bob", "back": "ann"}

    def test_of_a_request_whose_context_the_test_keeps(self, app: flask.Flask) -> None:
        with app.test_client() as client:
            client.get("/login/ann")
            assert flask.session["user_id"] == "ann"
            client.get("/orders")

    def test_of_a_context_made_for_a_test(self, app: flask.Flask) -> None:
        with app.test_request_context("/orders"):
            assert not inside()
        with app.test_request_context("/orders"):
            app.preprocess_request()
            assert inside()

    def test_of_a_response_that_streams_with_its_context(self, app: flask.Flask, telemetry: Telemetry) -> None:
        @app.get("/stream")
        def stream() -> flask.Response:
            def parts() -> Iterator[str]:
                yield flask.session["user_id"]
                logger.warning("in the midst")

            return flask.Response(flask.stream_with_context(parts()))

        client = app.test_client()
        client.get("/login/ann")
        assert client.get("/stream").text == "ann"
        assert telemetry.server_spans[-1].attributes["user.id"] == "ann"

    def test_of_a_stream_that_is_broken_off(self, app: flask.Flask) -> None:
        @app.get("/stream")
        def stream() -> flask.Response:
            return flask.Response(flask.stream_with_context(iter("abc")))

        with app.test_client().get("/stream", buffered=False) as response:
            assert next(iter(response.response)) == b"a"

    def test_of_a_copied_context(self, app: flask.Flask, telemetry: Telemetry) -> None:
        @app.get("/copied")
        def copied() -> str:
            flask.session["user_id"] = "ann"
            seen = []

            @flask.copy_current_request_context
            def work() -> None:
                seen.append(flask.request.path)

            work()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert inside()
            logger.warning("done")
            return " ".join(seen)

        assert app.test_client().get("/copied").text == "/copied /copied"
        assert telemetry.logs[-1].attributes["user.id"] == "ann"

    def test_of_the_user_in_what_outlives_the_request(self, app: flask.Flask) -> None:
        @app.get("/started")
        def started() -> str:
            flask.session["user_id"] = "ann"
            assert tidegate.get_request_context().user_id == "ann"
            kept.append(contextvars.copy_context())  # as a thread has it
            return "done"

        kept: list[contextvars.Context] = []
        app.test_client().get("/started", headers={"X-Request-ID": "r-1"})
        assert kept[0].run(tidegate.get_request_context) == tidegate.RequestContext(request_id="r-1")

    def test_of_an_asynchronous_view(self, app: flask.Flask, telemetry: Telemetry) -> None:
        @app.get("/later")
        async def later() -> str:
            flask.session["user_id"] = "ann"
            logger.warning("later")
            return "done"

        assert app.test_client().get("/later").text == "done"
        assert telemetry.logs[-1].attributes["user.id"] == "ann"


class TestErrors:
    def test_an_unhandled_error_is_one_event_and_one_record_of_one_trace(
        self, app: flask.Flask, telemetry: Telemetry
    ) -> None:
        app.test_client().get("/broken")
        [span], [log] = telemetry.server_spans, telemetry.logs
        assert [event.name for event in span.events] == ["exception"]
        assert span.attributes["error.type"] == "ValueError"
        assert log.body == "Exception on /broken [GET]"
        assert log.attributes["exception.message"] == "no such order"
        assert (log.trace_id, log.span_id) == (span.context.trace_id, span.context.span_id)

    def test_an_error_that_the_server_will_report_knows_its_trace(self, app: flask.Flask, telemetry: Telemetry) -> None:
        app.testing = True
        with pytest.raises(ValueError, match="no such order") as raised:
            app.test_client().get("/broken")
        [span] = telemetry.server_spans
        context = context_of(raised.value)
        assert context is not None
        assert opentelemetry.trace.get_current_span(context).get_span_context() == span.context

    def test_an_error_that_is_logged_already_is_not_reported(self, app: flask.Flask, telemetry: Telemetry) -> None:
        @app.get("/logged")
        def logged() -> str:
            error = ValueError("no such order")
            mark_logged(error)
            raise error

        assert app.test_client().get("/logged").status_code == 500
        assert not telemetry.logs

    def test_no_error_handler_is_registered(self, app: flask.Flask) -> None:
        assert not any(app.error_handler_spec[None].values())
        assert app.test_client().get("/nowhere").status_code == 404

    def test_the_handlers_of_the_application_answer(self, app: flask.Flask, telemetry: Telemetry) -> None:
        app.register_error_handler(ValueError, lambda error: (str(error), 418))
        assert app.test_client().get("/broken").status_code == 418
        assert not telemetry.logs

    def test_a_request_goes_on_when_it_cannot_be_told_whose_it_is(self, app: flask.Flask, telemetry: Telemetry) -> None:
        class Odd:
            @property
            def is_authenticated(self) -> bool:
                raise RuntimeError("odd")

        @app.before_request
        def come() -> None:
            flask.g._login_user = Odd()

        assert app.test_client().get("/orders").status_code == 200
        assert len(telemetry.server_spans) == len(telemetry.logs) == 1


class TestInstrumenting:
    def test_the_hooks_of_the_user_are_called(self, instrument: Instrument, telemetry: Telemetry) -> None:
        app = instrument(
            flask.Flask("shop"),
            request_hook=lambda span, environ: span.set_attribute("before", environ["PATH_INFO"]),
            response_hook=lambda span, status, headers: span.set_attribute("after", status),
        )
        app.test_client().get("/nowhere", headers={"X-Request-ID": "r-1"})
        [span] = telemetry.server_spans
        assert (span.attributes["before"], span.attributes["after"]) == ("/nowhere", "404 NOT FOUND")
        assert span.attributes["request.id"] == "r-1"

    def test_functions_of_the_application_run_inside(self, instrument: Instrument) -> None:
        app = instrument(flask.Flask("shop"))
        seen = []
        app.before_request(lambda: seen.append(inside()))
        app.teardown_request(lambda error: seen.append(inside()))
        app.test_client().get("/nowhere")
        assert seen == [True, True]

    def test_an_application_that_is_instrumented_anew_is_followed_all_the_same(
        self, instrument: Instrument, app: flask.Flask, telemetry: Telemetry
    ) -> None:
        FlaskInstrumentor().uninstrument_app(app)  # type: ignore[no-untyped-call]
        instrument(app, excluded_urls="/login")
        client = app.test_client()
        client.get("/login/ann")
        client.get("/orders")
        assert [span.attributes["user.id"] for span in telemetry.server_spans] == ["ann"]

    def test_an_application_of_the_class_can_be_instrumented_anew(
        self, telemetry: Telemetry, instrument: Instrument
    ) -> None:
        FlaskInstrumentor().instrument(tracer_provider=telemetry.tracers)
        try:
            app = flask.Flask("shop")
        finally:
            FlaskInstrumentor().uninstrument()
        instrument_app(app, excluded_urls="/nowhere", tracer_provider=telemetry.tracers)
        app.test_client().get("/nowhere")
        app.test_client().get("/anywhere")
        assert [span.attributes["http.target"] for span in telemetry.server_spans] == ["/anywhere"]

    def test_what_is_put_around_an_application_is_not_undone(self, app: flask.Flask) -> None:
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
        with pytest.raises(ConfigurationError, match=r"app.wsgi_app is <werkzeug.middleware.proxy_fix.ProxyFix"):
            instrument_app(app, excluded_urls="/healthz")
        assert isinstance(app.wsgi_app, ProxyFix)

    def test_an_application_that_has_answered_already_is_left_as_it_is(self, instrument: Instrument) -> None:
        app = flask.Flask("shop")
        app.test_client().get("/nowhere")
        before = app.wsgi_app
        with pytest.raises(ConfigurationError, match="cannot be instrumented any more: The setup method"):
            instrument(app)
        assert app.wsgi_app == before

    def test_an_application_is_an_extension_of_the_handle(self, telemetry: Telemetry) -> None:
        handle = Handle(load(), None)

        def create_app() -> flask.Flask:
            app = flask.Flask("shop")
            handle.init_app(app, tracer_provider=telemetry.tracers)
            return app

        for app in (create_app(), create_app()):
            app.test_client().get("/nowhere", headers={"X-Request-ID": "r-1"})
        assert [span.attributes["request.id"] for span in telemetry.server_spans] == ["r-1", "r-1"]

    def test_a_request_stays_unknown_if_the_setting_says_so(
        self, app: flask.Flask, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loading, "_settings", load({"request_context": False}))
        app.test_client().get("/login/ann", headers={"X-Request-ID": "r-1"})
        app.test_client().get("/broken")
        assert not {"user.id", "request.id"} & {name for span in telemetry.spans for name in span.attributes}
        assert not {"user.id", "request.id"} & {name for log in telemetry.logs for name in log.attributes}
        assert [len(span.events) for span in telemetry.server_spans] == [0, 1]

    def test_every_application_of_the_class_is_followed(self, telemetry: Telemetry, instrument: Instrument) -> None:
        FlaskInstrumentor().instrument(tracer_provider=telemetry.tracers)
        try:
            app = flask.Flask("shop")
        finally:
            FlaskInstrumentor().uninstrument()
        app.test_client().get("/nowhere", headers={"X-Request-ID": "r-1"})
        assert [span.attributes["request.id"] for span in telemetry.server_spans] == ["r-1"]
