"""The documentation is true: its programs run, its commands exist, its links lead somewhere.

Each page is followed from top to bottom in a directory and a store of its own. Commands that read
a store or start a program of the page are really run; those that would install, serve or go on for
ever are only understood: their options, extras, flags and files must exist.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import entry_points, metadata
from pathlib import Path
from typing import Any

import pytest

import tidegate.cli
from project.markdown import Block, blocks, commands, links
from tidegate.settings import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
WITH_CODE = [page for page in PAGES if blocks(page)]
EXTRAS = set(metadata("tidegate").get_all("Provides-Extra", []))
SCRIPTS = str(Path(sys.executable).parent)
#: What a developer's machine has, or a command before has installed.
GIVEN = {"python3", "python", "pip", "curl", "jq", "kill", "export", "cd", "pre-commit", "tests/needs"}
ENDLESS = {"demo", "serve", "ship", "tail"}


#: With our plugin alone, since others that a developer has take seconds to load.
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tidegate.pytest_plugin")
#: Libraries whose instrumentation is installed. To load what a page does not name would cost half a second a program.
INSTRUMENTED = {point.name for point in entry_points(group="opentelemetry_instrumentor")}


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_variables_are_settings(page: Path) -> None:
    named = set(re.findall(r"\bOTEL_PYTHON_TIDEGATE_\w+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named <= {option.env for option in OPTIONS}


@pytest.mark.servers
@pytest.mark.parametrize("page", WITH_CODE, ids=page_id)
def test_a_reader_can_follow(page: Path, run: Any, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    unloaded = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(name for name in INSTRUMENTED if name not in text)}

    def run_in_page(words: list[str], env: dict[str, str] | None = None) -> None:
        run(words, env={**unloaded, **(env or {})})

    followed = blocks(page)
    for block in reversed(followed):  # a command may stand before the first version of its file
        write(block, tmp_path)
    for block in followed:
        write(block, tmp_path)
        follow(page, block, run_in_page, tmp_path)


def write(block: Block, directory: Path) -> None:
    if block.file:
        (directory / block.file).write_text(block.text, encoding="utf-8")


def follow(page: Path, block: Block, run: Any, directory: Path) -> None:
    if block.language == "python":
        assert block.file, f"name the program in a first line such as '# app.py':\n{block.text}"
        if not is_run_by_another(block, page):
            run([sys.executable, block.file])
    elif block.language == "sh":
        for variables, words in commands(block.text):
            if words:
                follow_command(words, variables, run, directory)
    elif block.language == "pycon":
        assert page.parent.name == "reference", "'>>>' stands in docstrings only, which test_docstrings.py runs"
    else:
        assert block.language in ("console", "text", "yaml", "json", "toml"), f"unknown language {block.language}"


def is_run_by_another(program: Block, page: Path) -> bool:
    """Whether a command of the page runs it, or another program imports it: then that is how it is run, and no more."""
    imported = re.compile(rf"^(?:from|import) {program.file.removesuffix('.py')}\b", re.MULTILINE)
    return any(
        any(program.file in words for _, words in commands(block.text))
        if block.language == "sh"
        else imported.search(block.text)
        for block in blocks(page)
    )


def follow_command(words: list[str], variables: dict[str, str], run: Any, directory: Path) -> None:
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "tidegate":
        understand(arguments)
        if arguments[0] not in ENDLESS and "ID" not in arguments:
            run(words, env=variables)
    elif program in ("python", "pytest") and (directory / "".join(arguments[:1])).is_file():
        run([*PYTEST, *arguments] if program == "pytest" else words, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    elif program == "opentelemetry-instrument":
        start = next(number for number, word in enumerate(arguments, 1) if shutil.which(word, path=SCRIPTS))
        run(words if words[start] == "python" else [*words[:start], "true"], env=variables)
    else:
        assert program in GIVEN or shutil.which(program, path=SCRIPTS), words
    for extras in re.findall(r"(?:tidegate|\.)\[([\w,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= EXTRAS


def understand(arguments: list[str]) -> None:
    """Parse arguments as the command line does, without doing what they say."""
    name, *rest = arguments
    with tidegate.cli.main.make_context("tidegate", [name, *rest]) as context:
        command = tidegate.cli.main.get_command(context, name)
        assert command, f"no command {name!r}"
        command.make_context(name, rest, parent=context).close()
