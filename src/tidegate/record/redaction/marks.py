"""The search for marks, which are in every text that holds a secret.

Digits and hexadecimal letters are one character there, so that ids are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidegate.record.redaction.formats import FORMATS, Format

_HEXADECIMAL = bytes.maketrans(b"123456789abcdef", b"0" * 15)

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)

#: The formats by their marks.
Marks = Mapping[bytes, list[Format]]


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def alike(raw: bytes) -> bytes:
    """Encoded text as it is searched."""
    return raw.translate(_HEXADECIMAL)


def digits_alike(raw: bytes) -> bytes:
    """Encoded text as it is remembered, and searched for what has a check."""
    return raw.translate(_DIGITS)


def _of(forms: Iterable[Format]) -> dict[bytes, list[Format]]:
    found: dict[bytes, list[Format]] = {}
    for form in forms:
        for mark in form.marks:
            found.setdefault(alike(encoded(mark)), []).append(form)
    return found


EXACT = _of(form for form in FORMATS if not form.folds and form.check is None)
FOLDED = _of(form for form in FORMATS if form.folds)
#: Of formats that tell digits apart: these may have a blank in them, and are of zeros and what is between them.
CHECKED = _of(form for form in FORMATS if form.check is not None)


def found(marks: Marks, searched: bytes) -> Marks:
    """Those marks that are there."""
    return {mark: forms for mark, forms in marks.items() if mark in searched} if searched else {}


def applicable(raw: bytes, exact: Marks = EXACT, folded: Marks = FOLDED, checked: Marks = CHECKED) -> list[Format]:
    """The formats of which there is one of these marks in encoded text, in the order of the table."""
    forms: list[Format] = []
    if exact or folded:
        searched = alike(raw)
        low = alike(searched.lower())
        forms += [form for mark in exact if mark in searched for form in exact[mark]]
        forms += [form for mark in folded if mark in low for form in folded[mark]]
    if checked:
        digits = digits_alike(raw)
        forms += [form for mark in checked if mark in digits for form in checked[mark]]
    return [form for form in FORMATS if form in forms] if len(forms) > 1 else forms
