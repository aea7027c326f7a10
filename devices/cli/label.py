"""``python -m devices label``: the picture of a label, or the ZPL that prints it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from devices.cli.answer import refuse
from devices.printer import preview, zpl
from devices.printer.font import LabelFont
from devices.printer.label import Label, lay_out
from inspection.errors import ConfigError, DeviceError
from inspection.verdict import Disposition


def label(
    disposition: Annotated[Disposition, typer.Option(help="Where the item goes.")],
    plate: Annotated[str, typer.Option(help="Licence plate; becomes the DataMatrix.")],
    rma: Annotated[str | None, typer.Option(help="Number of the return.")] = None,
    gtin: Annotated[str | None, typer.Option(help="GTIN of the item.")] = None,
    serial: Annotated[str | None, typer.Option(help="Serial number of the item.")] = None,
    place: Annotated[str | None, typer.Option(help="Where it is to be put.")] = None,
    day: Annotated[
        str | None, typer.Option("--date", help="Day of the decision, YYYY-MM-DD; today when left out.")
    ] = None,
    to_png: Annotated[Path | None, typer.Option("--preview", help="Write the picture of the label here.")] = None,
    to_zpl: Annotated[Path | None, typer.Option("--zpl", help="Write the ZPL here.")] = None,
    font: Annotated[Path | None, typer.Option(help="Font with Chinese letters; one is built in.")] = None,
) -> None:
    """Show what a label will look like, without a printer; the ZPL goes to standard output unless a file is named."""
    try:
        printed = Label(disposition, plate, _day(day), rma, gtin, serial, place)
        layout = lay_out(printed, LabelFont(font))
        if to_png is not None:
            preview.save(layout, to_png)
        data = zpl.render_layout(layout)
    except (ConfigError, DeviceError) as error:
        refuse(error)
    if to_zpl is not None:
        to_zpl.write_bytes(data)
    elif to_png is None:
        typer.echo(data.decode("ascii"))


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).astimezone().date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day: write YYYY-MM-DD", param_hint="--date") from error
