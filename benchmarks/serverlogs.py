"""Server logs of many programs, made by ourselves: the part after the header, with the true template.

Some imitate those that parsers are usually judged on (`serverlogs_classic`, `serverlogs_system`), others those that
nobody tunes on (`serverlogs_more`). Each is judged on its own, and the means of GA and FGA are what counts. By a hash
of their names some are held out, as in `pylog`.

    python -m benchmarks.serverlogs [--parser miner|drain|drain-masks|seed] [--errors N] [--held-out | --train] [NAME …]
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

from benchmarks.grouping import Score, mean, mistakes, score
from benchmarks.parsers import PARSERS, Parsing
from benchmarks.pylog import held_out, shown
from benchmarks.serverlogs_classic import CLASSIC
from benchmarks.serverlogs_kinds import Pools, value
from benchmarks.serverlogs_more import MORE
from benchmarks.serverlogs_system import SYSTEM

IMITATED = {**CLASSIC, **SYSTEM}
LOGS = {**IMITATED, **MORE}
MESSAGES = 3_000
#: Busiest templates first: Loghub's logs are more skewed than 1/rank.
ZIPF = 1.2
#: Lines come in bursts: the chance that a line's template follows itself.
AGAIN = 0.3

_VALUE = re.compile(r"«([^»]*)»")


class Line(NamedTuple):
    text: str
    truth: str


def templates(name: str) -> list[str]:
    """Of one log, the most frequent first."""
    return [line for line in LOGS[name].strip("\n").splitlines() if line.strip()]


def stream(name: str, seed: int = 0, messages: int = MESSAGES) -> Iterator[Line]:
    """Lines of one log."""
    rng = Random(f"{name} {seed}")
    habits = {template: _VALUE.split(template) for template in templates(name)}
    choices = list(habits)
    weights = list(accumulate(1 / rank**ZIPF for rank in range(1, len(choices) + 1)))
    template, pools = choices[0], Pools()
    for _ in range(messages):
        if rng.random() >= AGAIN:
            template = rng.choices(choices, cum_weights=weights)[0]
        pieces = habits[template]
        text = "".join(value(piece, rng, pools) if at % 2 else piece for at, piece in enumerate(pieces))
        yield Line(text, _VALUE.sub("<*>", template))


def judge(parsing: Parsing, name: str, seed: int = 0) -> Score:
    """A fresh parser's score on one log."""
    return score(parsing.parse, stream(name, seed), parsing.resolve)


def _errors(parser: str, name: str, limit: int) -> Iterator[str]:
    parsing = PARSERS[parser]()
    lines = list(stream(name))
    found = [parsing.parse(line.text) for line in lines]
    final = [parsing.resolve(id) for id in found]
    wrong = mistakes([line.text for line in lines], final, [line.truth for line in lines])
    return (shown(mistake) for mistake in wrong[:limit])


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.serverlogs", description="Grouping of server logs.")
    options.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(LOGS)}")
    options.add_argument("--train", action="store_true", help="only the logs for tuning")
    options.add_argument("--held-out", action="store_true", help="only the logs for judging")
    options.add_argument("--parser", choices=sorted(PARSERS), action="append", help="default: miner")
    options.add_argument("--errors", type=int, default=0, metavar="N", help="the N worst-grouped templates of each")
    chosen = options.parse_args()
    sides = _sides(chosen)
    names = [name for name in chosen.names or LOGS if held_out(name) in sides]
    for parser in chosen.parser or ["miner"]:
        scores = {name: judge(PARSERS[parser](), name) for name in names}
        for name, got in scores.items():
            print(f"{parser} {name:12} GA {got.ga:.3f}  FGA {got.fga:.3f}  stable {got.stable:.3f}")
            print(*_errors(parser, name, chosen.errors), sep="\n", end="\n" if chosen.errors else "")
        all_of = mean(list(scores.values()))
        print(f"{parser} mean of {len(scores)}: GA {all_of.ga:.3f}  FGA {all_of.fga:.3f}  stable {all_of.stable:.3f}")


def _sides(chosen: argparse.Namespace) -> set[bool]:
    return {side for side, wanted in ((False, chosen.train), (True, chosen.held_out)) if wanted} or {False, True}


if __name__ == "__main__":
    main()
