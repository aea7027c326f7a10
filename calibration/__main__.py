"""Calibration by hand: ``python -m calibration``. A list of commands; each has its module in calibration/cli."""

from __future__ import annotations

import cv2
import typer

from calibration.cli import background, check, colour, flat, isolate, lens, light, plane, quality, target

app = typer.Typer(
    help="Print targets, and solve lens, plane, colour and light of a view from pictures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(target.target)
app.command()(lens.lens)
app.command()(plane.plane)
app.command()(colour.colour)
app.command()(flat.flat)
app.command()(light.light)
app.command()(background.background)
app.command()(check.check)
app.command()(quality.quality)
app.command()(isolate.isolate)

if __name__ == "__main__":
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our own message says it
    app()
