"""A process that decides and sends for a route and does nothing else: what `tidegate ship` runs.

It builds the exporters that an application with the same settings would have, records nothing itself, and leads
before applications do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from tidegate.configure.gates import Gates
from tidegate.configure.providers import build, resolve
from tidegate.configure.shipping import Shipping, shipping_of
from tidegate.errors import ConfigurationError, StoreError
from tidegate.ship.election import STALE_S
from tidegate.ship.lead import Lead
from tidegate.ship.pace import Share
from tidegate.ship.places import OnDisk
from tidegate.ship.route import differences, routes
from tidegate.ship.shipper import Shipper

#: Seconds in which whoever leads gives up the lead, or is superseded.
_LEAD_S = STALE_S + 5.0

#: Seconds of one look at how far everything is.
_STEP_S = 2.0


class Standalone:
    """Sends what is recorded in the store at ``store``, as ``options`` and the environment say.

    Raises `ConfigurationError` where there is nothing to send to, and where the programs that record there send
    otherwise.
    """

    def __init__(self, store: str, options: dict[str, Any]) -> None:
        self.settings, config = resolve(options)
        self._store = store
        self.shipping = self._shipping(config)
        self.is_known = self.shipping.plan.route.id in (known := routes(store))
        if known and not self.is_known:
            raise ConfigurationError(self._mismatch(known))

    def _shipping(self, config: Any) -> Shipping:
        if not self.settings.disabled:
            watcher = Gates(self.settings).watcher
            built = build(self.settings, config, None)
            shipping = shipping_of(self.settings, built) if built is not None else None
            if shipping is not None:
                shipping.follow(watcher)
                return shipping
        raise ConfigurationError(
            "there is nowhere to send to: no exporter is configured here. Set what the programs have that record, such"
            " as OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS or OTEL_TRACES_EXPORTER."
        )

    def _mismatch(self, known: dict[str, dict[str, Any]]) -> str:
        route = self.shipping.plan.route
        described = "; ".join(_described(each, said, route.describe()) for each, said in known.items())
        return (
            f"no program that records in {self._store} sends as this command would (route {route.id}). There is"
            f" {described}. Give this command the same OTEL_ variables as those programs."
        )

    def serve(self, stop: threading.Event) -> None:
        """Decide and send until it is told to stop, then what remains within the grace of the settings."""
        shipper = self._shipper(self.settings.ship_share)
        shipper.committed()
        stop.wait()
        shipper.finish(self.settings.exit_grace)

    def once(self) -> tuple[dict[str, int], list[str]]:
        """Send what remains, with all of a core. Returns how many records of each signal were sent, and why there are
        some that were not, empty when all were. Raises `StoreError` where the lead cannot be had."""
        shipper = self._shipper(1.0)
        shipper.committed()
        lead = self._lead(shipper)
        is_done = False
        while not is_done and not (problems := list(_problems(shipper, lead))):
            is_done = shipper.flush(_STEP_S) or _is_drained(lead)
        problems = [] if is_done else problems
        shipper.finish(0.0 if problems else self.settings.exit_grace)
        sent: dict[str, int] = {}
        for sender in lead.senders:
            sent[sender.destination.signal] = sent.get(sender.destination.signal, 0) + sender.sent
        return sent, problems

    def _shipper(self, share: float) -> Shipper:
        rest = Share(share)
        return Shipper(OnDisk(self.shipping.plan, self._store, rest, standalone=True), rest)

    def _lead(self, shipper: Shipper) -> Lead:
        until = time.monotonic() + _LEAD_S
        while (lead := shipper.lead) is None:
            if time.monotonic() > until:
                raise StoreError(
                    f"the lead of route {self.shipping.plan.route.id} cannot be had:"
                    f" {shipper.problem or 'another `tidegate ship` sends already; `tidegate status` shows it'}."
                )
            time.sleep(0.05)
        return lead


def _described(id: str, said: dict[str, Any], mine: dict[str, Any]) -> str:
    """A route in a few words, and what sets it apart."""
    targets = {_target(**target) for target in said.get("destinations", ())}
    apart = ", ".join(differences(mine, said)) or "the value of a variable or a header"
    return f"route {id} to {', '.join(sorted(targets)) or 'nobody knows where'} (it differs in: {apart})"


def _target(signal: str = "", exporter: str = "", endpoint: str = "", **_: Any) -> str:
    """The receiver, once for all signals."""
    return endpoint.removesuffix(f"/v1/{signal}") or exporter


def _problems(shipper: Shipper, lead: Lead) -> Iterator[str]:
    """Why it goes no further."""
    if shipper.lead is not lead:
        yield "another process has taken the lead"
    yield from filter(None, (shipper.problem, lead.problem))
    for sender in lead.senders:
        if sender.last_error:
            yield f"{sender.destination.name}: {sender.last_error}"


def _is_drained(lead: Lead) -> bool:
    """Whether all that is decided is sent; others go on recording what is not decided yet."""
    return not lead.judge.pending and all(line.sending.is_done for line in lead.lines)
