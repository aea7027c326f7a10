"""Cuts the byte stream of a barcode scanner into scans; pure, fed with whatever the port delivered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from devices.barcode.glued import AIM, separate

STX = 0x02
ETX = 0x03

# Of the control characters data has TAB, LF and CR, and EOT, FS, GS, RS and US as ISO/IEC 15434 uses them.
_NO_DATA = re.compile("[\x00-\x03\x05-\x08\x0b\x0c\x0e-\x1b\x7f]")


class Suffix(Enum):
    """What the scanner sends after a scan; the value is the set of byte strings that end one.

    ``AUTO`` takes CR, LF and TAB as they come (CR LF is then one end and nothing) and lets an idle gap end a scan, as
    suits a scanner of unknown settings. Once it has ended a scan by a suffix or ETX, it is known to do so, and what
    lacks its end is half a scan: dropped, unless the same bytes come once more, as then the settings were changed. A
    named suffix is required from the first scan on. With ``NONE`` only the idle gap, or ETX, ends a scan, and a scan
    that a loose cable cut short looks like any other: let the scanner send a suffix wherever it can.
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
        separate: whether scans that ran together are taken apart where their structure proves it.
    """

    suffix: Suffix = Suffix.AUTO
    aim: bool = True
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    max_length: int = 8192
    separate: bool = True


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: text without frame and AIM identifier, the identifier or ``""``, the exact bytes with the frame."""

    text: str
    aim: str
    raw: bytes


@dataclass(slots=True)
class ScanCounts:
    """What became of the bytes so far.

    Attributes:
        scans: scans delivered.
        separated: how many of them came out of a burst in which scans had run together.
        oversize: dropped, longer than ``max_length``.
        undecodable: dropped, not of the encoding or with control characters that no code has.
        truncated: dropped, their end is missing.
    """

    scans: int = 0
    separated: int = 0
    oversize: int = 0
    undecodable: int = 0
    truncated: int = 0

    @property
    def dropped(self) -> int:
        return self.oversize + self.undecodable + self.truncated


class _End(Enum):
    """What ended a scan: its suffix, ETX, the idle gap, or the STX of the next one."""

    SUFFIX = auto()
    ETX = auto()
    IDLE = auto()
    NEXT = auto()


@dataclass(slots=True)
class ScanParser:
    """``feed`` the bytes, ``flush`` when the line fell idle; any split of a stream gives the same scans."""

    framing: Framing = field(default_factory=Framing)
    counts: ScanCounts = field(default_factory=ScanCounts)
    _raw: bytearray = field(default_factory=bytearray)
    _too_long: bool = False
    _ends_its_scans: bool = False
    _bare_before: bytes = b""
    _marks: re.Pattern[bytes] = field(init=False)

    def __post_init__(self) -> None:
        marks = {STX, ETX} | {ending[-1] for ending in self.framing.suffix.value}
        self._marks = re.compile(b"[" + re.escape(bytes(sorted(marks))) + b"]")

    @property
    def pending(self) -> int:
        """Bytes of a scan that has begun and not ended."""
        return len(self._raw)

    def feed(self, data: bytes) -> list[Scan]:
        """Scans that ended within ``data``, in order."""
        scans: list[Scan] = []
        at = 0
        for mark in self._marks.finditer(data):
            self._keep(data[at : mark.start()])
            self._marked(mark.group()[0], scans)
            at = mark.end()
        self._keep(data[at:])
        return scans

    def flush(self) -> list[Scan]:
        """The scan that the idle gap ended, if it may end one; otherwise what is pending counts as truncated."""
        scans: list[Scan] = []
        self._end(scans, _End.IDLE)
        return scans

    def reset(self) -> None:
        """Forget what is pending; for a port that was closed."""
        self._raw.clear()
        self._too_long = False

    def _marked(self, byte: int, scans: list[Scan]) -> None:
        if byte == STX:
            # A scan that lacks its end must not swallow the next one.
            self._end(scans, _End.NEXT)
        self._raw.append(byte)
        if byte == ETX:
            self._end(scans, _End.ETX)
        elif any(self._raw.endswith(ending) for ending in self.framing.suffix.value):
            self._end(scans, _End.SUFFIX)
        else:
            self._keep(b"")

    def _keep(self, data: bytes) -> None:
        self._raw += data
        if len(self._raw) > self.framing.max_length:
            self._too_long = True
            del self._raw[:-1]  # the last byte may begin a two-byte suffix

    def _end(self, scans: list[Scan], end: _End) -> None:
        raw, too_long = bytes(self._raw), self._too_long
        self.reset()
        payload = self._payload(raw)
        if too_long:
            self.counts.oversize += 1
        elif payload and not self._is_whole(payload, raw, end):
            self.counts.truncated += 1
        elif payload:
            scans.extend(self._scans(payload, raw, end))

    def _is_whole(self, payload: bytes, raw: bytes, end: _End) -> bool:
        """Whether nothing of the payload can be missing, as far as its end tells."""
        if end in {_End.SUFFIX, _End.ETX}:
            self._ends_its_scans, self._bare_before = True, b""
            return True
        if self.framing.suffix not in {Suffix.AUTO, Suffix.NONE} or raw.startswith(bytes([STX])):
            return False
        if self.framing.suffix is Suffix.AUTO and self._ends_its_scans and payload != self._bare_before:
            self._bare_before = payload
            return False
        self._ends_its_scans, self._bare_before = False, b""
        return True

    def _payload(self, raw: bytes) -> bytes:
        payload = raw.removeprefix(bytes([STX])).removesuffix(bytes([ETX]))
        if self.framing.suffix is Suffix.TAB:
            payload = payload.removesuffix(b"\t")
        # CR and LF around a scan are remains of a suffix other than the configured one, never data.
        return payload.strip(b"\t\r\n" if self.framing.suffix is Suffix.AUTO else b"\r\n")

    def _scans(self, payload: bytes, raw: bytes, end: _End) -> list[Scan]:
        text = read_text(payload, self.framing.encoding)
        if text is None:
            self.counts.undecodable += 1
            return []
        parts = [text]
        if self.framing.separate and end is not _End.ETX:
            parts = separate(text, end_may_be_lost=end is _End.SUFFIX)
        if len(parts) > 1:
            self.counts.scans += len(parts)
            self.counts.separated += len(parts)
            return [self._scan(part, part.encode(self.framing.encoding)) for part in parts]
        scan = self._scan(text, raw)
        if not scan.text:
            self.counts.truncated += 1
            return []
        self.counts.scans += 1
        return [scan]

    def _scan(self, text: str, raw: bytes) -> Scan:
        code, aim = split_aim(text, wanted=self.framing.aim)
        return Scan(code, aim, raw)


def read_text(payload: bytes, encoding: str) -> str | None:
    """The characters of a scan; ``None`` when it is not of this encoding or has control characters that no code has."""
    try:
        text = payload.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _NO_DATA.search(text) else text


def split_aim(text: str, *, wanted: bool = True) -> tuple[str, str]:
    """Text and AIM identifier of a scan; the identifier is ``""`` when none is there or none is wanted."""
    aim = AIM.match(text) if wanted else None
    return (text[aim.end() :], aim.group()) if aim else (text, "")
