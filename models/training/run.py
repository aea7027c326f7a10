"""From labelled pictures to a bundle: features, fit, calibrate, measure, export; resumable, with progress."""

from __future__ import annotations

import json
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
from torch import nn

from datasets.manifest import Sample, digest
from datasets.splits import UNSEEN_DAY, groups_digest, held_out
from inspection.errors import BundleError, ConfigError
from inspection.finding import Condition
from inspection.frame import Pixels
from models import examples, novelty, signing
from models.bundle import Bundle, open_bundle
from models.contract import BundleSpec, DataSpec, InputSpec, Thresholds
from models.evaluation.card_sections import sections
from models.evaluation.figures import Scored
from models.lineage import made_of
from models.training import measure
from models.training.advice import Advised, advise
from models.training.backbone import pretrained
from models.training.card import write_card
from models.training.config import TrainOptions
from models.training.export import write_bundle
from models.training.fit import Floats
from models.training.fits import Ground, fit_all, forget_others
from models.training.items import forget_masks
from models.training.kinds import decided, joined, kinds, tried_of, untried
from models.training.last import keep, last
from models.training.material import FINDER_SPEC, Material, gather
from models.training.network import Graph, Tail
from models.training.plan import Plan, plan
from models.training.telling import ToldProgress

GOLDEN_PICTURES = 6
NOVELTY_QUANTILE, OTHER_KIND_QUANTILE = 0.98, 0.99
LEAST_NEARER = 0.1
"""Standard deviations by which another kind may always be nearer."""
NOT_TOLD = ("data", "golden", "out", "work", "command", "sign_key")
"""Options that are places of one machine; the lineage names the data by its hash."""


def train(options: TrainOptions, console: Console) -> str:
    """Train a bundle and write it to ``options.out``; returns its id.

    Raises:
        ConfigError: the data cannot be used; says why.
    """
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    golden = _golden(options.golden)
    before = last(options) if options.refresh else None
    network = pretrained()
    with _progress(console) as progress:
        material = gather(options, network, progress, before)
        if before is not None and before.defects != material.labels.defects:
            raise ConfigError("the labels name other defects than the last training", hint="train without --refresh")
        todo = plan(options, material, before)
        real = len(material.samples) - material.painted
        console.print(f"{real} pictures, {len(todo.train)} to train on, {len(todo.held)} held out by group")
        ground = Ground(
            network, material.cache, material.samples, material.labels, options.seed, options.work / "fits"
        )  # fmt: skip
        task = progress.add_task("fine-tuning", total=sum(fit.steps for fit in todo.fits))
        fitted = fit_all(ground, todo.fits, options.threads, lambda count: progress.advance(task, count))
    console.print("asking the experts of each kind of goods")
    advised = advise(network, material, todo, fitted)
    bundle_id = _pack(options, material, todo, advised, network, golden, console)
    of_parts = list(zip(todo.fits, fitted, strict=True))[: 1 + len(todo.parts)]
    weights = {fit.name: found.weights for fit, found in of_parts}
    keep(options, material.labels.defects, weights, material.finder, material.backgrounds)
    forget_others(ground, todo.fits)
    forget_masks(options.work / "items")
    return bundle_id


def _pack(
    options: TrainOptions, material: Material, todo: Plan, advised: Advised, network: nn.Module,
    golden: Sequence[Pixels], console: Console,
) -> str:  # fmt: skip
    """Calibrate, choose thresholds, measure, and write the bundle."""
    samples, labels = material.samples, material.labels
    fitted = advised.fitted
    own, held = fitted[0], list(todo.held)
    judged = (*held, *todo.train)
    defects, conditions = own.defects[: len(held)], own.conditions[: len(held)]
    truth = labels.condition[np.asarray(held)]
    calibrating, examining = _halves(samples, held, options.seed)
    defect_t = measure.defect_temperature(
        defects[calibrating], labels.present[held][calibrating], labels.known[held][calibrating]
    )
    condition_t = measure.temperature(conditions[calibrating], truth[calibrating])
    p_defects, p_conditions = measure.sigmoid(defects / defect_t), measure.softmax(conditions / condition_t)
    goods = np.array([samples[index].goods for index in todo.train])
    reference, names = novelty.learn(own.embeddings[len(held) :], goods), tuple(np.unique(goods).tolist())
    opinions = [measure.softmax(found.conditions / condition_t) for found in fitted[1:]]
    of_parts, of_trials = opinions[: len(todo.parts)], opinions[len(todo.parts) :]
    crossed = tried_of(samples, labels.condition, [(held, p_conditions), *zip(todo.parts, of_parts, strict=True)])
    by_day = [
        (trial.judged, found) for trial, found in zip(todo.tried, of_trials, strict=True) if trial.kind == UNSEEN_DAY
    ]
    rates = options.wrong_resell, options.wrong_scrap
    everything = joined(crossed, tried_of(samples, labels.condition, by_day)) if by_day else crossed
    thresholds = Thresholds(
        defects=measure.defect_thresholds(p_defects[calibrating], labels, [held[row] for row in calibrating]),
        maps=0.3,
        confident=measure.conformal_threshold(p_conditions[calibrating], truth[calibrating], *rates),
        goods=kinds(everything, *rates) | untried(samples[: len(samples) - material.painted], everything),
        novelty=float(np.quantile(reference.distances(own.embeddings[: len(held)]), NOVELTY_QUANTILE)),
        other_kind=_other_kind(reference, own.embeddings[: len(held)], [names.index(samples[i].goods) for i in held]),
        wrong_resell=options.wrong_resell,
        wrong_scrap=options.wrong_scrap,
    )
    metrics: dict[str, Any] = {
        "held_out": measure.per_set(samples, labels, held, p_defects, p_conditions),
        "calibration_error": measure.calibration_error(p_conditions[examining], truth[examining]),
        "experts": advised.shares,
        "looked_for": {"cut": sum(box is not None for box in material.boxes), "whole": material.boxes.count(None)},
    }
    parent = _parent(options.out)
    if todo.tried:
        metrics["unseen_days"] = measure.unseen_days(todo.tried, of_trials, labels)
    elif parent is not None and "unseen_days" in parent.spec.metrics:  # trials are of a recipe, and were not made again
        metrics["unseen_days"] = parent.spec.metrics["unseen_days"]
    config = {key: value for key, value in asdict(options).items() if key not in NOT_TOLD}
    config["folds"] = 1 + len(todo.parts)
    spec = BundleSpec(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).date().isoformat(),
        input=InputSpec(size=options.size),
        finder=None if material.finder is None else FINDER_SPEC,
        defects=labels.defects,
        kinds=names,
        thresholds=thresholds,
        data=DataSpec(
            digest=digest(material.every),
            pictures=len(material.every),
            sets=dict(sorted(Counter(sample.set for sample in material.every).items())),
            seed=options.seed,
            held_out_share=options.held_out_share,
            held_out_digest=groups_digest([samples[index] for index in held]),
            kept=tuple(sorted(material.kept)),
        ),
        lineage=made_of(material.every, json.loads(json.dumps(config)), parent),
        metrics=metrics,
        files={},
    )
    tail = Tail(network, len(labels.defects), len(Condition))
    tail.load_state_dict(own.weights)
    graph = Graph(material.trunk, tail.eval(), defect_t, condition_t, advised.advice)
    known = examples.learn(
        reference,
        own.embeddings,
        [samples[index].name for index in judged],
        [samples[index].condition for index in judged],
        [samples[index].defects for index in judged],
    )
    scored = Scored(
        np.array([samples[row].set for row in crossed.rows]), crossed.groups, crossed.truth,
        crossed.p.astype(np.float64),
    )  # fmt: skip
    trial_sections = sections(scored, decided(crossed, *rates), wrong_resell=options.wrong_resell)
    key = options.sign_key or options.work / "signing.key"
    signer = signing.signer(options.sign_name, signing.private_key(key, None, make=True))
    bundle_id = write_bundle(
        options.out, graph, spec, asdict(reference), golden,
        write_card(spec, material.every, options.command, trial_sections), material.finder, known.to_bytes(), signer,
    )  # fmt: skip
    console.print_json(data=metrics)
    console.print(f"signed by {signer.verifier}")
    return bundle_id


def _other_kind(reference: novelty.Reference, embeddings: Floats, kinds: Sequence[int]) -> float:
    """What hardly any of these embeddings (N, E) exceeds, each said to be of its own of the reference's kinds."""
    rows = zip(embeddings, kinds, strict=True)
    nearer = [float(reference.nearer_to_others(embedding[None], kind)[0]) for embedding, kind in rows]
    return max(LEAST_NEARER, float(np.quantile(nearer, OTHER_KIND_QUANTILE)))


def _parent(folder: Path) -> Bundle | None:
    """The bundle that is replaced, where there is a good one."""
    try:
        return open_bundle(folder)
    except BundleError:
        return None


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
    return ToldProgress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
