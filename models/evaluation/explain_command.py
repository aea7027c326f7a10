"""``python -m models explain`` and ``examples``: why an item was judged so, and the examples a bundle knows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from datasets.manifest import Sample, read_manifest
from inspection.errors import ConfigError
from inspection.frame import ViewPicture
from models import examples
from models.bundle import open_bundle, seal_bundle
from models.explain import Explanation, explain, reference_of
from models.lineage import derived
from models.reference_build import read_picture
from models.runtime import Judge

BATCH = 16


def tell(bundle: Path, files: Sequence[Path], out: Path | None, threads: int) -> None:
    """Judge the pictures as views of one item and print why; write the deciding one, its regions marked, to ``out``."""
    views = [ViewPicture(str(file), read_picture(file)) for file in files]
    found = explain(Judge.load(bundle, threads=threads), open_bundle(bundle), views)
    said = found.assessment
    typer.echo(f"{said.condition} ({said.confidence:.0%}), novelty {said.novelty:.2f}, decided by {found.view}")
    if found.region is not None:
        where = "" if found.region.box is None else f" at {_place(found)}"
        typer.echo(f"first look at: {found.region.defect} ({found.region.probability:.0%}){where}")
    table = Table(title="known examples most like it")
    for column in ("name", "condition", "defects", "distance"):
        table.add_column(column)
    for one in found.similar:
        table.add_row(one.name, str(one.condition), ", ".join(map(str, one.defects)), f"{one.distance:.2f}")
    if found.similar:
        Console(width=120).print(table)
    else:
        typer.echo("the bundle keeps no examples: python -m models examples")
    if out is not None:
        marked = _marked(next(view for view in views if view.view == found.view), found)
        if not cv2.imwrite(str(out), marked):
            raise ConfigError(f"{out} cannot be written", hint="name a .png or .jpg file with --out")
        typer.echo(f"picture: {out}")


def add_examples(bundle: Path, folders: Sequence[Path], out: Path, threads: int) -> None:
    """Write the bundle with the pictures of labelled folders as its known examples to ``out``."""
    if out.exists():
        raise ConfigError(f"{out} exists already", hint="name another folder with --out")
    opened, judge = open_bundle(bundle), Judge.load(bundle, threads=threads)
    samples = [sample for folder in folders for sample in read_manifest(folder)]
    parts = []
    for start in track(range(0, len(samples), BATCH), description="looking at examples"):
        pictures = [_view(sample) for sample in samples[start : start + BATCH]]
        parts.append(judge.run_raw(judge.preprocess(pictures)).embedding)
    known = examples.learn(
        reference_of(opened),
        np.concatenate(parts),
        [sample.name for sample in samples],
        [sample.condition for sample in samples],
        [sample.defects for sample in samples],
    )
    shutil.copytree(bundle, out)
    (out / examples.EXAMPLES).write_bytes(known.to_bytes())
    seal_bundle(out, opened.spec.model_copy(update={"lineage": derived(opened, {"examples": len(samples)})}))
    typer.echo(f"bundle: {Judge.load(out, threads=threads).bundle_id} with {len(samples)} examples")


def _view(sample: Sample) -> ViewPicture:
    return ViewPicture(sample.name, read_picture(sample.path))


def _place(found: Explanation) -> str:
    region = found.region
    if region is None or region.box is None:
        return ""
    box = region.box
    mm = "" if region.size_mm is None else f", {region.size_mm[0]:.1f} x {region.size_mm[1]:.1f} mm"
    return f"({box.x}, {box.y}), {box.width} x {box.height} px{mm}"


def _marked(picture: ViewPicture, found: Explanation) -> np.ndarray:
    drawn = picture.pixels.copy()
    line = max(1, max(drawn.shape[:2]) // 300)
    for finding in found.assessment.findings:
        if finding.view == found.view and finding.box is not None:
            box, colour = finding.box, (40, 40, 220) if finding == found.region else (40, 170, 240)
            cv2.rectangle(drawn, (box.x, box.y), (box.x + box.width, box.y + box.height), colour, line)
    return drawn
