"""What one decision on a span costs, beside the SDK's samplers and those of two clouds, in the same rounds.

The latter are not installed but written anew after how theirs work: Azure's rate-limited sampler
(azure-monitor-opentelemetry-exporter) and X-Ray's rules (aws-opentelemetry-distro).
"""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

from opentelemetry.sdk.trace._sampling_experimental import (
    composable_rule_based,
    composable_traceid_ratio_based,
    composite_sampler,
)
from opentelemetry.sdk.trace._sampling_experimental._rule_based import AttributePatternsPredicate
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState, set_span_in_context

from benchmarks.measure import interleaved, table
from tidegate.gate.page import ControlPage, Slot
from tidegate.gate.sampler import DROP_HEALTH_CHECKS, AdaptiveSampler

DECISIONS = 5000

#: Rules for ten parts of a shop, by path; traffic is on the last of them, on two more, and on none.
PATHS = [f"/api/v{number}/*" for number in range(10)]
SHOP = "abcdefghijklmnopq"
ROUTES = ["/api/v9/orders/{id}", "/api/v4/users/{id}", "/api/v7/*", *(f"/shop/{word}/{{id}}" for word in SHOP)]


class Azure(Sampler):
    """A rate over a window that is forgotten in 0.1 s; the trace id's score is DJB2 of its hex digits."""

    def __init__(self, traces_per_second: float) -> None:
        self._target = traces_per_second * 1e-9
        self._state = (0.0, 0.0, time.time_ns())
        self._lock = threading.Lock()

    def _percentage(self) -> float:
        now = time.time_ns()
        with self._lock:
            count, window, then = self._state
            passed = max(now - then, 0)
            decay = math.exp(-passed * 1e-8)
            count, window = count * decay + 1, window * decay + passed
            self._state = (count, window, now)
        percentage = 100 * min(window * self._target / count, 1.0)
        return 100.0 / math.ceil(100.0 / percentage) if percentage else 0.0

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        percentage = self._percentage()
        score = 5381
        for character in f"{trace_id:032x}".lower():
            score = ((score << 5) + score + ord(character)) & 0xFFFFFFFF
            score = score - (1 << 32) if score >> 31 else score
        score = abs(score) / 0x7FFFFFFF * 100
        attributes = dict(attributes or {})
        if percentage != 100:
            attributes["_MS.sampleRate"] = percentage
        return SamplingResult(Decision.RECORD_AND_SAMPLE if score < percentage else Decision.DROP, attributes)

    def get_description(self) -> str:
        return "Azure"


def _wild_card(text: str | None, pattern: str) -> bool:
    if pattern == "*":
        return True
    if text is None:
        return False
    if any(character in "*?" for character in pattern):
        parts = re.split("([*?])", pattern)
        expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
        return re.fullmatch(expression, text) is not None
    return pattern == text


class XRay(Sampler):
    """Rules tried one by one, each on seven properties; a reservoir of one a second, then a fixed rate."""

    def __init__(self, rate: float) -> None:
        self._rules = [
            {"path": path, "method": "*", "host": "*", "service": "*", "type": "*", "arn": "*"} for path in PATHS
        ]
        self._reservoir = [time.time()] * len(PATHS)
        self._fixed = ParentBased(TraceIdRatioBased(rate))
        self._lock = threading.Lock()

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        for number, rule in enumerate(self._rules):
            seen = {
                "path": attributes.get("url.path", attributes.get("http.target")),
                "method": attributes.get("http.request.method", attributes.get("http.method")),
                "host": attributes.get("server.address", attributes.get("http.host")),
                "service": "shop",
                "type": "",
                "arn": "",
            }
            if all(_wild_card(seen[key], pattern) for key, pattern in rule.items()):
                with self._lock:
                    now = time.time()
                    if now - self._reservoir[number] >= 1:
                        self._reservoir[number] = now
                        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
                break
        return self._fixed.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return "XRay"


def _spans() -> list[tuple[int, str, dict[str, Any]]]:
    """Requests as FastAPI's instrumentation starts their spans: trace id, name, attributes."""
    source = random.Random(1)
    spans = []
    for _ in range(DECISIONS):
        route = ROUTES[min(int(source.paretovariate(1)) - 1, len(ROUTES) - 1)]
        path = re.sub(r"\{id\}|\*", lambda _: str(source.randrange(10_000)), route)
        attributes = {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": path,
            "http.route": route,
            "server.address": "shop.example",
            "network.protocol.version": "1.1",
            "client.address": "10.0.0.1",
            "user_agent.original": "Mozilla/5.0",
        }
        spans.append((source.getrandbits(128), f"GET {route}", attributes))
    return spans


def _rules(rates: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {"match": {"route": path, "attributes": {"http.request.method": "GET"}}, "budget" if rate > 1 else "rate": rate}
        for path, rate in zip(PATHS, rates, strict=True)
    ]


def _predicate(path: str) -> Any:
    return AttributePatternsPredicate("url.path", [path])


def _case(sampler: Sampler, context: Any = None) -> Callable[[], None]:
    spans, should_sample, server = _spans(), sampler.should_sample, SpanKind.SERVER

    def case() -> None:
        for trace_id, name, attributes in spans:
            should_sample(context, trace_id, name, server, attributes, ())

    return case


def _parent(*, is_remote: bool, state: str = "th:0") -> Any:
    parent = SpanContext(1, 2, is_remote, TraceFlags(1), TraceState([("ot", state)]))
    return set_span_in_context(NonRecordingSpan(parent))


def _shared(directory: str) -> AdaptiveSampler:
    """One of eight workers of one budget; the others were there a moment ago."""
    page, sampler = ControlPage(f"{directory}/control.page"), AdaptiveSampler(100)
    for index in range(7):
        page.put(index, Slot(index + 1, time.monotonic_ns(), 0.0, 0.0, {}))
    sampler.steer(page)
    return sampler


def run(repeats: int) -> str:
    with TemporaryDirectory() as directory:
        return _run(repeats, directory)


def _run(repeats: int, directory: str) -> str:
    ratio = composite_sampler(composable_traceid_ratio_based(0.01))
    ten_rules = composite_sampler(
        composable_rule_based([(_predicate(path), composable_traceid_ratio_based(0.01)) for path in PATHS])
    )
    local = _parent(is_remote=False)
    cases = {
        "SDK, ParentBased(AlwaysOn)": _case(ParentBased(ALWAYS_ON)),
        "SDK, TraceIdRatioBased(0.01)": _case(TraceIdRatioBased(0.01)),
        "SDK, composite ratio (experimental)": _case(ratio),
        "SDK, composite of ten rules (experimental)": _case(ten_rules),
        "Azure's rate limit, written anew": _case(Azure(100)),
        "X-Ray's ten rules, written anew": _case(XRay(0.01)),
        "Tidegate, 100 of them kept a second": _case(AdaptiveSampler(100)),
        "Tidegate, the same beside seven other workers": _case(_shared(directory)),
        "Tidegate, all kept": _case(AdaptiveSampler(1e9)),
        "Tidegate, health checks dropped": _case(AdaptiveSampler(100, [DROP_HEALTH_CHECKS])),
        "Tidegate, ten rules with rates": _case(AdaptiveSampler(100, _rules([0.01] * 10))),
        "Tidegate, ten rules with budgets": _case(AdaptiveSampler(100, _rules([10] * 10))),
        "Tidegate, child of a kept span": _case(AdaptiveSampler(100), local),
        "SDK, child of a kept span": _case(ParentBased(ALWAYS_ON), local),
        "Tidegate, remote parent, thinned": _case(AdaptiveSampler(100), _parent(is_remote=True)),
    }
    times = interleaved(cases, repeats)
    base = times["SDK, TraceIdRatioBased(0.01)"]
    rows = [[name, f"{each / DECISIONS * 1e6:.2f}", f"{each / base:.2f}"] for name, each in times.items()]
    return table("A decision on a span", ["sampler", "µs of CPU", "over TraceIdRatioBased"], rows)
