"""Words of a condition: splits CEL text into tokens, each with its offset."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      | (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?)
      | (?P<int>\d+)
      | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator>\|\||&&|==|!=|<=|>=|[-<>!+*/%?:.,()\[\]{}])""",
    re.VERBOSE,
)


class ExpressionMistake(Exception):
    """A mistake in a condition; ``offset`` counts characters from 0, ``hint`` says what to do."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Token:
    """One word: ``space``-free, of kind ``double``, ``int``, ``text``, ``name``, ``operator`` or ``end``."""

    kind: str
    text: str
    offset: int


def tokens_of(text: str) -> list[Token]:
    """All tokens of ``text`` and a last one of kind ``end``.

    Raises:
        ExpressionMistake: a character or unclosed text that CEL does not know.
    """
    tokens: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise _unreadable(text, offset)
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup or "", match.group(), offset))
        offset = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


def _unreadable(text: str, offset: int) -> ExpressionMistake:
    character = text[offset]
    if character in "\"'":
        return ExpressionMistake("this text is not closed", offset, f"end it with {character}; \\ is not allowed in it")
    hints = {
        "=": "use == to compare",
        "&": "use &&",
        "|": "use ||",
        "“": 'use plain quotes "',
        "”": 'use plain quotes "',
    }
    return ExpressionMistake(f"unexpected {character!r}", offset, hints.get(character, ""))


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """``did you mean 'seal'?`` for the nearest of ``known``, or nothing."""
    near = difflib.get_close_matches(wrong, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""
