"""Secrets never reach the store: neither by the name of an attribute nor by how a value looks."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from making import log, span
from recorded import read
from store_files import everything
from tidegate.record import logs, spans
from tidegate.record.exporters import StoreMetricExporter
from tidegate.record.processors import StoreSpanProcessor
from tidegate.record.recorder import Recorder
from tidegate.record.redaction import REDACTED, Redactor, clean, lines
from tidegate.records import ORIGIN, Origin
from tidegate.store.sinks import FileSink

#: Not like a secret by itself; only the name beside it makes it one.
SECRET = "hunter22"

#: Texts with a secret in them, and what is left.
FORMATS = {
    "password=hunter22 next": "password=[redacted] next",
    "PASSWORD: hunter22": "PASSWORD: [redacted]",
    "db_password = 'hunter22 with words', next": "db_password = '[redacted]', next",
    '{"password": "hunter22", "user": "ann"}': '{"password": "[redacted]", "user": "ann"}',
    r"{\"secret\": \"hunter22\", \"user\": 1}": r"{\"secret\": \"[redacted]\", \"user\": 1}",
    "?api_key=hunter22&page=2": "?api_key=[redacted]&page=2",
    "client-secret:hunter22;": "client-secret:[redacted];",
    "Authorization: Bearer abc.DEF-123_hunter22": "Authorization: Bearer [redacted]",
    "Basic aHVudGVyMjI6aHVudGVyMjI=": "Basic [redacted]",
    "t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyMiJ9.c2lnbmF0dXJl!": "t=[redacted]!",
    "postgres://ann:hunter22@db/shop": "postgres://ann:[redacted]@db/shop",
    "redis://:hunter22@cache:6379/0": "redis://:[redacted]@cache:6379/0",
    "amqp://ann:hunter@22@mq": "amqp://ann:[redacted]@mq",
    "id AKIAHUNTER22HUNTER22 used": "id [redacted] used",
    "sent Cookie: sid=hunter22; theme=dark": "sent Cookie: [redacted]",
    "Set-Cookie: session=hunter22; HttpOnly": "Set-Cookie: [redacted]",
    "CREATE USER ann WITH PASSWORD 'hunter 22'": "CREATE USER ann WITH PASSWORD '[redacted]'",
    "GET /blob?sv=2&sig=hunter22%3D&se=1": "GET /blob?sv=2&sig=[redacted]&se=1",
    "GET /x?X-Amz-Signature=hunter22&y=1": "GET /x?X-Amz-Signature=[redacted]&y=1",
    "maps AIza" + "hunter2" * 5 + " used": "maps [redacted] used",
    "ghp_hunter22hunter22hunter22": "[redacted]",
    "github_pat_hunter22hunter22hunter22": "[redacted]",
    "sk-hunter22hunter22hunter22": "[redacted]",
    "sk_live_hunter22hunter22": "[redacted]",
    "xoxb-hunter22-hunter22": "[redacted]",
    "-----BEGIN RSA PRIVATE KEY-----\nhunter22\n-----END RSA PRIVATE KEY-----\nrest": "[redacted]\nrest",
    "-----BEGIN PRIVATE KEY-----\nhunter22 and no end": "[redacted]",
}


@pytest.mark.parametrize(("text", "left"), FORMATS.items(), ids=range(len(FORMATS)))
def test_a_secret_in_a_text_is_replaced(text: str, left: str) -> None:
    assert clean(text) == left


@pytest.mark.parametrize("left", FORMATS.values(), ids=range(len(FORMATS)))
def test_what_was_cleaned_stays_as_it_is(left: str) -> None:
    assert clean(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "GET /orders/7 took 12 ms", "password", "reset your password: ok", "token bucket is full", "the key to it",
        "http://localhost:8080/path@place", "https://example.com/a?b=c#d", "user@example.com", "keyboard=on",
        "basic auth", "bearer of news", "secretary=ann", "eyJ is how it begins", "tokens: 150, key: value-of-it",
    ],
)  # fmt: skip
def test_a_text_without_a_secret_is_left_alone(text: str) -> None:
    assert clean(text) == text


@given(st.text())
def test_cleaning_twice_changes_no_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    "name",
    [
        "password", "user.password", "DB_PASSWORD", "db-passwd", "client_secret", "apiKey", "x-api-key", "api.key",
        "http.request.header.authorization", "http.request.header.cookie", "http.response.header.set-cookie",
        "access_token", "token", "user.token", "csrf-token", "sessionid", "session_id", "auth", "pin", "card.cvv",
        "AWS_SECRET_ACCESS_KEY", "private_key", "credentials", "DB_PASS", "smtp.pass", "pw", "pgpass", "creds",
        "otp_code",
        "mfa_code", "2fa_code", "recovery_codes", "verification_code", "verification_token", "cvv2", "credit_card",
        "cc_number",
        "connect.sid", "PHPSESSID", "xsrf", "social_security_number", "SAMLResponse", "client_assertion", "seed_phrase",
        "hmac_key", "passwort",
    ],
)  # fmt: skip
def test_a_name_tells_a_secret(name: str) -> None:
    assert Redactor().is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "user.id", "http.route", "gen_ai.usage.output_tokens", "token_count", "author", "authority", "pinned",
        "messaging.kafka.message.key", "db.query.text", "exception.message", "code.function.name", "keyboard",
        "gpio.pin", "k8s.secret.uid", "api_key.id", "bypass", "compass", "backup.code", "creds_count",
    ],
)  # fmt: skip
def test_a_name_without_a_secret_is_none(name: str) -> None:
    assert not Redactor().is_secret(name)


@pytest.mark.parametrize("name", ["customer.vat_number", "VAT-Number", "vatnumber.old"])
def test_further_names_can_be_given(name: str) -> None:
    assert Redactor(["vat_number"]).is_secret(name)


def redacted(batch: Any) -> Any:
    Redactor().redact(batch)
    return batch.columns


@pytest.mark.parametrize("value", [SECRET, 1234, 0.5, b"hunter22", [SECRET], {"deep": SECRET}], ids=repr)
def test_a_secret_by_name_is_replaced_whatever_its_value(value: Any) -> None:
    assert redacted(spans.batch([span(attributes={"password": value, "n": 1})]))["attributes"] == [
        {"password": REDACTED, "n": 1}
    ]


@pytest.mark.parametrize(
    "value", [["a", "password=hunter22"], {"x": {"password": SECRET}}, b"password=hunter22"], ids=repr
)
def test_a_secret_deep_in_an_attribute_is_replaced(value: Any) -> None:
    assert SECRET not in str(redacted(spans.batch([span(attributes={"it": value})])))


@pytest.mark.parametrize(
    "body",
    [
        "password=hunter22",
        {"password": SECRET},
        [{"user": {"token": SECRET}}],
        b"password=hunter22",
        {"a": ["pwd: hunter22"]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("others", [0, 2])
def test_a_secret_in_a_body_of_any_shape_is_replaced(body: Any, others: int) -> None:
    assert SECRET not in str(redacted(logs.batch([log(body)] + [log("fine")] * others)))


def test_bytes_without_a_secret_stay_as_they_are() -> None:
    value = bytes(range(256))
    assert redacted(logs.batch([log(value), log("password=hunter22")]))["body"][0] == value


def test_what_is_nested_too_deep_to_look_into_is_cut_off() -> None:
    body: Any = "password=hunter22"
    for _ in range(60):
        body = [body]
    assert SECRET not in str(redacted(logs.batch([log(body, attributes={"deep": body})])))


@pytest.mark.parametrize("depth", range(25, 40))
def test_a_secret_at_any_depth_is_replaced_or_cut_off(depth: int) -> None:
    value: Any = "password=hunter22"
    for _ in range(depth):
        value = [value]
    assert SECRET not in str(redacted(logs.batch([log(value, attributes={"deep": value})])))


def test_what_the_application_holds_is_not_changed() -> None:
    attributes = {"password": SECRET, "deep": {"token": SECRET}}
    body = {"list": [{"password": SECRET}]}
    before = copy.deepcopy((attributes, body))
    redacted(logs.batch([log(body, attributes=attributes)]))
    assert (attributes, body) == before


def test_no_secret_is_anywhere_in_the_files_of_a_store(store_dir: Path) -> None:
    """One secret in every place of every signal; alone in its block, and beside others."""
    recorder = Recorder(
        FileSink(str(store_dir)), {"spans": spans.batch, "logs": logs.batch},
        commit_interval=10, queue_size=1000, redact=Redactor().redact,
    )  # fmt: skip
    everywhere: dict[str, Any] = {
        "password": SECRET,
        "line": "pwd=hunter22",
        "bytes": b"pwd=hunter22",
        "deep": {"list": [{"secret": SECRET}]},
    }
    resource = Resource({"service.name": "shop", **everywhere})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(StoreSpanProcessor(recorder))
    for count in (1, 3):
        for number in range(count):
            tracer = provider.get_tracer("lib", attributes=everywhere)
            made = tracer.start_span(
                "GET /?token=hunter22" if not number else "fine",
                attributes=everywhere,
                links=[Link(SpanContext(1, 2, is_remote=False), everywhere)],
            )
            made.add_event("password=hunter22", everywhere)
            made.set_status(Status(StatusCode.ERROR, "password=hunter22"))
            made.end()
            record = log("password=hunter22", attributes=everywhere, event_name="token=hunter22")
            setattr(record.log_record, ORIGIN, Origin("token=hunter22 %s", "/app.py", 1, "f"))
            recorder.put("logs", record)
        assert recorder.flush()
    reader = InMemoryMetricReader()
    view = View(instrument_name="*", attribute_keys={"password"})
    meters = MeterProvider([reader], resource, AlwaysOnExemplarFilter(), shutdown_on_exit=False, views=[view])
    meters.get_meter("lib").create_counter("it").add(1, {"password": SECRET, "line": "pwd=hunter22"})
    data = reader.get_metrics_data()
    assert data is not None
    StoreMetricExporter(recorder=recorder).export(data)
    recorder.close()
    meters.shutdown()

    stored = everything(store_dir)
    assert (len(read(store_dir).spans), len(read(store_dir).logs), len(read(store_dir).points)) == (4, 4, 1)
    assert stored.count(REDACTED.encode()) > 50
    assert SECRET.encode() not in stored
    assert b"aHVudGVyMjI" not in stored  # its Base64


#: Lines made to keep a pattern busy, each of a unit that is repeated.
HOSTILE = [
    "password ", "password: ", "password=", "password\t", "secret'", 'token="', "key=\\", "api_key:",
    "bearer ", "basic  ", "cookie:", "password '", "?sig=", "&a-signature", "AIza",
    "eyJ", "eyJ-", "eyJaaaaaaaa.", "://", "://a:", "://a:b", "a@", "AKIA", "ghp_", "sk-", "xoxb-",
    "authorization: ", "authorization: digest ", "Private-Lines: 1", "--a-", "--token ", "?key=", "&code=", "://a@",
    ";pwd=", "identified by ", "4111 ", "4", "4111-", "\\n", "SG.", "MTAw", "0Q~", "'password', '", "token: ", "M0.",
    "('", ", ('password', '", "<a-password ", "<password>", "curl -u ", "mysql -", "sshpass -p", "pass=", "otp=",
    "password: ['",
    "cio", "1/12:", 'authorization: digest ="',
    "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----END ", "PRIVATE KEY", " ", "a", "=", '"', "'",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_long_hostile_line_is_read_in_one_go(unit: str) -> None:
    """It ends at all: a pattern that takes more than one way over such a line takes minutes."""
    line = unit * (100_000 // len(unit))
    assert clean(clean(line)) == clean(line)


@pytest.mark.parametrize("beginning", HOSTILE)
def test_a_long_tail_behind_a_hostile_beginning_is_read_in_one_go(beginning: str) -> None:
    for unit in (" ", "a", "A", "=", "-", ".", ":", "@", "\\", "a.", "-e"):
        line = beginning + unit * (20_000 // len(unit))
        assert clean(clean(line)) == clean(line)


def test_what_was_clean_before_does_not_hide_a_secret_in_a_text_alike() -> None:
    redactor = Redactor()
    for body, expected in (("pin it 1234", "pin it 1234"), ("pin it 99 pwd=hunter22", "pin it 99 pwd=[redacted]")):
        batch = logs.batch([log(body), log("pin it 5")])
        redactor.redact(batch)
        assert batch.columns["body"][0] == expected


def test_what_is_remembered_of_clean_texts_and_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_REMEMBERED", 10)
    redactor = Redactor()
    for number in range(40):
        letters = "abcdefgh"[number % 8] * (number + 1)
        redactor.redact(
            logs.batch([log(letters, attributes={letters: 1}), log("pwd=hunter22" if number == 30 else "")])
        )
        assert max(len(redactor._lines._clean), len(redactor._harmless)) <= 10
    assert not any(b"pwd" in line for line in redactor._lines._clean)
