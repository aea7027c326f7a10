"""From folders of labelled pictures to features: items found, cut out, and painted where days tell the label."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnxruntime as ort
from rich.progress import Progress
from torch import nn

from datasets.manifest import Sample, read_manifest
from datasets.splits import few_days
from inspection.finding import Box, Condition, Defect
from models.contract import FinderSpec
from models.finder import Finder
from models.training.backbone import Trunk
from models.training.config import TrainOptions
from models.training.export import export_finder
from models.training.features import Cut, FeatureCache, Glass, JoinedFeatures
from models.training.finder import SIZE, FinderGraph, chosen_samples, train_finder
from models.training.fit import PAINTED, Labels, labels_of
from models.training.items import item_mask, read_picture, stamp
from models.training.last import Last

FINDER_SPEC = FinderSpec(size=SIZE)
BACKGROUNDS = 48
BATCH = 16


@dataclass(frozen=True, slots=True)
class Material:
    """Everything a fit needs.

    Attributes:
        every: the real samples in the order of the manifests, which decides the split.
        samples: in the order of the features; the painted ones last.
        labels: of them.
        boxes: what is cut out of each real sample; ``None`` where it is judged whole.
        painted: how many painted samples there are.
        kept: sets of too few days to hold one out.
        trunk: the frozen part.
        cache: features of the samples.
        finder: graph that finds items; ``None`` where too few clear ones were there to learn from.
        backgrounds: photographs that items were put on.
    """

    every: list[Sample]
    samples: list[Sample]
    labels: Labels
    boxes: list[Box | None]
    painted: int
    kept: frozenset[str]
    trunk: Trunk
    cache: JoinedFeatures
    finder: FinderGraph | None
    backgrounds: tuple[Path, ...]


def gather(options: TrainOptions, network: nn.Module, progress: Progress, last: Last | None = None) -> Material:
    """Read the folders, train the finder, and compute features of every version of every picture.

    With the ``last`` training, its finder and backgrounds are taken: then only new pictures are looked at.

    Raises:
        ConfigError: the data cannot be used; says why.
    """
    parts = [read_manifest(folder) for folder in options.data]
    every = [sample for part in parts for sample in part]
    masks = options.work / "items"
    masks.mkdir(parents=True, exist_ok=True)
    finder = _finder(options, network, every, progress, last)
    boxes: dict[str, Box | None] = {} if finder is None else _boxes(finder, every, options, progress)
    boxes = {sample.name: boxes.get(sample.name) for sample in every}
    kept = few_days(every)
    backgrounds = _backgrounds(every, kept) if last is None else last.backgrounds
    caches, painted_caches = [], []
    ordered: list[Sample] = []
    painted: list[Sample] = []
    for part in parts:
        cut = [sample for sample in part if boxes[sample.name] is not None or sample.set in kept]
        whole = [sample for sample in part if sample not in cut]
        if whole:
            caches.append(FeatureCache(options.work / "features", whole, options.size, options.versions, options.seed))
        if cut:
            caches.append(_cut_cache(options, cut, boxes, backgrounds, painted=False))
        ordered += whole + cut
        dented = [
            _painted(sample)
            for sample in cut
            if sample.set in kept and not sample.damaged and item_mask(sample, masks) is not None
        ]
        if dented:
            boxes |= {sample.name: boxes[_unpainted(sample.name)] for sample in dented}
            painted_caches.append(_cut_cache(options, dented, boxes, backgrounds, painted=True))
        cracked = _cracked(whole, kept, options)
        if cracked:
            painted_caches.append(
                FeatureCache(
                    options.work / "features", cracked, options.size, options.cracked_versions - 1, options.seed,
                    glass=Glass(masks),
                )
            )  # fmt: skip
        painted += dented + cracked
    trunk = Trunk(network)
    cache = JoinedFeatures(caches + painted_caches)
    task = progress.add_task("features", total=cache.total)
    cache.fill(trunk, options.threads, lambda count: progress.advance(task, count))
    samples = ordered + painted
    return Material(
        every,
        samples,
        labels_of(samples),
        [boxes[sample.name] for sample in ordered],
        len(painted),
        kept,
        trunk,
        cache,
        finder,
        backgrounds,
    )


def _finder(
    options: TrainOptions, network: nn.Module, every: Sequence[Sample], progress: Progress, last: Last | None
) -> FinderGraph | None:
    if not options.finder:
        return None
    if last is not None:
        return last.finder_graph(network)
    task = progress.add_task("learning to find items", total=len(chosen_samples(every, options.seed)))
    return train_finder(
        network, every, options.work / "items", options.seed, options.threads,
        lambda count: progress.advance(task, count),
    )  # fmt: skip


def _boxes(
    finder: FinderGraph, samples: Sequence[Sample], options: TrainOptions, progress: Progress
) -> dict[str, Box | None]:
    """What to cut out of each sample, by its name; kept for the next run, picture by picture."""
    kept = options.work / "items" / f"boxes-{_key(finder)}.json"
    known: dict[str, list[int] | None] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    marks = {sample.name: f"{sample.name} {stamp(sample.path)}" for sample in samples}
    missing = [sample for sample in samples if marks[sample.name] not in known]
    if missing:
        file = options.work / "items" / "finder-graph.onnx"
        export_finder(finder, file, SIZE)
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = options.threads
        judge = Finder(ort.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"]), FINDER_SPEC)
        task = progress.add_task("finding items", total=len(missing))
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            found = judge.crops([read_picture(sample.path) for sample in some])
            for sample, box in zip(some, found, strict=True):
                known[marks[sample.name]] = None if box is None else [box.x, box.y, box.width, box.height]
            progress.advance(task, len(some))
        fresh = kept.with_suffix(".new")
        fresh.write_text(json.dumps(known), encoding="utf-8")
        fresh.replace(kept)
    places = {sample.name: known[marks[sample.name]] for sample in samples}
    return {name: None if box is None else Box(*box) for name, box in places.items()}


def _key(finder: FinderGraph) -> str:
    """Of the finder's weights and how it is read."""
    found = hashlib.sha256(str(FINDER_SPEC).encode())
    for value in finder.head.state_dict().values():
        found.update(value.numpy().tobytes())
    return found.hexdigest()[:16]


def _backgrounds(samples: Sequence[Sample], kept: frozenset[str]) -> tuple[Path, ...]:
    """Photographs to put items on: evenly from the sets of many days, damaged ones not, as damage is no background."""
    fit = [sample.path for sample in samples if sample.set not in kept and not sample.damaged]
    return tuple(fit[:: max(1, len(fit) // BACKGROUNDS)][:BACKGROUNDS])


def _cut_cache(
    options: TrainOptions, samples: Sequence[Sample], boxes: dict[str, Box | None], backgrounds: tuple[Path, ...],
    *, painted: bool,
) -> FeatureCache:  # fmt: skip
    places = tuple(boxes[sample.name] or _whole(sample) for sample in samples)
    versions = options.painted_versions - 1 if painted else options.cut_versions
    cut = Cut(places, options.work / "items", backgrounds, painted)
    return FeatureCache(options.work / "features", samples, options.size, versions, options.seed, cut)


def _whole(sample: Sample) -> Box:
    height, width = read_picture(sample.path).shape[:2]
    return Box(0, 0, width, height)


def _painted(sample: Sample, defect: Defect = Defect.DAMAGED) -> Sample:
    """The sample with damage painted on; its grade is not known, see ``Labels.graded``."""
    return replace(
        sample, name=f"{PAINTED}/{sample.name}", set=PAINTED, defects=sample.defects | {defect},
        condition=Condition.MAJOR, mask=None,
    )  # fmt: skip


def _cracked(samples: Sequence[Sample], kept: frozenset[str], options: TrainOptions) -> list[Sample]:
    """All intact items of glass among samples judged whole, and as many damaged ones, to be cracked by hand."""
    glass = [
        sample
        for sample in samples
        if sample.goods in options.glass_goods and sample.set not in kept and sample.mask is None
        and Defect.CRACK not in sample.defects
    ]  # fmt: skip
    sound = [sample for sample in glass if not sample.damaged]
    others = [sample for sample in glass if sample.damaged]
    others = others[:: max(1, len(others) // max(1, len(sound)))][: len(sound)]
    return [_painted(sample, Defect.CRACK) for sample in sound + others] if options.cracked_versions else []


def _unpainted(name: str) -> str:
    return name.removeprefix(f"{PAINTED}/")
