"""Tools for support: ``python -m devices``. A list of commands and nothing else; each has its module in devices/cli."""

from __future__ import annotations

import typer

from devices.cli import decode, epc, gs1, label, read_barcodes

app = typer.Typer(
    help="Read by hand what devices say: tags, barcodes and the bytes they send.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(decode.decode)
app.command()(epc.epc)
app.command()(gs1.gs1)
app.command()(label.label)
app.command()(read_barcodes.read_barcodes)

if __name__ == "__main__":
    app()
