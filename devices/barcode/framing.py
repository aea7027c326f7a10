"""Cuts the byte stream of a barcode scanner into scans; pure, fed with whatever the port delivered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

STX = 0x02
ETX = 0x03

# ISO/IEC 15424: flag character, code character of a known symbology, modifier.
_AIM = re.compile(rb"\][A-UXZcdeopsz][0-9A-Za-z]")


class Suffix(Enum):
    """What the scanner sends after a scan; the value is the set of byte strings that end one.

    ``AUTO`` takes CR, LF and TAB as they come (CR LF is then one end and nothing) and lets an idle gap end a scan, as
    suits a scanner of unknown settings. A named suffix is required: what lacks it when the line falls idle is a
    truncated scan and is dropped. With ``NONE`` only the idle gap, or ETX, ends a scan.
    """

    AUTO = frozenset({b"\r", b"\n", b"\t"})
    CR = frozenset({b"\r"})
    LF = frozenset({b"\n"})
    CRLF = frozenset({b"\r\n"})
    TAB = frozenset({b"\t"})
    NONE = frozenset[bytes]()


@dataclass(frozen=True, slots=True)
class Framing:
    """How one scanner is set.

    Attributes:
        suffix: what ends a scan. An envelope STX … ETX is understood in every case and never required.
        aim: whether a leading AIM identifier (``]C1``) is split off the text.
        encoding: ``utf-8`` drops and counts a scan that is not UTF-8, which GS1 data always is; ``latin-1`` takes every
            byte for a character and suits old Code 128 labels with accents.
        max_length: longest scan in bytes; longer ones are dropped to their end. A full QR code has 7089 digits.
    """

    suffix: Suffix = Suffix.AUTO
    aim: bool = True
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    max_length: int = 8192


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: text without frame and AIM identifier, the identifier or ``""``, the exact bytes with the frame."""

    text: str
    aim: str
    raw: bytes


@dataclass(slots=True)
class ScanCounts:
    """What became of the bytes so far."""

    scans: int = 0
    oversize: int = 0
    undecodable: int = 0
    truncated: int = 0

    @property
    def dropped(self) -> int:
        return self.oversize + self.undecodable + self.truncated


@dataclass(slots=True)
class ScanParser:
    """``feed`` the bytes, ``flush`` when the line fell idle; any split of a stream gives the same scans."""

    framing: Framing = field(default_factory=Framing)
    counts: ScanCounts = field(default_factory=ScanCounts)
    _raw: bytearray = field(default_factory=bytearray)
    _too_long: bool = False

    @property
    def pending(self) -> bool:
        """Whether a scan has begun and not ended."""
        return bool(self._raw) or self._too_long

    def feed(self, data: bytes) -> list[Scan]:
        """Scans that ended within ``data``, in order."""
        scans: list[Scan] = []
        for byte in data:
            if byte == STX:
                # A scan that lacks its end must not swallow the next one.
                self._end(scans, complete=self._may_end_bare())
            self._raw.append(byte)
            if byte == ETX or any(self._raw.endswith(ending) for ending in self.framing.suffix.value):
                self._end(scans, complete=True)
            elif len(self._raw) > self.framing.max_length:
                self._too_long = True
                del self._raw[:-1]  # the last byte may begin a two-byte suffix
        return scans

    def flush(self) -> list[Scan]:
        """The scan that the idle gap ended, if it may end one; otherwise what is pending counts as truncated."""
        scans: list[Scan] = []
        self._end(scans, complete=self._may_end_bare())
        return scans

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._raw.clear()
        self._too_long = False

    def _may_end_bare(self) -> bool:
        """Whether what is pending may end without suffix and ETX."""
        return self.framing.suffix in {Suffix.AUTO, Suffix.NONE} and not self._raw.startswith(bytes([STX]))

    def _end(self, scans: list[Scan], *, complete: bool) -> None:
        raw, too_long = bytes(self._raw), self._too_long
        self.reset()
        payload = self._payload(raw)
        if too_long:
            self.counts.oversize += 1
        elif payload and not complete:
            self.counts.truncated += 1
        elif payload:
            scans.extend(self._scan(payload, raw))

    def _payload(self, raw: bytes) -> bytes:
        payload = raw.removeprefix(bytes([STX])).removesuffix(bytes([ETX]))
        if self.framing.suffix is Suffix.TAB:
            payload = payload.removesuffix(b"\t")
        # CR and LF around a scan are remains of a suffix other than the configured one, never data.
        return payload.strip(b"\t\r\n" if self.framing.suffix is Suffix.AUTO else b"\r\n")

    def _scan(self, payload: bytes, raw: bytes) -> list[Scan]:
        aim = _AIM.match(payload) if self.framing.aim else None
        if aim is not None:
            payload = payload[aim.end() :]
        if not payload:
            self.counts.truncated += 1
            return []
        try:
            text = payload.decode(self.framing.encoding)
        except UnicodeDecodeError:
            self.counts.undecodable += 1
            return []
        self.counts.scans += 1
        return [Scan(text, aim.group().decode("ascii") if aim else "", raw)]
