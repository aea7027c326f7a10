"""``python -m models quantize``: read pictures, round, and print what every way cost."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from inspection.errors import ConfigError
from models.evaluation.picture_files import PhotographRefused, read
from models.quantize import quantize
from models.reference_build import ENDINGS


def run(bundle: Path, images: Path, out: Path, most: int, least_same: float, threads: int) -> None:
    """See :func:`models.quantize.quantize`."""
    if not images.is_dir():
        raise ConfigError(f"{images} is not a folder", hint="name a folder of pictures with --images")
    files = sorted(path for path in images.rglob("*") if path.suffix.lower() in ENDINGS and "mask" not in path.name)
    pictures = []
    for file in files[:: max(1, len(files) // most)][:most]:
        try:
            pictures.append(read(images, str(file.relative_to(images))))
        except PhotographRefused as error:
            typer.echo(f"left out: {error}", err=True)
    chosen, costs = quantize(
        bundle, pictures, out, threads=threads, least_same=least_same, done=lambda step: typer.echo(step, err=True)
    )
    table = Table(title=f"{bundle} in int8, {chosen.pictures} pictures, {threads} threads")
    for column in ("recipe", "same condition", "same call", "p_sellable off", "at most", "ms", "ms before"):
        table.add_column(column)
    for cost in costs:
        table.add_row(
            cost.recipe + (" (chosen)" if cost == chosen else ""),
            f"{cost.same_condition:.1%}",
            f"{cost.same_call:.1%}",
            f"{cost.mean_off:.4f}",
            f"{cost.worst_off:.3f}",
            f"{cost.ms:.1f}",
            f"{cost.ms_before:.1f}",
        )
    Console(width=140).print(table)
    typer.echo(f"bundle: {out}")
