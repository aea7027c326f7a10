"""What commands over several pictures share: one JSON object a picture, and exit code 2 when one could not be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from calibration.cli.answer import REFUSED
from calibration.cli.pictures import read_picture
from calibration.correct import Corrector
from calibration.record import CalibrationRecord
from calibration.store import load_record
from inspection.errors import CalibrationError
from inspection.frame import Pixels

FilesArgument = Annotated[list[Path], typer.Argument(help="Pictures.")]
CalibrationOption = Annotated[
    Path | None, typer.Option(help="Record of the view; the pictures are frames of its camera, not yet corrected.")
]


def over_each(
    files: Sequence[Path], work: Callable[[Path, Pixels], dict[str, Any]], read: Callable[[Path], Pixels] = read_picture
) -> None:
    """Print one line of JSON for each picture; exit code 2 at the end when one was refused."""
    refused = False
    for file in files:
        try:
            found = {"file": str(file)} | work(file, read(file))
        except CalibrationError as error:
            found, refused = {"file": str(file), "error": error.code, "message": str(error)}, True
            found |= {"hint": error.hint} if error.hint else {}
        typer.echo(json.dumps(found, ensure_ascii=False))
    if refused:
        raise typer.Exit(REFUSED)


class View:
    """A record as the commands use it: frames come in, corrected pictures go on.

    Raises:
        CalibrationError: the file is no record.
    """

    def __init__(self, calibration: Path | None) -> None:
        self.record: CalibrationRecord | None = None if calibration is None else load_record(calibration).record
        self._corrector = None if self.record is None else Corrector(self.record)

    def read(self, path: Path) -> Pixels:
        """A picture of a file; a frame of the record's camera is taken as the sensor has it, others are upright.

        Raises:
            CalibrationError: as `calibration.cli.pictures.read_picture`.
        """
        return read_picture(path, upright=self.record is None)

    def corrected(self, pixels: Pixels) -> Pixels:
        """The corrected picture.

        Raises:
            CalibrationError: ``calibration.other_resolution``: the frame is not of the record's size.
        """
        return pixels if self._corrector is None else self._corrector(pixels)
