"""An int8 variant of a bundle: which layers may be rounded is chosen by what it costs on the user's own pictures.

Static quantisation of weights (per channel) and activations (onnxruntime.quantization, QDQ). Several recipes are tried,
from all convolutions to fewer of the first and last ones; the fastest whose opinions stay those of the
original within the stated limit becomes the bundle, with golden samples of its own and what was measured on its card.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from inspection.errors import ConfigError
from inspection.frame import Pixels, ViewPicture
from models.bundle import CARD, EXPECTED, GRAPH, Bundle, open_bundle, seal_bundle
from models.contract import OUTPUTS
from models.lineage import derived
from models.runtime import Judge, Raw

GOLDEN_TOLERANCE = 0.05
"""Of rounded outputs on other processors: instructions for 8-bit products differ in how they saturate."""
LEAST_PICTURES = 16
ROUNDS = 30
SELLABLE = 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """What stays in floating point, and how ranges are chosen from the calibration pictures."""

    name: str
    method: str
    kept: tuple[str, ...]


_EARLY, _HEADS = ("/trunk/stem/", "/trunk/blocks.0/", "/trunk/blocks.1/"), ("/tail/",)
RECIPES = (
    Recipe("all convolutions, least and greatest", "MinMax", ()),
    Recipe("without stem, first blocks and heads, least and greatest", "MinMax", (*_EARLY, *_HEADS)),
    Recipe("without stem, first blocks and heads, 99.999 % of values", "Percentile", (*_EARLY, *_HEADS)),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What rounding changes on pictures that did not choose the ranges, and what it saves.

    Attributes:
        pictures: how many were compared.
        same_condition: share whose most probable condition stays.
        same_call: share that is called sellable, or not, as before.
        mean_off: mean absolute difference of p_sellable; worst_off the greatest.
        ms: milliseconds a picture alone, the best of many; ms_before of the original, in turns.
    """

    recipe: str
    pictures: int
    same_condition: float
    same_call: float
    mean_off: float
    worst_off: float
    ms: float
    ms_before: float


def quantize(
    folder: Path, pictures: Sequence[Pixels], out: Path, *, threads: int = 2, least_same: float = 0.98,
    done: Callable[[str], None] = lambda _: None,
) -> tuple[Cost, list[Cost]]:  # fmt: skip
    """Write the int8 variant of the bundle in ``folder`` to ``out``; returns the cost of the chosen recipe and of all.

    Half of the pictures choose the ranges, the other half says what it costs.

    Args:
        pictures: uint8 (H, W, 3) BGR, like those that will be judged.
        least_same: share of the pictures whose condition and call must stay.
        done: hears of each step.

    Raises:
        ConfigError: too few pictures, no recipe stays within the limit, or ``out`` exists.
        BundleError: the bundle cannot be loaded.
    """
    if len(pictures) < LEAST_PICTURES:
        raise ConfigError(
            f"{len(pictures)} pictures, at least {LEAST_PICTURES} expected", hint="give more with --images"
        )
    if out.exists():
        raise ConfigError(f"{out} exists already", hint="name another folder with --out")
    bundle, judge = open_bundle(folder), Judge.load(folder, threads=threads)
    batch = np.concatenate([judge.preprocess([ViewPicture("picture", one)]) for one in pictures])
    ranges, examined = batch[::2], batch[1::2]
    before = _run(judge, examined)
    costs: list[Cost] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as work:
        variants = []
        for number, recipe in enumerate(RECIPES):
            done(f"rounding {recipe.name}")
            building = Path(shutil.copytree(folder, Path(work) / str(number)))
            _write_graph(building, bundle.contents[GRAPH], ranges, recipe)
            spec = bundle.spec.model_copy(
                update={
                    "precision": "int8",
                    "golden_tolerance": max(bundle.spec.golden_tolerance, GOLDEN_TOLERANCE),
                    "lineage": derived(bundle, {"quantized": recipe.name, "pictures": len(pictures)}),
                }
            )
            _write_expected(building, bundle, judge, threads)
            seal_bundle(building, spec)
            rounded = Judge.load(building, threads=threads)
            after = _run(rounded, examined)
            costs.append(_cost(recipe, before, after, _times(judge, rounded, examined)))
            variants.append((building, spec))
        fine = [n for n, cost in enumerate(costs) if min(cost.same_condition, cost.same_call) >= least_same]
        fine = [n for n in fine if costs[n].ms < costs[n].ms_before]
        if not fine:
            said = "; ".join(f"{c.recipe}: {c.same_condition:.1%} the same, {c.ms:.1f} ms" for c in costs)
            raise ConfigError(f"no variant is faster and the same on {least_same:.0%} of the pictures: {said}",
                              hint="stay with the original, or lower --least-same")  # fmt: skip
        chosen = min(fine, key=lambda n: costs[n].ms)
        building, spec = variants[chosen]
        card = (building / CARD).read_text(encoding="utf-8")
        (building / CARD).write_text(
            f"{card.rstrip()}\n\n{section(costs[chosen], bundle.bundle_id)}\n", encoding="utf-8"
        )
        seal_bundle(building, spec.model_copy(update={"metrics": {**spec.metrics, "int8": asdict(costs[chosen])}}))
        Judge.load(building, threads=threads)
        building.rename(out)
    return costs[chosen], costs


def section(cost: Cost, parent: str) -> str:
    """What the card says of it."""
    return (
        f"## Rounded to int8 from {parent}\n\n{cost.recipe}. On {cost.pictures} pictures that did not choose the "
        f"ranges: condition the same on {cost.same_condition:.1%}, called sellable or not as before on "
        f"{cost.same_call:.1%}, p_sellable off by {cost.mean_off:.4f} on average and {cost.worst_off:.3f} at most. "
        f"One picture: {cost.ms:.1f} ms instead of {cost.ms_before:.1f} (best of many, in turns on one machine). "
        "Rates and thresholds are those measured before rounding."
    )


def _write_graph(folder: Path, graph: bytes, ranges: Pixels, recipe: Recipe) -> None:
    import onnx  # noqa: PLC0415 - comes with the training extra
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static  # noqa: PLC0415
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns of each thing it need not do
    try:
        prepared = folder / "prepared.onnx"
        source = folder / "source.onnx"
        source.write_bytes(graph)
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        names = [node.name for node in onnx.load(str(prepared)).graph.node if node.op_type == "Conv"]
        quantize_static(
            str(prepared),
            str(folder / GRAPH),
            _Reader(ranges),
            quant_format=QuantFormat.QDQ,
            nodes_to_quantize=[name for name in names if not name.startswith(recipe.kept)] if recipe.kept else names,
            per_channel=True,
            reduce_range=False,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=getattr(CalibrationMethod, recipe.method),
        )
    finally:
        root.setLevel(level)
        for left in (folder / "prepared.onnx", folder / "source.onnx"):
            left.unlink(missing_ok=True)


class _Reader:
    """Feeds the calibration pictures one by one, as onnxruntime.quantization asks for them."""

    def __init__(self, ranges: Pixels) -> None:
        self._batches: Iterator[dict[str, Any]] = iter({"pictures": one[None]} for one in ranges)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)

    def set_range(self, start_index: int, end_index: int) -> None:
        raise NotImplementedError


def _write_expected(folder: Path, bundle: Bundle, judge: Judge, threads: int) -> None:
    files = [np.frombuffer(bundle.contents[name], np.uint8) for name in bundle.golden_pictures]
    golden = [
        ViewPicture(str(n), np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)) for n, file in enumerate(files)
    ]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])
    outputs = session.run(list(OUTPUTS), {"pictures": judge.preprocess(golden)})
    np.savez(folder / EXPECTED, **dict(zip(OUTPUTS, outputs, strict=True)))


def _run(judge: Judge, batch: Pixels) -> Raw:
    raws = [judge.run_raw(one[None]) for one in batch]
    return Raw(*(np.concatenate([getattr(raw, name) for raw in raws]) for name in OUTPUTS))


def _times(before: Judge, after: Judge, batch: Pixels) -> tuple[float, float]:
    times: list[list[float]] = [[], []]
    for number in range(ROUNDS):
        for place, judge in enumerate((before, after)):
            start = time.perf_counter()
            judge.run_raw(batch[number % len(batch)][None])
            times[place].append((time.perf_counter() - start) * 1e3)
    return min(times[0]), min(times[1])  # others use the processor, too: the best of many is the most alike


def _cost(recipe: Recipe, before: Raw, after: Raw, ms: tuple[float, float]) -> Cost:
    def sellable(raw: Raw) -> npt.NDArray[np.float32]:
        return np.asarray(raw.conditions[:, :SELLABLE].sum(axis=1), np.float32)

    off = np.abs(sellable(before) - sellable(after))
    return Cost(
        recipe=recipe.name,
        pictures=len(off),
        same_condition=float((before.conditions.argmax(axis=1) == after.conditions.argmax(axis=1)).mean()),
        same_call=float(((sellable(before) >= 0.5) == (sellable(after) >= 0.5)).mean()),  # noqa: PLR2004
        mean_off=float(off.mean()),
        worst_off=float(off.max()),
        ms=ms[1],
        ms_before=ms[0],
    )
