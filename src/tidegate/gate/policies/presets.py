"""What is dropped in one line: ``- drop: health checks``.

A preset is several lists of conditions, each a rule of its own: a request is known by its route or
path, by its span's name where an instrumentation sets neither, or by who asks.
"""

from __future__ import annotations

from tidegate.gate.policy import Condition

#: Paths at which orchestrators and load balancers ask whether a service is well.
_HEALTH = (
    *("/health", "/healthz", "/health/*", "/healthcheck", "/health-check", "/_health", "/-/healthy", "/-/ready"),
    *("/live", "/livez", "/liveness", "/ready", "/readyz", "/readiness", "/startupz", "/ping", "/up"),
    *("/actuator/health", "/actuator/health/*"),
)
_SCRAPES = ("/metrics", "/metrics/", "/-/metrics", "/actuator/prometheus", "/federate")

_PROBES = ("kube-probe/*", "ELB-HealthChecker/*", "GoogleHC/*", "Amazon-Route53-Health-Check-Service*")
_SCRAPERS = ("Prometheus/*", "OpenTelemetry Collector*", "vmagent*", "Grafana Alloy*")

_METHODS = ("GET", "HEAD")

Preset = tuple[tuple[Condition, ...], ...]


def _requests(paths: tuple[str, ...], agents: tuple[str, ...], names: tuple[str, ...] = ()) -> Preset:
    spans = tuple(f"{method} {path}" for method in _METHODS for path in paths) + names
    return (
        (Condition("route", paths),),
        (Condition("name", spans),),
        (Condition("attribute", agents, key="user_agent.original"),),
    )


def _lines(paths: tuple[str, ...], agents: tuple[str, ...]) -> Preset:
    """The same in the lines of an access log: ``"GET /healthz HTTP/1.1" 200``."""
    asked = (f"*{method} {path}{end}*" for method in _METHODS for path in paths for end in (" ", "?", '"'))
    return ((Condition("body", (*asked, *(f"*{agent.rstrip('*')}*" for agent in agents))),),)


TRACE_PRESETS: dict[str, Preset] = {
    "health checks": _requests(_HEALTH, _PROBES, ("grpc.health.v1.Health/*", "/grpc.health.v1.Health/*")),
    "scrapes": _requests(_SCRAPES, _SCRAPERS),
}
LOG_PRESETS: dict[str, Preset] = {"health checks": _lines(_HEALTH, _PROBES), "scrapes": _lines(_SCRAPES, _SCRAPERS)}
