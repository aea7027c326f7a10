"""What different methods tell damaged from intact by, on the same held-out groups: a row a method, a column a set.

    nice -n 10 python -m benchmarks.judge_methods [--data DIR] [--minutes 10] [--most 0] [--size 288]

Floor: frozen ImageNet features of the whole picture and logistic regression. PatchCore (Roth et al. 2022, arXiv
2106.08265), our own small one: nearest neighbours among the patches of the same backbone of intact pictures of the set.
ultralytics' YOLO11n-cls and YOLO26n-cls from no weights, as no weights come with the package. Ours: a finished bundle,
which took its own time. Minutes are of processor time, so that other programs do not matter. A method that is done is
kept in ``--out`` and not done again; progress is told as it goes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from datasets.manifest import Sample, read_manifest
from datasets.splits import few_days, held_out
from inspection.finding import Condition
from inspection.frame import ViewPicture
from models.engines import yolo, yolo_graph
from models.evaluation.figures import auroc
from models.runtime import Judge
from models.training import measure
from models.training.backbone import Trunk, pretrained
from models.training.fit import Labels, labels_of
from models.training.items import read_picture

ROOT = Path(__file__).resolve().parents[1]
PATCHES_OF_A_PICTURE, PATCHES_OF_A_SET = 60, 6000
FLOOR_C = 0.01
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ground:
    """What all methods share: samples, their labels, and which are trained on and judged."""

    samples: list[Sample]
    labels: Labels
    train: list[int]
    judged: list[int]
    size: int
    minutes: float
    out: Path
    threads: int

    def damaged(self, rows: Sequence[int]) -> npt.NDArray[np.bool_]:
        return np.asarray(self.labels.condition[np.asarray(rows)] > 0)


def main(
    data: Annotated[Path, typer.Option(help="Folder with a manifest.csv.")] = ROOT.parent / "shared/datasets",
    bundle: Annotated[Path, typer.Option(help="Ours.")] = ROOT / "models/bundles/default",
    out: Annotated[Path, typer.Option(help="Results by method are kept here.")] = ROOT / "runs/methods",
    minutes: Annotated[float, typer.Option(min=0.1, help="Processor minutes of a training.")] = 10.0,
    most: Annotated[int, typer.Option(min=0, help="Pictures trained on, evenly; a third as many judged. 0: all.")] = 0,
    size: Annotated[int, typer.Option(min=64)] = 288,
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    samples = read_manifest(data)
    kept = few_days(samples)
    train, judged = held_out(samples, 0.25, 0, kept=kept)
    train = [row for row in train if samples[row].set not in kept]
    ground = Ground(
        samples, labels_of(samples), _some(train, most), _some(judged, most // 3), size, minutes, out, threads
    )
    key = f"{len(ground.train)}-{len(ground.judged)}-{size}-{minutes:g}"
    methods: dict[str, Callable[[], dict[str, Any]]] = {
        "ours, a finished bundle": lambda: ours(ground, bundle),
        "floor and PatchCore": lambda: frozen(ground),
        "YOLO11n-cls": lambda: trained(ground, "yolo11n-cls.yaml"),
        "YOLO26n-cls": lambda: trained(ground, "yolo26n-cls.yaml"),
    }
    found: dict[str, Any] = {}
    for name, method in methods.items():
        file = out / f"{name.replace(' ', '-').replace(',', '')}-{key}.json"
        if not file.is_file():
            typer.echo(f"{time.strftime('%H:%M:%S')} {name}", err=True)
            began = time.process_time()
            result = method()
            rows = {row: {**figures, "seconds": round(time.process_time() - began)} for row, figures in result.items()}
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(rows), encoding="utf-8")
        found |= json.loads(file.read_text(encoding="utf-8"))
        Console(width=150).print(table(found, ground))


def ours(ground: Ground, bundle: Path) -> dict[str, Any]:
    """The bundle's graph on what it cuts out."""
    judge = Judge.load(bundle, threads=ground.threads)
    known = {defect: place for place, defect in enumerate(judge.spec.defects)}
    defects, conditions = [], []
    for row in ground.judged:
        raw = judge.run_raw(judge.preprocess([ViewPicture("any", read_picture(ground.samples[row].path))]))
        defects.append([raw.defects[0, known[d]] if d in known else 0.0 for d in ground.labels.defects])
        conditions.append(raw.conditions[0])
    return {f"ours, {judge.bundle_id}": figures(ground, np.array(defects, np.float32), np.array(conditions))}


def frozen(ground: Ground) -> dict[str, Any]:
    """Both methods that train nothing, from one pass of the backbone."""
    rows = [*ground.train, *ground.judged]
    embeddings, patches = _features(ground, rows)
    count = len(ground.train)
    classes = yolo.Classes.of([ground.samples[row] for row in ground.train], ground.labels.defects)
    target = np.array([classes.place(ground.samples[row]) for row in ground.train])
    scaled = (embeddings - embeddings[:count].mean(axis=0)) / (embeddings[:count].std(axis=0) + 1e-6)
    model = LogisticRegression(C=FLOOR_C, class_weight="balanced", max_iter=300).fit(scaled[:count], target)
    p = np.zeros((len(ground.judged), len(classes.names)), np.float32)
    p[:, model.classes_] = model.predict_proba(scaled[count:])
    floor = figures(ground, p @ classes.has_defect, p @ classes.has_condition)
    return {
        "floor: frozen features, logistic regression": floor,
        "PatchCore, same backbone": patchcore(ground, patches),
    }


def patchcore(ground: Ground, patches: Floats) -> dict[str, Any]:
    """AUROC of the greatest distance of a picture's patches to those of intact ones of its set."""
    rng = np.random.default_rng(0)
    sets = np.array([ground.samples[row].set for row in [*ground.train, *ground.judged]])
    count, result = len(ground.train), {}
    intact = ~ground.damaged(ground.train)
    for name in np.unique(sets):
        known = np.flatnonzero((sets[:count] == name) & intact)
        judged = np.flatnonzero(sets[count:] == name)
        truth = ground.damaged([ground.judged[row] for row in judged])
        if not len(known) or truth.all() or not truth.any():
            continue
        kept = [patches[row][rng.permutation(len(patches[row]))[:PATCHES_OF_A_PICTURE]] for row in known]
        bank = np.concatenate(kept)
        bank = bank[rng.permutation(len(bank))[:PATCHES_OF_A_SET]].astype(np.float32)
        squares = np.einsum("nc,nc->n", bank, bank)
        scores = []
        for row in judged:
            query = patches[count + row].astype(np.float32)
            apart = squares - 2 * query @ bank.T
            scores.append(float((apart.min(axis=1) + np.einsum("nc,nc->n", query, query)).max()))
        result[str(name)] = {"auroc": auroc(truth, np.array(scores))}
    return {"sets": result}


def trained(ground: Ground, model: str) -> dict[str, Any]:
    """A classifier of ultralytics, from no weights."""
    options = yolo.YoloOptions([], ROOT, ROOT, ground.out, model=model, size=ground.size)
    folder = yolo.fitted_folder(options, ground.samples, ground.train, ground.judged)
    weights = yolo_graph.fit_classifier(
        folder, ground.out / model.removesuffix(".yaml"), model, size=ground.size, epochs=100, minutes=ground.minutes,
        seed=0, threads=ground.threads,
    )  # fmt: skip
    classes = yolo.Classes.of([ground.samples[row] for row in ground.train], ground.labels.defects)
    graph = yolo_graph.ClassGraph(weights, classes.has_defect, classes.has_condition)
    pictures = (yolo.fitted(ground.samples[row], ground.size) for row in ground.judged)
    p = measure.softmax(yolo_graph.predict(graph, pictures)[0])
    return {
        f"{model.removesuffix('.yaml')}, no weights": figures(ground, p @ classes.has_defect, p @ classes.has_condition)
    }


def figures(ground: Ground, defects: Floats, conditions: Floats) -> dict[str, Any]:
    """By set, and the calibration error of all."""
    truth = ground.labels.condition[np.asarray(ground.judged)]
    return {
        "sets": measure.per_set(ground.samples, ground.labels, ground.judged, defects, conditions),
        "calibration_error": measure.calibration_error(conditions, truth),
    }


def table(found: dict[str, Any], ground: Ground) -> Table:
    """A row a method."""
    sets = sorted({ground.samples[row].set for row in ground.judged})
    title = f"{len(ground.train)} trained on, {len(ground.judged)} judged, {ground.size} px, {ground.minutes:g} minutes"
    shown = Table(title=title)
    for column in ("method", *sets, "macro-F1 phones", "calibration error", "processor s"):
        shown.add_column(column, justify="left" if column == "method" else "right")
    for name, row in found.items():
        cells = [_cell(row["sets"].get(one, {})) for one in sets]
        extra = row["sets"].get("phones", {}).get("macro_f1", "–"), row.get("calibration_error", "–"), row["seconds"]
        shown.add_row(name, *cells, *map(str, extra))
    shown.caption = f"AUROC damaged/intact; sets with intact ones only: called damaged. {', '.join(Condition)}"
    return shown


def _cell(figures_of_set: dict[str, Any]) -> str:
    if figures_of_set.get("auroc") is not None:
        return f"{figures_of_set['auroc']:.3f}"
    return f"{figures_of_set['called_damaged']:.1%}" if "called_damaged" in figures_of_set else "–"


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not read by mypy here
def _features(ground: Ground, rows: Sequence[int]) -> tuple[Floats, npt.NDArray[np.float16]]:
    """Pooled last features (N, 1280) and patches (N, h * w, 112) of whole pictures."""
    network = pretrained()
    trunk = Trunk(network).eval()
    embeddings, patches = [], []
    for start in range(0, len(rows), yolo_graph.BATCH):
        some = [yolo.fitted(ground.samples[row], ground.size) for row in rows[start : start + yolo_graph.BATCH]]
        fine, coarse = trunk(torch.from_numpy(np.stack(some)))
        last = network.bn2(network.conv_head(network.blocks[-1](coarse)))
        embeddings.append(last.mean(dim=(2, 3)).numpy())
        patches.append(fine.flatten(2).transpose(1, 2).numpy().astype(np.float16))
        if start % 160 == 0:
            typer.echo(f"{time.strftime('%H:%M:%S')} features {start} of {len(rows)}", err=True)
    return np.concatenate(embeddings), np.concatenate(patches)


def _some(rows: Sequence[int], most: int) -> list[int]:
    """At most that many, evenly."""
    return list(rows) if not most or len(rows) <= most else [rows[place * len(rows) // most] for place in range(most)]


if __name__ == "__main__":
    typer.run(main)
