"""Next-page tokens: where an answer goes on, for which question, and until when (EPCIS 2.0, 12.4).

A token is no secret: it holds a place among rows that its reader may see anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from inspection.hub.problems import Problem

LIFE = timedelta(hours=24)
DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 500
_MAX_TOKEN = 3000


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of an answer is wanted.

    Attributes:
        size: members of the page, at most :data:`MAX_PER_PAGE`.
        after: the place after which it begins; ``None`` for the first page.
        question: digest of what is asked; a token serves no other question.
    """

    size: int
    after: list[Any] | None
    question: str

    def token(self, place: list[Any]) -> tuple[str, datetime]:
        """The token of the page after ``place``, and when it expires."""
        expires = datetime.now(UTC).replace(microsecond=0) + LIFE
        raw = json.dumps([place, self.question, int(expires.timestamp())], separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("="), expires


def read_page(parameters: dict[str, list[str]], question: Mapping[str, Any]) -> Page:
    """Take ``perPage`` and ``nextPageToken`` out of ``parameters``.

    Raises:
        Problem: ``epcis.query``.
    """
    size = parameters.pop("perPage", [str(DEFAULT_PER_PAGE)])
    if len(size) != 1 or not size[0].isascii() or not size[0].isdecimal() or not int(size[0][:9]) >= 1:
        raise Problem("epcis.query", "perPage: must be a number from 1")
    token = parameters.pop("nextPageToken", None)
    digest = hashlib.sha256(json.dumps([question, parameters], sort_keys=True).encode()).hexdigest()[:16]
    after = None if token is None else _place(token[0], digest)
    return Page(min(int(size[0][:9]), MAX_PER_PAGE), after, digest)


def _place(token: str, digest: str) -> list[Any]:
    unusable = Problem("epcis.query", "nextPageToken: use the link of the page before, unchanged, for the same query")
    if len(token) > _MAX_TOKEN:
        raise unusable
    try:
        place, question, expires = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        late = datetime.now(UTC).timestamp() > float(expires)
    except (ValueError, TypeError, RecursionError, OverflowError):
        raise unusable from None
    if question != digest or not isinstance(place, list):
        raise unusable
    if late:
        raise Problem("epcis.query", "nextPageToken: expired; begin with the first page")
    return place
