"""The physical unit on the table: who it is, and which device said so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class IdentityIssue(StrEnum):
    """Why an identity cannot be taken at its word; any of them sends the item to a person."""

    NONE_READ = "none_read"
    SEVERAL_TAGS = "several_tags"
    GTIN_DIFFERS = "gtin_differs"
    SERIAL_DIFFERS = "serial_differs"
    UNREADABLE_CODE = "unreadable_code"


@dataclass(frozen=True, slots=True)
class Item:
    """Identity of one unit, joined from barcode and tag.

    Attributes:
        gtin: GTIN-14 with a valid check digit, or ``None`` when unknown.
        serial: serial number (AI 21 or SGTIN serial), or ``None``.
        lot: batch (AI 10), or ``None``.
        expiry: expiration date (AI 17), or ``None``.
        epc_uri: pure-identity EPC URN of the tag, or ``None``.
        sources: which readings support the identity, e.g. ``("barcode", "tag")``.
        issues: contradictions found while joining; empty when the identity is sound.
    """

    gtin: str | None = None
    serial: str | None = None
    lot: str | None = None
    expiry: date | None = None
    epc_uri: str | None = None
    sources: tuple[str, ...] = ()
    issues: tuple[IdentityIssue, ...] = field(default=())

    @property
    def known(self) -> bool:
        """Whether there is a GTIN and nothing contradicts it."""
        return self.gtin is not None and not self.issues
