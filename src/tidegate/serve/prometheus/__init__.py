"""Metric points as Prometheus text and OpenMetrics, by OpenTelemetry's own rules.

`expose` writes points that are already summed, one for each series; an `Exposition` that is kept
remembers names and labels from one scrape to the next, which makes the second one several times
cheaper. The rules are those of `Prometheus and OpenMetrics Compatibility
<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>`_ (below: the
specification), the formats `0.0.4
<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>`_ and `OpenMetrics 1.0
<https://prometheus.io/docs/specs/om/open_metrics_spec/>`_.

======================================  ==================================================================
OpenTelemetry                           here
======================================  ==================================================================
monotonic sum                           counter
up-down counter, gauge                  gauge
histogram                               histogram
exponential histogram                   histogram with boundaries of powers of √2 (`histogram`)
resource                                labels ``service_name``, ``service_namespace`` of every series and
                                        ``service_instance_id`` of gauges; ``target_info`` of each service
scope                                   labels ``otel_scope_name``, ``_version``, ``_schema_url`` and those
                                        of its attributes
exemplars                               OpenMetrics only: the latest of a counter and of each bucket
start time                              not shown
======================================  ==================================================================

What cannot be shown is left out, counted by ``tidegate_exposition_left_out_points``, and named in
that metric's HELP: a comment that parsers of both formats accept.
"""

from __future__ import annotations

from tidegate.serve.prometheus.render import OPENMETRICS, TEXT, Exposition, expose

__all__ = ["OPENMETRICS", "TEXT", "Exposition", "expose"]
