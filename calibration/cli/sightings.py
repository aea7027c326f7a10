"""Look for a target in every picture of a folder; what cannot be used is kept with its reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import track

from calibration.cli.frames import Pictures
from calibration.detect import find_target
from calibration.lens import NamedSighting
from calibration.targets import Target
from inspection.errors import CalibrationError


@dataclass(slots=True, eq=False)
class Looked:
    """The pictures that show the target, and the others.

    Attributes:
        seen: in the order of the files.
        refused: name, accepted (false), reason, detail of the others.
        first: the first error, to tell when nothing was seen at all.
    """

    seen: list[NamedSighting] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    first: CalibrationError | None = None

    def explained(self, error: CalibrationError) -> CalibrationError:
        """``error`` with the reasons why pictures were refused; the first reason itself when none was usable."""
        if not self.seen and self.first is not None:
            error = self.first
        if not self.refused:
            return error
        counts = Counter(one["reason"] for one in self.refused)
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        message = f"{error}; not usable: {reasons}"
        return CalibrationError(message, code=error.code.removeprefix("calibration."), hint=error.hint)


def look(pictures: Pictures, target: Target) -> Looked:
    """Find ``target`` in each of the pictures; with a progress bar on a terminal."""
    looked = Looked(
        refused=[
            _refused(name, "other_size" if name in pictures.of_other_size else "unreadable", why)
            for name, why in pictures.refused.items()
        ]
    )
    console = Console(stderr=True)
    hidden = not console.is_terminal
    for picture in track(pictures.usable, "looking for the target", console=console, transient=True, disable=hidden):
        try:
            looked.seen.append(NamedSighting(picture.name, find_target(picture.pixels, target)))
        except CalibrationError as error:
            looked.first = looked.first or error
            looked.refused.append(_refused(picture.name, error.code.removeprefix("calibration."), str(error)))
    return looked


def _refused(name: str, reason: str, detail: str) -> dict[str, Any]:
    return {"name": name, "accepted": False, "reason": reason, "detail": detail}
