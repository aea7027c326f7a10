"""Training a bundle once more from its lineage, and whether that comes to the same figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from datasets.manifest import Sample, digest, read_manifest
from inspection.errors import ConfigError
from models.bundle import Bundle, open_bundle
from models.lineage import code_version
from models.training.config import TrainOptions

TOLERANCE = 0.02
"""Largest difference of a figure that still counts as the same; figures of one machine and thread count are equal."""
INHERITED = "unseen_days"
"""Figures that a bundle takes over from the one before it when the trials are not made again."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure.

    Attributes:
        name: where it stands in the metrics, with dots.
        before, after: of the bundle and of its repetition; ``None`` where one has none.
    """

    name: str
    before: float | None
    after: float | None
    tolerance: float

    @property
    def same(self) -> bool:
        """Whether they differ by no more than the tolerance; counts, which are whole, not at all."""
        if self.before is None or self.after is None:
            return False
        if float(self.before).is_integer() and float(self.after).is_integer() and max(self.before, self.after) > 1:
            return self.before == self.after
        return math.isclose(self.before, self.after, rel_tol=0, abs_tol=self.tolerance)


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of it.

    Attributes:
        bundle_id: of the repetition.
        identical: whether its graph has the same bytes.
        code: how the software differs, in words; empty when it is the same commit, unchanged.
        figures: all of them.
    """

    bundle_id: str
    identical: bool
    code: str
    figures: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        """Whether every figure is the same within the tolerance."""
        return all(figure.same for figure in self.figures)


def reproduce(
    bundle: Bundle, data: Sequence[Path], golden: Path, work: Path, out: Path, console: Console, *,
    tolerance: float = TOLERANCE, parent: Bundle | None = None, parent_data: Sequence[Path] | None = None,
) -> Reproduction:  # fmt: skip
    """Train ``bundle`` again on ``data`` and compare.

    A refreshed bundle moves only the heads of the training before it, so that is done first: give the bundle of that
    training as ``parent``, and its data where they are others.

    Raises:
        ConfigError: there is no lineage, or the data are not those it names; says which set differs and how.
    """
    from models.training.run import train  # noqa: PLC0415 - after everything that is cheap was checked

    options = options_of(bundle, data, golden, work / "again", out)
    demand_same_data(bundle, data)
    if options.refresh:
        if parent is None:
            raise ConfigError(
                f"{bundle.bundle_id} moved the heads of another training", hint="give that training's bundle: --parent"
            )
        before = data if parent_data is None else parent_data
        demand_same_data(parent, before)
        train(options_of(parent, before, golden, options.work, work / "parent"), console)
    bundle_id = train(options, console)
    again = open_bundle(out)
    return Reproduction(
        bundle_id,
        again.contents["model.onnx"] == bundle.contents["model.onnx"],
        code_difference(bundle),
        tuple(differences(bundle, again, tolerance)),
    )


def options_of(bundle: Bundle, data: Sequence[Path], golden: Path, work: Path, out: Path) -> TrainOptions:
    """The options that a bundle's lineage names, with places of this machine.

    Raises:
        ConfigError: it has no lineage, was not trained, or names options that this software does not know.
    """
    lineage = bundle.spec.lineage
    config: Mapping[str, Any] = {} if lineage is None else lineage.config
    known = {field.name for field in fields(TrainOptions)}
    if "epochs" not in config or "seed" not in config:
        raise ConfigError(f"{bundle.bundle_id} does not say how it was trained: it cannot be made again")
    strange = sorted(set(config) - known)
    if strange:
        raise ConfigError(
            f"{bundle.bundle_id} was trained with {', '.join(strange)}, which this software does not know",
            hint=f"check out the code that made it: {'' if lineage is None else lineage.code}",
        )
    try:
        return TypeAdapter(TrainOptions).validate_python(
            {**config, "data": list(data), "golden": golden, "work": work, "out": out,
             "command": f"python -m models reproduce, of {bundle.bundle_id}"}
        )  # fmt: skip
    except ValidationError as error:
        raise ConfigError(
            f"{bundle.bundle_id}: its options do not fit this software: {error.errors()[0]['msg']}"
        ) from error


def demand_same_data(bundle: Bundle, data: Sequence[Path]) -> None:
    """See that the folders hold what the lineage names, by the digest of every set.

    Raises:
        ConfigError: a set is missing, one too many, or other pictures or labels are in it; counts are said.
    """
    lineage = bundle.spec.lineage
    if lineage is None or not lineage.data:
        raise ConfigError(f"{bundle.bundle_id} does not name its data: nobody can tell whether these are the same")
    samples = [sample for folder in data for sample in read_manifest(folder)]
    sets: dict[str, list[Sample]] = {}
    for sample in samples:
        sets.setdefault(sample.set, []).append(sample)
    wrong = []
    for name in sorted(lineage.data.keys() | sets.keys()):
        there = len(sets.get(name, []))
        wanted = bundle.spec.data.sets.get(name, 0)
        if name not in sets:
            wrong.append(f"{name} is missing ({wanted} pictures)")
        elif name not in lineage.data:
            wrong.append(f"{name} was not there ({there} pictures)")
        elif digest(sets[name]) != lineage.data[name]:
            what = "other pictures or labels" if there == wanted else f"{there} pictures, it was {wanted}"
            wrong.append(f"{name} differs ({what})")
    if wrong:
        raise ConfigError(
            f"the data are not those of {bundle.bundle_id}: {'; '.join(wrong)}",
            hint="give the folders of the data version it names: python -m datasets version folder",
        )


def code_difference(bundle: Bundle) -> str:
    """How the software here differs from the one that made a bundle, in words."""
    made, here = "" if bundle.spec.lineage is None else bundle.spec.lineage.code, code_version()
    if made == here and "changed" not in here:
        return ""
    return f"made with {made or 'unknown code'}, made again with {here}"


def differences(before: Bundle, after: Bundle, tolerance: float) -> Iterator[Difference]:
    """Every figure of both, by name."""
    config = {} if before.spec.lineage is None else before.spec.lineage.config
    skipped = () if config.get("by_date") and not config.get("refresh") else (INHERITED,)
    old, new = (dict(_numbers({k: v for k, v in b.spec.metrics.items() if k not in skipped})) for b in (before, after))
    for name in sorted(old.keys() | new.keys()):
        yield Difference(name, old.get(name), new.get(name), tolerance)


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)
