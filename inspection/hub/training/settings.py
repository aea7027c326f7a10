"""The section ``training`` of the hub's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class TrainingSection(BaseModel):
    """Trainings. They run in ``hub_app.py worker``, or on a machine of their own in ``hub_app.py trainer``.

    Attributes:
        in_worker: whether ``hub_app.py worker`` trains too; false where another machine runs the trainer.
        folder: features, weights and bundles are kept there; ``None`` is ``data_dir/training``.
        python: the interpreter that has torch; ``None`` is this one.
        options: YAML with options of ``python -m models train``.
        golden: pictures for the golden samples; ``None`` is datasets/demo.
        threads: processor threads.
        nice: how much less urgent than everything else, 0..19.
        attempts: a training that ended so often without its own doing, e.g. with its worker, is given up.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_worker: bool = True
    folder: Path | None = None
    python: Path | None = None
    options: Path | None = None
    golden: Path | None = None
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    nice: Annotated[int, Field(ge=0, le=19)] = 10
    attempts: Annotated[int, Field(ge=1, le=50)] = 5
