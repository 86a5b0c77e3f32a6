"""Fenced blocks of Markdown pages, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block; ``file`` is the name in a first line such as ``# shop.py``, or empty."""

    language: str
    text: str

    @property
    def file(self) -> str:
        found = re.match(r"# (\S+\.\w+)\n", self.text)
        return found[1] if found else ""


def blocks(page: Path) -> list[Block]:
    return [Block(*match) for match in FENCE.findall(page.read_text(encoding="utf-8"))]


def links(page: Path) -> list[str]:
    """Relative links, without fragments."""
    found = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return [link.partition("#")[0] for link in found if "://" not in link and not link.startswith("#")]


def commands(text: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The commands of a shell block: the variables set before each, and its words."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        for is_operator, words in groupby(lexer, lambda word: not word.strip("&|;")):
            if not is_operator:
                yield _split_settings(list(words))


def _split_settings(words: list[str]) -> tuple[dict[str, str], list[str]]:
    variables: dict[str, str] = {}
    while words and re.match(r"\w+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return variables, words
