"""What the command line says, for a training with ultralytics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console

from inspection.errors import ConfigError
from models.engines.yolo import YoloOptions
from models.engines.yolo import train as train_yolo

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "datasets" / "demo"
SHARED = ROOT.parent / "shared" / "datasets"


def train(options: Mapping[str, Any], not_for_it: Mapping[str, Any], console: Console) -> str:
    """Train with the options that were given (the others are ``None``); returns the bundle's id.

    The bundle goes to ``models/bundles/yolo`` unless another folder is given: the default one stays.

    Raises:
        ConfigError: an option was given that this engine does not have, or the data cannot be used.
    """
    wrong = [f"--{name.replace('_', '-')}" for name, value in not_for_it.items() if value is not None]
    if wrong:
        raise ConfigError(f"--engine ultralytics does not take {', '.join(wrong)}", hint="leave it out")
    given = {name: value for name, value in options.items() if value is not None}
    said = [
        f"--{name.replace('_', '-')} {given[name]}" for name in ("model", "size", "epochs", "seed") if name in given
    ]
    command = " ".join(["python -m models train --engine ultralytics", *said]).replace("--model", "--yolo")
    otherwise = {
        "data": [folder for folder in (SHARED, DEMO) if (folder / "manifest.csv").is_file()], "golden": DEMO,
        "out": ROOT / "models" / "bundles" / "yolo", "work": ROOT / "runs", "command": command,
    }  # fmt: skip
    told = {**otherwise, **given}
    if "epochs" in told:
        told["epochs"] = max(1, round(told["epochs"]))
    known = {field.name for field in fields(YoloOptions)}
    return train_yolo(YoloOptions(**{name: value for name, value in told.items() if name in known}), console)
