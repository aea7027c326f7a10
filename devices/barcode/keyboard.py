"""A scanner that types: what reached the station's page as keys becomes a reading, or is refused with the reason.

A keyboard has no key for FNC1, so most of these scanners drop the separators (GS) of a GS1 element string, and where
one element ends and the next begins is then lost. A code for which that matters is refused, never guessed. A scanner
that sends GS as Ctrl+] (the page passes it on), or as a character named in ``group_separator``, loses nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from devices import gs1
from devices.announcer import Announcer
from devices.barcode.duplicates import Duplicates
from devices.barcode.framing import read_text, split_aim
from devices.barcode.scanner import DUPLICATE_MS
from devices.base import DeviceStatus, Emit
from devices.gs1.application_identifiers import ApplicationIdentifier
from devices.gs1.content import check_value
from devices.gs1.elements import GS, Element, check_together, missing_with, parse_elements
from inspection.errors import DeviceError, IdentityError
from inspection.reading import BarcodeReading

MAX_PER_S = 5
"""Scans that are taken within one second; nobody scans faster, a script does."""
_GTIN = 14
_SECOND_NS = 1_000_000_000


class ScanRefused(DeviceError):
    """What was typed is no scan that can be taken."""

    code = "scan.refused"
    retryable = False


class SeparatorsLost(ScanRefused):
    """The code has elements of variable length, and the keyboard lost where they end."""

    code = "scan.separators_lost"


class TooManyScans(ScanRefused):
    """More scans came than a person can make."""

    code = "scan.too_many"
    retryable = True


@dataclass(frozen=True, slots=True)
class KeyboardSettings:
    """How the scanner types.

    Attributes:
        group_separator: one character that it types for GS; ``""`` when it types none, and GS may be lost.
        max_length: longest scan, characters.
        gap_ms: longest time between two keys of one scan; a person is slower.
        duplicate_ms: the same code again within this time is the same reading; 0 takes every report.
    """

    group_separator: str = ""
    max_length: int = 512
    gap_ms: int = 60
    duplicate_ms: int = DUPLICATE_MS


class KeyboardScanner:
    """A `devices.base.Device` that is fed by the station's page; it is there as long as it is started.

    Whether the page has the focus, without which nothing arrives, only the page can tell.
    """

    def __init__(self, device_id: str, settings: KeyboardSettings | None = None) -> None:
        self.settings = settings or KeyboardSettings()
        self._device_id = device_id
        self._announcer = Announcer(device_id, "barcode")
        self._duplicates = Duplicates(self.settings.duplicate_ms)
        self._lately: deque[int] = deque(maxlen=MAX_PER_S)
        self._lock = threading.Lock()

    @property
    def device_id(self) -> str:
        return self._device_id

    @property
    def status(self) -> DeviceStatus:
        return self._announcer.status

    def start(self, emit: Emit) -> None:
        self._duplicates.reset()
        self._announcer.start(emit)
        self._announcer.came("types into the station's page, which needs the focus")

    def stop(self) -> None:
        self._announcer.stop()

    def typed(self, text: str) -> None:
        """Take one scan, without the Enter or Tab that ended it; may be called from any thread.

        Raises:
            TooManyScans: more than five within a second.
            SeparatorsLost: an element string that cannot be trusted without its GS.
            ScanRefused: it is empty, too long, has characters that no code has, or the device is stopped.
        """
        with self._lock:
            now_ns = time.monotonic_ns()
            self._count(now_ns)
            code, aim = self._read(text)
            if not self._duplicates.is_repeat(code, aim, now_ns):
                raw = text.encode("utf-8")
                self._announcer.deliver(BarcodeReading(self._device_id, raw, datetime.now(UTC), now_ns, code, aim))

    def _count(self, now_ns: int) -> None:
        if not self._announcer.status.connected:
            raise ScanRefused(f"{self._device_id} is not started")
        if len(self._lately) == MAX_PER_S and now_ns - self._lately[0] < _SECOND_NS:
            raise TooManyScans(f"more than {MAX_PER_S} scans came within a second", hint="Scan once, and look.")
        self._lately.append(now_ns)

    def _read(self, text: str) -> tuple[str, str]:
        text = text.strip("\r\n\t")
        if not 0 < len(text) <= self.settings.max_length:
            raise ScanRefused(
                f"a scan has 1 to {self.settings.max_length} characters, not {len(text)}", hint="Scan again."
            )
        separator = self.settings.group_separator
        code, aim = split_aim(text.replace(separator, GS) if separator else text)
        if not code or "\ufffd" in code or not _is_utf_8(code) or read_text(code.encode("utf-8"), "utf-8") is None:
            raise ScanRefused("the scan has characters that no code has", hint="Set keyboard and scanner to US layout.")
        if not separator and separators_may_be_lost(code, aim):
            raise SeparatorsLost(
                "the parts of this code cannot be told apart, as a keyboard scanner loses its separators (GS)",
                hint="Let the scanner type a character for GS, named as group_separator, or use it on a serial port.",
            )
        return code, aim


def separators_may_be_lost(text: str, aim: str = "") -> bool:
    """Whether a GS1 element string without GS could mean something else with the ones that a keyboard drops.

    That is so when it cannot be read as it stands, and when the value of its last element, of variable length, could
    be a shorter one with further elements after it. A text with GS came through whole.

    Args:
        text: of the scan, without AIM identifier.
        aim: AIM identifier, or ``""`` when it is unknown what symbol it was.
    """
    if GS in text or not _may_be_element_string(text, aim):
        return False
    try:
        elements = parse_elements(text)
    except IdentityError:
        return True
    last, before = elements[-1], elements[:-1]
    if last.ai.length is not None:
        return False
    cuts = range(1, len(last.value))
    return any(_reads_as(before, last.ai, last.value[:cut], last.value[cut:]) for cut in cuts)


def _reads_as(before: Sequence[Element], ai: ApplicationIdentifier, value: str, further: str) -> bool:
    """Whether ``value`` and, after a lost separator, ``further`` are sound elements that may stand together."""
    try:
        check_value(ai, value)
        elements = (*before, Element(ai, value), *parse_elements(further))
        check_together(elements)
    except IdentityError:
        return False
    return not missing_with(elements)


def _may_be_element_string(text: str, aim: str) -> bool:
    if aim in gs1.ELEMENT_STRING_AIMS:
        return True
    if aim in gs1.GTIN_AIMS or text.startswith("(") or "://" in text:
        return False
    if not aim and len(text) in gs1.GTIN_LENGTHS and text.isdecimal():
        return False
    return _names_a_gtin(text) or _is_element_string(text)


def _names_a_gtin(text: str) -> bool:
    try:
        gs1.check_gtin(text[2 : 2 + _GTIN])
    except IdentityError:
        return False
    return text.startswith("01")


def _is_element_string(text: str) -> bool:
    try:
        return any(element.code == "01" for element in parse_elements(text))
    except IdentityError:
        return False


def _is_utf_8(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)  # noqa: PLR2004  lone surrogates
