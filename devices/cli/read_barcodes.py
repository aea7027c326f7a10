"""``python -m devices read-barcodes FILE…``: the codes in pictures, one JSON object a picture and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from devices.barcode.in_frame import CodeReader
from devices.barcode.in_frame_code import FrameCode, PictureError
from devices.barcode.in_frame_file import gray_picture
from devices.cli.answer import REFUSED


def read_barcodes(
    files: Annotated[list[Path], typer.Argument(help="Pictures: PNG, JPEG, BMP or WebP.")],
    deadline_ms: Annotated[
        float | None, typer.Option(min=0, help="Begin no step of the ladder that would probably end later.")
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Walk the whole ladder also when a code was read: for several codes.")
    ] = False,
) -> None:
    """Read the barcodes in pictures: text, format, corners in pixels, the step that read it, and milliseconds.

    Where a picture cannot be read its line has `error` and `message`, and the exit code is 2 at the end.
    """
    reader = CodeReader()
    failed = False
    for file in files:
        line: dict[str, Any] = {"file": str(file)}
        try:
            reading = reader.read(gray_picture(file), deadline_ms=deadline_ms, thorough=thorough)
        except PictureError as error:
            failed = True
            line |= {"error": error.code, "message": str(error)} | ({"hint": error.hint} if error.hint else {})
        else:
            line |= {"codes": [_as_json(code) for code in reading.codes], "ms": round(reading.ms, 2)}
        typer.echo(json.dumps(line, ensure_ascii=False))
    if failed:
        raise typer.Exit(REFUSED)


def _as_json(code: FrameCode) -> dict[str, Any]:
    corners = [[round(x, 1), round(y, 1)] for x, y in code.corners]
    return {
        "text": code.text,
        "data": code.data,
        "format": code.format,
        "aim": code.aim,
        "corners": corners,
        "step": code.step,
        "ms": round(code.ms, 2),
    }
