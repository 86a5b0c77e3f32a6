"""Labels of a series: who it is, the scope that measured it, and its attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.records import Point, Resource, Scope
from tidegate.serve.prometheus.names import label_name
from tidegate.serve.prometheus.values import escaped, label_value

SERVICE = {"service.namespace": "service_namespace", "service.name": "service_name"}
INSTANCE = {"service.instance.id": "service_instance_id"}

#: Labels that say which series it is. An attribute of that name gets ``exported_`` before it, which is what
#: Prometheus does with labels that clash with its own.
RESERVED = frozenset({*SERVICE.values(), *INSTANCE.values(), "le"})

#: An attribute of a scope that would look like one of these is dropped, says the specification.
_SCOPE_LABELS = frozenset({"otel_scope_name", "otel_scope_version", "otel_scope_schema_url"})


def of_point(point: Point) -> str:
    """The labels of a point's series; those that are empty are left out, as Prometheus takes empty for absent."""
    identity = service(point.resource)
    if point.metric.type == "gauge":
        identity |= _picked(point.resource, INSTANCE)
    attributes = [(_not_reserved(str(key)), str(key), value) for key, value in point.attributes.items()]
    return text(identity | joined([*_scope(point.scope), *attributes]))


def service(resource: Resource) -> dict[str, str]:
    """``service_name``, and ``service_namespace`` where there is one."""
    return _picked(resource, SERVICE)


def joined(attributes: Iterable[tuple[str, str, Any]]) -> dict[str, str]:
    """Values by label, from (label, key of the attribute, value).

    Where several attributes have one label, their values are joined by ``;`` in the order of their keys.
    """
    values: dict[str, list[str]] = {}
    for name, _, value in sorted(attributes, key=lambda item: item[:2]):
        values.setdefault(name, []).append(label_value(value))
    return {name: ";".join(texts) for name, texts in values.items()}


def of_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Values by label of attributes that stand alone: a resource's, or an exemplar's."""
    return joined((label_name(str(key)), str(key), value) for key, value in attributes.items())


def text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between braces."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items() if value)


def _picked(resource: Resource, names: Mapping[str, str]) -> dict[str, str]:
    return {label: label_value(resource.attributes.get(key)) for key, label in names.items()}


def _scope(scope: Scope) -> Iterable[tuple[str, str, Any]]:
    own = {"name": scope.name, "version": scope.version, "schema_url": scope.schema_url}
    for key, value in own.items():
        if value:
            yield f"otel_scope_{key}", f"otel_scope_{key}", value
    for key, value in scope.attributes.items():
        name = label_name(f"otel_scope_{key}")
        if name not in _SCOPE_LABELS:
            yield name, f"otel_scope_{key}", value


def _not_reserved(key: str) -> str:
    name = label_name(key)
    return f"exported_{name}" if name in RESERVED else name
