"""``python -m models mistakes``: the gravest mistakes on groups that were not trained on, on one sheet to look at."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.progress import track

from datasets.manifest import Sample, read_manifest
from inspection.errors import ConfigError
from models.evaluation.judging import Desk
from models.evaluation.photographs import Photograph, Result
from models.evaluation.report import tile, worst
from models.evaluation.run import held_out_rows
from models.evaluation.sheet import contact_sheet

COLUMNS = ("file", "set", "labelled", "named", "probability", "decision", "reason")
ROOT = Path(__file__).resolve().parents[2]


def tell(at: Desk, folders: Sequence[Path], out: Path, count: int) -> None:
    """Write the sheet ``out`` (PNG) and a CSV beside it that names the pictures.

    Raises:
        ConfigError: these are not the bundle's pictures, or ``out`` lies in the project, where no photograph belongs.
    """
    if ROOT in out.resolve().parents:
        raise ConfigError(f"{out} lies in the project", hint="photographs must not get into it: write elsewhere")
    samples = [sample for folder in folders for sample in read_manifest(folder)]
    chosen = [samples[row] for row in held_out_rows(at.judge, samples)]
    images = Path(os.path.commonpath([folder.resolve() for folder in folders]))
    results = [
        at.judge_photograph(_photograph(sample, images), images)
        for sample in track(chosen, description="judging what was not trained on")
    ]
    mistakes = worst(results, count)
    title = f"{at.judge.bundle_id}: the {len(mistakes)} gravest mistakes of {len(results)} not trained on"
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(out, title, images, [tile(result) for result in mistakes])
    listed = out.with_suffix(".csv")
    with listed.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(_row(result) for result in mistakes)
    typer.echo(f"{title}\nsheet: {out}\nlist: {listed}")
    if at.judge.spec.data.kept:
        typer.echo(f"of {', '.join(at.judge.spec.data.kept)} nothing is held out, so none of their mistakes is shown")


def _photograph(sample: Sample, images: Path) -> Photograph:
    file = str(sample.path.resolve().relative_to(images))
    labels = {
        "set": sample.set,
        "group": sample.group,
        "condition": str(sample.condition),
        "defects": ";".join(sorted(map(str, sample.defects))),
    }
    return Photograph(file, sample.goods, labels)


def _row(result: Result) -> tuple[str, ...]:
    found = result.opinion
    named = ("", "") if found is None else (str(found.condition), f"{found.confidence:.3f}")
    shown = result.photograph
    return (shown.file, shown.set, str(shown.condition), *named, str(result.decision), result.reason)
