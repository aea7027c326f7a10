"""Every driver with a simulated world around it, in one shape, for the conformance tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.devices.subjects import barcode, camera, lamp, printer, rfid, scale
from tests.devices.subjects.subject import Subject

SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    **barcode.SUBJECTS,
    **rfid.SUBJECTS,
    **camera.SUBJECTS,
    **scale.SUBJECTS,
    **lamp.SUBJECTS,
    **printer.SUBJECTS,
}
