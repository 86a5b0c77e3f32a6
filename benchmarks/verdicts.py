"""What a verdict costs a span, beside its standard OTLP encoding, and what traces of a busy host weigh."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks import realistic
from benchmarks.measure import interleaved, table
from tidegate.gate.policy import Condition, TracePolicy, TraceRule
from tidegate.gate.tail.traces import TraceTail
from tidegate.record import spans
from tidegate.record.recorder import BLOCK_RECORDS
from tidegate.records import Resource
from tidegate.store import block, values
from tidegate.store.rows import SpanRows
from tidegate.store.segment import BlockRef, Header

#: Spans of a round, and the part of the traces that a sampler kept.
COUNT = 8192
SAMPLED = 0.1

HEADER = Header(1, "a" * 16, Resource(dict(realistic.RESOURCE.attributes)), 1, {})

RULES = TracePolicy(
    rules=(
        TraceRule((Condition("route", "/health"),), 0.0, name="drop health"),
        TraceRule((Condition("attribute", "5*", key="http.response.status_code"),), 1.0, name="keep failures"),
        TraceRule((Condition("route", "/orders*"), Condition("service", "shop")), 0.5, name="half of orders"),
    )
)


def run(repeats: int) -> str:
    made, _ = realistic.records(COUNT, captured=True)
    blocks = list(_blocks(made))
    gc.freeze()  # the spans of the encoder are no business of the judge
    tails = {"verdicts": None, "verdicts, three rules": RULES, "nothing to decide: all is sent": "all"}
    cases: dict[str, Any] = {"OTLP, standard encoder": lambda: encode_spans(made).SerializeToString()}
    for name, policy in tails.items():
        cases[name] = lambda policy=policy: judged(blocks, policy)
    times = interleaved(cases, repeats)
    standard = times["OTLP, standard encoder"]
    rows = [[name, f"{time / COUNT * 1e6:.2f}", f"{time / standard:.3f}"] for name, time in times.items()]
    rows.append(["memory, bytes a trace that waits for its verdict", f"{waiting(blocks):.0f}", ""])
    return table("Verdicts", ("of one span", "µs CPU", "ratio to the standard encoder"), rows)


def judged(blocks: Sequence[dict[str, Any]], policy: TracePolicy | str | None) -> int:
    """All blocks, a tenth of a second each; returns the number of verdicts."""
    tail = TraceTail(mode="all") if policy == "all" else TraceTail(policy=policy)  # type: ignore[arg-type]
    count = 0
    for number, rows in enumerate(_rows(blocks)):
        tail.see(rows, range(rows.count), number / 10)
        count += len(tail.judge(number / 10))
    return count + len(tail.judge(1e6, last=True))


def waiting(blocks: Sequence[dict[str, Any]]) -> float:
    """Bytes of each trace that is pending."""
    tail = TraceTail()
    seen = list(_rows(blocks))
    tracemalloc.start()
    try:
        for rows in seen:
            tail.see(rows, range(rows.count), 0.0)
            for name in [
                name for name in rows.__dict__ if name not in ("columns", "count", "signal", "is_sealed", "_ref")
            ]:
                del rows.__dict__[name]  # what was unpacked
        return tracemalloc.get_traced_memory()[0] / tail.pending
    finally:
        tracemalloc.stop()


def _rows(blocks: Sequence[dict[str, Any]]) -> list[SpanRows]:
    """Blocks as they are read: no column was unpacked yet."""
    made = []
    for number, columns in enumerate(blocks):
        count = columns["count"]
        index = block.Index("spans", count, 0, 0, 0, 0, number * BLOCK_RECORDS, 0)
        made.append(SpanRows(columns, BlockRef(HEADER, index)))
        made[-1].times  # noqa: B018 - whoever opens a block does so
    return made


def _blocks(made: Sequence[Any]) -> list[dict[str, Any]]:
    """Their columns, in which chance sampled some of the traces."""
    chance = random.Random(1)
    found = []
    for at in range(0, len(made), BLOCK_RECORDS):
        some = made[at : at + BLOCK_RECORDS]
        batch = spans.batch(some)
        of_trace = {span.context.trace_id: int(chance.random() < SAMPLED) for span in some}
        flags = [of_trace[span.context.trace_id] for span in some]
        states = ["ot=th:e666" if flag else "" for flag in flags]
        columns = {**batch.columns, "count": batch.count, "flags": flags, "trace_state": states}
        found.append(values.loads(values.dumps(columns)))
    return found
