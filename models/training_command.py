"""``python -m models reproduce``, and data versions for ``train``; torch is imported when it is needed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from datasets.versions.folders import lay_out, linked
from datasets.versions.store import VersionStore
from models.bundle import open_bundle
from models.bundle_command import errors

if TYPE_CHECKING:
    from models.training.reproduce import Reproduction

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "datasets" / "demo"
SHARED = ROOT.parent / "shared" / "datasets"
STORE = Path(".data/datasets")


def folders_of(dataset: str, store: Path, work: Path) -> tuple[str, list[Path]]:
    """Id of a data version, and the folders of its training split, laid out under ``work``.

    Raises:
        VersionError: there is none, or a picture of it is missing or was changed.
    """
    here = VersionStore(store)
    version = here.read(dataset)

    def put(sha256: str, path: Path) -> None:
        here.get(sha256)  # refuses bytes that were changed
        linked(here.path(sha256), path)

    return version.id, lay_out(version, work / "datasets" / version.name, put)


def reproduce(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder with a manifest.csv; repeat it. Default: the version it names, else those of train."),
    ] = None,
    store: Annotated[Path, typer.Option(help="Folder of data versions.")] = STORE,
    parent: Annotated[
        Path | None, typer.Option(help="Of a refreshed bundle: the bundle it was refreshed from.")
    ] = None,
    parent_data: Annotated[list[Path] | None, typer.Option(help="Its data, where they are others; repeat it.")] = None,
    work: Annotated[Path | None, typer.Option(help="Keep features and weights here, to go on after a cut.")] = None,
    out: Annotated[Path | None, typer.Option(help="Keep the repetition here.")] = None,
    golden: Annotated[Path, typer.Option(help="Pictures of our own for the golden samples.")] = DEMO,
    tolerance: Annotated[float, typer.Option(min=0, max=1, help="Largest difference that counts as the same.")] = 0.02,
) -> None:
    """Train a bundle again from its lineage and compare the figures; exit code 1 when they differ.

    Data that are not those of the lineage are refused before anything is computed; other code is said, and tried.

    Example: python -m models reproduce models/bundles/default --data ../shared/datasets --data datasets/demo
    """
    from models.training import reproduce as doing  # noqa: PLC0415 - belongs to training

    console = Console()
    with errors(), tempfile.TemporaryDirectory(prefix="reproduce-") as scratch:
        opened = open_bundle(bundle)
        place = work or Path(scratch)
        config = {} if opened.spec.lineage is None else opened.spec.lineage.config
        named = str(config.get("dataset") or "")
        folders = data or [folder for folder in (SHARED, DEMO) if (folder / "manifest.csv").is_file()]
        if not data and named:
            _, folders = folders_of(named, store, place)
        difference = doing.code_difference(opened)
        if difference:
            console.print(f"[yellow]other code:[/] {difference}")
        target = out or Path(scratch) / "bundle"
        found = doing.reproduce(
            opened, folders, golden, place, target, console, tolerance=tolerance,
            parent=None if parent is None else open_bundle(parent), parent_data=parent_data,
        )  # fmt: skip
        console.print(_table(found))
        if out is None:
            shutil.rmtree(target, ignore_errors=True)
        same = sum(figure.same for figure in found.figures)
        graph = "the same bytes" if found.identical else "other bytes"
        console.print(f"{found.bundle_id}: {same} of {len(found.figures)} figures within {tolerance}, graph: {graph}")
        if not found.holds:
            console.print("[red]not reproduced[/]" + (f": {difference}" if difference else ""))
            raise typer.Exit(1)


def _table(found: Reproduction) -> Table:
    table = Table("figure", "was", "is", "")
    for figure in found.figures:
        cells = [format(value, "g") if value is not None else "–" for value in (figure.before, figure.after)]
        table.add_row(figure.name, *cells, "" if figure.same else "differs")
    return table
