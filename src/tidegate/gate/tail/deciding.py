"""The law: the lowest of the thresholds that apply to a trace, and who pays for what is kept."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.gate.policy import TracePolicy
from tidegate.gate.tail.charging import Charging
from tidegate.gate.tail.exceptional import Reserve
from tidegate.gate.tail.memory import Generations
from tidegate.gate.tail.pending import Pending
from tidegate.gate.tail.rules import Rules, threshold_of
from tidegate.gate.tail.verdict import DROPPED, Verdict
from tidegate.gate.threshold import MAX

#: Parts of the budget within which errors, what is slow, and new keys are certain.
PARTS = {"error": 0.5, "slow": 0.15, "new": 0.1}

#: Keys of which it is known that a trace was kept, and for how many seconds.
SEEN, SEEN_FOR = 10_000, 86_400.0


class Decider:
    """Budgets, reserves and rules in force. Raises ValueError when one of them cannot be used."""

    def __init__(self, budget: float, span_budget: float | None, policy: TracePolicy | None, max_keys: int) -> None:
        self._own, self._max_keys = (budget, span_budget), max_keys
        self.rules = Rules(policy, max_keys)
        self.charging = Charging(_rate(policy, budget), span_budget)
        rate = self.charging.reserved
        self._reserves = {name: Reserve(part * rate, max_keys) for name, part in PARTS.items()}
        self._seen: Generations[str, bool] = Generations(SEEN, SEEN_FOR)

    def apply(self, policy: TracePolicy | None) -> None:
        """Another policy from now on; nothing changes when it cannot be used."""
        rate = _rate(policy, self._own[0])
        self.rules = Rules(policy, self._max_keys, self.rules)
        self.charging.set(rate, self._own[1])

    def settle(self, now: float) -> None:
        """Bring budgets and reserves up to date."""
        if self.charging.settle(now):
            rate = self.charging.reserved
            for name, part in PARTS.items():
                self._reserves[name].set(part * rate)

    def decide(self, trace: Pending, now: float) -> Verdict:
        """On a trace, or on what came of it late; pays for what is kept."""
        known, lane = trace.known, trace.lane
        asks = trace.error or trace.slow or trace.sampled or lane is not None or known is not None
        if not asks and self._seen.get(trace.key) is not None:
            self.charging.size(trace.count, by_chance=False)
            return DROPPED
        looked_at = trace.error or (known is not None and known.error), trace.slow or (known is not None and known.slow)
        if known is not None and known.is_final:
            return known
        if known is None and lane is not None and not lane.rate:
            return Verdict(False, MAX, "rule", *looked_at)
        threshold, reason = min(self._thresholds(trace, now), key=lambda pair: pair[0], default=(MAX, "head"))
        keep = trace.random >= threshold
        if known is not None:
            verdict = _lower(known, Verdict(keep, threshold, reason), looked_at)
        elif trace.sampled and trace.head is None and threshold and (lane is None or trace.is_from_elsewhere):
            verdict = Verdict(True, None, "remote" if trace.is_from_elsewhere else "head", *looked_at)
        else:
            verdict = Verdict(keep, threshold, reason, *looked_at)
        self._pay(trace, verdict, now)
        return verdict

    def _thresholds(self, trace: Pending, now: float) -> Iterator[tuple[int, str]]:
        """Those that apply; of equal ones the first gives the reason."""
        known, lane, key = trace.known, trace.lane, trace.key
        if trace.error and not (known is not None and known.error):
            yield self._reserves["error"].threshold(key, now), "error"
        if trace.slow and not (known is not None and known.slow):
            yield self._reserves["slow"].threshold(key, now), "slow"
        if lane is not None:
            yield threshold_of(lane, key, now), "rule"
        elif key and self._seen.get(key) is None and self._reserves["new"].take(now):
            yield 0, "new"
        if trace.head is not None and known is None and (lane is None or trace.is_from_elsewhere):
            yield trace.head, "remote" if trace.is_from_elsewhere else "head"

    def _pay(self, trace: Pending, verdict: Verdict, now: float) -> None:
        known, lane, key = trace.known, trace.lane, trace.key
        is_new = known is None or not known.keep
        if not verdict.keep:
            if known is None:
                self.charging.size(trace.count, by_chance=False)
            return
        if key and self._seen.get(key) is None:
            self._seen.put(key, True, now)
        by_sampler = trace.sampled and not trace.is_from_elsewhere and known is None
        if lane is not None and lane.budget is not None and known is None:
            lane.budget.charge(now, 1.0, key)
            return
        extra = not by_sampler if is_new else verdict.reason != "head"
        self.charging.size(trace.count, by_chance=by_sampler)
        self.charging.keep(int(is_new), trace.count, extra=extra, unasked=extra and verdict.reason in _UNASKED)
        if is_new and extra and verdict.reason in self._reserves:
            self._reserves[verdict.reason].charge(key, now)
        if known is not None and known.reason == "remote" and trace.is_here:
            self.charging.keep(-1, 0, extra=True, unasked=True)  # it began here after all, and a sampler has paid


#: What no reserve limits.
_UNASKED = ("rule", "remote")


def _lower(known: Verdict, now: Verdict, looked_at: tuple[bool, bool]) -> Verdict:
    """A verdict in view of what came late: never a higher threshold than before."""
    if not known.keep:
        return Verdict(now.keep, now.threshold, now.reason if now.keep else known.reason, *looked_at)
    before = known.threshold
    if before != 0 and (now.threshold == 0 or (before is not None and (now.threshold or 0) < before)):
        return Verdict(True, now.threshold, now.reason, *looked_at)
    return Verdict(True, known.threshold, known.reason, *looked_at)


def _rate(policy: TracePolicy | None, budget: float) -> float:
    return budget if policy is None or policy.budget is None else policy.budget
