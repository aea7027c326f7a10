"""How many planted label errors are found among the first suspects, and what mending them gains.

    python -m benchmarks.label_errors [--data DIR] [--pictures 400] [--share 0.05]

In a copy of the labels a share is made wrong at random: the condition and the defects of a picture are exchanged for
those of another picture of the same kind of goods that says something else. ``python -m models suspects`` ranks all
labels. Found are planted errors in the first 10 % (a perfect ranking finds all when 5 % are planted; chance finds
10 %), beside ranking by the probability of the label alone (self-confidence). Real errors that the sets have of
themselves count as false ones here. Gained is the accuracy of the condition on held-out groups with true labels: of a
classifier on labels with errors, after the first 10 % were looked at, and without errors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets.manifest import Sample, read_manifest
from datasets.splits import held_out
from inspection.finding import Condition
from models.evaluation.suspects_command import ranked
from models.evaluation.suspects_judging import STRENGTH, Features, conditions, features

ROOT = Path(__file__).resolve().parents[1]
LOOKED_AT = 0.1
SIZE, FOLDS = 224, 5


def main(
    data: Annotated[Path, typer.Option(help="Folder with a manifest.csv.")] = ROOT.parent / "shared/datasets",
    pictures: Annotated[int, typer.Option(min=100, help="Of them, so many by chance.")] = 400,
    share: Annotated[float, typer.Option(min=0.01, max=0.3, help="Of the labels, made wrong.")] = 0.05,
    work: Annotated[Path | None, typer.Option(help="Cached features.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Plantings; medians are told.")] = 3,
    threads: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Print the table."""
    every = read_manifest(data)
    chosen = [every[row] for row in np.sort(np.random.default_rng(0).permutation(len(every))[:pictures])]
    with tempfile.TemporaryDirectory() as otherwise:
        folder = work or Path(otherwise)
        seen = features(chosen, folder, SIZE, threads, lambda _count: None)
        rounds = [_round(chosen, seen, folder, share, threads, seed) for seed in range(repeats)]
    figures = np.median(np.array(rounds), axis=0)
    table = Table(title=f"{pictures} pictures, {share:.0%} of the labels planted wrong, median of {repeats} plantings")
    for column in ("ranking", f"found in the first {LOOKED_AT:.0%}", "condition right on held-out groups"):
        table.add_column(column, justify="right")
    table.add_row("labels with errors", "", f"{figures[3]:.3f}")
    table.add_row("chance", f"{LOOKED_AT:.0%}", "")
    table.add_row("self-confidence of the condition", f"{figures[1]:.0%}", "")
    table.add_row("confident learning (suspects)", f"{figures[0]:.0%}", f"{figures[4]:.3f}")
    table.add_row("labels without errors", "", f"{figures[5]:.3f}")
    Console().print(table)
    Console().print(f"of the planted, {figures[2]:.0%} are called doubted")


def plant(samples: Sequence[Sample], share: float, seed: int) -> tuple[list[Sample], set[int]]:
    """A copy with a share of wrong labels, and which rows they are."""
    rng = np.random.default_rng(seed)
    spoiled, planted = list(samples), set[int]()
    for row in rng.permutation(len(samples)).tolist():
        if len(planted) >= round(share * len(samples)):
            break
        mine = samples[row]
        others = [each for each in samples if each.goods == mine.goods and each.condition is not mine.condition]
        if others:
            other = others[int(rng.integers(len(others)))]
            spoiled[row] = replace(mine, condition=other.condition, defects=other.defects)
            planted.add(row)
    return spoiled, planted


def _round(
    samples: list[Sample], seen: Features, work: Path, share: float, threads: int, seed: int
) -> tuple[float, ...]:
    spoiled, planted = plant(samples, share, seed)
    places = {sample.name: row for row, sample in enumerate(spoiled)}
    found = ranked(spoiled, work, folds=FOLDS, seed=seed, size=SIZE, threads=threads)
    first = {places[each.sample.name] for each in found[: round(LOOKED_AT * len(found))]}
    doubted = {places[each.sample.name] for each in found if each.doubted}
    probabilities, labels = conditions(spoiled, seen, FOLDS, seed)
    by_confidence = np.argsort(probabilities[np.arange(len(labels)), labels])[: len(first)]
    mended = [samples[row] if row in first else each for row, each in enumerate(spoiled)]
    return (
        len(first & planted) / len(planted),
        len(set(by_confidence.tolist()) & planted) / len(planted),
        len(doubted & planted) / len(planted),
        *(_accuracy(samples, each, seen) for each in (spoiled, mended, samples)),
    )


def _accuracy(truth: Sequence[Sample], labels: Sequence[Sample], seen: Features) -> float:
    """On held-out groups with true labels, of a classifier that learned ``labels`` of the others."""
    train, test = held_out(truth, 0.3, 1)
    order = list(Condition)
    said = np.array([order.index(sample.condition) for sample in labels])
    right = np.array([order.index(sample.condition) for sample in truth])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=400))
    model.fit(seen[train], said[train])
    return float((model.predict(seen[test]) == right[test]).mean())


if __name__ == "__main__":
    typer.run(main)
