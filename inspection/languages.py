"""Languages of pages: gettext catalogues compiled from their ``.po`` files when a program starts."""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from babel.messages import Catalog, mofile, pofile

TITLES: Mapping[str, str] = {"zh-CN": "中文", "en": "English", "th": "ไทย", "vi": "Tiếng Việt"}
SOURCE_LANGUAGE = "en"
"""The language the messages are written in; it needs no catalogue."""


@dataclass(frozen=True, slots=True)
class Languages:
    """Translations by language tag.

    Attributes:
        default: the tag to use when the browser asks for none of ours.
    """

    catalogues: Mapping[str, gettext.NullTranslations]
    default: str

    @classmethod
    def read(cls, default: str, *folders: Path) -> Self:
        """Read every catalogue in ``folders``; what an earlier one says of a message counts."""
        return cls({tag: _catalogue(folders, tag) for tag in TITLES}, default)

    def choose(self, asked: str | None, remembered: str | None, accept_language: str | None) -> str:
        """The tag to use: asked for by ``?lang=``, else the cookie's, else the browser's (RFC 9110, 12.5.4)."""
        for tag in (asked, remembered):
            if tag is not None and tag in self.catalogues:
                return tag
        for wanted in _by_quality(accept_language or ""):
            for tag in self.catalogues:
                if tag.lower() == wanted or tag.lower().split("-")[0] == wanted.split("-")[0]:
                    return tag
        return self.default


def _catalogue(folders: Sequence[Path], tag: str) -> gettext.NullTranslations:
    if tag == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    name = tag.replace("-", "_")
    catalogue = Catalog(locale=name)
    for folder in reversed(folders):
        with (folder / f"{name}.po").open("rb") as file:
            for message in pofile.read_po(file, locale=name):
                catalogue[message.id] = message
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _by_quality(accept_language: str) -> list[str]:
    weighted = []
    for position, part in enumerate(accept_language[:500].split(",")):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            quality = 0.0
        if tag and quality > 0:
            weighted.append((-quality, position, tag.lower()))
    return [tag for _, _, tag in sorted(weighted)]
