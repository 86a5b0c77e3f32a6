"""How well and how fast messages are brought to patterns, beside Drain3 (where installed) and the predecessor."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Hashable, Iterable, Sequence
from random import Random

from benchmarks import pylog, pylog_traffic, serverlogs
from benchmarks.grouping import Score, accuracy, mean
from benchmarks.measure import interleaved, table
from benchmarks.parsers import PARSERS, has_drain
from benchmarks.pylog_scan import Call
from tidegate.patterns import Miner

SEEDS = 3
TITLES = {
    "miner": "Tidegate",
    "drain": "Drain3, default",
    "drain-masks": "Drain3, masks of its README",
    "seed": "predecessor (six regexes, then md5)",
}


def run(repeats: int) -> str:
    found = [package.name for package in pylog.packages() if pylog.held_out(package.name)]
    intro = f"PyLog here: {len(pylog.packages())} packages, held out {len(found)}: {', '.join(found)}.\n"
    parts = [_pylog(), _records(), _servers(), _speed(min(repeats, 5)), _worst(), pylog_traffic.run()]
    return "\n".join([intro, *parts])


def _against(score: Callable[[str], list[str]]) -> list[list[str]]:
    """A row for each parser."""
    width = len(score("seed"))
    return [
        [
            title,
            *(["not installed", *[""] * (width - 1)] if name.startswith("drain") and not has_drain() else score(name)),
        ]
        for name, title in TITLES.items()
    ]


def _shown(score: Score) -> list[str]:
    return [
        f"{score.ga:.3f} / {score.fga:.3f}",
        f"{score.online_ga:.3f} / {score.online_fga:.3f}",
        f"{score.stable:.3f}",
    ]


# -- how well


def _pylog() -> str:
    held = [list(pylog.stream(pylog.side(held=True), seed)) for seed in range(SEEDS)]
    tuned = list(pylog.stream(pylog.side(held=False)))

    def score(name: str) -> list[str]:
        results = [pylog.parsed(PARSERS[name](), messages) for messages in held]
        of_tuned = pylog.graded(pylog.parsed(PARSERS[name](), tuned))
        cost = sum(result.seconds for result in results) / sum(len(result.messages) for result in results)
        got = mean([pylog.graded(result) for result in results])
        return [*_shown(got), f"{of_tuned.ga:.3f} / {of_tuned.fga:.3f}", f"{1e6 * cost:.1f}"]

    heads = ["parser", "final GA / FGA", "online GA / FGA", "stable", "packages for tuning", "µs a message"]
    return table(f"PyLog, held-out packages, text alone; means of {SEEDS} streams", heads, _against(score))


def _records() -> str:
    wanted: dict[str, Callable[[Call], bool]] = {
        "with a template (`%` and arguments)": lambda call: call.style == "percent",
        "without, each call at its own site": lambda call: call.style in {"constant", "text"},
        "both": lambda call: call.style != "variable",
        "any, also calls that pass a variable": lambda call: True,
    }
    rows = [[title, *_of_records(of, one_site=False)] for title, of in wanted.items()]
    rows.append(["texts through one wrapper's site", *_of_records(pylog.is_minable, one_site=True)])
    return table("Records as the standard library makes them, held-out packages", ["records", "final GA / FGA"], rows)


def _of_records(wanted: Callable[[Call], bool], *, one_site: bool) -> list[str]:
    miner = Miner()
    found: list[str] = []
    truths: list[Hashable] = []
    for message in pylog.stream(pylog.side(held=True), wanted=wanted):
        if one_site:
            pattern = miner.match_record(message.text, "", "wrapper.py", 7, "log")
        else:
            pattern = miner.match_record(message.text, message.template, message.path, message.line, message.function)
        found.append(pattern.id)
        truths.append(message.truth if one_site else pylog.statement(message))
    ga, fga = accuracy([_final(miner, id) for id in found], truths)
    return [f"{ga:.4f} / {fga:.4f}"]


def _final(miner: Miner, id: str) -> str:
    pattern = miner.resolve(id)
    return pattern.id if pattern else id


def _servers() -> str:
    held = [name for name in serverlogs.LOGS if pylog.held_out(name)]

    def score(name: str) -> list[str]:
        scores = {log: serverlogs.judge(PARSERS[name](), log) for log in serverlogs.LOGS}
        groups = (list(scores), list(serverlogs.IMITATED), held)
        means = [mean([scores[log] for log in group]) for group in groups]
        return [*(f"{got.ga:.3f} / {got.fga:.3f}" for got in means), f"{means[0].stable:.3f}"]

    heads = [
        "parser",
        f"all {len(serverlogs.LOGS)}, final GA / FGA",
        f"{len(serverlogs.IMITATED)} as in Loghub",
        f"{len(held)} held out",
        "stable",
    ]
    return table("Server logs, one setting, means over logs", heads, _against(score))


# -- how fast


def _speed(repeats: int) -> str:
    mined = [message.text for message in pylog.stream(pylog.side(held=True), messages=20_000)]
    server = [line.text for log in serverlogs.LOGS for line in serverlogs.stream(log, messages=800)]
    junk = unique_words(3_000)
    hits = [f"Connection {at} from 10.0.{at % 250}.7 closed after {at % 977} ms" for at in range(20_000)]
    streams = {"PyLog stream, held-out": mined, "server logs": server, "unique words": junk}
    cases: dict[str, Callable[[], object]] = {
        "template": _each(hits, lambda: _template(Miner())),
        "site": _each(hits, lambda: _site(Miner())),
        "hit": _each(hits, lambda: _warm(Miner(), hits[0])),
    }
    cases |= {title: _each(texts, lambda: Miner().match) for title, texts in streams.items()}
    if has_drain():
        cases |= {f"drain {title}": _each(texts, lambda: PARSERS["drain"]().parse) for title, texts in streams.items()}
    times = interleaved(cases, repeats)
    rows = [
        ["template known", f"{1e6 * times['template'] / len(hits):.3f}", ""],
        ["call site known", f"{1e6 * times['site'] / len(hits):.3f}", ""],
        ["first-cache hit", f"{1e6 * times['hit'] / len(hits):.3f}", ""],
    ]
    for title, texts in streams.items():
        ratio = f"{times[f'drain {title}'] / times[title]:.1f}×" if has_drain() else "not installed"
        rows.append([title, f"{1e6 * times[title] / len(texts):.2f}", ratio])
    return table("CPU per message, loop included", ["path", "µs", "Drain3's time over ours"], rows)


def _each(texts: Sequence[str], make: Callable[[], Callable[[str], object]]) -> Callable[[], object]:
    """A pass over all texts with a fresh parser."""

    def one_pass() -> None:
        parse = make()
        for text in texts:
            parse(text)

    return one_pass


def _warm(miner: Miner, text: str) -> Callable[[str], object]:
    miner.match(text)
    return miner.match


def _template(miner: Miner) -> Callable[[str], object]:
    known = "Connection %d from %s closed after %d ms"
    return lambda text, match=miner.match_template: match(known)  # type: ignore[misc]


def _site(miner: Miner) -> Callable[[str], object]:
    return lambda text, match=miner.match_site: match("app.py", 12, "close", text)  # type: ignore[misc]


def unique_words(lines: int, seed: int = 0) -> list[str]:
    """The worst traffic: lines of eight words that never come again."""
    rng = Random(seed)
    return [
        " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 10))) for _ in range(8))
        for _ in range(lines)
    ]


# -- worst cases

MEGABYTE = 1 << 20
#: Lines of a megabyte that make regular expressions backtrack or rescan.
LONG: dict[str, Callable[[], str]] = {
    "random words": lambda: " ".join(unique_words(MEGABYTE // 50))[:MEGABYTE],
    "one word": lambda: "a" * MEGABYTE,
    "digits": lambda: "1" * MEGABYTE,
    "dotted": lambda: "a." * (MEGABYTE // 2),
    "ats": lambda: "a@" * (MEGABYTE // 2),
    "slashes": lambda: "/a" * (MEGABYTE // 2),
    "open brackets": lambda: "[{(<" * (MEGABYTE // 4),
    "quotes": lambda: "'\"" * (MEGABYTE // 2),
    "colons of an address": lambda: "f:" * (MEGABYTE // 2),
    "spaces": lambda: " " * MEGABYTE,
    "a JSON body": lambda: '{"key": "value", "n": 1.5, "list": [1, 2, 3]}' * (MEGABYTE // 46),
}


def _worst() -> str:
    longest = {name: _once(make()) for name, make in LONG.items()}
    slowest = max(longest, key=longest.__getitem__)
    rows = [["slowest 1 MB line, ms", f"{1e3 * longest[slowest]:.2f} ({slowest})"]]
    for title, texts in (
        ("memory at 10,000 patterns, MB", _templates(10_000)),
        ("memory after 60,000 lines of unique words, MB", unique_words(60_000)),
    ):
        size, miner = _memory(texts)
        rows.append([title, f"{size / 2**20:.1f} ({len(miner.patterns()):,} patterns)"])
    junk, miner = unique_words(60_000, 1), Miner()
    begin = time.process_time()
    for text in junk:
        miner.match(text)
    rows.append(["60,000 lines of unique words, µs each", f"{1e6 * (time.process_time() - begin) / len(junk):.1f}"])
    return table("Worst cases", ["what", "Tidegate"], rows)


def _once(text: str) -> float:
    """CPU time of a first line, the best of three miners: who else works on this machine is not what is measured."""

    def one() -> float:
        miner = Miner()
        begin = time.process_time()
        miner.match(text)
        return time.process_time() - begin

    return min(one() for _ in range(3))


def _templates(count: int) -> Iterable[str]:
    """So many messages that are no two of one statement: four words from a vocabulary, as code has them."""
    words = unique_words(200)
    rng = Random(2)
    vocabulary = [word for line in words for word in line.split()]
    return [" ".join(rng.sample(vocabulary, rng.randint(3, 9))) for _ in range(count)]


def _memory(texts: Iterable[str]) -> tuple[int, Miner]:
    """What a miner holds after the texts, in bytes of Python objects."""
    texts = list(texts)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    miner = Miner()
    for text in texts:
        miner.match(text)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return size, miner
