"""``python -m calibration target``: a sheet to print, and its description for the solvers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from calibration.cli.answer import answer, refuse
from calibration.draw import SHEET_PX_PER_MM, paint, png_bytes, sheet_of
from calibration.pdf import pdf_bytes
from calibration.targets import KINDS, PAPERS_MM, make_target, target_json
from inspection.errors import CalibrationError


def target(
    kind: Annotated[str, typer.Option(help=f"One of: {', '.join(KINDS)}.")],
    paper: Annotated[str, typer.Option(help=f"One of: {', '.join(PAPERS_MM)}.")] = "A4",
    out: Annotated[Path, typer.Option(help="Folder for the .pdf, .png and .json.", file_okay=False)] = Path("targets"),
    ruler_mm: Annotated[
        float, typer.Option(min=90, max=110, help="What the 100 mm ruler measures on your print.")
    ] = 100.0,
) -> None:
    """Write a target as exact-size PDF and PNG, and as JSON that --target of the other commands takes.

    Example: python -m calibration target --kind charuco --paper A4
    """
    try:
        answer(write_target(kind, paper, out, ruler_mm))
    except CalibrationError as error:
        refuse(error)


def write_target(kind: str, paper: str, out: Path, ruler_mm: float = 100.0) -> dict[str, object]:
    """Write the three files; returns their names and the size of the sheet.

    Raises:
        CalibrationError: no such kind or paper, or the folder cannot be written to.
    """
    made = make_target(kind, paper).model_copy(update={"ruler_mm": ruler_mm})
    width, height, shapes = sheet_of(made, paper)
    files = {ending: out / f"{kind}-{paper}.{ending}" for ending in ("pdf", "png", "json")}
    picture = paint(shapes, width, height, SHEET_PX_PER_MM)
    try:
        out.mkdir(parents=True, exist_ok=True)
        files["pdf"].write_bytes(pdf_bytes(shapes, width, height, files["pdf"].stem))
        files["png"].write_bytes(png_bytes(picture, SHEET_PX_PER_MM))
        files["json"].write_text(target_json(made), encoding="utf-8")
    except OSError as error:
        raise CalibrationError(f"cannot write to {out}: {error.strerror or error}", code="target") from error
    names = {ending: str(path) for ending, path in files.items()}
    return {"target": kind, "paper": paper, "width_mm": width, "height_mm": height, "files": names}
