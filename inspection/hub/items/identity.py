"""What a code may name: one item under each of its identifiers, a return, an order, an inspection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from devices import epc as epcs
from devices import gs1
from devices.epc.errors import EpcError
from devices.epc.identities import COMPANY_PREFIX_DIGITS, PREFIX, PureIdentity, Scheme, parse_pure_identity
from devices.gs1.errors import Gs1Error
from devices.gs1.gtin import check_gtin
from inspection.hub.problems import Problem
from inspection.hub.returns.schemas import RMA_PATTERN

MAX_CODE = 500
_HEX = re.compile(r"\A(?:[0-9A-Fa-f]{24}|[0-9A-Fa-f]{32}|[0-9A-Fa-f]{52})\Z")
_PLATE = re.compile(r"\A[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class ItemKey:
    """One physical item, or all items of one product where there is no serial number.

    Attributes:
        gtin: GTIN-14, or ``None`` for things that have none (a returnable asset).
        serial: AI 21, or ``None``.
        epcs: every EPC URN that names it; a GTIN does not tell how long its company prefix is.
    """

    gtin: str | None
    serial: str | None
    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """Everything that one code may be; what it cannot be is ``None``."""

    text: str
    item: ItemKey | None = None
    rma: str | None = None
    order_ref: str | None = None
    plate: UUID | None = None


def item_key(*, gtin: str | None = None, serial: str | None = None, epc: str | None = None) -> ItemKey:
    """The item that these identifiers name.

    Raises:
        Problem: ``item.ambiguous`` for none, for both kinds, or for a serial number alone; ``item.not_an_identity``.
    """
    if (gtin is None) == (epc is None) or (epc is not None and serial is not None):
        raise Problem("item.ambiguous", "give gtin and serial, or epc")
    try:
        return _of_urn(epc) if epc is not None else of_gtin(check_gtin(gtin or ""), serial)
    except (EpcError, Gs1Error) as error:
        raise Problem("item.not_an_identity", str(error)) from None


def of_gtin(gtin: str, serial: str | None) -> ItemKey:
    """The item of this GTIN-14 and serial number."""
    return ItemKey(gtin, serial, _urns(gtin, serial) if serial else ())


def meaning(text: str) -> Meaning:
    """What ``text``, scanned or typed, may name: RMA or order number, EPC as URN or hexadecimal, GS1 code, plate."""
    text = text.strip()
    number = text if re.match(RMA_PATTERN, text) else None
    plate = UUID(text) if _PLATE.match(text) else None
    return Meaning(text, item=_item(text), rma=number, order_ref=number, plate=plate)


def _item(text: str) -> ItemKey | None:
    try:
        if text.startswith(PREFIX):
            return _of_urn(text)
        if _HEX.match(text):
            uri = epcs.decode(text).uri
            return _of_urn(uri) if uri is not None else None
        found = gs1.parse(text)
    except (EpcError, Gs1Error):
        return None
    return of_gtin(found.gtin, found.serial) if found.gtin is not None else None


def _of_urn(urn: str) -> ItemKey:
    try:
        identity = parse_pure_identity(urn)
    except EpcError:
        if urn.startswith(PREFIX):
            return ItemKey(None, None, (urn,))  # a scheme that we do not take apart still has one spelling
        raise
    if identity.scheme is Scheme.SGTIN and identity.gtin is not None:
        return of_gtin(identity.gtin, identity.serial)
    return ItemKey(None, None, (identity.uri,))


def _urns(gtin: str, serial: str) -> tuple[str, ...]:
    made = []
    for digits in COMPANY_PREFIX_DIGITS:
        try:
            made.append(PureIdentity(Scheme.SGTIN, gtin[1 : digits + 1], gtin[0] + gtin[digits + 1 : -1], serial).uri)
        except EpcError:  # a serial number that no tag can carry
            continue
    return tuple(made)
