"""Write docs/reference/ from the code: settings, HTTP paths and parameters from their tables, Python from docstrings,
commands from --help, the schema of policies from what reads them."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin

import click

import tidegate.cli
from tidegate.settings import OPTIONS, Option

DIRECTORY = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/make_reference.py from the code; edit there. -->"

SETTINGS = f"""\
# Settings

{MADE}

Every setting can be given in three ways; the first that is there wins:

1. an argument of `tidegate.configure_observability(...)`, by the name in the first column;
2. the environment variable. With `opentelemetry-instrument` each variable of ours is also a flag:
   `OTEL_PYTHON_TIDEGATE_STORE=...` is `--tidegate_store ...`;
3. the key of that name under `distribution: {{tidegate: ...}}` in the file that `OTEL_CONFIG_FILE` names.

`tidegate settings` shows the values in force here and where each came from. A value that breaks its rule stops the
program's start-up of telemetry, never the program, with a message that names the setting, the value and the rule. A
misspelt `OTEL_PYTHON_TIDEGATE_...` variable is such a mistake too. An empty variable counts as not set.
"""

PYTHON = f"""\
# Python reference

{MADE}

What is named here is the public interface. Everything else may change without notice.
"""

CLI = f"""\
# Command line

{MADE}

Every command that reads takes a store as its last argument or by `--store`, a directory or (but for `check`, `prune`
and `stats`) the URL of a served one, and `--json` for one JSON object a line in OTLP's field names. What JSON cannot
carry is written as the nearest thing that it can: NaN and infinities as `null`, bytes in base64, integers beyond 64
bits as text, a lone surrogate as its escape.

For people there are colours on a terminal (not with `NO_COLOR`), and nothing is cut when the output goes into a pipe or
a file. Whatever could harm a terminal, such as escape sequences in a log message, is shown as its escape instead.

The exit status is 0 also when nothing was found, which standard error then says; 2 after a mistake in the question, the
settings or the store, and when the output cannot be written; 1 when `tidegate check` finds damage, `tidegate doctor`
something wrong or `tidegate health` no healthy server, and when `tidegate prune` could not do all of it; 130 after
Ctrl-C, and 143 when an export was ended by SIGTERM.
"""

HTTP = f"""\
# HTTP reference

{MADE}

Of `tidegate serve` these paths are at the root, of a mount below where it is mounted. A slash at the end changes
nothing, and HEAD is answered wherever GET is. `/openapi.json` has the same for tools.

## Paths
"""

#: The modules whose ``__all__`` is public, or all of whose own classes and functions are.
MODULES = (
    "tidegate",
    "tidegate.gate",
    "tidegate.gate.policy",
    "tidegate.patterns",
    "tidegate.store",
    "tidegate.store.questions.answers",
    "tidegate.serve",
    "tidegate.testing",
    "tidegate.watch.health",
    "tidegate.records",
    "tidegate.errors",
)

#: Classes of which public ones are made, and which are shown as theirs.
PARTS = ("Questions",)


#: The lines of an example in a docstring, up to a line without one.
EXAMPLE = re.compile(r"^ *>>> .*\n?(?: *\S.*\n?)*", re.MULTILINE)


def settings_page() -> str:
    def section(title: str, options: list[Option]) -> str:
        head = f"\n## {title}\n\n| Name | Environment variable | Value | Default | Meaning |\n|---|---|---|---|---|\n"
        return head + "".join(map(settings_row, options))

    standard = [option for option in OPTIONS if option.standard]
    own = [option for option in OPTIONS if not option.standard]
    return SETTINGS + section("OpenTelemetry's own, with their standard meaning", standard) + section("Tidegate's", own)


def settings_row(option: Option) -> str:
    cells = (f"`{option.name}`", f"`{option.env}`", option.kind.rule, default_text(option), option.help)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def default_text(option: Option) -> str:
    value = option.default
    if value in ("", (), {}):
        return ""
    if option.kind.name == "size":
        return f"`{value >> 20}MiB`"
    return f"`{str(value).lower()}`"


def python_page() -> str:
    return PYTHON + "".join(part for name in MODULES for part in module_part(importlib.import_module(name)))


def public_names(module: Any) -> list[str]:
    own = [name for name, item in vars(module).items() if getattr(item, "__module__", "") == module.__name__]
    return list(getattr(module, "__all__", [name for name in own if name[0] != "_"]))


def module_part(module: Any) -> Iterator[str]:
    yield f"\n## `{module.__name__}`\n\n{documentation(module)}\n"
    for name in public_names(module):
        item = getattr(module, name)
        title = f"{module.__name__}.{name}"
        if not callable(item) or get_origin(item):
            yield f"\n### `{title}`\n\n{constant(item)}\n"
            continue
        first, *others = signatures(item)
        yield f"\n### `{title}{first}`\n"
        if others:
            yield "\nOr " + ", or ".join(f"`{item.__name__}{other}`" for other in others) + ".\n"
        yield f"\n{documentation(item)}\n"
        if is_dataclass(item):
            yield "\nFields: " + ", ".join(f"`{field.name}`" for field in fields(item)) + ".\n"
        if isinstance(item, type):
            yield from member_parts(item)


def constant(item: Any) -> str:
    if inspect.ismodule(item):
        anchor = item.__name__.replace(".", "")
        return f"The module [`{item.__name__}`](#{anchor})."
    return "Text." if isinstance(item, str) else f"`{item}`".replace("collections.abc.", "").replace("typing.", "")


def member_parts(item: type) -> Iterator[str]:
    for name, member in members(item).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"\n- `{name}`{as_item(member)}\n"
        elif inspect.isfunction(member):
            yield f"\n- `{name}{signature(member)}`{as_item(member)}\n"


def members(item: type) -> dict[str, Any]:
    """A class's own members, and those of its parts that nobody sees by themselves."""
    parts = [base for base in item.__bases__ if base.__name__ in PARTS]
    return {name: member for base in (item, *parts) for name, member in vars(base).items()}


def as_item(member: object) -> str:
    text = documentation(member)
    return f": {text}".replace("\n", "\n    ").replace("    \n", "\n") if text else ""


def signatures(item: Any) -> list[str]:
    """As the overloads have them, if there are any, in their order; those that differ in types only are one."""
    statements = ast.parse(inspect.getsource(inspect.getmodule(item) or item)).body if inspect.isfunction(item) else []
    found: dict[tuple[str, ...], str] = {}
    for each in statements:
        if isinstance(each, ast.FunctionDef) and each.name == item.__name__ and is_overload(each):
            names = [node for node in ast.walk(each.args) if isinstance(node, ast.arg)]
            for name in names:
                name.annotation = None
            found.setdefault(tuple(name.arg for name in names), f"({ast.unparse(each.args)})")
    return list(found.values()) or [signature(item)]


def is_overload(function: ast.FunctionDef) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "overload" for decorator in function.decorator_list)


def signature(item: Any) -> str:
    """As in the source, without ``self`` and types; nothing for classes, which are made for the reader of this page."""
    if isinstance(item, type):
        return ""
    parameters = inspect.signature(item).parameters.values()
    shown = [parameter.replace(annotation=parameter.empty) for parameter in parameters if parameter.name != "self"]
    return str(inspect.Signature(shown))


def documentation(item: object) -> str:
    own = vars(item).get("__doc__") if isinstance(item, type) else getattr(item, "__doc__", None)
    return EXAMPLE.sub(fenced, inspect.cleandoc(own).replace("``", "`")).rstrip() if own else ""


def fenced(example: re.Match[str]) -> str:
    return f"```pycon\n{textwrap.dedent(example[0]).rstrip()}\n```\n"


def cli_page() -> str:
    group = tidegate.cli.main
    with click.Context(group, info_name="tidegate") as context:
        commands = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return CLI + "".join(part for name, command in commands if command for part in command_parts(name, command))


def command_parts(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for sub_name, sub_command in command.commands.items():
            yield from command_parts(f"{name} {sub_name}", sub_command)
    else:
        yield command_part(name, command)


def command_part(name: str, command: click.Command) -> str:
    arguments = "".join(f" {item.metavar or item.name}" for item in command.params if isinstance(item, click.Argument))
    rows = "".join(option_row(item) for item in command.params if isinstance(item, click.Option))
    text = inspect.cleandoc(command.help or "")
    return f"\n## `tidegate {name}{arguments}`\n\n{text}\n\n| Option | Meaning |\n|---|---|\n{rows}"


def option_row(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or choices(option)}"
    names = ", ".join(f"`{name}{value}`" for name in option.opts)
    return f"| {names} | {option.help} |\n"


def choices(option: click.Option) -> str:
    """The words that an option takes; a column of a table ends at a bar that has no backslash."""
    assert isinstance(option.type, click.Choice), f"{option.name} needs a metavar"
    return "\\|".join(option.type.choices)


def http_page() -> str:
    from tidegate.serve.parameters import PARAMETERS
    from tidegate.serve.routes import ROUTES

    paths = "".join(
        f"| `{route.path}` | {route.help} | {code(route.takes)} | {code(media_types(route.gives))} |\n"
        for route in ROUTES
    )
    meanings = "".join(
        f"| `{parameter.name}` | {parameter.rule} | {parameter.help} |\n" for parameter in PARAMETERS.values()
    )
    return (
        f"{HTTP}\n| Path | Answer | Parameters | Media types |\n|---|---|---|---|\n{paths}"
        f"\n## Parameters\n\n| Name | Value | Meaning |\n|---|---|---|\n{meanings}"
    )


def media_types(types: Iterable[str]) -> Iterator[str]:
    return (each.partition(";")[0] for each in types)


def code(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def policy_schema() -> str:
    from tidegate.gate.policies.document import schema

    return json.dumps(schema(), indent=2) + "\n"


PAGES = {
    "http.md": http_page,
    "settings.md": settings_page,
    "python.md": python_page,
    "cli.md": cli_page,
    "policy.schema.json": policy_schema,
}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (DIRECTORY / file).write_text(page(), encoding="utf-8")
