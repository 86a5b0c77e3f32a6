"""The examples on the page about policies are policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.markdown import blocks
from tidegate.gate.policies.document import parse

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "policy.md"
EXAMPLES = [block for block in blocks(PAGE) if block.language in ("json", "yaml")]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_a_good_policy_of_which_all_is_obeyed(number: int) -> None:
    policy = parse(EXAMPLES[number].text, f"policy.{EXAMPLES[number].language}")
    assert policy.traces or policy.logs
    assert policy.ignored == ()


def test_there_are_examples_of_every_format() -> None:
    text = "".join(block.text for block in EXAMPLES)
    assert all(word in text for word in ("traces:", '"logs"', '"policies"', "service_strategies"))
