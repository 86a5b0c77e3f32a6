"""``target_info``: the resource attributes of each service, to be joined to its series by their labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.records import Resource
from tidegate.serve.prometheus import labels
from tidegate.serve.prometheus.families import Family

FAMILY = Family("target", "info", help="Target metadata")


def lines(resources: Iterable[Resource]) -> str:
    """One sample for each service, with the attributes on which all its processes agree.

    What tells one process from another (``process.*``, ``service.instance.id``) is no attribute of the service.
    """
    services: dict[tuple[Any, Any], Mapping[str, Any]] = {}
    for resource in resources:
        given = resource.attributes
        service = str(given.get("service.namespace", "")), str(given.get("service.name", ""))
        services[service] = _agreed(services.get(service, given), given)
    shown = sorted(filter(None, map(_text, services.values())))
    return "".join(f"target_info{{{text}}} 1\n" for text in shown)


def _agreed(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    if one is other or one == other:
        return one
    return {key: value for key, value in one.items() if key in other and other[key] == value}


def _text(attributes: Mapping[str, Any]) -> str:
    own = {key: value for key, value in attributes.items() if not _is_of_process(str(key))}
    return labels.text(labels.of_attributes(own))


def _is_of_process(key: str) -> bool:
    return key.startswith("process.") or key == "service.instance.id"
