"""What a training is told: a YAML file, with what the command line says on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from inspection.errors import ConfigError
from inspection.yaml_source import read_yaml

PATHS = ("golden", "out", "work", "sign_key")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Everything that decides what a training makes; the keys of ``configs/training/default.yaml``.

    Attributes:
        data: folders with a ``manifest.csv``.
        golden: pictures of our own for the golden samples.
        out: folder of the bundle; an older one there is replaced at the end.
        work: features, masks and weights are kept there; a run that was cut goes on from them.
        name: of the bundle.
        version: of the bundle.
        size: side of the graph's input, a multiple of 32.
        versions: random versions of every picture that is judged whole.
        cut_versions: random versions of every picture of which the item is cut out.
        painted_versions: versions with painted damage of every sound item of a set of few days.
        glass_goods: kinds of goods of which some pictures get cracks painted on.
        cracked_versions: versions of each of these.
        epochs: passes over the training pictures.
        trial_share: share of the epochs in the trials, which judge what was not trained on.
        folds: parts of the groups, each judged by a model that saw nothing of it; the first one by the bundle's own.
        seed: the same gives the same bundle on the same machine.
        threads: processor threads.
        held_out_share: share of every set and condition that is not trained on.
        wrong_resell: stated maximum rate of wrong resell; wrong_scrap likewise.
        finder: whether the item is looked for first.
        by_date: whether the trials of unseen days are made.
        refresh: whether only the heads of the last training's weights in ``work`` are moved; needs the same defects.
        refresh_epochs: passes over the training pictures for that.
        sign_name: name of the key that signs the bundle.
        sign_key: file of that key, made where it is not there; by default ``signing.key`` in ``work``.
        dataset: id of the data version that ``data`` holds, for the lineage; empty where it is none.
        command: how it was called, for the card.
    """

    data: Sequence[Path]
    golden: Path
    out: Path
    work: Path
    name: str = "default"
    version: str = "1"
    size: int = 288
    versions: int = 3
    cut_versions: int = 6
    painted_versions: int = 5
    glass_goods: tuple[str, ...] = ("phone",)
    cracked_versions: int = 0
    epochs: float = 16.0
    trial_share: float = 0.125
    folds: int = 4
    seed: int = 0
    threads: int = 2
    held_out_share: float = 0.25
    wrong_resell: float = 0.01
    wrong_scrap: float = 0.005
    finder: bool = True
    by_date: bool = True
    refresh: bool = False
    refresh_epochs: float = 2.0
    sign_name: str = "training"
    sign_key: Path | None = None
    dataset: str = ""
    command: str = "python -m models train"


def read_options(file: Path | None, given: Mapping[str, Any], otherwise: Mapping[str, Any]) -> TrainOptions:
    """Options of a file, with what was given by hand over it and defaults below it.

    Paths in the file are from the folder it lies in.

    Raises:
        ConfigError: an unknown key, or a value of the wrong kind; names both.
    """
    read: dict[str, Any] = {}
    if file is not None:
        source = read_yaml(file, ConfigError)
        if not isinstance(source.data, dict):
            raise ConfigError(f"{file} must hold keys and values")
        unknown = sorted(
            set(map(str, source.data)) - {field.name for field in fields(TrainOptions)} | {"command"} & set(source.data)
        )
        if unknown:
            raise ConfigError(
                f"{file}: unknown key {unknown[0]}", hint="the keys are those of configs/training/default.yaml"
            )
        read = {key: _resolved(key, value, file.parent) for key, value in source.data.items()}
    try:
        return TypeAdapter(TrainOptions).validate_python({**otherwise, **read, **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{file or 'options'}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _resolved(key: str, value: Any, folder: Path) -> Any:
    if key in PATHS and isinstance(value, str):
        return folder / value
    if key == "data" and isinstance(value, list):
        return [folder / str(part) for part in value]
    return value
