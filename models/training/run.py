"""From labelled pictures to a bundle: features, fit, calibrate, measure, export; resumable, with progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from datasets.manifest import Sample, digest
from datasets.splits import Trial, groups_digest, held_out, trials
from inspection.errors import ConfigError
from inspection.finding import Condition
from inspection.frame import Pixels
from models import novelty
from models.contract import BundleSpec, DataSpec, InputSpec, Thresholds
from models.training import measure
from models.training.backbone import pretrained
from models.training.card import write_card
from models.training.config import TrainOptions
from models.training.export import write_bundle
from models.training.fit import Labels, step_count
from models.training.fits import Fit, Ground, fit_all
from models.training.material import FINDER_SPEC, Material, gather
from models.training.network import Graph, Tail

GOLDEN_PICTURES = 6
BACKGROUNDS = 48
NOVELTY_QUANTILE = 0.99


def train(options: TrainOptions, console: Console) -> str:
    """Train a bundle and write it to ``options.out``; returns its id.

    Raises:
        ConfigError: the data cannot be used; says why.
    """
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    golden = _golden(options.golden)
    network = pretrained()
    with _progress(console) as progress:
        material = gather(options, network, progress)
        samples, labels = material.samples, material.labels
        real = len(samples) - material.painted
        places = {sample.name: place for place, sample in enumerate(samples)}
        train_rows, test_rows = (
            [places[material.every[index].name] for index in part]
            for part in held_out(material.every, options.held_out_share, options.seed, kept=material.kept)
        )
        if not test_rows or not labels.defects:
            raise ConfigError("too little data: every set and condition needs two groups, and some item a defect")
        console.print(f"{real} pictures, {len(train_rows)} to train on, {len(test_rows)} held out by group")
        painted = range(real, len(samples))
        ground = Ground(network, material.cache, samples, labels, options.seed)
        start = _last_weights(options, labels) if options.refresh else None
        epochs = options.refresh_epochs if options.refresh else options.epochs
        fits = [Fit((*train_rows, *painted), (*test_rows, *train_rows), epochs, start)]
        tried = [] if options.refresh else _trials(options, material)
        fits += [_trial_fit(trial, samples, options) for trial in tried]
        task = progress.add_task("fine-tuning", total=sum(step_count(len(fit.train), fit.epochs) for fit in fits))
        fitted = fit_all(ground, fits, options.threads, lambda count: progress.advance(task, count))
    tail = Tail(network, len(labels.defects), len(Condition))
    tail.load_state_dict(fitted[0].weights)
    tail.eval()
    if not options.refresh:
        _keep_weights(options, labels, fitted[0].weights)
    held = len(test_rows)
    defects, conditions, embeddings = (
        part[:held] for part in (fitted[0].defects, fitted[0].conditions, fitted[0].embeddings)
    )
    truth = labels.condition[np.asarray(test_rows)]
    calibrating, examining = _halves(samples, test_rows, options.seed)
    defect_t = measure.defect_temperature(
        defects[calibrating], labels.present[test_rows][calibrating], labels.known[test_rows][calibrating]
    )
    condition_t = measure.temperature(conditions[calibrating], truth[calibrating])
    p_defects, p_conditions = measure.sigmoid(defects / defect_t), measure.softmax(conditions / condition_t)
    reference = novelty.learn(fitted[0].embeddings[held:], np.array([samples[index].goods for index in train_rows]))
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
    metrics: dict[str, Any] = {
        "held_out": measure.per_set(samples, labels, test_rows, p_defects, p_conditions),
        "calibration_error": measure.calibration_error(p_conditions[examining], truth[examining]),
        "exam": measure.wrong_resell_rates(p_conditions[examining], truth[examining], thresholds.confident),
        "looked_for": {"cut": sum(box is not None for box in material.boxes), "whole": material.boxes.count(None)},
    }
    if tried:
        results = [measure.softmax(result.conditions / condition_t) for result in fitted[1:]]
        metrics["unseen_days"] = measure.unseen_days(tried, results, labels)
    spec = BundleSpec(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).date().isoformat(),
        input=InputSpec(size=options.size),
        finder=None if material.finder is None else FINDER_SPEC,
        defects=labels.defects,
        thresholds=thresholds,
        data=DataSpec(
            digest=digest(material.every),
            pictures=real,
            sets=dict(sorted(Counter(sample.set for sample in material.every).items())),
            seed=options.seed,
            held_out_share=options.held_out_share,
            held_out_digest=groups_digest([samples[index] for index in test_rows]),
            kept=tuple(sorted(material.kept)),
        ),
        metrics=metrics,
        files={},
    )
    graph = Graph(material.trunk, tail, defect_t, condition_t)
    bundle_id = write_bundle(
        options.out, graph, spec, asdict(reference), golden, write_card(spec, material.every, options.command),
        material.finder,
    )  # fmt: skip
    console.print_json(data=metrics)
    return bundle_id


def _keep_weights(options: TrainOptions, labels: Labels, weights: dict[str, torch.Tensor]) -> None:
    file = options.work / f"tail-{options.name}.pt"
    fresh = file.with_suffix(".new")
    torch.save({"defects": [str(defect) for defect in labels.defects], "weights": weights}, fresh)
    fresh.replace(file)


def _last_weights(options: TrainOptions, labels: Labels) -> dict[str, torch.Tensor]:
    file = options.work / f"tail-{options.name}.pt"
    if not file.is_file():
        raise ConfigError(f"{file} is not there: nothing to refresh", hint="train once without --refresh")
    kept: dict[str, Any] = torch.load(file, weights_only=True)
    if kept["defects"] != [str(defect) for defect in labels.defects]:
        raise ConfigError("the labels name other defects than the last training", hint="train without --refresh")
    weights: dict[str, torch.Tensor] = kept["weights"]
    return weights


def _trials(options: TrainOptions, material: Material) -> list[Trial]:
    real = material.samples[: len(material.samples) - material.painted]
    return [trial for name in sorted(material.kept) for trial in trials(real, name)] if options.by_date else []


def _trial_fit(trial: Trial, samples: Sequence[Sample], options: TrainOptions) -> Fit:
    """A short fit without what the trial leaves out, and without the painted copies of it."""
    out = {samples[index].path for index in trial.left_out}
    rest = tuple(index for index, sample in enumerate(samples) if sample.path not in out)
    return Fit(rest, trial.judged, options.epochs * options.trial_share)


def _halves(samples: Sequence[Sample], rows: Sequence[int], seed: int) -> tuple[list[int], list[int]]:
    """Places in ``rows`` to calibrate on and to examine on, by group."""
    return held_out([samples[index] for index in rows], 0.5, seed + 1)


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
