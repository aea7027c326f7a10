"""Where a bundle comes from: data by set, code and options, and the bundle before it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from datasets.manifest import Sample, digest
from inspection import __version__
from models.bundle import Bundle
from models.contract import Lineage

ROOT = Path(__file__).resolve().parents[1]


def made_of(
    samples: Sequence[Sample], config: Mapping[str, JsonValue], parent: Bundle | None = None, *, code: str | None = None
) -> Lineage:
    """The lineage of a bundle trained on ``samples`` with the options ``config``, to replace ``parent``."""
    sets = sorted({sample.set for sample in samples})
    return Lineage(
        parent=None if parent is None else parent.bundle_id,
        parent_sha256=None if parent is None else parent.sha256,
        data={name: digest([sample for sample in samples if sample.set == name]) for name in sets},
        code=code_version() if code is None else code,
        config=dict(config),
    )


def derived(parent: Bundle, config: Mapping[str, JsonValue]) -> Lineage:
    """The lineage of a bundle made from another one without training."""
    data = parent.spec.lineage.data if parent.spec.lineage is not None else {}
    return Lineage(
        parent=parent.bundle_id, parent_sha256=parent.sha256, data=data, code=code_version(), config=dict(config)
    )


def code_version(folder: Path = ROOT) -> str:
    """``<version> <commit>``, with ``, changed`` when files differ from it; the version alone outside a repository."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return __version__
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "models", "datasets", "inspection")
    return f"{__version__} {commit}{', changed' if changed else ''}"
