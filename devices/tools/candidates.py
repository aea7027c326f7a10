"""The protocols that a probe tries, each with its question and the form of its answer."""

from __future__ import annotations

from devices.barcode.framing import Scan, ScanParser
from devices.rfid import m100
from devices.rfid.dialog import Answer
from devices.tools.probe import Candidate
from devices.tools.words import shown

MIN_CODE = 3
_SPEEDS = (115200, 9600)


def all_candidates() -> list[Candidate]:
    """Every protocol that answers a question."""
    return [_m100(m100.BB_7E, ""), _m100(m100.AA_DD, "frame: {header: 0xAA, end: 0xDD}")]


def spoken_unasked() -> list[Candidate]:
    """Every protocol that is heard without a question."""
    return [Candidate("barcode.serial", _SPEEDS, b"", _Scans)]


def _m100(dialect: m100.Dialect, options: str) -> Candidate:
    question = m100.get_info(m100.Info.HARDWARE, dialect)
    return Candidate("rfid.m100", (115200,), question, lambda: _M100(dialect), options)


class _M100:
    def __init__(self, dialect: m100.Dialect) -> None:
        self._parser = m100.parser(dialect)

    def feed(self, data: bytes) -> str | None:
        return self._who(self._parser.feed(data))

    def flush(self) -> str | None:
        return self._who(self._parser.flush())

    def _who(self, messages: list[m100.Message]) -> str | None:
        for message in messages:
            if isinstance(message, Answer) and message.to == m100.Command.INFO:
                return message.data[1:].decode("ascii", "replace").strip()
        return None


class _Scans:
    """A scan is text that a person can read; a line at the wrong speed is not."""

    def __init__(self) -> None:
        self._parser = ScanParser()

    def feed(self, data: bytes) -> str | None:
        return self._code(self._parser.feed(data))

    def flush(self) -> str | None:
        return self._code(self._parser.flush())

    def _code(self, scans: list[Scan]) -> str | None:
        for scan in scans:
            if len(scan.text) >= MIN_CODE and all(char.isprintable() or char == "\x1d" for char in scan.text):
                return f"a scanner; it read {scan.aim}{shown(scan.text)}"
        return None
