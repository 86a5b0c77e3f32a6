"""The doctor's checks as lines for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tidegate.cli.doctor import FAIL, OK, WARN, Check
from tidegate.cli.output import Terminal
from tidegate.safe import safe

_MARKS = {OK: ("✓", "green"), WARN: ("!", "yellow"), FAIL: ("✗", "bold red")}


def show(terminal: Terminal, checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark, style = _MARKS[check.status]
        head = Text.assemble((f"{mark} {check.status:4}", style), f"  {check.name:{width}}  ")
        _hang(terminal, head, Text(safe(check.detail), "dim" if check.status == OK else ""))
        if check.advice:
            _hang(terminal, Text(" " * head.cell_len + "→ "), Text(safe(check.advice), "bold"))
    terminal.show(Text("\n").append_text(_verdict(checks)))


def _hang(terminal: Terminal, head: Text, body: Text) -> None:
    """Print the body beside its head, its further lines below its first."""
    for line in body.wrap(terminal, max(20, terminal.width - head.cell_len)):
        terminal.show(head + line)
        head = Text(" " * head.cell_len)


def _verdict(checks: Sequence[Check]) -> Text:
    failed = sum(check.status == FAIL for check in checks)
    warned = sum(check.status == WARN for check in checks)
    if failed:
        return Text(f"{failed} of {len(checks)} checks failed.", "bold red")
    if warned:
        return Text(f"Nothing failed; {warned} of {len(checks)} checks want a look.", "yellow")
    return Text("All is well.", "green")
