"""``tidegate simulate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.answer import nothing, warn_of_damage
from tidegate.cli.ndjson import write_json
from tidegate.cli.options import Whole, options
from tidegate.cli.streams import say

if TYPE_CHECKING:
    from tidegate.ship.simulate import Rulebook

#: Keys and patterns on a screen, each.
SCREEN = 15


@click.command("simulate")
@click.option("--policy", metavar="POLICY", help="A file, URL, … as in OTEL_PYTHON_TIDEGATE_POLICY, the default.")
@click.option("--budget", metavar="N", type=click.FloatRange(min=0), help="Traces a second, whatever the policy says.")
@click.option("--span-budget", metavar="N", type=click.FloatRange(min=0), help="Spans a second.")
@click.option("--slow", metavar="SLOW", help="What is slow: auto, off, or seconds.")
@click.option("--timeout", metavar="SECONDS", type=Whole(min=1), help="Stop after so long, and show what was found.")
@options("directory", "since", "until", "service", "limit", "as_json")
def command(
    store: str | None,
    policy: str | None,
    budget: float | None,
    span_budget: float | None,
    slow: str | None,
    limit: int | None,
    as_json: bool,
    **window: Any,
) -> None:
    """Show what another policy or budget would have kept and dropped of what is stored, beside what was.

    By key (service and root span), pattern and reason. All that is not said is as the settings have it. The gate is
    run on the clock of the records, and samplers decide anew; traces that came in from elsewhere are sampled as they
    were. What really was decided is known from the verdict logs, as far back as these go. Nothing is sent or changed.
    """
    import tidegate.store
    from tidegate.cli.checking import directory_of
    from tidegate.cli.progress import records_done
    from tidegate.ship.simulate import simulate

    book = _book(policy or "", {"trace_budget": budget, "span_budget": span_budget, "slow": slow}, window["service"])
    with tidegate.store.open(directory_of(store)) as reader:
        with records_done() as steps:
            if steps.is_shown:
                about = {name: value for name, value in window.items() if name != "timeout"}
                steps.expect(sum(reader.count(signal, **about) for signal in ("spans", "logs")))
            found = simulate(reader, book, progress=steps.advance, **window)
        if not found.spans + found.log_records:
            say(nothing(reader, "spans or log records"))
        elif as_json:
            write_json(found.to_dict())
        else:
            from tidegate.cli import simulated
            from tidegate.cli.output import Terminal

            simulated.show(Terminal(), found, limit or SCREEN)
        if not found.complete:
            say("The time was over before all records were judged; give a longer --timeout, or a later --since.")
        warn_of_damage(reader)


def _book(location: str, said: dict[str, Any], service: str | None) -> Rulebook:
    """What the settings say, but for what the command line does."""
    from dataclasses import replace

    from tidegate.cli import policy
    from tidegate.cli.force import settings_in_force
    from tidegate.gate.logs.steering import log_policy
    from tidegate.gate.policy import TracePolicy
    from tidegate.ship.simulate import Rulebook

    settings = settings_in_force({name: value for name, value in said.items() if value is not None})
    found = policy.fetched(settings, location, service or "")[0] if location or settings.policy else None
    traces = (found.traces if found is not None else None) or TracePolicy()
    base = log_policy(budget=settings.log_budget, min_rate=settings.log_min_rate)
    return Rulebook(
        traces=traces if said["trace_budget"] is None else replace(traces, budget=None),
        logs=base if found is None or found.logs is None else found.logs.over(base),
        budget=settings.trace_budget,
        span_budget=settings.span_budget,
        slow=settings.slow,
        log_context=settings.log_context != "off",
        log_options={"max_patterns": settings.max_pattern_cache_size, "keep_status_codes": settings.keep_status_codes},
    )
