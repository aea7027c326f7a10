"""Put a trained tail and the trunk together, export one ONNX graph, and pack the bundle."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from inspection.finding import Box
from inspection.frame import Pixels
from inspection.ledger.notes import Signer
from models.bundle import CARD, EXPECTED, GOLDEN, GRAPH, REFERENCE, SIGNATURES, open_bundle, seal_bundle, signed_text
from models.contract import OUTPUTS, BundleSpec
from models.examples import EXAMPLES
from models.finder import FINDER, Finder
from models.pixels import fit
from models.runtime import Judge
from models.signing import signed
from models.training.fit import Floats
from models.training.network import Graph

GOLDEN_SIDE = 320


def write_bundle(
    folder: Path, graph: Graph, spec: BundleSpec, reference: dict[str, Floats], golden: Sequence[Pixels], card: str,
    finder: nn.Module | None = None, known: bytes | None = None, signer: Signer | None = None,
) -> str:  # fmt: skip
    """Write the bundle to ``folder``, let the run-time load it, and only then put it in place of an older one.

    ``known`` is the content of its known examples; with a ``signer`` it is signed.

    Returns the bundle's id.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    building.chmod(0o755)
    try:
        export(graph, building / GRAPH, spec.input.size)
        if finder is not None and spec.finder is not None:
            export_finder(finder, building / FINDER, spec.finder.size)
        np.savez(building / REFERENCE, **reference)  # type: ignore[arg-type]  # numpy's stub mistakes it for allow_pickle
        (building / GOLDEN).mkdir()
        for number, pixels in enumerate(golden):
            scale = min(1.0, GOLDEN_SIDE / max(pixels.shape[:2]))
            small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(building / GOLDEN / f"{number:02d}.png"), small)
        _write_expected(building, spec)
        (building / CARD).write_text(card, encoding="utf-8")
        if known is not None:
            (building / EXAMPLES).write_bytes(known)
        seal_bundle(building, spec)
        if signer is not None:
            (building / SIGNATURES).write_bytes(signed(signed_text(open_bundle(building)), signer))
        bundle_id = Judge.load(building).bundle_id
        if folder.exists():
            old = Path(f"{building}.old")
            folder.rename(old)
            building.rename(folder)
            shutil.rmtree(old)
        else:
            os.rename(building, folder)  # noqa: PTH104 - the target does not exist
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return bundle_id


def export(graph: Graph, file: Path, size: int) -> None:
    """One graph, input ``pictures`` uint8 (N, S, S, 3) BGR, outputs as in ``models.contract.OUTPUTS``, N dynamic."""
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    torch.onnx.export(
        graph.eval(),
        (example,),
        str(file),
        input_names=["pictures"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "n"} for name in ("pictures", *OUTPUTS)},
        opset_version=17,
        dynamo=False,
    )


def export_finder(finder: nn.Module, file: Path, size: int) -> None:
    """The finder's graph, input ``pictures`` uint8 (N, S, S, 3) BGR, output ``item`` (N, h, w) 0..1, N dynamic."""
    torch.onnx.export(
        finder.eval(), (torch.zeros(2, size, size, 3, dtype=torch.uint8),), str(file), input_names=["pictures"],
        output_names=["item"], dynamic_axes={"pictures": {0: "n"}, "item": {0: "n"}}, opset_version=17, dynamo=False,
    )  # fmt: skip


def _write_expected(folder: Path, spec: BundleSpec) -> None:
    session = ort.InferenceSession(str(folder / GRAPH), providers=["CPUExecutionProvider"])
    pictures = [
        np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
        for path in sorted((folder / GOLDEN).glob("*.png"))
    ]
    crops: list[Box | None] = [None] * len(pictures)
    if spec.finder is not None:
        finder = ort.InferenceSession(str(folder / FINDER), providers=["CPUExecutionProvider"])
        crops = Finder(finder, spec.finder).crops(pictures)
    fitted = [fit(picture, spec.input.size, crop)[0] for picture, crop in zip(pictures, crops, strict=True)]
    outputs = session.run(list(OUTPUTS), {"pictures": np.stack(fitted)})
    np.savez(folder / EXPECTED, **dict(zip(OUTPUTS, outputs, strict=True)))
