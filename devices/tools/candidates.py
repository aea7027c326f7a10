"""The protocols that a probe tries, each with its question and the form of its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from devices.barcode import ssi
from devices.barcode.framing import Scan, ScanParser
from devices.rfid import m100
from devices.rfid.chafon_dialog import ChafonDialog
from devices.rfid.chafon_forms import Dialect
from devices.rfid.dialog import Answer, Dialog, Message, Question
from devices.rfid.m100_dialog import M100Dialog
from devices.rfid.mercury_dialog import MercuryDialog
from devices.rfid.r2000_dialog import R2000Dialog
from devices.scale import a_and_d, cas, mt_sics, ohaus
from devices.scale import dialog as scale
from devices.scale.weight import Weight
from devices.tools.probe import Candidate, Line
from devices.tools.words import shown

MIN_CODE = 3
_EVEN = Line(bytesize=7, parity="E")


def all_candidates() -> list[Candidate]:
    """Every protocol that answers a question."""
    return [*_readers(), Candidate("barcode.ssi", (9600, 115200), ssi.request_revision(), _SsiScanner), *_scales()]


def spoken_unasked() -> list[Candidate]:
    """Every protocol that is heard without a question. Scales first: their lines would be scans as well."""
    unasked = [
        Candidate(found.driver, found.speeds, b"", found.listener, found.options, found.line) for found in _scales()
    ]
    return [*unasked, Candidate("barcode.serial", (115200, 9600), b"", _Scans)]


def _readers() -> list[Candidate]:
    return [
        _reader("rfid.m100", M100Dialog, 115200),
        _reader(
            "rfid.m100", lambda: M100Dialog(dialect=m100.AA_DD), 115200, options="frame: {header: 0xAA, end: 0xDD}"
        ),
        _reader("rfid.mercury", MercuryDialog, 115200),
        _reader("rfid.r2000", R2000Dialog, 115200, 38400),
        _reader("rfid.uhf288", lambda: ChafonDialog(Dialect.UHF288), 57600, 115200),
        _reader("rfid.uhf18", lambda: ChafonDialog(Dialect.UHF18), 57600, 115200),
    ]


def _scales() -> list[Candidate]:
    return [
        _scale("scale.mt_sics", mt_sics.DIALOG, (9600,)),
        _scale("scale.ohaus", ohaus.DIALOG, (9600, 2400)),
        _scale("scale.cas", cas.dialog(), (9600,)),
        _scale("scale.and", a_and_d.DIALOG, (2400, 9600), _EVEN),
        _scale("scale.and", a_and_d.DIALOG, (9600,)),
    ]


def _reader(driver: str, dialog: Callable[[], Dialog], *speeds: int, options: str = "") -> Candidate:
    question = next(question for question in dialog().questions() if question.name == "identity")
    return Candidate(driver, speeds, question.data, lambda: _Reader(dialog(), question), options)


def _scale(driver: str, dialog: scale.Dialog, speeds: tuple[int, ...], line: Line | None = None) -> Candidate:
    return Candidate(driver, speeds, dialog.poll, lambda: _Scale(dialog.parser()), "", line or Line())


@dataclass
class _Reader:
    """An RFID reader is known by its answer to the question who it is."""

    dialog: Dialog
    question: Question

    def feed(self, data: bytes) -> str | None:
        return self._who(self.dialog.feed(data))

    def flush(self) -> str | None:
        return self._who(self.dialog.flush())

    def _who(self, messages: Iterable[Message]) -> str | None:
        for message in messages:
            if isinstance(message, Answer) and message.to == self.question.to and self.question.accepts(message):
                return shown(self.question.identity(message)).strip() or "an RFID reader"
        return None


@dataclass
class _Scale:
    """A scale is known by a whole weight."""

    parser: scale.Parser

    def feed(self, data: bytes) -> str | None:
        return self._what(self.parser.feed(data))

    def flush(self) -> str | None:
        return self._what(self.parser.flush())

    def _what(self, messages: Iterable[object]) -> str | None:
        for message in messages:
            if isinstance(message, Weight):
                return f"a scale; it shows {_in_words(message.grams)}"
        return None


def _in_words(grams: Decimal | None) -> str:
    return "no weight: it is out of its range" if grams is None else f"{grams.normalize():f} g"


@dataclass
class _SsiScanner:
    """An SSI scanner is known by its answer to the question which revision it is."""

    parser: ssi.MessageParser = field(default_factory=ssi.MessageParser)

    def feed(self, data: bytes) -> str | None:
        return self._who(self.parser.feed(data))

    def flush(self) -> str | None:
        return self._who(self.parser.flush())

    def _who(self, messages: Iterable[object]) -> str | None:
        for message in messages:
            if isinstance(message, ssi.Packet) and message.opcode == ssi.Opcode.REPLY_REVISION:
                return shown(message.data.decode("ascii", "replace")).strip() or "an SSI scanner"
        return None


@dataclass
class _Scans:
    """A scan is text that a person can read; a line at the wrong speed is not."""

    parser: ScanParser = field(default_factory=ScanParser)

    def feed(self, data: bytes) -> str | None:
        return self._code(self.parser.feed(data))

    def flush(self) -> str | None:
        return self._code(self.parser.flush())

    def _code(self, scans: Iterable[Scan]) -> str | None:
        for scan in scans:
            if len(scan.text) >= MIN_CODE and all(char.isprintable() or char == "\x1d" for char in scan.text):
                return f"a scanner; it read {scan.aim}{shown(scan.text)}"
        return None
