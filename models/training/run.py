"""From labelled pictures to a bundle: features, fit, calibrate, measure, export; resumable, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn

from datasets.manifest import Sample, digest, read_manifest
from datasets.splits import groups_digest, held_out, leave_one_group_out
from inspection.errors import ConfigError
from inspection.frame import Pixels
from models import novelty
from models.contract import BundleSpec, DataSpec, InputSpec, Thresholds
from models.training import measure
from models.training.backbone import Trunk, pretrained
from models.training.card import write_card
from models.training.export import write_bundle
from models.training.features import FeatureCache, JoinedFeatures
from models.training.fit import Labels, fit_tail, labels_of, predict, step_count
from models.training.network import Graph, Tail

GOLDEN_PICTURES = 6
CANS = "cans"
NOVELTY_QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the command line gives; see ``python -m models train --help``."""

    data: Sequence[Path]
    golden: Path
    out: Path
    work: Path
    name: str = "default"
    version: str = "1"
    size: int = 288
    versions: int = 3
    epochs: float = 16.0
    seed: int = 0
    threads: int = 2
    held_out_share: float = 0.25
    wrong_resell: float = 0.01
    wrong_scrap: float = 0.005
    by_date: bool = True
    command: str = "python -m models train"


def train(options: TrainOptions, console: Console) -> str:
    """Train a bundle and write it to ``options.out``; returns its id.

    Raises:
        ConfigError: the data cannot be used; says why.
    """
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    parts = [read_manifest(folder) for folder in options.data]
    samples = [sample for part in parts for sample in part]
    golden = _golden(options.golden)
    labels = labels_of(samples)
    train_rows, test_rows = held_out(samples, options.held_out_share, options.seed)
    if not test_rows or not labels.defects:
        raise ConfigError("too little data: every set and condition needs two groups, and some item a defect")
    console.print(f"{len(samples)} pictures, {len(train_rows)} to train on, {len(test_rows)} held out by group")
    network = pretrained()
    with _progress(console) as progress:
        trunk = Trunk(network)
        cache = JoinedFeatures(
            [
                FeatureCache(options.work / "features", part, options.size, options.versions, options.seed)
                for part in parts
            ]
        )
        task = progress.add_task("features", total=cache.total)
        cache.fill(trunk, options.threads, lambda count: progress.advance(task, count))
        tail = _fit(progress, "fine-tuning", network, cache, samples, labels, train_rows, options)
        metrics: dict[str, Any] = {}
        if options.by_date and any(sample.set == CANS for sample in samples):
            metrics["cans_leave_one_date_out"] = _cans_by_date(progress, network, cache, samples, labels, options)
    defects, conditions, embeddings = predict(tail, cache, test_rows)
    truth = labels.condition[np.asarray(test_rows)]
    calibrating, examining = _halves(samples, test_rows, options.seed)
    defect_t = measure.defect_temperature(
        defects[calibrating], labels.present[test_rows][calibrating], labels.known[test_rows][calibrating]
    )
    condition_t = measure.temperature(conditions[calibrating], truth[calibrating])
    p_defects, p_conditions = measure.sigmoid(defects / defect_t), measure.softmax(conditions / condition_t)
    reference = novelty.learn(
        predict(tail, cache, train_rows)[2], np.array([samples[index].goods for index in train_rows])
    )
    thresholds = Thresholds(
        defects=measure.defect_thresholds(p_defects[calibrating], labels, [test_rows[row] for row in calibrating]),
        maps=0.3,
        confident=measure.conformal_threshold(
            p_conditions[calibrating], truth[calibrating], options.wrong_resell, options.wrong_scrap
        ),
        novelty=float(np.quantile(reference.distances(embeddings), NOVELTY_QUANTILE)),
        wrong_resell=options.wrong_resell,
        wrong_scrap=options.wrong_scrap,
    )
    metrics |= {
        "held_out": measure.per_set(samples, labels, test_rows, p_defects, p_conditions),
        "calibration_error": measure.calibration_error(p_conditions[examining], truth[examining]),
        "exam": measure.wrong_resell_rates(p_conditions[examining], truth[examining], thresholds.confident),
    }
    spec = BundleSpec(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).date().isoformat(),
        input=InputSpec(size=options.size),
        defects=labels.defects,
        thresholds=thresholds,
        data=DataSpec(
            digest=digest(samples),
            pictures=len(samples),
            sets={name: sum(sample.set == name for sample in samples) for name in sorted({s.set for s in samples})},
            seed=options.seed,
            held_out_share=options.held_out_share,
            held_out_digest=groups_digest([samples[index] for index in test_rows]),
        ),
        metrics=metrics,
        files={},
    )
    graph = Graph(trunk, tail, defect_t, condition_t)
    bundle_id = write_bundle(
        options.out, graph, spec, asdict(reference), golden, write_card(spec, samples, options.command)
    )
    console.print_json(data=metrics)
    return bundle_id


def _halves(samples: Sequence[Sample], rows: Sequence[int], seed: int) -> tuple[list[int], list[int]]:
    """Places in ``rows`` to calibrate on and to examine on, by group; cans do neither: their grades are their dates."""
    places = [place for place, index in enumerate(rows) if samples[index].set != CANS]
    calibrating, examining = held_out([samples[rows[place]] for place in places], 0.5, seed + 1)
    return [places[place] for place in calibrating], [places[place] for place in examining]


def _fit(
    progress: Progress, title: str, network: nn.Module, cache: JoinedFeatures, samples: Sequence[Sample],
    labels: Labels, rows: Sequence[int], options: TrainOptions, share: float = 1.0,
) -> Tail:  # fmt: skip
    epochs = options.epochs * share
    task = progress.add_task(title, total=step_count(len(rows), epochs))

    def advance(loss: float) -> None:
        progress.update(task, advance=1, description=f"{title}, loss {loss:.3f}")

    return fit_tail(network, cache, samples, labels, rows, epochs=epochs, seed=options.seed, advance=advance)


def _cans_by_date(
    progress: Progress,
    network: nn.Module,
    cache: JoinedFeatures,
    samples: Sequence[Sample],
    labels: Labels,
    options: TrainOptions,
) -> dict[str, float]:
    """Train anew without each date in turn and predict it; a quarter of the epochs."""
    cans = [index for index, sample in enumerate(samples) if sample.set == CANS]
    truth, predictions = [], []
    for group, members in leave_one_group_out([samples[index] for index in cans]):
        left_out = [cans[member] for member in members]
        rest = sorted(set(range(len(samples))) - set(left_out))
        tail = _fit(progress, f"without {group}", network, cache, samples, labels, rest, options, share=1 / 4)
        truth.append(labels.condition[left_out])
        predictions.append(measure.softmax(predict(tail, cache, left_out)[1]))
    return measure.cans_by_date(np.concatenate(truth), np.concatenate(predictions))


def _golden(folder: Path) -> list[Pixels]:
    """Pictures of our own for the golden samples, taken evenly from ``folder``."""
    files = sorted(path for path in folder.rglob("*.jpg") if "mask" not in path.name)
    if not files:
        raise ConfigError(f"no golden pictures in {folder}", hint="run python -m datasets.render first")
    step = max(1, len(files) // GOLDEN_PICTURES)
    return [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8) for path in files[::step][:GOLDEN_PICTURES]]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
