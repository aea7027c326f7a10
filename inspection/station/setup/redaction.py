"""What may leave the station for support: our own words and numbers; everything else only as a hash.

Free text keeps the words that our own programs are written with, the operating system's words for its errors, and the
names that the configuration gives to devices and views. A person's name, a serial number or a note is none of these.
The hash has a key of its own in every bundle: equal values stay equal within it, and nothing can be looked up.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import calibration
import devices
import inspection
import models

REMOVED = "[removed]"
MAX_WORD, MAX_TEXT = 300, 4000
MAX_DEPTH = 30
_SHORTEST = 4
_LARGE = 10**8
_PHONE_DIGITS = 8
_LONG_NUMBER = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_WORD = re.compile(r"[^\W\d_]+", re.ASCII)
_IDENTIFIER = re.compile(r"[^\W\d]\w*", re.ASCII)
_PIECE = re.compile(r"[^\s,;:()\[\]{}<>=/|·–]+|[\s,;:()\[\]{}<>=/|·–]+")
_NUMBER = re.compile(
    r"[+-]?\d{1,7}(\.\d{1,6})?(%|ms|s|h|MB|GB|mm|px|dBm|dB|g|kg|°|Hz|fps|k|M|B)?|[vV]?\d{1,4}(\.\d{1,4}){1,3}"
)
_PLACE = re.compile(r"(tty(USB|ACM|S|AMA)|video)\d{1,3}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PEOPLE = frozenset({"by", "who", "worker", "approved_by", "operator", "person", "name", "badge", "email", "phone"})
_NUMBERS_OF = frozenset({"serial_number", "serial", "hardware", "epc", "epc_uri", "lot", "rma", "gtin"})
_SECRET = frozenset(
    {"token", "token_file", "token_env", "login_file", "login_env", "password", "pin", "key", "trusted_keys"}
)
_ADDRESSES = frozenset({"url", "proxy", "port", "host"})


class Scrubber:
    """Takes out of texts and data what must not leave.

    Args:
        names: of devices and views, which support has to know.
        secret: values that are removed wherever they stand.
        personal: values that are hashed wherever they stand, even where they are made of our own words.
    """

    def __init__(self, names: Iterable[str] = (), secret: Iterable[str] = (), personal: Iterable[str] = ()) -> None:
        self._key = secrets.token_bytes(32)
        self._names = frozenset(names)
        self._secret = _by_length(value for value in secret if len(value) >= _SHORTEST)
        self._personal = _by_length(
            value for value in personal if len(value) >= _SHORTEST and value not in _vocabulary()
        )

    def hashed(self, value: object) -> str:
        """The same value, and nobody can say which."""
        return "#" + hmac.new(self._key, str(value).encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:10]

    def text(self, text: str) -> str:
        """Free text."""
        known = _LONG_NUMBER.sub(self._long_number, self.known(text))
        return "".join(
            piece if piece[0] in _BETWEEN else self._piece(piece, first=place == 0) for place, piece in _pieces(known)
        )

    def known(self, text: str, *, written: bool = False) -> str:
        """``text`` without the values that are known to be secret or personal.

        Args:
            written: it is JSON, whose numbers are no text.
        """
        for value in self._secret:
            text = text.replace(value, REMOVED)
        for value in self._personal:
            if not (written and value.isdecimal()):
                text = text.replace(value, self.hashed(value))
        return text

    def _long_number(self, found: re.Match[str]) -> str:
        number = found.group()
        return self.hashed(number) if sum(map(str.isdecimal, number)) >= _PHONE_DIGITS else number

    def data(self, value: Any, key: str = "", depth: int = 0) -> Any:
        """Plain data as of JSON or YAML; what a key says about its value counts."""
        if depth > MAX_DEPTH:
            return REMOVED
        if key in _SECRET:
            return None if value is None else REMOVED
        if key in _PEOPLE | _NUMBERS_OF:
            return None if value is None else self.hashed(value)
        if isinstance(value, Mapping):
            return {
                self._word_or_hash(str(name)): self.data(held, str(name), depth + 1) for name, held in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.data(held, key, depth + 1) for held in value]
        return self._scalar(value, key)

    def _scalar(self, value: Any, key: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if abs(value) < _LARGE else self.hashed(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return self._string(str(value), key)

    def _string(self, value: str, key: str) -> str:
        if len(value) > MAX_TEXT or (len(value) > MAX_WORD and " " not in value[:MAX_WORD]):
            return f"[{len(value)} characters left out]"
        if key in _ADDRESSES and "://" in value:
            return self.address(value)
        return value if _TIME.fullmatch(value) else self.text(value)

    def address(self, url: str) -> str:
        """Scheme, host and port of a URL, without who signs in and what is asked for."""
        try:
            parts = urlsplit(url)
            return self.known(f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}/")
        except ValueError:
            return self.hashed(url)

    def _word_or_hash(self, word: str) -> str:
        return word if self._piece(word, first=True) == word else self.hashed(word)

    def _piece(self, piece: str, *, first: bool) -> str:
        bare = piece.strip("'\"`.!?*\u201c\u201d…")
        if (
            not bare
            or bare.startswith("#")
            or bare == REMOVED.strip("[]")
            or bare in self._names
            or bare in _vocabulary()
        ):
            return piece
        if _NUMBER.fullmatch(bare) or _PLACE.fullmatch(bare) or _UUID.fullmatch(bare) or _TIME.fullmatch(bare):
            return piece
        parts = re.split(r"[-._+%$&@\"'\\~^]+", bare)
        if all(not part or _ours(part, first=first) or (part.isdecimal() and len(part) <= 4) for part in parts):  # noqa: PLR2004
            return piece
        return piece.replace(bare, self.hashed(bare))


_APART = frozenset({"demo", "training", "evaluation"})
_BETWEEN = frozenset(" \t\r\n,;:()[]{}<>=/|·–")


def _pieces(text: str) -> Iterable[tuple[int, str]]:
    for found in _PIECE.finditer(text):
        yield found.start(), found.group()


def _by_length(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values), key=len, reverse=True))


def _ours(word: str, *, first: bool) -> bool:
    """A capital letter is forgiven where a sentence begins only: elsewhere it may be a name."""
    return word in _vocabulary() or (first and word.lower() in _vocabulary())


@cache
def _vocabulary() -> frozenset[str]:
    """Every word of our run-time's sources, and of the system's errors."""
    texts = [os.strerror(number) for number in range(1, 134)] + [status.phrase for status in HTTPStatus]
    for package in (inspection, devices, calibration, models):
        folder = Path(str(package.__file__)).parent
        ours = (path for path in folder.rglob("*.py") if not _APART & set(path.relative_to(folder).parts))
        texts += [path.read_text(encoding="utf-8", errors="replace") for path in ours]
    return frozenset(word for text in texts for form in (_WORD, _IDENTIFIER) for word in form.findall(text))
