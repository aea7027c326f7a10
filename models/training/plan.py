"""Which fits a training makes: the bundle's own, one for each further fold, and the trials of days and defects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from datasets.manifest import Sample
from datasets.splits import SAME_DAY, Trial, folds, held_out, trials
from inspection.errors import ConfigError
from inspection.finding import Defect
from models.training.config import TrainOptions
from models.training.fits import Fit
from models.training.last import Last
from models.training.material import Material

OWN = "own"
LEFT_OUT = (Defect.CRACK,)
"""Defects of glass of which a trial trains without any photograph."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained on what, as indices of the material's samples.

    Attributes:
        train: what the bundle's own fit is trained on, without painted copies; held is what it is not.
        fits: all fits, the own one first, then those of ``parts``, then those of ``tried``.
        parts: what the fit of each further fold judges.
        tried: the trials.
    """

    train: tuple[int, ...]
    held: tuple[int, ...]
    fits: tuple[Fit, ...]
    parts: tuple[tuple[int, ...], ...]
    tried: tuple[Trial, ...]


def plan(options: TrainOptions, material: Material, last: Last | None) -> Plan:
    """The fits of a training; after the ``last`` one only heads are moved, and the trials are not made again.

    A fold that the last training did not make is fitted from the beginning, as in a first training.

    Raises:
        ConfigError: too little data.
    """
    samples = material.samples
    real = len(samples) - material.painted
    places = {sample.name: place for place, sample in enumerate(samples)}
    train, held = (
        tuple(places[material.every[index].name] for index in part)
        for part in held_out(material.every, options.held_out_share, options.seed, kept=material.kept)
    )
    if not held or not material.labels.defects:
        raise ConfigError("too little data: every set and condition needs two groups, and some item a defect")
    spare = [index for index in train if samples[index].set not in material.kept]
    parts = tuple(folds(samples, spare, options.folds - 1, options.seed)) if options.folds > 1 else ()
    tried = tuple(_trials(options, material, held)) if last is None else ()
    short = options.epochs * options.trial_share
    fits = [Fit(OWN, _without(samples, held), (*held, *train), options.epochs)]
    fits += [Fit(f"fold {place}", _without(samples, part), part, short) for place, part in enumerate(parts, 1)]
    if last is not None:
        fits = [
            replace(fit, start=last.weights[fit.name], epochs=options.refresh_epochs / (1 if fit.name == OWN else 2))
            if fit.name in last.weights
            else fit
            for fit in fits
        ]
    fits += [
        Fit(f"{trial.kind} {place}", _without(samples, trial.left_out), trial.judged, short)
        for place, trial in enumerate(tried)
    ]
    if any(index >= real for fit in fits for index in fit.judged):
        raise ValueError("a painted picture would be judged")
    return Plan(train, held, tuple(fits), parts, tried)


def _without(samples: Sequence[Sample], left_out: Sequence[int]) -> tuple[int, ...]:
    """Everything but these and the painted copies of these."""
    out = {samples[index].path for index in left_out}
    return tuple(index for index, sample in enumerate(samples) if sample.path not in out)


def _trials(options: TrainOptions, material: Material, held: Sequence[int]) -> list[Trial]:
    if not options.by_date:
        return []
    real = material.samples[: len(material.samples) - material.painted]
    found = [trial for name in sorted(material.kept) for trial in trials(real, name) if trial.kind != SAME_DAY]
    for defect in LEFT_OUT:
        shown = [i for i, s in enumerate(real) if defect in s.defects and s.goods in options.glass_goods and not s.mask]
        sets = {real[index].set for index in shown}
        sound = [index for index in held if real[index].set in sets and not real[index].damaged]
        if shown and sound:
            judged = tuple(dict.fromkeys((*shown, *sound)))
            found.append(Trial(f"no photograph of {defect}", judged, judged))
    return found
