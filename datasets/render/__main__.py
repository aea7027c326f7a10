"""Command line of the renderer: ``python -m datasets.render --help``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from datasets.render.recipe import KINDS, PRODUCTS, Recipe, load_products, plan
from inspection.errors import ConfigError, InspectionError

OUT = Path("runs/renders")
SMALLEST, LARGEST = 16, 4096
app = typer.Typer(add_completion=False)


@app.command(
    help="""Render pictures of synthetic goods with exact defects, masks and labels.

    Every item has two views (top, front), a mask of its defects and one of itself per view, and its recipe. The same
    seed gives the same files. What is there already with the same recipe is skipped, so a stopped run goes on where it
    was. The first 24 items of seed 7 at 640x480 and 16 samples are the committed set in datasets/demo:

        python -m datasets.render --items 24 --seed 7 --spp 16 --out datasets/demo
    """
)
def render(
    items: Annotated[int, typer.Option(min=1, max=10_000, help="How many items; kinds of goods take turns.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Of shapes, damage, poses, light and cameras.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder to write to; made when missing.", file_okay=False)] = OUT,
    size: Annotated[str, typer.Option(help="Width x height of the pictures in pixels.")] = "640x480",
    spp: Annotated[int, typer.Option(min=1, max=4096, help="Samples per pixel: less is faster and noisier.")] = 16,
    goods: Annotated[str, typer.Option(help="Kinds to render, separated by commas.")] = ",".join(KINDS),
    products: Annotated[Path, typer.Option(help="Table gtin,name,goods of the products.")] = PRODUCTS,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processor cores to use.")] = 1,
    empty: Annotated[bool, typer.Option(help="Also render the empty station.")] = True,
) -> None:
    """Check the options, then render what is missing."""
    console = Console(stderr=True)
    try:
        kinds = parse_kinds(goods)
        recipes = plan(items, seed, parse_size(size), spp, kinds, load_products(products))
        render_all(recipes, out, jobs=jobs, empty=empty, console=console)
    except InspectionError as error:
        console.print(error.one_line(), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def render_all(recipes: list[Recipe], out: Path, *, jobs: int, empty: bool, console: Console) -> None:
    """Render missing items with progress and time left; the manifest is brought up to date after each."""
    import drjit  # noqa: PLC0415 - the renderer is heavy; --help stays quick

    from datasets.render import records  # noqa: PLC0415
    from datasets.render.scene import VIEWS  # noqa: PLC0415

    drjit.set_thread_count(jobs)
    out.mkdir(parents=True, exist_ok=True)
    missing = [recipe for recipe in recipes if not records.is_done(recipe, out)]
    bare = empty and not records.empty_is_done(out, recipes[0].size, recipes[0].spp)
    console.print(
        f"{len(recipes) - len(missing)} of {len(recipes)} items are there already; rendering {len(missing)} to {out}"
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pictures"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("station", total=len(VIEWS) * (len(missing) + bare))
        if bare:
            records.render_empty(out, recipes[0].size, recipes[0].spp, lambda _: progress.advance(task))
        for recipe in missing:
            progress.update(task, description=recipe.item)
            records.render_item(recipe, out, lambda _: progress.advance(task))
            records.write_manifest(records.manifest_rows(recipes, out), out / "manifest.csv")
    records.write_manifest(records.manifest_rows(recipes, out), out / "manifest.csv")


def parse_size(text: str) -> tuple[int, int]:
    """``640x480`` as (640, 480).

    Raises:
        ConfigError: not two numbers from 16 to 4096 with an x between.
    """
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text.strip().lower())
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise ConfigError(
            f"--size {text!r} is not WIDTHxHEIGHT from {SMALLEST}x{SMALLEST} to {LARGEST}x{LARGEST}",
            hint="For example 640x480.",
        )
    return width, height


def parse_kinds(text: str) -> tuple[str, ...]:
    """``can,phone`` as a tuple.

    Raises:
        ConfigError: an unknown kind, none, or one twice.
    """
    kinds = tuple(kind.strip() for kind in text.split(",") if kind.strip())
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds or len(set(kinds)) != len(kinds):
        raise ConfigError(f"--goods {text!r} should name each of some of {', '.join(KINDS)} once")
    return kinds


if __name__ == "__main__":
    app()
