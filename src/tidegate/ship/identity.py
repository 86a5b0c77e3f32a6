"""What the exporters of a process send as whom, as they are in force, in a word that tells nothing.

Variables alone do not say it: a declarative file fills in others by ``${NAME}``, a certificate is renewed in its
place, and an exporter from a package has variables of its own. So the exporters are looked into once they are
built. What is looked at is the same in every process of one configuration: no addresses, times or versions.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

#: Objects within objects that are looked into.
_DEEPEST = 8

#: Variables that name files which say who a sender is.
_FILES = re.compile(r"OTEL_EXPORTER_\w*(CERTIFICATE|CLIENT_KEY)")

#: Variables by which packages are told where to send, and as whom: all of them, where it cannot be seen.
_CREDENTIALS = re.compile(
    r"(\w*_)?(API|ACCOUNT|APIKEY|CONNECTION|CREDENTIALS?|DSN|ENDPOINT|KEYS?|PASSWORD|PROJECT|REGION|SECRETS?|TENANT"
    r"|TOKEN|URL)(_\w*)?",
    re.IGNORECASE,
)

_PROVIDER = re.compile(r"OTEL_PYTHON_EXPORTER_OTLP_\w*CREDENTIAL_PROVIDER")

#: Parts of a declarative file that do not say where anything goes.
_ABOUT = {"resource", "instrumentation_development", "log_level"}


def fingerprint(exporters: Iterable[Any], environ: Mapping[str, str], config: Any = None) -> str:
    """32 hexadecimal digits, the same for all processes of which any may send for the others.

    ``exporters`` are as the SDK has built them, ``environ`` is the whole environment and ``config`` the declarative
    configuration with its variables filled in, if there is one. Raises nothing.
    """
    made = list(exporters)
    content: list[Any] = [_exporter(each) for each in made]
    content += [(name, value, _content(value)) for name, value in sorted(environ.items()) if _FILES.fullmatch(name)]
    if config is not None:
        content.append([(name, _plain(value)) for name, value in _fields(config) if name not in _ABOUT])
    providers = any(_PROVIDER.fullmatch(name) for name, value in environ.items() if value)
    if providers or not all(map(_is_standard, made)):
        content.append([pair for pair in sorted(environ.items()) if _CREDENTIALS.fullmatch(pair[0])])
    return hashlib.blake2b(repr(content).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _is_standard(exporter: Any) -> bool:
    """Whether all that it sends by is what is looked at."""
    return type(exporter).__module__.startswith(("opentelemetry.exporter.otlp.", "opentelemetry.sdk."))


def _exporter(exporter: Any) -> Any:
    kind = f"{type(exporter).__module__}.{type(exporter).__qualname__}"
    client = getattr(exporter, "_client", None)
    if not hasattr(client, "_transport"):  # not over HTTP: gRPC's parts are the exporter's own
        client = exporter
    session = getattr(getattr(client, "_transport", None), "_session", None)
    parts = [_plain(getattr(client, name, None)) for name in ("_endpoint", "_headers", "_insecure")]
    parts += [_plain(getattr(session, name, None)) for name in ("headers", "auth", "proxies", "params")]
    parts += [(_plain(path), _content(path)) for path in _paths(session)]
    return kind, parts, None if _is_standard(exporter) else _plain(exporter)


def _paths(session: Any) -> Iterable[Any]:
    """What a session's certificates are in."""
    cert = getattr(session, "cert", None)
    return [getattr(session, "verify", None), *(cert if isinstance(cert, tuple) else (cert,))]


def _content(path: Any) -> str:
    """What stands in a file, if there is one."""
    try:
        with open(path if isinstance(path, (str, os.PathLike)) else "", "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=16).hexdigest()
    except (OSError, ValueError):
        return ""


def _plain(value: Any, within: tuple[int, ...] = ()) -> Any:
    """What has a meaning beyond this process. Numbers that may be times, and who is asked, are left out."""
    if value is None or isinstance(value, (bool, str, bytes)):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int):
        return value if value != os.getpid() else None
    if id(value) in within or len(within) == _DEEPEST:
        return None
    within = (*within, id(value))
    if isinstance(value, Mapping):
        pairs = ((str(key).lower(), _plain(each, within)) for key, each in value.items() if isinstance(key, str))
        return sorted((pair for pair in pairs if pair[0] != "user-agent"), key=repr)
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(each, within) for each in value), key=repr)
    if isinstance(value, Sequence):
        return [_plain(each, within) for each in value]
    return _looked_into(value, within)


def _looked_into(value: Any, within: tuple[int, ...]) -> Any:
    """A package's own object; what the standard library makes is of one process alone."""
    module = type(value).__module__
    if module.partition(".")[0] in sys.stdlib_module_names or module.startswith(_OPAQUE):
        return None
    held = (
        (name, _plain(each, within), _content(each) if name.endswith("_file") else "") for name, each in _fields(value)
    )
    return [type(value).__qualname__, *held]


#: What OpenTelemetry keeps beside an exporter's settings: clients that were looked at, and meters.
_OPAQUE = ("opentelemetry.sdk.", "opentelemetry.exporter.", "opentelemetry.metrics.", "opentelemetry.trace.")


def _fields(value: Any) -> list[tuple[str, Any]]:
    return sorted(getattr(value, "__dict__", {}).items(), key=lambda field: field[0])
