"""What the source of a program says about one of its logging calls: ``log.info(f"hello {name}")`` is ``hello <*>``.

Looked up once for a place whose texts differ, and only used if a text from there fits.
"""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice

from tidegate.patterns.templates import shown

#: Bytes of a file that is read, and lines of a call that are looked at.
MAX_FILE, MAX_LINES = 4 << 20, 40

#: Names of what writes a log record.
METHODS = frozenset(
    ("debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "trace", "success", "notice")
)

VARIABLE = "<*>"

_FIELD = re.compile(r"\{\{|\}\}|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


def template_at(path: str, line: int, text: str) -> str:
    """The template of the one logging call at ``line`` of the file ``path`` (from 1), which ``text`` fits; else "".

    Never raises, and reads nothing but Python files.
    """
    try:
        calls = list(_calls(list(_lines(path, line))))
        template = _template(_message(*calls[0])) if len(calls) == 1 else ""
    except Exception:  # no such file, or nothing that can be parsed
        return ""
    return template if _says_something(template) and _fits(template, text) else ""


def _lines(path: str, line: int) -> Iterator[str]:
    status = os.stat(path)
    if not path.endswith(".py") or not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        yield from islice(file, line - 1, line - 1 + MAX_LINES)


def _calls(lines: list[str]) -> Iterator[tuple[str, ast.Call]]:
    """The logging calls that begin in the first line: name and parsed call."""
    import tokenize  # rarely needed, and not cheap to load

    reader = iter(lines)
    tokens: list[tokenize.TokenInfo] = []
    open_at: list[int] = []
    try:
        for token in tokenize.generate_tokens(lambda: next(reader, "")):
            tokens.append(token)
            if token.string == "(":
                open_at.append(len(tokens) - 1)
            elif token.string == ")" and open_at:
                begin = open_at.pop()
                name = tokens[begin - 1]
                if name.string in METHODS and name.start[0] == 1 and begin > 0:
                    yield name.string, _parsed(lines, tokens[begin].start, token.end)
            elif token.type == tokenize.NEWLINE:
                return
    except (tokenize.TokenError, SyntaxError):  # the call ended, what is around it did not
        return


def _parsed(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> ast.Call:
    part = lines[start[0] - 1 : end[0]]
    part[-1] = part[-1][: end[1]]
    part[0] = part[0][start[1] :]
    call = ast.parse("call" + "".join(part), mode="eval").body
    if not isinstance(call, ast.Call):
        raise TypeError
    return call


def _message(name: str, call: ast.Call) -> ast.expr | None:
    place = 1 if name == "log" else 0
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("msg", "event")]
    return call.args[place] if len(call.args) > place else next(iter(named), None)


def _template(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else VARIABLE
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(part) if isinstance(part, ast.Constant) else VARIABLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left) + _template(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
        return shown(_template(node.left))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _FIELD.sub(
            lambda found: found[0][0] if len(found[0]) == 2 and found[0] != "{}" else VARIABLE,
            _template(node.func.value),
        )
    return VARIABLE


def _says_something(template: str) -> bool:
    """Whether anything stands outside variables and brackets: else it is what a wrapper puts before texts."""
    constant = re.sub(r"<[^<>]*>", "", template)
    return bool(re.sub(r"\[[^\[\]]*\][\s:|>-]*", "", constant).strip())


def _fits(template: str, text: str) -> bool:
    """Whether what is constant in the template stands in the text, in order."""
    at = 0
    parts = re.split(r"<(?:\*|[a-z]+)>", template)
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return text.startswith(parts[0])
