"""The API's global providers, taken over for a while and given back: what `tidegate.testing` stands on.

The API lets each global provider be set once. Where a signal has none of the SDK, nor one that holds one (as logfire's
does), a `stand-in` takes its place; the flag that one was set stays down, so that the application can still set its
own, which is `told`. What is handed out meanwhile (tracers, loggers, meters and their instruments, in modules that were
imported before, or meanwhile) follows: to the next stand-in, to the provider that is set later, to nothing in between.
The API's proxies remember the first tracer or logger that they get, so they get one that does that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import _internal as logs_api
from opentelemetry.metrics import _internal as metrics_api
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

from tidegate.otel.attached import CHAINS
from tidegate.otel.following import FollowingMeters, StandInLoggers, StandInMeters, StandInTracers


@dataclass(eq=False)
class Signal:
    """Where the API keeps one signal's provider, and what the SDK's and ours are."""

    api: Any
    variable: str
    get: Callable[[], Any]
    sdk: type
    stand_in: type

    @property
    def provider(self) -> Any:
        """What was set, if anything was."""
        return getattr(self.api, self.variable)

    @provider.setter
    def provider(self, value: Any) -> None:
        setattr(self.api, self.variable, value)

    @property
    def once(self) -> Any:
        return getattr(self.api, f"{self.variable}_SET_ONCE")

    @once.setter
    def once(self, value: Any) -> None:
        setattr(self.api, f"{self.variable}_SET_ONCE", value)


SIGNALS = (
    Signal(trace, "_TRACER_PROVIDER", trace.get_tracer_provider, TracerProvider, StandInTracers),
    Signal(logs_api, "_LOGGER_PROVIDER", logs_api.get_logger_provider, LoggerProvider, StandInLoggers),
    Signal(metrics_api, "_METER_PROVIDER", metrics_api.get_meter_provider, MeterProvider, StandInMeters),
)


class _Told(Once):
    """Stands for a flag that is down: says when a provider is set, and who set it is none of us."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def do_once(self, func: Callable[[], None]) -> bool:
        done = super().do_once(func)
        if done:
            self._tell()
        return done


class TakenOver:
    """Global providers with a stand-in for each that is not the SDK's, until `give_back`.

    ``make`` makes a provider of a class of the SDK's, to stand in. ``told`` is called with a provider of the SDK that
    somebody sets meanwhile. ``known`` are providers of the SDK that stand behind global ones of other classes.
    """

    def __init__(self, make: Callable[[type], Any], told: Callable[[Any], None], known: Sequence[Any] = ()) -> None:
        self._former: list[tuple[Signal, Any, Any, Any]] = []
        self._known = known
        #: Those of the SDK, in the order of `SIGNALS`.
        self.providers: list[Any] = []
        #: Those of others, whose place is taken.
        self.replaced: list[Any] = []
        try:
            for signal in SIGNALS:
                self._take(signal, make, told)
        except BaseException:
            self.give_back()
            raise

    def _take(self, signal: Signal, make: Callable[[type], Any], told: Callable[[Any], None]) -> None:
        current = signal.get()
        is_foreign = not isinstance(current, signal.sdk) and not type(current).__module__.startswith("opentelemetry.")
        known = [each for each in self._known if isinstance(each, signal.sdk)] if is_foreign else []
        if (found := _behind(current, signal) or next(iter(known), None)) is not None:
            self.providers.append(found)
            if not _makes_nothing(found):
                return
        elif is_foreign:
            self.replaced.append(current)
        sdk = make(signal.sdk)
        self.providers.append(sdk)
        self._stand_in(signal, signal.stand_in(sdk), told)

    def _stand_in(self, signal: Signal, stand_in: Any, told: Callable[[Any], None]) -> None:
        self._former.append((signal, stand_in, signal.provider, signal.once))
        signal.once = _Told(lambda: told(found) if (found := _behind(signal.provider, signal)) is not None else None)
        signal.provider = stand_in
        if isinstance(stand_in, StandInMeters):
            FollowingMeters.follow(stand_in)

    def give_back(self) -> None:
        """Everything as it was, but for what somebody else has set meanwhile."""
        for signal, stand_in, provider, once in self._former:
            if signal.provider is stand_in:
                signal.provider = provider
                if isinstance(stand_in, StandInMeters):
                    FollowingMeters.let_go(None if _makes_nothing(provider) else provider)
            if isinstance(signal.once, _Told):
                once._done = once._done or signal.once._done
                signal.once = once
        self._former.clear()


def _behind(provider: Any, signal: Signal) -> Any:
    """The provider of the SDK that this one is, or the only one that it has as an attribute; None if there is none.

    One that ``OTEL_SDK_DISABLED`` has put to sleep is none.
    """
    held = [provider, *getattr(provider, "__dict__", {}).values()]
    found = [each for each in held if isinstance(each, signal.sdk) and not getattr(each, "_disabled", False)]
    return found[0] if found and (found[0] is provider or len(found) == 1) else None


def _makes_nothing(provider: Any) -> bool:
    """Whether it was shut down and has no instruments for anybody any more; those that it has made, measure still."""
    return bool(getattr(provider, "_shutdown", False))


def enabled(provider: Any) -> Any:
    """A provider that works although ``OTEL_SDK_DISABLED`` is set."""
    provider._disabled = False
    return provider


def as_new(provider: Any) -> bool:
    """Let a provider forget its processors, meters and instruments; False when it was shut down, and is of no more use.

    Its readers have been removed before. The SDK never lets go of a provider's fork hook, so one that is used again and
    again is better than many.
    """
    for chain, name in CHAINS:
        if hasattr(provider, chain):
            setattr(getattr(provider, chain), name, ())
    if isinstance(provider, MeterProvider):
        provider._meters.clear()
        provider._measurement_consumer._async_instruments.clear()
    return not _makes_nothing(provider)
