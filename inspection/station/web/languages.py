"""The screen's languages; their catalogues lie beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from inspection import languages
from inspection.languages import TITLES

__all__ = ["LOCALE", "TITLES", "Languages"]

LOCALE = Path(__file__).with_name("locale")


class Languages(languages.Languages):
    """Translations of the screen."""

    @classmethod
    def load(cls, default: str) -> Self:
        """Read every catalogue beside this module."""
        return cls.read(default, LOCALE)
