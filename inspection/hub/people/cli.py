"""``hub_app.py people``: what is personal, how long it is kept, taking out, erasing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.commands import command
from inspection.hub.config import load_config
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from inspection.hub.people import erasing, retention
from inspection.hub.people.cases import cases_of
from inspection.hub.people.exporting import export as export_cases
from inspection.hub.people.register import PERSONAL
from inspection.hub.serving import open_database

app = typer.Typer(no_args_is_help=True, help="People's data: register, export, erase, retention.")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
CONFIG = Path("configs/hub.yaml")
Rma = Annotated[str | None, typer.Option("--rma", help="One case.")]
OrderRef = Annotated[str | None, typer.Option("--order", help="All cases of one order.")]


@app.command()
def register() -> None:
    """Print what of the hub's data is about people, why it is there, and what erasing does to it."""
    table = Table("where", "what", "whose", "why", "erased")
    for name, entry in PERSONAL.items():
        table.add_row(name, entry.what, str(entry.subject), entry.why, str(entry.ending))
    Console().print(table)


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="File to write, a ZIP; must not exist.")],
    rma: Rma = None,
    order: OrderRef = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Write everything about one person's cases into a ZIP."""
    _one(rma, order)
    with _hub(config) as hub:
        with hub.database.transaction() as connection:
            merchant = merchant_id(connection)
            cases = cases_of(connection, merchant, rma=rma, order_ref=order)
        typer.echo(f"{out}: {len(cases)} cases, {export_cases(hub, merchant, cases, out)} pictures")


@app.command()
def erase(
    reason: Annotated[str, typer.Option("--reason", help="Why, without names.")],
    rma: Rma = None,
    order: OrderRef = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Erase one person's data now, and print the certificate."""
    _one(rma, order)
    with _hub(config) as hub:
        with hub.database.transaction() as connection:
            merchant = merchant_id(connection)
            cases = cases_of(connection, merchant, rma=rma, order_ref=order)
            asked = erasing.ask(connection, merchant, cases, reason, "command line")
        certificate = erasing.carry_out(hub, merchant, asked)
        sequence_all(hub.database, open_log(hub.config))
        Console().print_json(data=certificate)


@app.command()
def sweep(config: ConfigFile = CONFIG) -> None:
    """Remove what is over its time now; the worker does it every six hours."""
    with _hub(config) as hub:
        with hub.database.transaction() as connection:
            merchant = merchant_id(connection)
        for name, number in retention.sweep(hub, merchant).model_dump().items():
            typer.echo(f"{name}: {number}")


@contextmanager
def _hub(config: Path) -> Iterator[Hub]:
    """The parts of the hub that ``config`` describes, with its schema checked."""
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, _):
            database.check()
            yield Hub(settings, database, open_images(settings, database), Metrics())


def _one(rma: str | None, order: str | None) -> None:
    if (rma is None) == (order is None):
        raise typer.BadParameter("give --rma or --order")
