"""A barcode scanner on a pseudo-terminal."""

from __future__ import annotations

from pathlib import Path

from devices.pseudo_port import PseudoPort


class SimulatedScanner:
    """Sends what a real scanner would; ``scan`` is the trigger being pulled over a code.

    Args:
        link: path of the port.
        suffix: bytes after each scan.
        envelope: whether scans are sent between STX and ETX.
    """

    def __init__(self, link: Path, *, suffix: bytes = b"\r", envelope: bool = False) -> None:
        self.suffix = suffix
        self.envelope = envelope
        self.port = PseudoPort(link)
        self.port.plug()

    def scan(self, text: str, aim: str = "") -> bool:
        """Read a code; ``False`` when nobody has the port open, as then the scan is lost."""
        payload = (aim + text).encode("utf-8")
        return self.send((b"\x02" + payload + b"\x03" if self.envelope else payload) + self.suffix)

    def send(self, data: bytes) -> bool:
        """Put raw bytes on the line: fragments, noise, several scans at once."""
        return self.port.write(data)

    def unplug(self) -> None:
        self.port.unplug()

    def replug(self) -> None:
        self.port.plug()

    def close(self) -> None:
        """Unplug for good."""
        self.port.unplug()
