"""The settings table: what each kind takes and refuses, where values come from, and what is said about wrong ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigurationError
from tidegate.kinds import Kind, Named
from tidegate.settings import BY_NAME, OPTIONS, load, standard_environment

KINDS = {id(option.kind): option.kind for option in OPTIONS}.values()

TAKEN: list[tuple[str, Any, Any]] = [
    ("service_name", " shop ", "shop"),
    ("store", " /var/store ", "/var/store"),
    ("store", "near", str(Path.cwd() / "near")),
    ("store", "~/near", str(Path.home() / "near")),
    ("store", "Memory:", "memory:"),
    ("store", "OFF", "off"),
    ("disabled", "TRUE", True),
    ("disabled", "1", True),
    ("disabled", "off", False),
    ("redact", False, False),
    ("redact_keys", "iban, vat_number ,", ("iban", "vat_number")),
    ("redact_keys", ["iban"], ("iban",)),
    ("redact_patterns", r"a-\d{2}; b|c", (r"a-\d{2}", " b|c")),
    ("redact_patterns", ["a;b"], ("a;b",)),
    ("resource_attributes", "a=1, b = x%20y ,c==", {"a": "1", "b": "x y", "c": "="}),
    ("resource_attributes", {"a": 1}, {"a": 1}),
    ("record", "SAMPLED", "sampled"),
    ("commit_interval", "0.02", 0.02),
    ("commit_interval", 10, 10.0),
    ("queue_size", "512", 512),
    ("store_size", "64MiB", 64 << 20),
    ("store_size", "1.5 gb", 3 << 29),
    ("store_size", 8 << 20, 8 << 20),
    ("store_size", " 4194304 ", 4 << 20),
    ("retention", "debug=15m", "debug=15m"),
    ("retention", " error=30d  25% ,default=7d,", "error=30d 25%, default=7d"),
    ("retention", "", ""),
    ("retention", " , ", ""),
    ("retention", "metric=0.5w 1000000, error-trace=5%", "metric=0.5w 1000000, error-trace=5%"),
    ("token", " q3V7yJ1cXw0nR5sKz8LmT2 ", "q3V7yJ1cXw0nR5sKz8LmT2"),
    ("token", "00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff"),
    ("token", "-_.~+/=" * 4 + "!", "-_.~+/=" * 4 + "!"),
    ("allowed_hosts", "Shop.example.com, *.internal", ("shop.example.com", "*.internal")),
    ("allowed_hosts", ["*"], ("*",)),
    ("policy", "policies/shop.yaml", os.path.abspath("policies/shop.yaml")),
    ("policy", "https://policies.example/shop?v=1", "https://policies.example/shop?v=1"),
    ("policy", "jaeger+http://localhost:5778", "jaeger+http://localhost:5778"),
    ("log_budget", "none", None),
    ("span_budget", "none", None),
    ("span_budget", "500", 500.0),
    ("slow", "AUTO", "auto"),
    ("slow", "off", "off"),
    ("slow", "0.25", 0.25),
    ("excluded_urls", "/healthz, ^http://admin\\.", ("/healthz", "^http://admin\\.")),
    ("context_provider", dict, dict),
    ("context_provider", " shop.context:Tenant.current ", Named("shop.context:Tenant.current")),
    ("context_provider", "", None),
    ("log_budget", " 2.5 ", 2.5),
    ("endpoint", " http://localhost:4318 ", "http://localhost:4318"),
    ("logs_endpoint", "HTTPS://[::1]/v1/logs", "HTTPS://[::1]/v1/logs"),
]

REFUSED: list[tuple[str, Any]] = [
    ("service_name", 5),
    ("store", 5),
    ("disabled", "perhaps"),
    ("redact_keys", 5),
    ("redact_keys", [5]),
    ("redact_patterns", "["),
    ("redact_patterns", ["(a+)+b"]),
    ("redact_patterns", "x*"),
    ("redact_patterns", 5),
    ("redact_patterns", [5]),
    ("resource_attributes", "a"),
    ("resource_attributes", "=1"),
    ("record", "some"),
    ("commit_interval", "0.01"),
    ("commit_interval", "11"),
    ("commit_interval", "nan"),
    ("commit_interval", True),
    ("commit_interval", "soon"),
    ("queue_size", "512.5"),
    ("queue_size", "511"),
    ("store_size", "1KiB"),
    ("store_size", "5 parsecs"),
    ("store_size", "MiB"),
    ("store_size", True),
    ("store_size", "1e400"),
    ("retention", "7d"),
    ("retention", "errors=7d"),
    ("retention", "error"),
    ("retention", "error="),
    ("retention", "error=d"),
    ("retention", "error=-1d"),
    ("retention", "error=nand"),
    ("retention", "error=0s"),
    ("retention", "error=7d 30d"),
    ("retention", "error=7d, error=30d"),
    ("retention", "error=101%"),
    ("retention", "error=0%"),
    ("retention", "debug=0"),
    ("retention", "warning=80%"),
    ("retention", "error=60%, metric=60%"),
    ("retention", "default=10%"),
    ("retention", 7),
    ("retention", True),
    ("token", 5),
    ("token", "q3V7yJ1cXw0nR5sKz8LmT"),  # 126 bits
    ("token", "00112233445566778899aabbccddeef"),  # 124 bits
    ("token", "01234567890123456789012345678901"),  # 106 bits
    ("token", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("token", "q3V7yJ1cXw0 nR5sKz8LmT2Hb"),
    ("token", "q3V7yJ1cXw0nR5sKz8LmT2Hbé"),
    ("token", "q3V7yJ1cXw0nR5sKz8LmT2Hb\r\nx"),
    ("token", "q3V7yJ1cXw0nR5sKz8LmT2Hb" * 22),
    ("allowed_hosts", "http://shop.example.com"),
    ("allowed_hosts", "shop.example.com:4319"),
    ("allowed_hosts", "shop.example.com."),
    ("allowed_hosts", "shop.*"),
    ("allowed_hosts", [5]),
    ("policy", 5),
    ("log_budget", "plenty"),
    ("log_budget", "-1"),
    ("span_budget", "plenty"),
    ("span_budget", "-1"),
    ("slow", "sometimes"),
    ("excluded_urls", "/orders/("),
    ("excluded_urls", 5),
    ("context_provider", "shop.context"),
    ("context_provider", "shop:a b"),
    ("context_provider", 5),
    ("slow", "0"),
    ("endpoint", "localhost:4318"),
    ("endpoint", "collector"),
    ("endpoint", "ftp://collector"),
    ("endpoint", "http://"),
    ("endpoint", "http:/collector"),
    ("endpoint", "http://collector:port"),
    ("endpoint", "http://collector: 4318"),
    ("traces_endpoint", "127.0.0.1:4318/v1/traces"),
]


@pytest.mark.parametrize(("name", "value", "parsed"), TAKEN, ids=repr)
def test_a_value_of_its_kind_is_taken(name: str, value: Any, parsed: Any) -> None:
    assert getattr(load({name: value}, environ={}), name) == parsed


def shown(name: str, value: Any) -> str:
    return "a hidden value" if BY_NAME[name].secret else repr(value)


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=repr)
def test_a_wrong_argument_is_refused_by_name_value_and_rule(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load({name: value}, environ={})
    assert str(refused.value).startswith(
        f"argument {name} is {shown(name, value)}; it must be {BY_NAME[name].kind.rule}. "
    )


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, v in REFUSED if isinstance(v, str)], ids=repr)
def test_a_wrong_variable_is_refused_by_name_value_and_rule(name: str, value: str) -> None:
    option = BY_NAME[name]
    with pytest.raises(ConfigurationError) as refused:
        load(environ={option.env: value})
    assert str(refused.value).startswith(f"{option.env} is {shown(name, value)}; it must be {option.kind.rule}. ")


def test_every_kind_is_tried_with_values_it_takes_and_refuses() -> None:
    taken = {BY_NAME[name].kind.name for name, *_ in TAKEN}
    refused = {BY_NAME[name].kind.name for name, _ in REFUSED}
    assert taken == refused == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.rule)
@given(value=st.none() | st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.integers()))
def test_any_value_is_taken_or_refused(kind: Kind, value: Any) -> None:
    try:
        kind.parse(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        pass


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_default_is_what_its_own_kind_would_give(option: Any) -> None:
    assert option.kind.parse(option.default) == option.default


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_empty_variable_counts_as_not_set(option: Any) -> None:
    settings = load(environ={option.env: "  "})
    assert (settings.values[option.name], settings.sources[option.name]) == (option.default, "default")


def test_an_argument_comes_before_the_environment_and_that_before_the_file() -> None:
    environ = {BY_NAME["store"].env: "/environment", BY_NAME["queue_size"].env: "600"}
    settings = load({"store": "/argument"}, {"store": "/file", "queue_size": 700, "record": "sampled"}, environ)
    found = {
        name: (settings.values[name], settings.sources[name]) for name in ("store", "queue_size", "record", "redact")
    }
    assert found == {
        "store": ("/argument", "argument"), "queue_size": (600, "environment"),
        "record": ("sampled", "file"), "redact": (True, "default"),
    }  # fmt: skip


def test_an_argument_of_none_counts_as_not_given() -> None:
    assert load({"store": None}, environ={BY_NAME["store"].env: "/environment"}).store == "/environment"


@pytest.mark.parametrize(
    ("arguments", "file", "environ", "message"),
    [
        (
            {"stroe": "x"},
            None,
            {},
            "the argument 'stroe' is not a setting; did you mean 'store'? `tidegate settings` lists",
        ),
        ({"zzz": "x"}, None, {}, "the argument 'zzz' is not a setting; `tidegate settings` lists them all"),
        (None, {"stroe": "x"}, {}, "in distribution.tidegate, 'stroe' is not a setting"),
        (None, None, {"OTEL_PYTHON_TIDEGATE_STROE": "x"}, "OTEL_PYTHON_TIDEGATE_STROE: 'stroe' is not a setting"),
        (None, {"service_name": "x"}, {}, "distribution.tidegate.service_name has a place of its own in the file"),
        (None, {"record": "x"}, {}, "distribution.tidegate.record is 'x'; it must be one of all, sampled"),
    ],
    ids=["argument", "unlike any", "file", "variable", "standard in file", "value in file"],
)
def test_a_name_that_is_no_setting_is_refused(
    arguments: dict[str, Any] | None, file: dict[str, Any] | None, environ: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(arguments, file, environ)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL": "grpc" for signal in ("TRACES", "LOGS", "METRICS")},
        {f"OTEL_{signal}_EXPORTER": "otlp_proto_grpc" for signal in ("TRACES", "LOGS", "METRICS")},
    ],
)
@pytest.mark.parametrize("endpoint", ["collector:4317", "dns:///collector:4317", "http://collector:4317"])
def test_grpc_takes_an_endpoint_without_a_scheme_as_its_exporter_does(environ: dict[str, str], endpoint: str) -> None:
    assert load({"endpoint": endpoint}, environ=environ).endpoint == endpoint


def test_an_endpoint_without_a_scheme_is_refused_for_the_one_signal_that_goes_by_http() -> None:
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf"}
    with pytest.raises(ConfigurationError, match=r"^OTEL_EXPORTER_OTLP_ENDPOINT is 'collector:4317'; it must"):
        load(environ={**environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"})
    load({"logs_endpoint": "http://collector:4318/v1/logs", "endpoint": "collector:4317"}, environ=environ)


@pytest.mark.parametrize("options", [{"config_file": "otel.yaml"}, {"traces_exporter": "console"}])
def test_an_endpoint_that_nobody_takes_is_not_looked_at(options: dict[str, Any]) -> None:
    none = {"logs_exporter": "none", "metrics_exporter": "none"}
    assert load({**none, **options, "endpoint": "collector"}, environ={}).endpoint == "collector"


def test_a_secret_value_is_not_shown_when_it_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load({"headers": "no pairs hunter22"}, environ={})
    assert "hunter22" not in str(refused.value)
    assert "argument headers is a hidden value" in str(refused.value)


def test_standard_arguments_are_in_the_environment_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "former")
    settings = load({"service_name": "shop", "resource_attributes": {"a b": "c=d,e"}, "disabled": True})
    with standard_environment(settings, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"):
        during = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    after = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    assert load(environ=during).resource_attributes == {"a b": "c=d,e"}
    assert (during["OTEL_SERVICE_NAME"], during["OTEL_SDK_DISABLED"]) == ("shop", "true")
    assert during["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert after == {"OTEL_SERVICE_NAME": "former"}


def test_a_default_for_a_while_yields_to_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with standard_environment(load({}), OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"):
        assert os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc"
