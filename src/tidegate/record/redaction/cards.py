"""Numbers of payment cards: their lengths and groups, the issuers' first digits, and the checksum (ISO/IEC 7812-1)."""

from __future__ import annotations

import re

#: Digits in a row, or in the groups that are printed on a card, with one kind of separator; and no part of a longer
#: word. An IBAN has groups of four, too.
SOURCE = (
    r"(?:(?<![\w.+-])|(?<=\\[nrt])|(?<=%\d[\dA-F]))(?<![A-Z]{2}\d\d[ -])"
    r"(?:\d{13,19}|\d{4}(?P<by>[ .-])\d{4}(?P=by)\d{4}(?P=by)\d{4}(?:(?P=by)\d{1,3})?"
    r"|\d{4}(?P<of>[ .-])\d{6}(?P=of)\d{4,5})(?![\w-]|\.\d)"
)

MARKS = ("0" * 13, *(by.join(groups) for by in " -." for groups in (["0000"] * 4, ("0000", "000000", "0000"))))

#: Visa, Mastercard, American Express, Discover, JCB, Diners Club, UnionPay, Maestro: first digits, and all of them.
_ISSUED = re.compile(
    r"4\d{12}(?:\d{3}(?:\d{3})?)?"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}(?:\d{3})?"
    r"|35(?:2[89]|[3-8]\d)\d{12}"
    r"|3(?:0[0-5]|[68]\d)\d{11}"
    r"|62\d{14}(?:\d{3})?"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}(?:\d{3})?"
)

#: What a digit adds to the checksum where it counts twice.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_card(text: str) -> bool:
    """Whether digits, in groups or not, are the number of a card."""
    digits = text.replace(" ", "").replace("-", "").replace(".", "")
    return _ISSUED.fullmatch(digits) is not None and has_checksum(digits)


def has_checksum(digits: str) -> bool:
    """Whether the last digit is the checksum of the others (Luhn's).

    >>> has_checksum("17893729974"), has_checksum("17893729975")
    (True, False)
    """
    numbers = [int(digit) for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0
