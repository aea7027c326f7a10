"""Judge labelled pictures through the run-time, as a station would, and compare with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track
from rich.table import Table

from datasets.manifest import Sample, read_manifest
from datasets.splits import groups_digest, held_out
from inspection.errors import ConfigError
from inspection.frame import ViewPicture
from models.runtime import Judge
from models.training.fit import Labels, labels_of
from models.training.measure import per_set

BATCH = 16
COLUMNS = ("pictures", "groups", "auroc", "macro_f1", "balanced_accuracy", "called_damaged")


def evaluate(bundle: Path, folders: Sequence[Path], *, only_held_out: bool, threads: int) -> Table:
    """Table of the figures of each set.

    Raises:
        ConfigError: the held-out groups cannot be made again from these folders.
    """
    judge = Judge.load(bundle, threads=threads)
    samples = [sample for folder in folders for sample in read_manifest(folder)]
    rows = list(range(len(samples)))
    if only_held_out:
        rows = held_out_rows(judge, samples)
    labels = Labels(judge.spec.defects, *_known(judge, samples))
    raws = []
    for start in track(range(0, len(rows), BATCH), description="judging"):
        pictures = [_picture(samples[index]) for index in rows[start : start + BATCH]]
        raws.append(judge.run_raw(judge.preprocess(pictures)))
    defects, conditions = (
        np.concatenate([raw.defects for raw in raws]),
        np.concatenate([raw.conditions for raw in raws]),
    )
    table = Table(title=f"{judge.bundle_id}, {'held-out groups' if only_held_out else 'all pictures'}")
    for column in ("set", *COLUMNS):
        table.add_column(column)
    for name, figures in per_set(samples, labels, rows, defects, conditions).items():
        table.add_row(name, *(str(figures.get(column, "–")) for column in COLUMNS))
    return table


def held_out_rows(judge: Judge, samples: Sequence[Sample]) -> list[int]:
    """Indices of the samples that the bundle was not trained on.

    Raises:
        ConfigError: these are not the samples it was trained on, so the split cannot be made again.
    """
    data = judge.spec.data
    rows = held_out(samples, data.held_out_share, data.seed, kept=frozenset(data.kept))[1]
    if groups_digest([samples[index] for index in rows]) != data.held_out_digest:
        raise ConfigError(
            "these are not the pictures that the bundle was trained on: the held-out groups differ",
            hint="give the same --data folders in the same order, or --no-held-out to judge everything",
        )
    return rows


def _known(judge: Judge, samples: Sequence[Sample]) -> tuple[np.ndarray, ...]:
    found = labels_of(samples)
    columns = {defect: column for column, defect in enumerate(found.defects)}
    empty = np.zeros(len(samples), np.float32)
    present = [found.present[:, columns[name]] if name in columns else empty for name in judge.spec.defects]
    known = [found.known[:, columns[name]] if name in columns else empty for name in judge.spec.defects]
    return np.stack(present, axis=1), np.stack(known, axis=1), found.condition, found.graded


def _picture(sample: Sample) -> ViewPicture:
    pixels = cv2.imread(str(sample.path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ConfigError(f"{sample.path} is not a picture")
    return ViewPicture("top", np.asarray(pixels, np.uint8))
