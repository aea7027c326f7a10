"""What the commands ``evaluate`` and ``diff`` share: judging a manifest with progress, resumable, and telling of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inspection.policy import Policy
from inspection.products import Catalogue
from models.evaluation import diff, report, summary
from models.evaluation.judging import Desk
from models.evaluation.photographs import Photograph, Result, read_photographs
from models.evaluation.results_file import judged_to_file
from models.references import References
from models.runtime import Judge

NAMED = 10
"""Files that could not be judged and are named on the screen; the results name all."""


def desk(bundle: Path, threads: int, policy: Path, products: Path, reference: Path | None = None) -> Desk:
    """Everything that judges, loaded."""
    judge = Judge.load(bundle, threads=threads)
    references = None if reference is None else References.load(judge, reference)
    return Desk(judge, Policy.load(policy), Catalogue.load(products), references)


def judged(at: Desk, photographs: Sequence[Photograph], images: Path, out: Path) -> list[Result]:
    """Judge what was not judged yet, with progress and time left, into the CSV ``out``."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:  # fmt: skip
        task = progress.add_task(f"judging with {at.judge.bundle_id}", total=len(photographs))
        return judged_to_file(
            out,
            photographs,
            at.versions,
            lambda photograph: at.judge_photograph(photograph, images),
            compared=at.references is not None,
            done=lambda count: progress.update(task, completed=count),
        )


def evaluate(at: Desk, images: Path, manifest: Path, out: Path, folder: Path | None) -> None:
    """Write the results, print the table, and write the report where a folder for it is named."""
    results = judged(at, read_photographs(manifest), images, out)
    title = f"{at.judge.bundle_id}, {len(results)} photographs"
    Console(width=150).print(summary.table(results, title))
    tell_unread(results)
    if folder is not None:
        for path in report.write_report(folder, results, images, title, at.judge.spec.thresholds):
            typer.echo(f"report: {path}")


def compare(sides: tuple[Desk, Desk], images: Path, manifest: Path, folder: Path) -> None:
    """Judge with both bundles, print the figures side by side, and write what changed."""
    photographs = read_photographs(manifest)
    folder.mkdir(parents=True, exist_ok=True)
    a, b = (
        diff.Side(at.judge.bundle_id, at.judge.spec, judged(at, photographs, images, folder / f"results_{letter}.csv"))
        for letter, at in zip("ab", sides, strict=True)
    )
    Console(width=150).print(diff.table(a, b, f"{len(photographs)} photographs"))
    tell_unread(a.results)
    typer.echo(f"{len(diff.changes(a, b))} of {len(photographs)} are judged otherwise")
    for path in diff.write(folder, a, b, images):
        typer.echo(f"diff: {path}")


def tell_unread(results: Sequence[Result]) -> None:
    """Name the files that could not be judged."""
    unread = [result for result in results if result.opinion is None]
    for result in unread[:NAMED]:
        typer.echo(f"not judged, held: {result.photograph.file}: {result.reason}", err=True)
    if len(unread) > NAMED:
        typer.echo(f"not judged, held: {len(unread) - NAMED} more, named in the results", err=True)
