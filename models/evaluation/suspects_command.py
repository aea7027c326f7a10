"""``python -m models suspects``: labels that are probably wrong, the surest first."""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.progress import Progress

from datasets.manifest import Sample, read_manifest
from inspection.errors import ConfigError
from inspection.finding import Condition, Defect
from models.evaluation.suspects import Doubts, doubts
from models.evaluation.suspects_judging import conditions, defect, features

COLUMNS = (
    "rank", "file", "sha256", "set", "goods", "condition", "defects", "suggested_condition", "suggested_defects",
    "score", "doubted",
)  # fmt: skip
MOST_TO_HUB = 1000
LEAST_PICTURES = 20


@dataclass(frozen=True, slots=True)
class Suspect:
    """One picture and how much its label is doubted.

    Attributes:
        score: 0..1, the higher the surer that the label is wrong.
        condition, defects: what the models say; the label's own where they agree with it.
        doubted: whether confident learning calls the label wrong.
    """

    sample: Sample
    score: float
    condition: Condition
    defects: tuple[Defect, ...]
    doubted: bool


def ranked(samples: Sequence[Sample], work: Path, *, folds: int, seed: int, size: int, threads: int) -> list[Suspect]:
    """All pictures, those whose labels are most doubted first.

    Raises:
        ConfigError: too few pictures, or labels that leave nothing to choose between.
    """
    if len(samples) < LEAST_PICTURES or len({sample.condition for sample in samples}) < 2:  # noqa: PLR2004
        raise ConfigError(
            f"{len(samples)} pictures of {len({sample.condition for sample in samples})} conditions are too few",
            hint=f"give {LEAST_PICTURES} pictures and more, of two conditions",
        )
    with Progress() as progress:
        task = progress.add_task("features", total=len(samples))
        seen = features(samples, work, size, threads, lambda count: progress.advance(task, count))
        named = [each for each in Defect if any(each in sample.defects for sample in samples)]
        task = progress.add_task("asking models that never saw the picture", total=1 + len(named))
        probabilities, labels = conditions(samples, seen, folds, seed)
        progress.advance(task, 1)
        of_condition = doubts(probabilities, labels)
        of_defects: dict[Defect, Doubts] = {}
        for each in named:
            found, said, known = defect(samples, seen, each, folds, seed)
            of_defects[each] = doubts(np.nan_to_num(found, nan=0.5), said, known)
            progress.advance(task, 1)
    suspects = [_suspect(row, sample, of_condition, of_defects) for row, sample in enumerate(samples)]
    return sorted(suspects, key=lambda each: (-each.score, each.sample.name))


def tell(
    manifest: Path, images: Path, out: Path, *, work: Path | None, folds: int, seed: int, size: int, threads: int
) -> None:
    """Rank the labels of ``manifest`` and write ``out``: CSV, or what the hub's review takes when it ends in .json.

    Raises:
        ConfigError: the manifest cannot be used, or ``out`` cannot be written.
    """
    samples = read_manifest(images, manifest)
    with ExitStack() as stack:
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suspects-")))
        found = ranked(samples, work, folds=folds, seed=seed, size=size, threads=threads)
    doubted = [each for each in found if each.doubted]
    try:
        if out.suffix == ".json":
            body = {"suspects": [_to_hub(each) for each in doubted[:MOST_TO_HUB]]}
            out.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        else:
            with out.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(COLUMNS)
                writer.writerows(_row(rank, each) for rank, each in enumerate(found, start=1))
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}", hint="name a file that can be written") from error
    typer.echo(f"{len(doubted)} of {len(found)} labels are doubted\nlist: {out}")


def _suspect(row: int, sample: Sample, of_condition: Doubts, of_defects: dict[Defect, Doubts]) -> Suspect:
    """Of a picture the strongest doubt counts, of its condition or of any defect whose label says something."""
    scores = [of_condition.score[row], *(found.score[row] for found in of_defects.values())]
    doubted = bool(of_condition.doubted[row]) or any(found.doubted[row] for found in of_defects.values())
    condition = list(Condition)[of_condition.suggested[row]]
    named = {each for each, found in of_defects.items() if found.suggested[row] == 1}
    return Suspect(sample, float(max(scores)), *_sensible(sample, condition, named), doubted)


def _sensible(sample: Sample, condition: Condition, named: set[Defect]) -> tuple[Condition, tuple[Defect, ...]]:
    """A label that does not contradict itself: intact has no defects, everything else has some."""
    if condition is Condition.INTACT and not named:
        return condition, ()
    if condition is Condition.INTACT:
        condition = Condition.MINOR if not sample.damaged else sample.condition
    chosen = named or sample.defects or {Defect.DAMAGED}
    return condition, tuple(each for each in Defect if each in chosen)


def _row(rank: int, each: Suspect) -> tuple[str, ...]:
    sample = each.sample
    given = ";".join(str(word) for word in Defect if word in sample.defects)
    suggested = ";".join(map(str, each.defects))
    file = sample.name.removeprefix(f"{sample.set}/")
    return (
        str(rank), file, _sha256(sample), sample.set, sample.goods, str(sample.condition), given, str(each.condition),
        suggested, f"{each.score:.4f}", str(int(each.doubted)),
    )  # fmt: skip


def _to_hub(each: Suspect) -> dict[str, Any]:
    given = [str(word) for word in Defect if word in each.sample.defects]
    return {
        "image_sha256": _sha256(each.sample),
        "goods": each.sample.goods,
        "given": {"condition": str(each.sample.condition), "defects": given},
        "suggested": {"condition": str(each.condition), "defects": list(map(str, each.defects))},
        "score": round(each.score, 4),
    }


def _sha256(sample: Sample) -> str:
    return hashlib.sha256(sample.path.read_bytes()).hexdigest()
