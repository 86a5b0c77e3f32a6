"""PyLog: a stream of messages as the logging calls of installed packages would write them, with the truth.

The templates are those of real calls (`pylog_scan`), the values are synthetic (`pylog_values`), the traffic is
Zipf-weighted, everything is seeded; no data is committed. Half of the packages, chosen by a hash of their name, are
for tuning, the other half is held out. Which packages there are depends on what is installed: a missing one is absent.

    python -m benchmarks.pylog --train            # or --held-out; both without
        --parser miner|drain|drain-masks|seed     # default: miner, where it exists
        --errors 20                               # the worst-grouped templates, with messages
        --packages                                # a line for each package

More packages than the environment has: ``pip install --target DIR --no-deps …`` and ``PYTHONPATH=DIR``.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import NamedTuple

from benchmarks.grouping import Mistake, Score, accuracy, judged, mean, mistakes
from benchmarks.parsers import PARSERS, Parsing
from benchmarks.pylog_scan import Call, Names, Package, installed
from benchmarks.pylog_values import Filler

#: Fewer packages say nothing about packages in general.
MIN_PACKAGES = 10
#: Messages for each call: enough that the rarest is seen a few times.
PER_CALL = 20
ZIPF = 1.0


class Message(NamedTuple):
    """One message, as a logging record would carry it."""

    text: str
    template: str
    """``record.msg``: the text itself where the call passes no arguments."""
    args: tuple[object, ...] | dict[str, object] | None
    path: str
    line: int
    function: str
    level: str
    logger: str
    truth: str
    """The call's own template; calls with the same one are one truth."""
    package: str
    style: str
    """As `pylog_scan.Call.style`."""


def held_out(name: str) -> bool:
    """Whether a package is for judging only. Nobody chooses: it is a bit of its name's hash."""
    return bool(hashlib.blake2b(name.encode(), digest_size=1).digest()[0] & 1)


@lru_cache(maxsize=1)
def packages() -> tuple[Package, ...]:
    """What is installed, with enough logging calls to count."""
    found = tuple(installed())
    if len(found) < MIN_PACKAGES:
        names = ", ".join(package.name for package in found) or "none"
        raise SystemExit(
            f"PyLog needs at least {MIN_PACKAGES} installed packages with logging calls and found"
            f" {len(found)} ({names}). Install more,"
            " for example: pip install celery kombu scrapy botocore aiohttp gunicorn django"
        )
    return found


def statement(message: Message) -> Hashable:
    """What tells a record's statement apart: its template when it carries one, else where the call stands."""
    return message.template if message.args is not None else (message.path, message.line)


def side(held: bool) -> list[Package]:
    """The packages held out, or those for tuning."""
    return [package for package in packages() if held_out(package.name) == held]


def is_minable(call: Call) -> bool:
    """Whether the text says anything of its statement: some constant letters. ``log.error(exc)`` does not."""
    return call.style != "variable" and any(
        character.isalpha() for part in call.parts if isinstance(part, str) for character in part
    )


def stream(
    chosen: Sequence[Package],
    seed: int = 0,
    messages: int = 0,
    *,
    wanted: Callable[[Call], bool] = is_minable,
    shares: Mapping[str, float] | None = None,
) -> Iterator[Message]:
    """What a process logs: the ``wanted`` calls, Zipf-weighted in random order, so that a few make most of the noise.

    ``messages``: 0 for `PER_CALL` for each call. ``shares``: of the levels in the traffic; None for what comes.
    """
    rng = Random(f"pylog {seed}")
    calls = [_Writer(call, package.names) for package in chosen for call in package.calls if wanted(call)]
    rng.shuffle(calls)
    weights = [1 / rank**ZIPF for rank in range(1, len(calls) + 1)]
    if shares is not None:
        weights = _shared(weights, [writer.call.level for writer in calls], shares)
    for writer in rng.choices(calls, weights, k=messages or PER_CALL * len(calls)) if calls else ():
        yield writer.message(rng)


def _shared(weights: Sequence[float], levels: Sequence[str], shares: Mapping[str, float]) -> list[float]:
    """The weights, so that each level has its share of the traffic."""
    total: dict[str, float] = defaultdict(float)
    for weight, level in zip(weights, levels, strict=True):
        total[level] += weight
    return [shares.get(level, 0.0) * weight / total[level] for weight, level in zip(weights, levels, strict=True)]


class _Writer:
    """Writes the messages of one call."""

    def __init__(self, call: Call, names: Names) -> None:
        self.call, self.truth = call, call.truth
        holes = [part for part in call.parts if not isinstance(part, str)]
        self.fillers = [Filler(hole, f"{call.package} {self.truth} {at}", names) for at, hole in enumerate(holes)]

    def message(self, rng: Random) -> Message:
        call = self.call
        values = [filler.value(rng) for filler in self.fillers]
        shown = (filler.shown(value) for filler, value in zip(self.fillers, values, strict=True))
        text = "".join(part if isinstance(part, str) else next(shown) for part in call.parts)
        args: tuple[object, ...] | dict[str, object] | None = None
        if call.style == "percent":
            args = self._named(values) if call.fields else tuple(values)
        return Message(
            text, call.template or text, args, call.path, call.line, call.function, call.level, call.logger, self.truth,
            call.package, call.style,
        )  # fmt: skip

    def _named(self, values: list[object]) -> dict[str, object]:
        return dict(zip(self.call.fields, values, strict=True))


class Result(NamedTuple):
    """One parser over one stream."""

    messages: list[Message]
    found: list[Hashable]
    final: list[Hashable]
    seconds: float
    """CPU time of the parser alone."""


def parsed(parsing: Parsing, messages: Sequence[Message]) -> Result:
    """Ids of the texts, online and after the last one."""
    texts = [message.text for message in messages]
    begin = time.process_time()
    found = [parsing.parse(text) for text in texts]
    seconds = time.process_time() - begin
    last = {id: parsing.resolve(id) for id in set(found)}
    return Result(list(messages), found, [last[id] for id in found], seconds)


def graded(result: Result) -> Score:
    """Against the calls' own templates."""
    last = dict(zip(result.found, result.final, strict=True))
    return judged(result.found, [message.truth for message in result.messages], last.__getitem__)


def report(result: Result) -> str:
    """One line of figures."""
    got, truths = graded(result), [message.truth for message in result.messages]
    return (
        f"GA {got.ga:.3f}  FGA {got.fga:.3f}  (online {got.online_ga:.3f} {got.online_fga:.3f})"
        f"  stable {got.stable:.3f}"
        f"  groups {len(set(result.final))} of {len(set(truths))}"
        f"  {1e6 * result.seconds / max(1, len(truths)):.2f} µs each of {len(truths)}"
    )


def by_package(result: Result) -> Iterator[str]:
    """GA and FGA of each package's messages, grouped within the whole stream."""
    of: dict[str, list[tuple[Hashable, str]]] = defaultdict(list)
    for message, id in zip(result.messages, result.final, strict=True):
        of[message.package].append((id, message.truth))
    for name, pairs in sorted(of.items()):
        ga, fga = accuracy([id for id, _ in pairs], [truth for _, truth in pairs])
        templates = len({truth for _, truth in pairs})
        yield f"  {name:24} GA {ga:.3f}  FGA {fga:.3f}  {len(pairs)} messages, {templates} templates"


def shown(mistake: Mistake) -> str:
    """A wrongly grouped template with what it was taken for."""
    lines = [f"- {mistake.truth!r}: {mistake.messages} messages in {mistake.groups} groups"]
    lines += [f"    with  {other!r}" for other in mistake.others[:3]]
    lines += [f"    e.g.  {sample[:300]!r}" for sample in mistake.samples]
    return "\n".join(lines)


def _details(result: Result, errors: int, *, packages: bool) -> None:
    if packages:
        print("\n".join(by_package(result)))
    messages = result.messages
    wrong = mistakes([m.text for m in messages], result.final, [m.truth for m in messages]) if errors else []
    print(*(shown(mistake) for mistake in wrong[:errors]), sep="\n", end="\n" if errors else "")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.pylog", description="Grouping on PyLog.")
    options.add_argument("--train", action="store_true", help="only the packages for tuning")
    options.add_argument("--held-out", action="store_true", help="only the packages for judging")
    options.add_argument("--parser", choices=sorted(PARSERS), action="append", help="default: miner")
    options.add_argument("--errors", type=int, default=0, metavar="N", help="the N worst-grouped templates")
    options.add_argument("--packages", action="store_true", help="a line for each package")
    options.add_argument("--seeds", type=int, default=1, metavar="N", help="streams of which the mean is shown, too")
    chosen = options.parse_args()
    sides = [False] * chosen.train + [True] * chosen.held_out or [False, True]
    for held in sides:
        found = side(held)
        print("held-out:" if held else "train:", ", ".join(package.name for package in found))
        for name in chosen.parser or ["miner"]:
            results = [parsed(PARSERS[name](), list(stream(found, seed))) for seed in range(chosen.seeds)]
            for result in results:
                print(f"{name}: {report(result)}")
            if len(results) > 1:
                got = mean([graded(result) for result in results])
                print(f"{name}: mean GA {got.ga:.3f}  FGA {got.fga:.3f}  stable {got.stable:.3f}")
            _details(results[0], chosen.errors, packages=chosen.packages)


if __name__ == "__main__":
    main()
