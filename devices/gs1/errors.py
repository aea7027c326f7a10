"""What can be wrong with a GS1 code, with a stable code for each kind of mistake."""

from __future__ import annotations

from inspection.errors import IdentityError

QUOTED = 60
"""Characters of a code that a message quotes at most."""


class Gs1Error(IdentityError):
    """A text is no GS1 code, or breaks the GS1 General Specifications or the GS1 Digital Link standard.

    ``code`` is one of

    - ``gs1.syntax``: neither element string, nor GTIN, nor Digital Link;
    - ``gs1.aim``: an AIM identifier that is unknown or does not fit the data;
    - ``gs1.unknown_ai``, ``gs1.length``, ``gs1.characters``, ``gs1.check_digit``, ``gs1.date``, ``gs1.content``: one
      element;
    - ``gs1.conflict``, ``gs1.missing``: elements that must not, or must, stand together;
    - ``gs1.uri``: a URI that is no Digital Link, or elements that have none.
    """

    def __init__(self, kind: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = f"gs1.{kind}"


def quoted(text: str, length: int = QUOTED) -> str:
    """``text`` for a message: with what cannot be seen escaped, and cut."""
    return repr(shortened(text, length))


def shortened(text: str, length: int = QUOTED) -> str:
    """The first ``length`` characters of ``text``."""
    return text if len(text) <= length else f"{text[:length]}…"
