"""The link that opens a customer's case: signed and expiring, never stored.

A token is ``base64url(link id, 16 bytes | expiry, seconds since 1970, 4 bytes | MAC, 16 bytes)``; the MAC is
HMAC-SHA-256 (RFC 2104) of the rest, cut to 128 bits. It can be made again from its row and the key, so that one return
has one link however often it is asked for; who steals the database has no link.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from inspection.hub.config import HubConfig
from inspection.hub.images.vault import load_or_make_secret

KEY_VARIABLE = "RETURNS_HUB_LINK_KEY"
_FACTS = struct.Struct(">16sI")
_MAC_BYTES = 16
TOKEN_LENGTH = (_FACTS.size + _MAC_BYTES) // 3 * 4
TOKEN_PATTERN = rf"^[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}$"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a genuine token says.

    Attributes:
        link_id: the row of ``precheck_links``.
        expires_at: after which it opens nothing.
    """

    link_id: UUID
    expires_at: datetime


def key_of(config: HubConfig) -> LinkKey:
    """The key of an installation, made when there is none.

    Raises:
        ConfigError, StoreError: see :func:`load_or_make_secret`.
    """
    path = config.precheck.link_key_file or config.data_dir / "links.key"
    return LinkKey(load_or_make_secret(path, KEY_VARIABLE, "without it links that were sent open nothing"))


class LinkKey:
    """Signs links, and keeps short secrets so that only this installation can compare them.

    Args:
        secret: 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "LinkKey(…)"

    def token(self, ticket: Ticket) -> str:
        """The token of a link; the same every time."""
        facts = _FACTS.pack(ticket.link_id.bytes, int(ticket.expires_at.timestamp()))
        return urlsafe_b64encode(facts + self._mac("link", facts)[:_MAC_BYTES]).decode()

    def read(self, token: str) -> Ticket | None:
        """What ``token`` says; ``None`` unless this key made it. Whether it still opens anything is not looked at."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
        except (binascii.Error, ValueError):
            return None
        if len(raw) != _FACTS.size + _MAC_BYTES:
            return None
        facts, mac = raw[: _FACTS.size], raw[_FACTS.size :]
        if not hmac.compare_digest(mac, self._mac("link", facts)[:_MAC_BYTES]):
            return None
        link_id, seconds = _FACTS.unpack(facts)
        return Ticket(UUID(bytes=link_id), datetime.fromtimestamp(seconds, UTC))

    def check(self, merchant_id: UUID, rma: str, value: str) -> str:
        """A check value as it is stored; capitals, spaces and dashes count for nothing."""
        plain = "".join(c for c in unicodedata.normalize("NFKC", value).casefold() if c.isalnum() or c in "@.+")
        return self._mac("check", f"{merchant_id}\0{rma}\0{plain}".encode()).hex()

    def place(self, merchant_id: UUID, address: str) -> str:
        """A network address as it is stored."""
        return self._mac("place", f"{merchant_id}\0{address}".encode()).hex()[:32]

    def _mac(self, purpose: str, message: bytes) -> bytes:
        return hmac.new(self._secret, purpose.encode() + b"\0" + message, hashlib.sha256).digest()
