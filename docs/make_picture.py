"""Draw docs/images/trace.svg: the command line's own output over a store that the demo has really recorded."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent / "images" / "trace.svg"
COMMAND = Path(sys.executable).parent / "tidegate"
COLUMNS = 118


def tidegate(*arguments: str, store: str, **environment: str) -> str:
    env = {**os.environ, "OTEL_PYTHON_TIDEGATE_STORE": store, "COLUMNS": str(COLUMNS), **environment}
    return subprocess.run([COMMAND, *arguments], env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def worth_showing(store: str) -> str:
    """The id of the failed trace with the most spans."""
    lines = tidegate("traces", "--errors", "--json", store=store).splitlines()
    trace_id: str = max(map(json.loads, lines), key=lambda trace: trace["span_count"])["trace_id"]
    return trace_id


def draw(store: str) -> str:
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    trace_id = worth_showing(store)
    for arguments in (["traces", "--limit", "6"], ["trace", trace_id[:8]]):
        console.print(Text(f"$ tidegate {' '.join(arguments)}", style="bold"))
        console.print(Text.from_ansi(tidegate(*arguments, store=store, FORCE_COLOR="1").rstrip()))
        console.print()
    return console.export_svg(title="tidegate")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([COMMAND, "demo", "--store", directory], check=True)
        svg = draw(directory)
    # Fonts are the reader's own: a picture in a README must not fetch any.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")
