"""``python -m benchmarks [name …] [--repeats N]``: tables in Markdown, as in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib

from benchmarks.measure import machine

ALL = (
    *("store_writing", "store_reading", "store_processes"),
    *("api_calls", "calling", "starting", "pytest_starting", "exposing", "reading", "encoding", "redacting"),
    *("sampling", "budgets", "workers", "verdicts", "patterns", "log_gate", "early_drop", "log_verdicts"),
    *("sending", "web"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What Tidegate costs, as ratios.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(ALL)}; default: all")
    parser.add_argument("--repeats", type=int, default=9, help="rounds of which the medians are shown")
    options = parser.parse_args()
    if unknown := set(options.names) - set(ALL):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    print(f"{machine()}; medians of {options.repeats} interleaved rounds.\n")
    for name in options.names or ALL:
        print(importlib.import_module(f"benchmarks.{name}").run(options.repeats), flush=True)


if __name__ == "__main__":
    main()
