"""Write docs/reference/settings.md from the settings table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.settings import OPTIONS, Option

PAGE = Path(__file__).parent / "reference" / "settings.md"

HEAD = """\
# Settings

<!-- Made by docs/make_settings.py from src/tidegate/settings.py; edit there. -->

Every setting can be given in three ways; the first that is there wins:

1. an argument of `tidegate.configure_observability(...)`, by the name in the first column;
2. the environment variable. With `opentelemetry-instrument` each variable of ours is also a flag:
   `OTEL_PYTHON_TIDEGATE_STORE=...` is `--tidegate_store ...`;
3. the key of that name under `distribution: {tidegate: ...}` in the file that `OTEL_CONFIG_FILE` names.

`tidegate settings` shows the values in force here and where each came from. A value that breaks its rule stops the
program's start-up of telemetry, never the program, with a message that names the setting, the value and the rule. A
misspelt `OTEL_PYTHON_TIDEGATE_...` variable is such a mistake too. An empty variable counts as not set.
"""

SECTION = """
## {title}

{intro}

| Name | Environment variable | Value | Default | Meaning |
|---|---|---|---|---|
{rows}
"""


def default_text(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if value in ("", (), {}) else f"`{value:.15g}`" if isinstance(value, float) else f"`{value}`"


def row(option: Option) -> str:
    cells = (f"`{option.name}`", f"`{option.env}`", option.kind.rule, default_text(option.default), option.help)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page() -> str:
    def section(title: str, intro: str, options: list[Option]) -> str:
        return SECTION.format(title=title, intro=intro, rows="\n".join(map(row, options)))

    standard = [option for option in OPTIONS if option.standard]
    own = [option for option in OPTIONS if not option.standard]
    return (
        HEAD
        + section("OpenTelemetry's own", "Standard names with their standard meaning.", standard)
        + section("Tidegate's", "Recording and the store.", own)
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
