"""How well a parser groups messages, against the statements that truly made them.

The measures are Loghub-2.0's (Jiang et al., "A Large-Scale Evaluation for Log Parsing Techniques", ISSTA 2024):

- GA, grouping accuracy: the share of messages whose group holds exactly the messages of one true group;
- FGA, F1 of grouping accuracy: of the groups found, and of the true groups, the share that are exactly right
  (precision and recall), as their harmonic mean. A rare template weighs as much as a busy one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple


class Score(NamedTuple):
    """Shares, all in [0, 1]."""

    ga: float
    fga: float
    online_ga: float
    online_fga: float
    stable: float
    """Share of messages whose id was never changed by a later merge."""


def score(
    parse: Callable[[str], Hashable],
    messages: Iterable[tuple[str, Hashable]],
    resolve: Callable[[Hashable], Hashable] = lambda id: id,
) -> Score:
    """The score of a parser over a stream of (text, truth). ``resolve`` says what became of an id, once all is read."""
    seen = [(parse(text), truth) for text, truth in messages]
    return judged([found for found, _ in seen], [truth for _, truth in seen], resolve)


def judged(
    found: Sequence[Hashable], truths: Sequence[Hashable], resolve: Callable[[Hashable], Hashable] = lambda id: id
) -> Score:
    """The score of ids given online, in the order of ``truths``."""
    last = {id: resolve(id) for id in set(found)}
    final = [last[id] for id in found]
    stable = sum(before == after for before, after in zip(found, final, strict=True)) / len(found) if found else 1.0
    return Score(*accuracy(final, truths), *accuracy(found, truths), stable)


def accuracy(found: Sequence[Hashable], truths: Sequence[Hashable]) -> tuple[float, float]:
    """GA and FGA."""
    if not truths:
        return 1.0, 1.0
    sizes, groups, both = Counter(truths), Counter(found), Counter(zip(found, truths, strict=True))
    right = [count for (group, truth), count in both.items() if count == sizes[truth] == groups[group]]
    return sum(right) / len(truths), 2 * len(right) / (len(groups) + len(sizes))


def mean(scores: Sequence[Score]) -> Score:
    """Of each figure; every stream counts alike."""
    return Score(*(sum(figures) / len(scores) for figures in zip(*scores, strict=True)))


class Mistake(NamedTuple):
    """A true group that was not found exactly."""

    truth: Hashable
    messages: int
    groups: int
    """Into how many groups it fell."""
    others: tuple[Hashable, ...]
    """True groups that share one of its groups, the largest first."""
    samples: tuple[str, ...]
    """A message of each of its largest groups."""


def mistakes(texts: Sequence[str], found: Sequence[Hashable], truths: Sequence[Hashable]) -> list[Mistake]:
    """Wrongly grouped templates, the most messages first: what one tunes with."""
    sizes, groups, both = Counter(truths), Counter(found), Counter(zip(found, truths, strict=True))
    of_truth: dict[Hashable, list[Hashable]] = defaultdict(list)
    of_group: dict[Hashable, list[Hashable]] = defaultdict(list)
    for (group, truth), _ in both.most_common():
        of_truth[truth].append(group)
        of_group[group].append(truth)
    sample = dict(zip(zip(found, truths, strict=True), texts, strict=True))
    wrong = [
        Mistake(
            truth,
            sizes[truth],
            len(mine),
            tuple(dict.fromkeys(other for group in mine for other in of_group[group] if other != truth)),
            tuple(sample[group, truth] for group in mine[:4]),
        )
        for truth, mine in of_truth.items()
        if len(mine) > 1 or groups[mine[0]] != sizes[truth]
    ]
    return sorted(wrong, key=lambda mistake: -mistake.messages)
