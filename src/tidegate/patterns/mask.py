"""Text with its variables masked: ``<num>``, ``<ip>``, ``<time>``, …; everything that is left is taken for constant.

Digits are made ``0``, then what may hold blanks is masked, then token by token, each remembered by its shape, then what
is made of masked things. All of it is linear in the text, of which a bounded part is looked at.
"""

from __future__ import annotations

from tidegate.patterns.spans import made, with_blanks
from tidegate.patterns.tokens import LONGEST, WORDS, token

#: Characters of a text that are looked at; what follows is shown as ``<*>``.
LOOKED_AT = 1024
#: Shapes of tokens that are remembered.
SHAPES = 4096

#: Makes every digit 0.
ZEROS = bytes.maketrans(b"123456789", b"000000000")


class Masker:
    """Masks texts and remembers the shapes of their tokens, at most `SHAPES` of them."""

    __slots__ = ("_shapes",)

    def __init__(self) -> None:
        self._shapes = dict(WORDS)

    def mask(self, text: str) -> str:
        """The text, blanks made single, with its variables masked; only `LOOKED_AT` characters are looked at."""
        cut = len(text) > LOOKED_AT
        if cut:
            text = text[:LOOKED_AT].rpartition(" ")[0] or text[:LOOKED_AT]
        masked = self.mask_zeroed(text.encode("utf-8", "replace").translate(ZEROS).decode())
        return masked + " <*>" if cut else masked

    def mask_zeroed(self, text: str) -> str:
        """The same for a text that has digits made 0 and is not too long."""
        text = with_blanks(text)
        known = self._shapes
        words = [
            known.get(word) or (word if word.isalpha() and len(word) < LONGEST else self._token(word))
            for word in text.split()
        ]
        return made(" ".join(words))

    def _token(self, text: str) -> str:
        masked = token(text)
        if len(text) <= LONGEST:
            if len(self._shapes) >= SHAPES:
                self._shapes = dict(WORDS)
            self._shapes[text] = masked
        return masked
