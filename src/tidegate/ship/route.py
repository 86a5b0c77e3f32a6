"""A route: where a process's records may go, and by which rules.

    routes/<route id>/route.json     what it is, for people; no secrets

Processes with the same route are interchangeable: any of them may decide and send for all. So all that says
where records go, as whom and how many, is in the id, tokens in headers included, of which nobody can read them
again. Segments carry it; a process without a destination has none.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import orjson

from tidegate.settings import Settings
from tidegate.ship import files
from tidegate.store import location

#: Version of what is kept of a route. It is a part of the id: another version keeps to itself.
FORMAT = 1

#: Settings by which is decided what is sent.
_RULES = (
    *("send", "policy", "span_budget", "slow", "log_budget", "log_min_rate", "log_context"),
    *("fallback_sample_rate", "keep_status_codes"),
)

#: Standard variables that say what is sent, where to, and as whom.
_VARIABLE = re.compile(r"OTEL_(PYTHON_)?EXPORTER_\w+|OTEL_[A-Z]+_EXPORTER")

_ID = re.compile(r"[0-9a-f]{16}")


class Target(NamedTuple):
    """An exporter of a signal (``traces``, ``logs`` or ``metrics``) and the endpoint it has, "" without one."""

    signal: str
    exporter: str
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """What may be known of a route by anybody; made by `route_of`.

    ``headers`` and ``variables`` are names alone; ``rules`` are settings; ``traces`` is the mode: ``gated``, ``all`` or
    ``sampled``.
    """

    id: str
    destinations: tuple[Target, ...]
    headers: tuple[str, ...]
    variables: tuple[str, ...]
    traces: str
    rules: Mapping[str, Any]

    def describe(self) -> dict[str, Any]:
        """What `route.json` says."""
        said = {**asdict(self), "destinations": [target._asdict() for target in self.destinations]}
        return {"format": FORMAT, **said}

    def directory(self, store: str) -> str:
        """Its directory in a store, made if need be; raises OSError, `StoreError`."""
        location.make_directory(store)
        path = os.path.join(store, "routes", self.id)
        files.make(os.path.dirname(path))
        files.make(path)
        said = os.path.join(path, "route.json")
        if not os.path.exists(said):
            files.write(said, self.describe())
        return path


def route_of(
    settings: Settings,
    destinations: Iterable[Target],
    environ: Mapping[str, str],
    *,
    traces: str,
    trace_budget: float | None,
    file: bytes = b"",
    identity: str = "",
) -> Route | None:
    """The route of a process with these destinations; None without any.

    ``environ`` holds the standard variables as they are in force, ``file`` the content of the declarative
    configuration, if one is used; ``traces`` is the mode and ``trace_budget`` what it may send a second. ``identity``
    is what the exporters are, as `identity.fingerprint` tells.
    """
    targets = tuple(sorted({target._replace(endpoint=_public(target.endpoint)) for target in destinations}))
    if not targets:
        return None
    variables = {name: value for name, value in sorted(environ.items()) if _VARIABLE.fullmatch(name) and value}
    rules = {"trace_budget": trace_budget, **{name: settings.values[name] for name in _RULES}}
    content = orjson.dumps([FORMAT, targets, variables, traces, rules, file.hex(), identity], default=str)
    return Route(
        id=hashlib.blake2b(content, digest_size=8).hexdigest(),
        destinations=targets,
        headers=_header_names(variables),
        variables=tuple(variables),
        traces=traces,
        rules={**rules, "policy": _public(settings.policy)},
    )


def _public(url: str) -> str:
    """A URL without what may be secret in it: user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if not parts.netloc:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _header_names(variables: Mapping[str, str]) -> tuple[str, ...]:
    given = (value for name, value in variables.items() if name.endswith("_HEADERS"))
    return tuple(
        sorted({pair.partition("=")[0].strip().lower() for value in given for pair in value.split(",")} - {""})
    )


def routes(store: str) -> dict[str, dict[str, Any]]:
    """The routes of a store by id, each as its file describes it."""
    directory = os.path.join(store, "routes")
    ids = [name for name in files.names(directory) if _ID.fullmatch(name)]
    return {each: files.read(os.path.join(directory, each, "route.json")) for each in ids}


def differences(mine: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Which parts of two descriptions differ, in words; what is secret in them can differ without a word."""
    flat = {**mine, **mine.get("rules", {})}, {**other, **other.get("rules", {})}
    names = sorted({*flat[0], *flat[1]} - {"id", "format", "rules"})
    return [name.replace("_", " ") for name in names if _plain(flat[0].get(name)) != _plain(flat[1].get(name))]


def _plain(value: Any) -> Any:
    """As it would be after a way through JSON."""
    return orjson.loads(orjson.dumps(value, default=str))
