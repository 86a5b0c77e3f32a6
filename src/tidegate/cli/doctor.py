"""What `tidegate doctor` looks at: each check tells how things stand and what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata

from tidegate import store
from tidegate.cli import probe
from tidegate.cli.force import settings_in_force
from tidegate.errors import ConfigurationError
from tidegate.safe import hide_password
from tidegate.settings import Settings, environment
from tidegate.store.location import MEMORY, OFF

OK, WARN, FAIL = "ok", "warn", "fail"

_PACKAGES = ("tidegate", "opentelemetry-api", "opentelemetry-sdk", "opentelemetry-instrumentation")

#: Libraries whose instrumentation has the same name, and that mostly matter where they are installed.
_INSTRUMENTED = ("fastapi", "flask", "django", "sqlalchemy", "psycopg", "psycopg2", "redis", "celery", "pymongo")

#: Which exporter `otlp` stands for, by protocol.
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}

_MIB = 1 << 20


@dataclass(frozen=True)
class Check:
    """``status`` is ``ok``, ``warn`` or ``fail``; ``advice`` says what to do unless all is well."""

    name: str
    status: str
    detail: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def examine() -> Iterator[Check]:
    """All checks, the quick ones first."""
    yield python()
    yield packages()
    distro = entry_point("distro", "OTEL_PYTHON_DISTRO")
    yield distro
    yield entry_point("configurator", "OTEL_PYTHON_CONFIGURATOR", chosen_by_distro=distro.status == OK)
    yield instrumentations()
    try:
        settings = settings_in_force()
    except ConfigurationError as error:
        yield Check("settings", FAIL, str(error), "Correct the variable; `tidegate settings` shows them all.")
        return
    yield configuration(settings)
    yield from storage(settings)
    if not settings.disabled and not settings.config_file:  # the file has samplers and exporters of its own
        yield sampler(settings)
        yield from exporters(settings)
    yield policy(settings)
    yield from endpoints(settings)


def python() -> Check:
    return Check("python", OK, f"{platform.python_version()} at {sys.executable}")


def packages() -> Check:
    versions = {name: _version(name) for name in _PACKAGES}
    missing = [name for name, version in versions.items() if not version]
    if missing:
        return Check("packages", FAIL, f"{', '.join(missing)} not installed", "Install again: pip install tidegate")
    return Check("packages", OK, ", ".join(map(" ".join, versions.items())))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def entry_point(kind: str, variable: str, *, chosen_by_distro: bool = False) -> Check:
    """Which distro or configurator `opentelemetry-instrument` would take: the named one, else the first it meets."""
    points = list(metadata.entry_points(group=f"opentelemetry_{kind}"))
    installed = ", ".join(point.name for point in points) or "none"
    wanted = environment(variable) or ("tidegate" if chosen_by_distro else "")
    winner = next((point for point in points if wanted in ("", point.name)), None)
    if winner is None:
        detail = f"{variable} is {wanted!r}, installed: {installed}" if wanted else "none is installed"
        return Check(kind, FAIL, detail, f"Unset {variable}, or install what it names.")
    try:
        winner.load()
    except Exception as error:  # whatever a stranger's module raises is what we report
        advice = f"Repair or uninstall it, or set {variable} to another of {installed}."
        return Check(kind, FAIL, f"{winner.name} cannot be loaded: {error!r}", advice)
    if winner.name != "tidegate":
        # a choice of the user's own; and with our configurator named, another's distro does not keep us from recording
        named = {environment("OTEL_PYTHON_DISTRO"), environment("OTEL_PYTHON_CONFIGURATOR")}
        status = WARN if named & {winner.name, "tidegate"} else FAIL
        lost = ": nothing is recorded by tidegate" if status == FAIL or kind == "configurator" else ""
        detail = f"{winner.name} wins, not tidegate (installed: {installed}){lost}"
        return Check(kind, status, detail, f"export {variable}=tidegate")
    others = f" (of {installed})" if len(points) > 1 else ""
    return Check(kind, OK, winner.name + others)


def instrumentations() -> Check:
    names = sorted({point.name for point in metadata.entry_points(group="opentelemetry_instrumentor")})
    bare = [name for name in _INSTRUMENTED if name not in names and _version(name)]
    found = ", ".join(names) or "none"
    if bare:
        detail = f"{found}; missing for {', '.join(bare)}"
        return Check("instrumentations", WARN, detail, "opentelemetry-bootstrap -a install")
    return Check("instrumentations", OK, found)


def configuration(settings: Settings) -> Check:
    if settings.disabled:
        return Check("settings", WARN, "OTEL_SDK_DISABLED is true: nothing is recorded", "unset OTEL_SDK_DISABLED")
    given = [f"{name} ({source})" for name, source in settings.sources.items() if source != "default"]
    return Check("settings", OK, ", ".join(given) or "all defaults")


def storage(settings: Settings) -> Iterator[Check]:
    """Whether the store can be written, and how much room there is."""
    location = settings.store or store.default_location()
    if location == OFF:
        yield Check("store", WARN, "switched off: nothing is recorded", "unset OTEL_PYTHON_TIDEGATE_STORE")
        return
    if location == MEMORY:
        yield Check("store", OK, "memory: each process keeps its own records, and only it can read them")
        return
    problem = probe.write(location)
    if problem:
        advice = "Give this user the directory, or name another with OTEL_PYTHON_TIDEGATE_STORE."
        detail = f"{location} cannot be written: {problem}; programs would record in memory, each for itself"
        yield Check("store", FAIL, detail, advice)
        return
    yield _place(settings, location)
    yield _room(settings, location)


def _place(settings: Settings, location: str) -> Check:
    if not settings.store and probe.is_fallback(location):
        advice = "Set OTEL_PYTHON_TIDEGATE_STORE to a directory that stays."
        return Check("store", WARN, f"{location} (fallback: neither state nor home directory can be written)", advice)
    return Check("store", OK, f"{location} can be written")


def _room(settings: Settings, location: str) -> Check:
    free = shutil.disk_usage(probe.nearest_directory(location)).free
    detail = f"{free // _MIB:,} MiB free, the store may take {settings.store_size // _MIB:,} MiB"
    if free < 64 * _MIB:
        return Check("disk", FAIL, detail, "Make room, or move the store with OTEL_PYTHON_TIDEGATE_STORE.")
    if free < settings.store_size:
        return Check("disk", WARN, detail, "Make room, or lower OTEL_PYTHON_TIDEGATE_STORE_SIZE.")
    return Check("disk", OK, detail)


def sampler(settings: Settings) -> Check:
    """Whether there is a sampler of this name, and it takes its argument."""
    from tidegate import otel  # it loads the SDK, which the other checks do without

    name, argument = settings.sampler.lower(), settings.sampler_arg
    if not name:
        from tidegate.ship.plan import in_force

        decides = "the policy's rules and budget; without a word of it on traces, " if settings.policy else ""
        mode = "all" if settings.send == "all" else "gated"
        return Check("sampler", OK, decides + in_force(settings, mode, settings.trace_budget))
    try:
        otel.sampler_by_name(name, argument)
    except LookupError:
        installed = _names("opentelemetry_traces_sampler")
        detail = f"OTEL_TRACES_SAMPLER is {settings.sampler!r}; it must be one of {installed}"
        return Check("sampler", FAIL, detail, "Correct or unset OTEL_TRACES_SAMPLER.")
    except Exception as error:  # a stranger's sampler may raise anything
        detail = f"OTEL_TRACES_SAMPLER_ARG is {argument!r}, which the sampler {name} does not take: {error}"
        return Check("sampler", FAIL, detail, "Correct or unset OTEL_TRACES_SAMPLER_ARG.")
    return Check("sampler", OK, f"{name} {argument}".strip())


def exporters(settings: Settings) -> Iterator[Check]:
    """Whether the exporters that are named, or that an endpoint calls for, are installed: one check for
    each that is not, else one for all."""
    problems = []
    found = []
    for signal in ("traces", "logs", "metrics"):
        names = settings.values[f"{signal}_exporter"]
        if not names and (settings.endpoint or settings.values[f"{signal}_endpoint"]):
            names = ("otlp",)
        if [name.lower() for name in names] == ["none"]:
            continue
        problems += [problem for name in names if (problem := _exporter(signal, name))]
        found += [f"{signal}: {', '.join(names)}"] if names else []
    yield from problems or [Check("exporters", OK, "; ".join(found) or "none: nothing is sent")]


def _exporter(signal: str, name: str) -> Check | None:
    """What is wrong with one exporter, or nothing."""
    variable, group = f"OTEL_{signal.upper()}_EXPORTER", f"opentelemetry_{signal}_exporter"
    component = name
    if name == "otlp":
        own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
        protocol_variable = own if environment(own) else "OTEL_EXPORTER_OTLP_PROTOCOL"
        protocol = environment(protocol_variable).strip() or "http/protobuf"
        if protocol not in _PROTOCOLS:
            detail = f"{protocol_variable} is {protocol!r}; it must be one of {', '.join(_PROTOCOLS)}; nothing is sent"
            return Check("exporters", FAIL, detail, f"Correct or unset {protocol_variable}.")
        component = _PROTOCOLS[protocol]
    points = list(metadata.entry_points(group=group, name=component))
    if component == "otlp_proto_grpc" and not points:
        detail = f"{signal} go by OTLP over gRPC, whose exporter is not installed; nothing is sent"
        advice = "pip install 'tidegate[grpc]', or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and use port 4318."
        return Check("exporters", FAIL, detail, advice)
    if not points:
        detail = f"{variable} has {name!r}; it must be none, otlp, or of {_names(group)}; nothing is sent"
        return Check("exporters", FAIL, detail, f"Correct or unset {variable}, or install what it names.")
    try:
        points[0].load()
    except Exception as error:  # whatever a stranger's module raises is what we report
        detail = f"{variable} has {name!r}, which cannot be loaded: {error!r}; nothing is sent"
        return Check("exporters", FAIL, detail, f"Repair what is installed, or set {variable} to another.")
    return None


def _names(group: str) -> str:
    return ", ".join(sorted(metadata.entry_points(group=group).names))


def policy(settings: Settings) -> Check:
    """Whether the policy can be had and is good."""
    if settings.send == "all":
        return Check("policy", OK, "OTEL_PYTHON_TIDEGATE_SEND is all: log records are not gated")
    if not settings.policy:
        return Check("policy", OK, "none: log records by the built-in table")
    from tidegate.cli.policy import fetched
    from tidegate.gate.policies.sources import Unavailable

    try:
        found, location = fetched(settings)
    except Unavailable as error:
        rate = f"{settings.fallback_sample_rate:.0%} of log records are sent until it answers"
        return Check("policy", WARN, f"{error} {rate}.", "See whether the server runs, or name another policy.")
    except ConfigurationError as error:
        return Check("policy", FAIL, str(error), "Correct it; `tidegate policy check` says what it means.")
    ignored = f"; {len(found.ignored)} parts of it are not obeyed" if found.ignored else ""
    return Check("policy", OK, f"{hide_password(location)} is good{ignored}")


def endpoints(settings: Settings) -> Iterator[Check]:
    """Whether each OTLP endpoint that is configured takes connections."""
    own = {name: environment(f"OTEL_EXPORTER_OTLP_{name.upper()}_ENDPOINT") for name in ("traces", "logs", "metrics")}
    urls = dict.fromkeys(url for url in [settings.endpoint, *own.values()] if url)
    if not urls:
        yield Check("endpoint", OK, "none configured: nothing is sent")
    for url in urls:
        yield _endpoint(url)


def _endpoint(url: str) -> Check:
    shown = hide_password(url)
    grpc = environment("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc"
    try:
        host, port = probe.address(url, grpc=grpc)
    except ValueError:
        return Check("endpoint", FAIL, f"{shown} is not a URL", "Write it like http://localhost:4318.")
    problem = probe.connect(host, port)
    if problem:
        advice = "Start the receiver or correct OTEL_EXPORTER_OTLP_ENDPOINT; meanwhile records stay in the store."
        return Check("endpoint", FAIL, f"{shown}: {host}:{port} does not answer: {problem}", advice)
    if port == 4317 and not grpc:
        advice = "Use port 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc (pip install 'tidegate[grpc]')."
        return Check("endpoint", WARN, f"{shown} answers, but 4317 is the port of gRPC and HTTP is used", advice)
    return Check("endpoint", OK, f"{shown} answers")
