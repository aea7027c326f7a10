"""``python -m models train --engine ultralytics``: a bundle whose graph is a classifier that ultralytics trained.

Its classifier gives every picture one class. A class here is a condition with the defects that the label names, as
"1-minor scratch"; the probability of a defect or a condition is that of all classes that have it, so a defect that no
label of a set could name counts as absent there. No weights come with the package: it starts from none, unless a file
of weights is named as ``model``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console

from datasets.manifest import Sample, digest, read_manifest
from datasets.splits import groups_digest, held_out
from inspection.errors import ConfigError, InspectionError
from inspection.finding import Condition, Defect
from inspection.frame import Pixels
from models import novelty
from models.contract import BundleSpec, DataSpec, InputSpec, Thresholds
from models.lineage import made_of
from models.pixels import fit

MODEL = "yolo11n-cls.yaml"
GOLDEN_PICTURES = 6
NOVELTY_QUANTILE = 0.99
QUALITY = 95
NOT_TOLD = ("data", "golden", "out", "work", "command")
Floats = npt.NDArray[np.float32]


class EngineMissing(InspectionError):
    """A package that only training needs is not installed."""

    code = "training.engine_missing"


@dataclass(frozen=True, slots=True)
class YoloOptions:
    """What a training with ultralytics is told.

    Attributes:
        data: folders with a ``manifest.csv``.
        golden: pictures of our own for the golden samples.
        out: folder of the bundle; an older one there is replaced at the end.
        work: the fitted pictures and ultralytics' own files are kept there.
        name: of the bundle.
        version: of the bundle.
        model: yaml of a classifier that ultralytics knows, or a file of its weights.
        size: side of the graph's input, a multiple of 32.
        epochs: passes over the training pictures.
        minutes: of processor time at most, instead of ``epochs``; 0 for no limit.
        seed: the same gives the same bundle on the same machine, when no time limits it.
        threads: processor threads.
        held_out_share: share of every set and condition that is not trained on.
        wrong_resell: stated maximum rate of wrong resell; wrong_scrap likewise.
        command: how it was called, for the card.
    """

    data: Sequence[Path]
    golden: Path
    out: Path
    work: Path
    name: str = "yolo"
    version: str = "1"
    model: str = MODEL
    size: int = 288
    epochs: int = 30
    minutes: float = 0.0
    seed: int = 0
    threads: int = 2
    held_out_share: float = 0.25
    wrong_resell: float = 0.01
    wrong_scrap: float = 0.005
    command: str = "python -m models train --engine ultralytics"


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of labels, in the order of their names, which is the order ultralytics gives them.

    Attributes:
        names: "<place of the condition>-<condition>", and after a space the defects, joined by "+".
        has_defect: float32 (K, D), 1 where a class has the defect.
        has_condition: float32 (K, 4).
    """

    names: tuple[str, ...]
    has_defect: Floats
    has_condition: Floats

    @classmethod
    def of(cls, samples: Sequence[Sample], defects: Sequence[Defect]) -> Classes:
        """The classes of ``samples``; the columns are ``defects``."""
        first = {class_name(sample): sample for sample in samples}
        names = tuple(sorted(first))
        has_defect = np.array([[defect in first[name].defects for defect in defects] for name in names], np.float32)
        has_condition = np.array([[first[name].condition is one for one in Condition] for name in names], np.float32)
        return cls(names, has_defect, has_condition)

    def place(self, sample: Sample) -> int:
        """Of the sample's class; -1 when nothing of it was trained on."""
        name = class_name(sample)
        return self.names.index(name) if name in self.names else -1


def class_name(sample: Sample) -> str:
    """The class of a sample; a folder's name."""
    place = list(Condition).index(sample.condition)
    defects = "+".join(str(defect) for defect in Defect if defect in sample.defects)
    return f"{place}-{sample.condition} {defects}".strip()


def train(options: YoloOptions, console: Console) -> str:
    """Train a bundle and write it to ``options.out``; returns its id.

    Raises:
        EngineMissing: torch or ultralytics is not installed.
        ConfigError: the data cannot be used; says why.
    """
    require_packages()
    from models.engines import yolo_graph  # noqa: PLC0415 - torch is not everywhere
    from models.training.export import write_bundle  # noqa: PLC0415 - likewise
    from models.training.fit import labels_of  # noqa: PLC0415 - likewise

    samples = [sample for folder in options.data for sample in read_manifest(folder)]
    labels = labels_of(samples)
    train_rows, test_rows = held_out(samples, options.held_out_share, options.seed)
    classes = Classes.of([samples[row] for row in train_rows], labels.defects)
    if len(classes.names) < 2 or not test_rows or not labels.defects:  # noqa: PLR2004
        raise ConfigError("too little data: two classes, some defect, and groups to hold out are needed")
    golden = _golden(options.golden)
    console.print(f"{len(train_rows)} pictures to train on, {len(test_rows)} held out by group, {options.model}")
    console.print(f"{len(classes.names)} classes: {', '.join(classes.names)}")
    folder = fitted_folder(options, samples, train_rows, test_rows)
    weights = yolo_graph.fit_classifier(
        folder, options.work / "ultralytics", options.model, size=options.size, epochs=options.epochs,
        minutes=options.minutes, seed=options.seed, threads=options.threads,
    )  # fmt: skip
    graph = yolo_graph.ClassGraph(weights, classes.has_defect, classes.has_condition)
    rows = [*test_rows, *train_rows]
    logits, embeddings = yolo_graph.predict(graph, (fitted(samples[row], options.size) for row in rows))
    held = len(test_rows)
    parts = (test_rows, train_rows)
    spec, temperature, reference = _measured(options, samples, classes, logits[:held], embeddings, parts)
    graph.temperature = temperature
    bundle_id = write_bundle(
        options.out, cast("Any", graph), spec, asdict(reference), golden, write_card(spec, samples, options)
    )
    console.print_json(data=dict(spec.metrics))
    return bundle_id


def require_packages() -> None:
    """Refuse to begin without what training needs.

    Raises:
        EngineMissing: names the package.
    """
    for name in ("torch", "ultralytics"):
        if importlib.util.find_spec(name) is None:
            raise EngineMissing(
                f"{name} is not installed, which --engine ultralytics needs",
                hint="install requirements/train.txt, or leave --engine out",
            )


def _measured(
    options: YoloOptions, samples: Sequence[Sample], classes: Classes, logits: Floats, embeddings: Floats,
    parts: tuple[Sequence[int], Sequence[int]],
) -> tuple[BundleSpec, float, novelty.Reference]:  # fmt: skip
    """Temperature, thresholds and figures on the held-out groups; ``embeddings`` are of these, then of the others."""
    from models.training import kinds, measure  # noqa: PLC0415 - scikit-learn is not everywhere
    from models.training.fit import labels_of  # noqa: PLC0415 - torch is not everywhere

    held, trained = parts
    labels = labels_of(samples)
    target = np.array([classes.place(samples[row]) for row in held])
    truth = labels.condition[np.asarray(held)]
    calibrating, examining = held_out([samples[row] for row in held], 0.5, options.seed + 1)
    usable = [row for row in calibrating if target[row] >= 0]
    if not usable or not examining:
        raise ConfigError("too little data: the held-out groups have no class that was trained on, or are too few")
    temperature = measure.temperature(logits[usable], target[usable])
    p_classes = measure.softmax(logits / np.float32(temperature))
    p_defects, p_conditions = p_classes @ classes.has_defect, p_classes @ classes.has_condition
    reference = novelty.learn(embeddings[len(held) :], np.array([samples[row].goods for row in trained]))
    rates = options.wrong_resell, options.wrong_scrap
    tried = kinds.tried_of(samples, labels.condition, [(held, p_conditions)])
    thresholds = Thresholds(
        defects=measure.defect_thresholds(p_defects[calibrating], labels, [held[row] for row in calibrating]),
        maps=0.3,
        confident=measure.conformal_threshold(p_conditions[calibrating], truth[calibrating], *rates),
        goods=kinds.kinds(tried, *rates) | kinds.untried(samples, tried),
        novelty=float(np.quantile(reference.distances(embeddings[: len(held)]), NOVELTY_QUANTILE)),
        wrong_resell=options.wrong_resell,
        wrong_scrap=options.wrong_scrap,
    )
    metrics: dict[str, Any] = {
        "held_out": measure.per_set(samples, labels, held, p_defects, p_conditions),
        "calibration_error": measure.calibration_error(p_conditions[examining], truth[examining]),
        "classes": list(classes.names),
    }
    config = {key: value for key, value in asdict(options).items() if key not in NOT_TOLD} | {"engine": "ultralytics"}
    spec = BundleSpec(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).date().isoformat(),
        input=InputSpec(size=options.size),
        defects=labels.defects,
        thresholds=thresholds,
        data=DataSpec(
            digest=digest(samples),
            pictures=len(samples),
            sets=dict(sorted(Counter(sample.set for sample in samples).items())),
            seed=options.seed,
            held_out_share=options.held_out_share,
            held_out_digest=groups_digest([samples[row] for row in held]),
        ),
        lineage=made_of(samples, json.loads(json.dumps(config))),
        metrics=metrics,
        files={},
    )
    return spec, temperature, reference


def fitted_folder(options: YoloOptions, samples: Sequence[Sample], train: Sequence[int], held: Sequence[int]) -> Path:
    """The pictures as the graph will see them, a folder a class, as ultralytics wants them; what is there is kept."""
    key = hashlib.sha256(f"{digest(samples)} {options.size} {list(train)}".encode()).hexdigest()[:16]
    folder = options.work / "ultralytics" / f"pictures-{key}"
    for part, rows in (("train", train), ("val", held)):
        for row in rows:
            file = folder / part / class_name(samples[row]) / f"{row:06d}.jpg"
            if file.is_file():
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            done, coded = cv2.imencode(".jpg", fitted(samples[row], options.size), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            if not done:
                raise ConfigError(f"{samples[row].path} cannot be written as JPEG")
            fresh = file.with_suffix(".new")
            fresh.write_bytes(coded.tobytes())
            fresh.replace(file)
    return folder


def fitted(sample: Sample, size: int) -> Pixels:
    """The graph's input of a sample, the whole picture.

    Raises:
        ConfigError: it cannot be read.
    """
    pixels = cv2.imread(str(sample.path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ConfigError(f"{sample.path} cannot be read as a picture")
    return fit(np.asarray(pixels, np.uint8), size)[0]


def write_card(spec: BundleSpec, samples: Sequence[Sample], options: YoloOptions) -> str:
    """Markdown of the card."""
    metrics: dict[str, Any] = dict(spec.metrics)
    licences = Counter((sample.set, sample.licence) for sample in samples)
    rows = [
        "| set | pictures | groups | AUROC damaged/intact | balanced accuracy | macro-F1 of defects | called damaged |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in metrics["held_out"].items():
        figures = [row.get(key, "–") for key in ("auroc", "balanced_accuracy", "macro_f1")]
        cells = " | ".join(str(cell) for cell in (row["pictures"], row["groups"], *figures))
        rows.append(f"| {name} | {cells} | {row['called_damaged']:.1%} |")
    sections = [
        f"# {spec.name} {spec.version}",
        "Judges returned goods from pictures: defect types, condition, where, and how unlike the training pictures an "
        "item is. A policy and a person decide; this model only says what it sees.",
        f"Made {spec.created} by `{options.command}`.",
        "## Model",
        f"{options.model} of ultralytics (AGPL-3.0), input {spec.input.size} px, the whole picture; "
        + ("no weights to start from." if options.model.endswith(".yaml") else "started from the weights of that name.")
        + f" One of {len(metrics['classes'])} classes a picture; the maps are class activation maps, cells of 32 px. "
        "A defect that a set's labels could not name counts as absent there.",
        "## Trained on",
        "\n".join(f"- {name}: {count} pictures, {licence}" for (name, licence), count in sorted(licences.items())),
        f"## On held-out groups ({spec.data.held_out_share:.0%} of each set and condition, seed {spec.data.seed})",
        "\n".join(rows),
        f"Calibration error of the condition: {metrics['calibration_error']}.",
        "## Where it fails",
        "- Sets of few shooting days are held out by group like the others; where days tell, figures flatter.\n"
        "- Never trained from ImageNet weights unless they were named: expect less than from the default engine.",
    ]
    return "\n\n".join(sections) + "\n"


def _golden(folder: Path) -> list[Pixels]:
    files = sorted(path for path in folder.rglob("*.jpg") if "mask" not in path.name)
    if not files:
        raise ConfigError(f"no golden pictures in {folder}", hint="run python -m datasets.render first")
    step = max(1, len(files) // GOLDEN_PICTURES)
    return [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8) for path in files[::step][:GOLDEN_PICTURES]]
