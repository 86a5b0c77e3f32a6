"""Stand-ins for global providers, and what they hand out: it follows whatever provider the API has at the moment."""

from __future__ import annotations

from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import _internal as logs_api
from opentelemetry.metrics import _internal as metrics_api
from opentelemetry.metrics._internal import instrument as instruments


class StandIn:
    """In front of a provider of the SDK, ``sdk``; all that is not the API's own is the SDK's."""

    def __init__(self, sdk: Any) -> None:
        self.sdk = sdk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["sdk"], name)


def _behind(provider: Any) -> Any:
    return provider.sdk if isinstance(provider, StandIn) else provider


class FollowingTracer(trace.ProxyTracer):
    """A proxy that asks each time which provider there is."""

    _known: tuple[Any, Any] = (None, None)

    @property
    def _tracer(self) -> Any:
        provider = _behind(trace._TRACER_PROVIDER)
        if provider is None:
            return self._noop_tracer
        known, tracer = self._known
        if known is not provider:
            tracer = provider.get_tracer(
                self._instrumenting_module_name, self._instrumenting_library_version, self._schema_url, self._attributes
            )
            self._known = provider, tracer
        return tracer


class StandInTracers(StandIn, trace.TracerProvider):
    """Of traces."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
        return FollowingTracer(*args, **kwargs)


class FollowingLogger(logs_api.ProxyLogger):
    """As `FollowingTracer`."""

    _known: tuple[Any, Any] = (None, None)

    @property
    def _logger(self) -> Any:
        provider = _behind(logs_api._LOGGER_PROVIDER)
        if provider is None:
            return self._noop_logger
        known, logger = self._known
        if known is not provider:
            logger = provider.get_logger(self._name, self._version, self._schema_url, self._attributes)
            self._known = provider, logger
        return logger


class StandInLoggers(StandIn, logs_api.LoggerProvider):
    """Of log records."""

    def get_logger(self, *args: Any, **kwargs: Any) -> Any:
        return FollowingLogger(*args, **kwargs)


class FollowingMeter(metrics_api._ProxyMeter):
    """A proxy that was handed out while there was a stand-in, told apart from those that lead nowhere."""


class StandInMeters(StandIn, metrics_api.MeterProvider):
    """Of metrics: hands out proxies of the API's, which know how to be given another meter."""

    def get_meter(
        self, name: str, version: str | None = None, schema_url: str | None = None, attributes: Any = None
    ) -> Any:
        return FollowingMeters.meter(self, name, version, schema_url)


class FollowingMeters:
    """The API's proxy meters and their proxy instruments, which it keeps lists of."""

    @staticmethod
    def follow(stand_in: StandInMeters) -> None:
        """Give all of them a meter of the stand-in, and let those that are made meanwhile be proxies too."""
        proxies = metrics_api._PROXY_METER_PROVIDER
        with proxies._lock:
            proxies._real_meter_provider = stand_in
            for meter in proxies._meters:
                _connect(meter, stand_in)

    @staticmethod
    def meter(stand_in: StandInMeters, name: str, version: str | None, schema_url: str | None) -> Any:
        """The proxy of this name."""
        proxies = metrics_api._PROXY_METER_PROVIDER
        with proxies._lock:
            for meter in proxies._meters:
                known = meter._name, meter._version, meter._schema_url
                if type(meter) is FollowingMeter and known == (name, version, schema_url):
                    return meter
            meter = FollowingMeter(name, version=version, schema_url=schema_url)
            proxies._meters.append(meter)
            if proxies._real_meter_provider is stand_in:
                _connect(meter, stand_in)
            return meter

    @staticmethod
    def let_go(former: Any) -> None:
        """Give them to the provider that was before, or to none. Instruments that ask the application for their
        values, and were made meanwhile, end: the next ones of their names bring callbacks of their own."""
        proxies = metrics_api._PROXY_METER_PROVIDER
        with proxies._lock:
            proxies._real_meter_provider = None
            for meter in proxies._meters:
                made = meter._real_meter.asynchronous if isinstance(meter._real_meter, _Making) else []
                meter._real_meter = None
                meter._instruments = [each for each in meter._instruments if each not in made]
                for each in meter._instruments:
                    each._real_instrument = None
        if former is not None:
            proxies.on_set_meter_provider(former)


def _connect(meter: Any, stand_in: StandInMeters) -> None:
    real = stand_in.sdk.get_meter(meter._name, meter._version, meter._schema_url)
    with meter._lock:
        meter._real_meter = _Making(meter, real)
        for each in meter._instruments:
            each.on_meter_set(real)


class _Making(metrics.Meter):
    """What a proxy meter takes for a real one: makes proxies, connected to instruments of the real one.

    Called with the proxy meter's lock held.
    """

    def __init__(self, proxy: Any, real: Any) -> None:
        super().__init__(proxy._name, proxy._version, proxy._schema_url)
        self._proxy, self._real = proxy, real
        self.asynchronous: list[Any] = []

    def _made(self, kind: Any, name: str, unit: str, description: str, **advice: Any) -> Any:
        for each in self._proxy._instruments:
            if type(each) is kind and (each._name, each._unit, each._description) == (name, unit, description):
                return each
        return self._keep(kind(name, unit, description, **advice))

    def _asking(self, kind: Any, name: str, callbacks: Any, unit: str, description: str) -> Any:
        made = self._keep(kind(name, callbacks, unit, description))
        self.asynchronous.append(made)
        return made

    def _keep(self, made: Any) -> Any:
        made.on_meter_set(self._real)
        self._proxy._instruments.append(made)
        return made

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        return self._made(instruments._ProxyCounter, name, unit, description)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        return self._made(instruments._ProxyUpDownCounter, name, unit, description)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        return self._made(instruments._ProxyGauge, name, unit, description)

    def create_histogram(self, name: str, unit: str = "", description: str = "", **advice: Any) -> Any:
        return self._made(instruments._ProxyHistogram, name, unit, description, **advice)

    def create_observable_counter(self, name: str, callbacks: Any = None, unit: str = "", description: str = "") -> Any:
        return self._asking(instruments._ProxyObservableCounter, name, callbacks, unit, description)

    def create_observable_gauge(self, name: str, callbacks: Any = None, unit: str = "", description: str = "") -> Any:
        return self._asking(instruments._ProxyObservableGauge, name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        return self._asking(instruments._ProxyObservableUpDownCounter, name, callbacks, unit, description)
