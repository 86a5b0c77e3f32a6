"""Where records go: the exporters that are configured, each with a name of its own.

OTLP over HTTP and gRPC gets bytes made from columns. Every other exporter, and whatever is derived from
OTLP's, gets the SDK's objects, as it would from the SDK's own processors.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from tidegate import otel
from tidegate.ship import outcome
from tidegate.ship.backoff import should_retry
from tidegate.ship.batches import count
from tidegate.ship.outcome import REFUSED, RETRY, SENT, Outcome
from tidegate.ship.transport import DEFAULT_TIMEOUT, Grpc, Http

if TYPE_CHECKING:
    from tidegate.ship.deltas import Deltas
    from tidegate.ship.wire import Picked

_logger = logging.getLogger("tidegate")

#: Records of a batch, as the SDK's processors make them by default.
MAX_RECORDS = 512

_HTTP = "opentelemetry.exporter.otlp.proto.http."
_GRPC = "opentelemetry.exporter.otlp.proto.grpc."
_JSON = "opentelemetry.exporter.otlp.json.http."


#: Protocols by their names in ``OTEL_EXPORTER_OTLP_PROTOCOL``, and where their exporters are.
PROTOCOLS = {"http/protobuf": _HTTP, "grpc": _GRPC, "http/json": _JSON}

#: The standard exporters: module, class, and path behind a base URL over HTTP.
_STANDARD = {
    "spans": ("trace_exporter", "OTLPSpanExporter", "traces"),
    "logs": ("_log_exporter", "OTLPLogExporter", "logs"),
    "metrics": ("metric_exporter", "OTLPMetricExporter", "metrics"),
}


class _Post(Protocol):
    """`Http` or `Grpc`."""

    endpoint: str
    timeout: float

    def post(self, data: bytes, count: int, timeout: float) -> Outcome: ...


class Destination:
    """One exporter of one signal (``spans``, ``logs`` or ``metrics``).

    ``name`` is the same in every process that has the same exporters. ``timeout`` is the exporter's own,
    in seconds, and ``max_records`` what it takes at once. For metrics, ``interval`` is how often points are
    sent, in seconds, and ``temporality`` and ``aggregation`` are the exporter's preferences by kind of
    instrument, None where it has none. Raises nothing while sending: whatever happens is an `Outcome`.
    """

    endpoint = ""
    timeout = DEFAULT_TIMEOUT

    def __init__(self, name: str, signal: str, exporter: Any, interval: float = 0.0) -> None:
        self.name = name
        self.signal = signal
        self.interval = interval
        self.temporality = getattr(exporter, "_preferred_temporality", None)
        self.aggregation = getattr(exporter, "_preferred_aggregation", None)
        self.max_records = min(getattr(exporter, "_max_export_batch_size", None) or MAX_RECORDS, MAX_RECORDS)
        self._exporter = exporter
        self._closed = False
        self._deltas = _deltas(self.temporality) if signal == "metrics" else None

    def preferred(self, picked: Sequence[Picked]) -> Sequence[Picked]:
        """What is sent for these: differences of totals where the exporter prefers them."""
        return self._deltas.of(picked) if self._deltas else picked

    @property
    def prefers_deltas(self) -> bool:
        """Whether it is sent differences of totals, and has to know what it was sent last."""
        return bool(self._deltas)

    def sends_all_since(self, time: int) -> None:
        """Say that nobody has sent it points of series that began at this time (ns) or later."""
        if self._deltas:
            self._deltas.since = time

    def had(self, picked: Sequence[Picked]) -> None:
        """Say that it was sent these points before, by another process: what comes is compared with them."""
        if self._deltas:
            self._deltas.of(picked)
            self._deltas.sent()

    def encode(self, picked: Sequence[Picked]) -> Any:
        """What `deliver` takes: bytes, whose length is known, or objects. Raises what makes records unreadable."""
        raise NotImplementedError

    def deliver(self, payload: Any, count: int, timeout: float) -> Outcome:
        """One attempt to hand over what `encode` made of ``count`` records, within ``timeout`` seconds."""
        with otel.suppressed():
            try:
                # totals to which nothing was added are no request
                found = self._deliver(payload, count, timeout) if payload != b"" else Outcome(SENT, count)
            except Exception as error:
                return _of_exception(error)
        if self._deltas and found.verdict == SENT:
            self._deltas.sent()
        return found

    def send(self, picked: Sequence[Picked], timeout: float | None = None) -> Outcome:
        """`encode` and `deliver`, with the exporter's timeout or a shorter one."""
        try:
            payload = self.encode(picked)
        except Exception as error:
            return unreadable(error)
        return self.deliver(payload, count(picked), min(self.timeout, self.timeout if timeout is None else timeout))

    def flush(self, timeout: float) -> None:
        """Have the exporter send what it may keep for itself, within ``timeout`` seconds. OTLP's keep nothing."""

    def close(self) -> None:
        """Shut the exporter down. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            with otel.suppressed():
                self._exporter.shutdown()
        except Exception as error:  # an exporter's failure is not the application's
            _logger.warning("the exporter of %s could not be shut down: %s", self.name, error)

    def describe(self) -> dict[str, str]:
        """For people, and for telling routes apart: without headers and credentials."""
        return {"signal": self.signal, "exporter": self.name, "endpoint": self.endpoint}

    def _deliver(self, payload: Any, count: int, timeout: float) -> Outcome:
        raise NotImplementedError


class OtlpDestination(Destination):
    """A standard exporter of OTLP in protobuf, whose encoder is passed by."""

    def __init__(self, name: str, signal: str, exporter: Any, transport: _Post, interval: float = 0.0) -> None:
        super().__init__(name, signal, exporter, interval)
        self._transport = transport
        self.endpoint, self.timeout = transport.endpoint, transport.timeout

    def encode(self, picked: Sequence[Picked]) -> bytes:
        from tidegate.ship.wire import encode

        return encode(self.signal, self.preferred(picked))

    def _deliver(self, payload: bytes, count: int, timeout: float) -> Outcome:
        with _measured(self._exporter, count) as result:
            found = self._transport.post(payload, count, timeout)
            if result is not None and found.verdict != SENT:
                result.error = ConnectionError(found.error)
        return found


class ObjectDestination(Destination):
    """Any other exporter. One whose client is OTLP's over HTTP makes one attempt, too, and tells how it went."""

    def __init__(self, name: str, signal: str, exporter: Any, interval: float = 0.0) -> None:
        super().__init__(name, signal, exporter, interval)
        self._client: Http | None = None
        self._has_sent = False
        try:
            self._client = exporter._client = Http(exporter._client, signal)
        except (AttributeError, TypeError):  # it sends in a way of its own
            return
        self.endpoint, self.timeout = self._client.endpoint, self._client.timeout

    def flush(self, timeout: float) -> None:
        if not self._has_sent or timeout <= 0:
            return
        try:
            with otel.suppressed():
                self._exporter.force_flush(int(timeout * 1000))
        except Exception as error:  # an exporter's failure is not the application's
            _logger.debug("the exporter of %s could not be flushed: %s", self.name, outcome.told(error))

    def encode(self, picked: Sequence[Picked]) -> Any:
        from tidegate.ship.rebuild import rebuild

        return rebuild(self.signal, self.preferred(picked))

    def _deliver(self, payload: Any, count: int, timeout: float) -> Outcome:
        client = self._client
        if client is not None:
            client.outcome, client.count, client.limit = None, count, timeout
        self._has_sent = True
        options = {"timeout_millis": timeout * 1000} if self.signal == "metrics" else {}
        result = self._exporter.export(payload, **options)
        if client is not None and client.outcome is not None:
            return client.outcome
        if getattr(result, "name", "") == "SUCCESS":
            return Outcome(SENT, count)
        return Outcome(RETRY, error=f"{type(self._exporter).__name__}.export returned {result!r}")


def _deltas(temporality: Mapping[Any, Any] | None) -> Deltas | None:
    if not any(getattr(each, "name", "") == "DELTA" for each in (temporality or {}).values()):
        return None
    from tidegate.ship.deltas import Deltas

    return Deltas(temporality, time.time_ns())


def destinations(taken: Mapping[str, Sequence[Any]]) -> list[Destination]:
    """A destination for each exporter that `otel.take_exporters` returned."""
    made: list[Destination] = []
    names: set[str] = set()
    for signal, exporters in taken.items():
        for each in exporters:
            exporter, interval = each if isinstance(each, tuple) else (each, 0.0)
            name = _unused(f"{signal}-{kind_of(exporter)}", names)
            names.add(name)
            made.append(destination(name, signal, exporter, interval))
    return made


def to_endpoint(
    endpoint: str,
    signals: Sequence[str] = ("spans", "logs", "metrics"),
    headers: Mapping[str, str] | None = None,
    protocol: str = "http/protobuf",
) -> list[Destination]:
    """Destinations for a receiver of OTLP at this base URL, one for each signal; ``protocol`` is one of `PROTOCOLS`.

    Everything else (headers beside ``headers``, compression, certificates, timeout) is as the standard
    ``OTEL_EXPORTER_OTLP_*`` variables say. Raises ImportError when the exporters of the protocol are not installed.
    """
    made = []
    for signal in signals:
        module, name, path = _STANDARD[signal]
        exporter = getattr(import_module(f"{PROTOCOLS[protocol]}{module}"), name)
        url = endpoint if protocol == "grpc" else f"{endpoint.rstrip('/')}/v1/{path}"
        made.append(destination(f"{signal}-otlp", signal, exporter(endpoint=url, headers=headers)))
    return made


def destination(name: str, signal: str, exporter: Any, interval: float = 0.0) -> Destination:
    """The destination that ``exporter`` is."""
    module = f"{type(exporter).__module__}."
    try:
        if module.startswith(_HTTP):
            return OtlpDestination(name, signal, exporter, Http(exporter._client, signal), interval)
        if module.startswith(_GRPC):
            return OtlpDestination(name, signal, exporter, Grpc(exporter, signal), interval)
    except AttributeError as error:  # a version that is made otherwise is handed objects, and sends by its own law
        _logger.debug("the exporter of %s is not known: %s", name, error)
    return ObjectDestination(name, signal, exporter, interval)


def unreadable(error: BaseException) -> Outcome:
    """Records that cannot be encoded: no request is made of them."""
    return Outcome(REFUSED, error=outcome.told(error), status="encoding")


def _of_exception(error: Exception) -> Outcome:
    """What an exporter raised: a failure of the network may pass, anything else is about what it was given."""
    retry = should_retry(error)
    return outcome.of_error(error) if retry else Outcome(REFUSED, error=outcome.told(error), status="exporter")


def kind_of(exporter: Any) -> str:
    """What an exporter is called: ``otlp``, ``otlp-json``, ``console``, or its class's name in small letters."""
    module = f"{type(exporter).__module__}."
    if module.startswith((_HTTP, _GRPC)):
        return "otlp"
    if module.startswith(_JSON):
        return "otlp-json"
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", type(exporter).__name__)
    kept = [word.lower() for word in words if word not in _COMMON]
    return "-".join(kept)[:40] or "exporter"


#: Words in the name of an exporter's class that every one has.
_COMMON = {"Span", "Spans", "Trace", "Traces", "Log", "Logs", "Record", "Metric", "Metrics", "Exporter"}


def _unused(name: str, used: set[str]) -> str:
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in used:
        number += 1
    return found


def _measured(exporter: Any, count: int) -> AbstractContextManager[Any]:
    """The SDK's own metrics of what an exporter does, if they are on."""
    operation = getattr(getattr(exporter, "_metrics", None), "export_operation", None)
    return operation(count) if operation is not None else nullcontext()
