"""What type checkers and editors know of the settings that `tidegate.configure_observability` takes.

Written out, since they read no table; a test holds it and `tidegate.settings.OPTIONS` equal. Each kind also takes text,
as the environment has it, and None, which counts as not given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from os import PathLike
from typing import Any, Literal, TypeAlias, TypedDict

Text: TypeAlias = str | PathLike[str] | None
Names: TypeAlias = str | Collection[str] | None
Pairs: TypeAlias = str | Mapping[str, Any] | None
Switch: TypeAlias = bool | str | None
Number: TypeAlias = float | str | None
Whole: TypeAlias = int | str | None
Function: TypeAlias = Callable[..., Any] | str | None


class Options(TypedDict, total=False):
    """The type of settings by name, as `configure_observability` and Django's ``TIDEGATE`` take them, none required.

    >>> import tidegate
    >>> options: tidegate.Options = {"service_name": "greeter", "store": "memory:"}
    """

    service_name: Text
    resource_attributes: Pairs
    endpoint: Text
    traces_endpoint: Text
    logs_endpoint: Text
    metrics_endpoint: Text
    headers: Pairs
    sampler: Text
    sampler_arg: Text
    traces_exporter: Names
    logs_exporter: Names
    metrics_exporter: Names
    disabled: Switch
    config_file: Text
    disabled_instrumentations: Names
    excluded_urls: Names
    send: Literal["gated", "all"] | None
    trace_budget: Number
    span_budget: Number
    slow: Number
    ship_share: Number
    exit_grace: Number
    policy: Text
    policy_token: Text
    policy_refresh_interval: Number
    fallback_sample_rate: Number
    log_budget: Number
    log_min_rate: Number
    log_context: Literal["trace", "task", "off"] | None
    keep_status_codes: Switch
    max_pattern_cache_size: Whole
    pattern_report_interval: Number
    store: Text
    record: Literal["all", "sampled"] | None
    capture_logs: Switch
    context_provider: Function
    baggage: Names
    console: Literal["off", "text", "json"] | None
    dev: Switch
    redact: Switch
    redact_keys: Names
    redact_patterns: Names
    redact_callback: Function
    http_internal_spans: Switch
    request_context: Switch
    user_cookies: Names
    session_cookies: Names
    request_id_headers: Names
    commit_interval: Number
    metrics_interval: Number
    queue_size: Whole
    store_size: Whole
    retention: Text
    memory_size: Whole
    memory_records: Whole
    token: Text
    allowed_hosts: Names
    gzip: Switch
    flush_on_signal: Switch
