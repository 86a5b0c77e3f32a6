"""Every setting in one table, and the only place that reads the environment.

The table drives the arguments of `tidegate.configure_observability`, the environment variables,
``tidegate settings``, the flags of ``opentelemetry-instrument`` and the reference page. The order
is everywhere: argument, then environment, then ``distribution: {tidegate: …}`` of the file named
by ``OTEL_CONFIG_FILE``, then default.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tidegate.errors import ConfigurationError
from tidegate.kinds import (
    BOOL,
    BUDGET,
    CALLABLE,
    ENDPOINT,
    HOSTS,
    INTERVAL,
    LOCATION,
    NAMES,
    PAIRS,
    RECORDS_PER_SECOND,
    REGEXES,
    RETENTION,
    RETENTION_ENTRIES,
    SLOW,
    SPAN_BUDGET,
    STORE,
    TEXT,
    TOKEN,
    TRACES_PER_SECOND,
    URLS,
    Kind,
    Refused,
    choice,
    is_url_of_http,
    number,
    size,
)

PREFIX = "OTEL_PYTHON_TIDEGATE_"


@dataclass(frozen=True)
class Option:
    """One row: the argument's name, its kind and default, its environment variable, and one sentence of help."""

    name: str
    kind: Kind
    default: Any
    env: str
    help: str
    secret: bool = False

    @property
    def standard(self) -> bool:
        """Whether the variable is OpenTelemetry's own, which the SDK reads too."""
        return not self.env.startswith(PREFIX)


def _own(name: str, kind: Kind, default: Any, help: str) -> Option:
    return Option(name, kind, default, PREFIX + name.upper(), help)


#: The table. Standard variables first, then ours.
OPTIONS: tuple[Option, ...] = (
    Option(
        "service_name", TEXT, "", "OTEL_SERVICE_NAME", "The service that this process is a part of (`service.name`)."
    ),
    Option("resource_attributes", PAIRS, {}, "OTEL_RESOURCE_ATTRIBUTES", "Further attributes of the resource."),
    Option(
        "endpoint",
        ENDPOINT,
        "",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Base URL of an OTLP receiver, `/v1/traces` and so on are added. Without one nothing is sent.",
    ),
    Option("traces_endpoint", ENDPOINT, "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "Full URL for spans alone."),
    Option("logs_endpoint", ENDPOINT, "", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "Full URL for log records alone."),
    Option("metrics_endpoint", ENDPOINT, "", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "Full URL for metrics alone."),
    Option("headers", PAIRS, {}, "OTEL_EXPORTER_OTLP_HEADERS", "Headers sent with every OTLP request.", secret=True),
    Option(
        "sampler",
        TEXT,
        "",
        "OTEL_TRACES_SAMPLER",
        "Standard sampler that governs what is sent; what it drops is recorded all the same.",
    ),
    Option("sampler_arg", TEXT, "", "OTEL_TRACES_SAMPLER_ARG", "The sampler's argument."),
    Option("traces_exporter", NAMES, (), "OTEL_TRACES_EXPORTER", "Exporters of spans; `otlp` when an endpoint is set."),
    Option(
        "logs_exporter", NAMES, (), "OTEL_LOGS_EXPORTER", "Exporters of log records; `otlp` when an endpoint is set."
    ),
    Option(
        "metrics_exporter", NAMES, (), "OTEL_METRICS_EXPORTER", "Exporters of metrics; `otlp` when an endpoint is set."
    ),
    Option("disabled", BOOL, False, "OTEL_SDK_DISABLED", "Switch everything off: no store, no providers."),
    Option("config_file", TEXT, "", "OTEL_CONFIG_FILE", "Declarative configuration of the SDK (extra `config`)."),
    Option(
        "disabled_instrumentations",
        NAMES,
        (),
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "Instrumentations that are not loaded; `*` for none at all.",
    ),
    Option(
        "excluded_urls",
        URLS,
        (),
        "OTEL_PYTHON_EXCLUDED_URLS",
        "What is looked for in URLs: requests, incoming or outgoing, to a URL that has any of it leave no spans.",
    ),
    _own(
        "send",
        choice("gated", "all"),
        "gated",
        "`gated` sends traces within `trace_budget` and log records by their pattern's rate, or both by the policy;"
        " `all` sends every log record and every trace. A standard sampler named in OTEL_TRACES_SAMPLER governs traces"
        " with both.",
    ),
    _own(
        "trace_budget",
        TRACES_PER_SECOND,
        100.0,
        "Traces a second that are sent, by all processes of this host together that send to the same place; those with"
        " errors, slow and new ones are first in line.",
    ),
    _own("span_budget", SPAN_BUDGET, None, "Spans a second that are sent likewise, whatever traces they make."),
    _own(
        "slow",
        SLOW,
        "auto",
        "Which traces are slow and first in line: `auto`, those among the slowest of their kind, or all that take"
        " longer than so many seconds.",
    ),
    _own(
        "ship_share",
        number(0.01, 1, "of one core"),
        0.1,
        "Share of one core that deciding and sending take in the process that does it for all.",
    ),
    _own(
        "exit_grace",
        number(0, 60, "seconds"),
        2.0,
        "Longest time in seconds that the end of a process waits for what is to be sent.",
    ),
    _own(
        "policy",
        LOCATION,
        "",
        "What to send of traces and logs: a JSON or YAML file, which is watched, or a URL. Default: a built-in table.",
    ),
    Option(
        "policy_token",
        TEXT,
        "",
        PREFIX + "POLICY_TOKEN",
        "Shown to the server that the policy comes from (`Authorization: Bearer …`).",
        secret=True,
    ),
    _own(
        "policy_refresh_interval",
        INTERVAL,
        300.0,
        "Time in seconds between two looks at a policy's URL.",
    ),
    _own(
        "fallback_sample_rate",
        number(0, 1, "records kept of each"),
        1.0,
        "Rate of log records below ERROR until a policy's URL has answered for the first time.",
    ),
    _own(
        "log_budget",
        BUDGET,
        None,
        "Log records a second that are sent, shared fairly among patterns; errors are always sent.",
    ),
    _own(
        "log_min_rate",
        RECORDS_PER_SECOND,
        1.0,
        "Patterns that come less often are sent whole; 0 applies the rates to all.",
    ),
    _own(
        "log_context",
        choice("trace", "task", "off"),
        "trace",
        "What an error brings along, DEBUG included: `trace`, all log records of its trace; `task`, outside of traces"
        " also the last seconds of its task or thread.",
    ),
    _own(
        "keep_status_codes",
        BOOL,
        False,
        "Tell log messages without a template apart by HTTP status and exit codes.",
    ),
    _own(
        "max_pattern_cache_size",
        number(100, 1_000_000, "patterns", whole=True),
        10_000,
        "Patterns of log messages that are told apart.",
    ),
    _own(
        "pattern_report_interval",
        INTERVAL,
        600.0,
        "Time in seconds between two reports on patterns.",
    ),
    _own("store", STORE, "", "Where to record: a directory, `memory:`, or `off`. Default: the user's state directory."),
    _own(
        "record",
        choice("all", "sampled"),
        "all",
        "`all` records also the spans that the sampler drops; `sampled` lets it drop them before they cost anything.",
    ),
    _own("capture_logs", BOOL, True, "Record the stdlib's, structlog's and loguru's log records."),
    _own(
        "context_provider",
        CALLABLE,
        None,
        "Is asked for attributes of every span that starts and every log record, where the log context has none of that"
        " name.",
    ),
    _own(
        "baggage",
        NAMES,
        (),
        "Names of the log context that go along to other services as baggage, and that are taken from what comes in.",
    ),
    _own(
        "console",
        choice("off", "text", "json"),
        "off",
        "Show on standard error what is logged and handled by nothing else, events and errors, and as `text` a line"
        " for each request or other root span.",
    ),
    _own("dev", BOOL, False, "While developing: `console` is `text` unless it is given, our own logger is at DEBUG."),
    _own("redact", BOOL, True, "Replace secrets by `[redacted]` before anything is stored."),
    _own("redact_keys", NAMES, (), "Further attribute names (parts of names) whose values are secrets."),
    _own(
        "redact_patterns",
        REGEXES,
        (),
        "Regular expressions of further secrets in texts; of one with a group named `secret`, that group alone goes.",
    ),
    _own(
        "redact_callback",
        CALLABLE,
        None,
        "Is asked about each secret found (a `tidegate.Match`); the text that it returns is written instead, for None"
        " `[redacted]` is.",
    ),
    _own(
        "http_internal_spans",
        BOOL,
        False,
        "Keep the ASGI instrumentations' `http send` and `http receive` spans, two or more a request.",
    ),
    _own(
        "request_context",
        BOOL,
        True,
        "Put `user.id`, `session.id` (hashed) and `request.id` on what a request records, as its framework has them.",
    ),
    _own(
        "user_cookies", NAMES, (), "Cookies that tell a request's user where nothing else does; clients can forge it."
    ),
    _own("session_cookies", NAMES, (), "Cookies that tell a request's session where nothing else does."),
    _own(
        "request_id_headers",
        NAMES,
        ("x-request-id", "x-correlation-id"),
        "Headers that a request's id is taken from, the first of them that has one.",
    ),
    _own("commit_interval", number(0.02, 10, "seconds"), 0.5, "Longest time in seconds before a record is on disk."),
    _own("metrics_interval", number(0.1, 3600, "seconds"), 5.0, "Time in seconds between two collections of metrics."),
    _own(
        "queue_size",
        number(512, 10_000_000, "records", whole=True),
        16384,
        "Records waiting to be written; more are dropped and counted.",
    ),
    _own(
        "store_size",
        size(4 << 20),
        1 << 30,
        "Bytes the store may take; the oldest go first, except those within a share that `retention` reserves.",
    ),
    _own(
        "retention",
        RETENTION,
        RETENTION_ENTRIES,
        "How long to keep what, by class; `error` also stands for `error-trace`. An entry replaces that class's"
        " built-in one, the others stay.",
    ),
    _own("memory_size", size(1 << 20), 64 << 20, "Bytes that a `memory:` store keeps, per process."),
    _own(
        "memory_records",
        number(1, 100_000_000, "records", whole=True),
        1_000_000,
        "Records that a `memory:` store keeps, per process.",
    ),
    Option(
        "token",
        TOKEN,
        "",
        PREFIX + "TOKEN",
        "What a client of the HTTP readers must show (`Authorization: Bearer …`); also shown by `tidegate … URL`.",
        secret=True,
    ),
    _own(
        "allowed_hosts",
        HOSTS,
        (),
        "Names by which the HTTP readers may be addressed, `*.example.com` for all below, `*` for any;"
        " loopback names and addresses always are.",
    ),
    _own("gzip", BOOL, True, "Compress what the HTTP readers answer for clients that accept it."),
    _own("flush_on_signal", BOOL, True, "Write what is pending when SIGTERM or SIGHUP ends the process."),
)

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


@dataclass(frozen=True)
class Settings:
    """Resolved values, and for each where it came from: ``argument``, ``environment``, ``file`` or ``default``."""

    values: Mapping[str, Any]
    sources: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def _parse(option: Option, value: Any, received_from: str) -> Any:
    try:
        return option.kind.parse(value)
    except Refused as error:
        raise _refusal(option, value, received_from, f"{error} ") from None
    except (ValueError, TypeError, KeyError, OSError, OverflowError):
        raise _refusal(option, value, received_from) from None


def _refusal(option: Option, value: Any, received_from: str, why: str = "") -> ConfigurationError:
    return ConfigurationError(
        f"{received_from} is {shown(option, value)}; it must be {option.kind.rule}. {why}{option.help}"
    )


def shown(option: Option, value: Any) -> str:
    """A value as a message may have it."""
    is_hidden = option.secret or ("://" in str(value) and "@" in str(value))  # a URL with a password
    return "a hidden value" if is_hidden else repr(value)


def _check_endpoints(settings: Settings, environ: Mapping[str, str]) -> None:
    """Refuse an endpoint that is no URL for a signal that goes by HTTP."""
    for signal in ("traces", "logs", "metrics"):
        option = BY_NAME[f"{signal}_endpoint" if settings.values[f"{signal}_endpoint"] else "endpoint"]
        endpoint = settings.values[option.name]
        if endpoint and _is_by_http(settings, signal, environ) and not is_url_of_http(endpoint):
            is_argument = settings.sources[option.name] == "argument"
            raise _refusal(option, endpoint, f"argument {option.name}" if is_argument else option.env)


def _is_by_http(settings: Settings, signal: str, environ: Mapping[str, str]) -> bool:
    """Whether OTLP over HTTP takes the endpoint of a signal; with a declarative file nobody does."""
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "").strip()
    protocol = own or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()
    names = settings.values[f"{signal}_exporter"] or ("otlp",)
    by_http = {"otlp_proto_http", "otlp_json_http", "otlp" if protocol != "grpc" else ""}
    return not settings.config_file and not by_http.isdisjoint(names)


def _reject_unknown(names: Mapping[str, Any], where: str) -> None:
    for name in names:
        if name not in BY_NAME:
            import difflib

            near = difflib.get_close_matches(name, BY_NAME, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(f"{where} {name!r} is not a setting; {hint}`tidegate settings` lists them all.")


def load(
    arguments: Mapping[str, Any] | None = None,
    file_values: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Resolve every option; raises `ConfigurationError` naming the option, the value and the rule.

    An argument of ``None`` and an environment variable that is empty count as not given, as
    OpenTelemetry's specification asks.
    """
    env = os.environ if environ is None else environ
    arguments = {name: value for name, value in (arguments or {}).items() if value is not None}
    file_values = file_values or {}
    _reject_unknown(arguments, "the argument")
    _reject_unknown(file_values, "in distribution.tidegate,")
    for name in file_values:
        if BY_NAME[name].standard:
            raise ConfigurationError(f"distribution.tidegate.{name} has a place of its own in the file; put it there.")
    for name in env:
        if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in BY_NAME:
            _reject_unknown({name[len(PREFIX) :].lower(): None}, f"the environment variable {name}:")
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        name = option.name
        if name in arguments:
            values[name], sources[name] = _parse(option, arguments[name], f"argument {name}"), "argument"
        elif env.get(option.env, "").strip():
            values[name], sources[name] = _parse(option, env[option.env], option.env), "environment"
        elif name in file_values:
            values[name], sources[name] = _parse(option, file_values[name], f"distribution.tidegate.{name}"), "file"
        else:
            values[name], sources[name] = option.default, "default"
    settings = Settings(values, sources)
    _check_endpoints(settings, env)
    return settings


def environment(name: str, default: str = "") -> str:
    """The text of one environment variable that is not a setting of ours (``HOME`` and the like)."""
    return os.environ.get(name, default)


def variables(prefix: str) -> dict[str, str]:
    """The environment variables whose names begin so."""
    return {name: value for name, value in os.environ.items() if name.startswith(prefix)}


def default_environment(name: str, value: str) -> None:
    """Set an environment variable that an OpenTelemetry package reads, unless the user did."""
    os.environ.setdefault(name, value)


def child_environment(*, without: str, **changes: str) -> dict[str, str]:
    """The environment for a child process: this one's, except names that begin with ``without``, and changed."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith(without)}, **changes}


def keep_place(settings: Settings) -> None:
    """Let child processes find a store that the environment names by a relative path, wherever they start."""
    if settings.sources["store"] == "environment":
        os.environ[BY_NAME["store"].env] = settings.store


@contextmanager
def standard_environment(
    settings: Settings, forced: Mapping[str, str] | None = None, **defaults: str
) -> Iterator[None]:
    """While it lasts, the SDK finds our arguments for standard options in the environment.

    The SDK reads its variables in dozens of places and takes no argument for most of them.
    ``defaults`` are variables to set unless the user did, ``forced`` ones overrule all. All is put
    back afterwards, so that programs which this one starts do not inherit it.
    """
    given = {
        option.env: _as_text(settings.values[option.name])
        for option in OPTIONS
        if option.standard and settings.sources[option.name] == "argument"
    }
    wanted = {
        **{name: value for name, value in defaults.items() if not os.environ.get(name)},
        **given,
        **(forced or {}),
    }
    former = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{key}={quote(str(item))}" for key, item in value.items())
    return ",".join(value) if isinstance(value, tuple) else str(value)
