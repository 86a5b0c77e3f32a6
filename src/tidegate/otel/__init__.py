"""Everything taken from OpenTelemetry that is not public, in one place.

Each name is checked when it is imported or used; where one is missing the public way is taken, or
the feature that needs it says so.

objects      fields of spans and log records
exceptions   exceptions on spans
frameworks   instrumentations of web frameworks
current      the current context
log_records  making log records
setup        building providers
providers    changing providers that exist
signals      metrics and events of our own
"""

from tidegate.otel.current import (
    LeftOut,
    current_context,
    enter_context,
    handing_to,
    is_left_out,
    is_suppressed,
    leave_context,
    left_out,
    suppressed,
)
from tidegate.otel.exceptions import record_exceptions_once
from tidegate.otel.frameworks import complete_flask, leave_exceptions
from tidegate.otel.objects import attribute_dict, attribute_fields, dropped_count, extended, put_under, span_fields
from tidegate.otel.providers import (
    attach_metric_reader,
    keep_apart,
    put_before_exporters,
    put_first,
    set_sampler,
    take_exporters,
)
from tidegate.otel.setup import (
    apply_config,
    config_resource,
    distribution_settings,
    initialize_sdk,
    load_config_file,
    load_instrumentors,
    merge_resource,
    names_sampler,
    root_sampler,
    sampler_by_name,
    sampler_settings,
)
from tidegate.otel.signals import emit_event, event, meter_provider, observable_counter

__all__ = [
    "LeftOut",
    "apply_config",
    "attach_metric_reader",
    "attribute_dict",
    "attribute_fields",
    "complete_flask",
    "config_resource",
    "current_context",
    "distribution_settings",
    "dropped_count",
    "emit_event",
    "enter_context",
    "event",
    "extended",
    "handing_to",
    "initialize_sdk",
    "is_left_out",
    "is_suppressed",
    "keep_apart",
    "leave_context",
    "leave_exceptions",
    "left_out",
    "load_config_file",
    "load_instrumentors",
    "merge_resource",
    "meter_provider",
    "names_sampler",
    "observable_counter",
    "put_before_exporters",
    "put_first",
    "put_under",
    "record_exceptions_once",
    "root_sampler",
    "sampler_by_name",
    "sampler_settings",
    "set_sampler",
    "span_fields",
    "suppressed",
    "take_exporters",
]
