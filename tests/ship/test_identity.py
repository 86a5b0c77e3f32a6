"""What an exporter sends as whom, as it is in force: of two that differ in it, neither may send for the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from opentelemetry.configuration import models
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter as JsonExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from tidegate.ship.identity import fingerprint


class Vendor:
    """An exporter of a package that nobody knows."""

    def __init__(self, key: str) -> None:
        self.client = Client(key)
        self.pid, self.started, self.me = os.getpid(), object(), self


class Client:
    def __init__(self, key: str) -> None:
        self.options = {"key": [key]}


def basic(user: str) -> requests.Session:
    session = requests.Session()
    session.auth = requests.auth.HTTPBasicAuth(user, "secret")
    return session


MADE: dict[str, Callable[[str], Any]] = {
    "a header over HTTP": lambda name: HttpExporter(headers={"api-key": name}),
    "a header over gRPC": lambda name: GrpcExporter(headers={"api-key": name}),
    "a header in JSON": lambda name: JsonExporter(headers={"api-key": name}),
    "what is secret in an address": lambda name: HttpExporter(endpoint=f"http://collector?key={name}"),
    "who a session logs in as": lambda name: HttpExporter(session=basic(name)),
    "a setting of an exporter that nobody knows": Vendor,
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_exporters_that_differ_are_told_apart(make: Callable[[str], Any]) -> None:
    one, same, other = (fingerprint([each], {}) for each in map(make, ("one", "one", "other")))
    assert one == same != other


@pytest.mark.parametrize(
    "exporter",
    [
        lambda path: HttpExporter(certificate_file=path),
        lambda path: HttpExporter(client_certificate_file=path, client_key_file=path),
    ],
    ids=["the receiver's", "the sender's"],
)
def test_a_certificate_is_what_its_file_holds(exporter: Callable[[str], Any], tmp_path: Path) -> None:
    (path := tmp_path / "one.pem").write_text("one")
    before = fingerprint([exporter(str(path))], {})
    path.write_text("other")
    assert fingerprint([exporter(str(path))], {}) != before


def test_certificates_that_variables_name_count_by_what_their_files_hold(tmp_path: Path) -> None:
    environ = {"OTEL_EXPORTER_OTLP_CLIENT_KEY": str(path := tmp_path / "key.pem")}
    path.write_text("one")
    before = fingerprint([], environ)
    path.write_text("other")
    assert fingerprint([], environ) != before


def configured(**fields: Any) -> models.OpenTelemetryConfiguration:
    return models.OpenTelemetryConfiguration(file_format="1.0", **fields)


def test_what_a_file_says_counts_with_its_variables_filled_in_but_not_whom_it_is_about() -> None:
    def found(tenant: str, service: str) -> str:
        exporter = models.OtlpHttpExporter(headers=[models.NameStringValuePair("api-key", tenant)])
        processor = models.SpanProcessor(
            batch=models.BatchSpanProcessor(exporter=models.SpanExporter(otlp_http=exporter))
        )
        resource = models.Resource(attributes=[models.AttributeNameValue("service.name", service)])
        provider = models.TracerProvider(processors=[processor])
        return fingerprint([], {}, configured(tracer_provider=provider, resource=resource))

    assert found("one", "shop") == found("one", "cart") != found("other", "shop")


def test_certificates_that_a_file_names_count_by_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"

    def found(content: str) -> str:
        path.write_text(content)
        return fingerprint([], {}, SimpleNamespace(tls=models.GrpcTls(ca_file=str(path))))

    assert found("one") != found("other")


TENANTS = {"TENANT_KEY": "one"}, {"TENANT_KEY": "other"}


@pytest.mark.parametrize(
    ("exporter", "more"),
    [
        (Vendor("one"), {}),
        (GrpcExporter(), {"OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER": "gcp"}),
    ],
    ids=["a vendor's", "a credential provider's"],
)
def test_of_what_cannot_be_looked_into_the_credentials_in_the_environment_count(
    exporter: Any, more: dict[str, str]
) -> None:
    one, other = (fingerprint([exporter], {**each, **more}) for each in TENANTS)
    assert one != other


@pytest.mark.parametrize(
    "exporter", [HttpExporter(), GrpcExporter(), ConsoleSpanExporter()], ids=lambda each: type(each).__module__
)
def test_of_standard_exporters_what_else_is_in_the_environment_does_not(exporter: Any) -> None:
    one, other = (fingerprint([exporter], each) for each in TENANTS)
    assert one == other


def test_versions_of_packages_make_no_difference() -> None:
    one, other = HttpExporter(), HttpExporter()
    other._client._headers["user-agent"] = "OTel-OTLP-Exporter-Python/99"
    assert fingerprint([one], {}) == fingerprint([other], {})


def test_it_is_no_secret_itself() -> None:
    assert "hunter2" not in fingerprint([HttpExporter(headers={"api-key": "hunter2"})], {})
