"""``python -m models reference``: build, show and extend the reference of a product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from inspection.errors import InspectionError
from models.reference import ANY_VIEW, Bank, ReferenceRefused
from models.reference_file import ENDING, read_bank, write_bank

DEFAULT_BUNDLE = Path(__file__).resolve().parent / "bundles" / "default"

app = typer.Typer(no_args_is_help=True, help="Compare a product with pictures of good samples: no defect needed.")
BundleOption = Annotated[Path, typer.Option(help="The bundle that will compare.")]
Threads = Annotated[int, typer.Option(min=1)]


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="4 to 16 pictures of good samples; a folder a view.")],
    product: Annotated[str, typer.Option(help="GTIN of the product.")],
    out: Annotated[Path | None, typer.Option(help="File to write; by default <GTIN>.ref here.")] = None,
    bundle: BundleOption = DEFAULT_BUNDLE,
    threads: Threads = 2,
) -> None:
    """Make the reference of a product; refused when the samples disagree, naming the one to look at."""
    from rich.progress import Progress  # noqa: PLC0415

    from models import reference_build  # noqa: PLC0415
    from models.runtime import Judge  # noqa: PLC0415

    try:
        judge = Judge.load(bundle, threads=threads)
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("looking at samples", total=None)
            bank = reference_build.build(
                judge, product, folder, lambda done, of: progress.update(task, completed=done, total=of)
            )
        path = out or Path(f"{product}{ENDING}")
        write_bank(path, bank)
    except InspectionError as error:
        raise _refused(error) from error
    Console().print(_table(bank))
    typer.echo(f"reference: {path}")


@app.command()
def show(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Print what a reference holds, and how its samples compare with one another."""
    try:
        bank = read_bank(file)
    except InspectionError as error:
        raise _refused(error) from error
    Console().print(_table(bank))


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…")],
    view: Annotated[str, typer.Option(help="The view they show; by default that of samples for every view.")] = "",
    bundle: BundleOption = DEFAULT_BUNDLE,
    threads: Threads = 2,
) -> None:
    """Add pictures of good samples; all of them or, when one is refused, none."""
    from models import reference_build  # noqa: PLC0415
    from models.runtime import Judge  # noqa: PLC0415

    try:
        bank = read_bank(file)
        judge = Judge.load(bundle, threads=threads)
        for picture in pictures:
            pixels = reference_build.read_picture(picture)
            bank = reference_build.add(judge, bank, view, picture.name, pixels)
        write_bank(file, bank)
    except InspectionError as error:
        raise _refused(error) from error
    Console().print(_table(bank))


@app.command()
def refresh(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="model.references of a station.")],
    bundle: BundleOption = DEFAULT_BUNDLE,
    threads: Threads = 2,
) -> None:
    """Build the references of all folders <GTIN> whose pictures are newer, or whose reference is of another bundle."""
    from models.runtime import Judge  # noqa: PLC0415
    from models.shelf import Shelf  # noqa: PLC0415

    try:
        if not folder.is_dir():
            raise ReferenceRefused(f"{folder} is not a folder", hint="name model.references of a station")
        judge = Judge.load(bundle, threads=threads)
    except InspectionError as error:
        raise _refused(error) from error
    refused = Shelf(judge, folder).refresh(lambda product: typer.echo(f"built: {product}"))
    for product, reason in refused.items():
        typer.echo(f"{product}: {reason.one_line()}", err=True)
    if refused:
        raise typer.Exit(2)


def _refused(error: InspectionError) -> typer.Exit:
    typer.echo(error.one_line(), err=True)
    return typer.Exit(2)


def _table(bank: Bank) -> Table:
    table = Table(title=f"{bank.product}, made with {bank.bundle_id}")
    for column in ("view", "sample", "strangeness to the others", "anomalous from"):
        table.add_column(column, justify="right" if column.startswith(("strange", "anom")) else "left")
    for name, view in bank.views.items():
        for number, sample in enumerate(view.names):
            shown = ("every" if name == ANY_VIEW else name) if number == 0 else ""
            limit = f"{view.limit:.1f}" if number == 0 else ""
            table.add_row(shown, sample, f"{float(view.left_out[number]):.1f}", limit)
    return table
