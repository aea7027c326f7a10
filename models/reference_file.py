"""Banks in files: ``<GTIN>.ref``, one a product, written whole or not at all, and refused when a byte of it changed.

Three parts: a line with name and version of the format, a line with the SHA-256 of the rest, and a NumPy archive.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.alignment import SIDE, Template
from models.placing import Cut, Place
from models.reference import MAX_SAMPLES, MIN_SAMPLES, Bank, ReferenceRefused, ViewBank, calibrated

ENDING = ".ref"
FORMAT = b"returns-reference 2\n"
OLDER = b"returns-reference 1\n"
MAX_BYTES = 200_000_000
_AGAIN = "build it again from its pictures: python -m models reference build"


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Cut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    left: Share
    top: Share
    right: Share
    bottom: Share
    follows: bool

    @model_validator(mode="after")
    def _is_a_box(self) -> _Cut:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError("the cut has no area")
        return self


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=100)]
    samples: Annotated[list[str], Field(min_length=MIN_SAMPLES, max_length=MAX_SAMPLES)]
    inside: tuple[Share, Share, Share, Share] | None = None
    cut: _Cut | None = None


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid")

    product: Annotated[str, Field(min_length=1, max_length=100)]
    bundle_id: Annotated[str, Field(min_length=1, max_length=200)]
    views: Annotated[list[_View], Field(min_length=1, max_length=32)]


def write_bank(path: Path, bank: Bank) -> None:
    """Write a bank; an older file at ``path`` is replaced at once, or stays as it is.

    Raises:
        ReferenceRefused: the file cannot be written.
    """
    head = _Head(
        product=bank.product,
        bundle_id=bank.bundle_id,
        views=[_described(name, view) for name, view in bank.views.items()],
    )
    arrays: dict[str, Any] = {"head": np.frombuffer(head.model_dump_json().encode(), np.uint8)}
    for number, view in enumerate(bank.views.values()):
        arrays |= {f"{number}.{name}": array for name, array in _arrays(view).items()}
    archive = io.BytesIO()
    np.savez(archive, **arrays)
    body = archive.getvalue()
    content = FORMAT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    try:
        _write_whole(path, content)
    except OSError as error:
        raise ReferenceRefused(f"{path}: {error.strerror}", hint="name a file that can be written") from error


def read_bank(path: Path) -> Bank:
    """The bank in a file.

    Raises:
        ReferenceRefused: no such file, of another format, or changed since it was written.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ReferenceRefused(f"{path} has more than {MAX_BYTES} bytes", hint=_AGAIN)
        content = path.read_bytes()
    except OSError as error:
        raise ReferenceRefused(f"{path}: {error.strerror}", hint=_AGAIN) from error
    if content.startswith(OLDER):
        raise ReferenceRefused(f"{path} is a reference of format 1, as older software made it", hint=_AGAIN)
    if not content.startswith(FORMAT):
        raise ReferenceRefused(f"{path} is not a reference of format 2", hint=_AGAIN)
    seal, _, body = content[len(FORMAT) :].partition(b"\n")
    if seal != hashlib.sha256(body).hexdigest().encode():
        raise ReferenceRefused(f"{path} is damaged: its SHA-256 is not the one it carries", hint=_AGAIN)
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            head = _Head.model_validate(json.loads(arrays["head"].tobytes()))
            views = {view.name: _view(view, number, arrays) for number, view in enumerate(head.views)}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, ValidationError) as error:
        raise ReferenceRefused(f"{path} does not hold what a reference holds: {error}", hint=_AGAIN) from error
    return Bank(head.product, head.bundle_id, views)


def _described(name: str, view: ViewBank) -> _View:
    place = view.place
    cut = None if place is None or place.cut is None else _Cut(**asdict(place.cut))
    return _View(name=name, samples=list(view.names), inside=None if place is None else place.template.inside, cut=cut)


def _arrays(view: ViewBank) -> dict[str, Any]:
    arrays: dict[str, Any] = {"grids": view.grids, "seen": view.seen}
    return arrays if view.place is None else arrays | {"template": view.place.template.grey}


def _view(head: _View, number: int, arrays: Any) -> ViewBank:
    grids = arrays[f"{number}.grids"]
    if grids.dtype != np.float32 or grids.ndim != 4 or not grids.size or not np.isfinite(grids).all():  # noqa: PLR2004
        raise ValueError(f"grids are {grids.dtype} {grids.shape}, float32 (samples, h, w, channels) expected")
    if len(grids) != len(head.samples):
        raise ValueError(f"{len(grids)} grids of {len(head.samples)} samples")
    seen = arrays[f"{number}.seen"]
    if seen.dtype != np.bool_ or seen.shape != grids.shape[:3] or not seen.any(axis=(1, 2)).all():
        raise ValueError(f"seen is {seen.dtype} {seen.shape}, bool {grids.shape[:3]} expected, no sample all unseen")
    return calibrated(tuple(head.samples), grids, seen, _place(head, number, arrays))


def _place(head: _View, number: int, arrays: Any) -> Place | None:
    if head.inside is None:
        return None
    grey = arrays[f"{number}.template"]
    if grey.dtype != np.uint8 or grey.shape != (SIDE, SIDE):
        raise ValueError(f"template is {grey.dtype} {grey.shape}, uint8 {(SIDE, SIDE)} expected")
    return Place(Template(grey, head.inside), None if head.cut is None else Cut(**head.cut.model_dump()))


def _write_whole(path: Path, content: bytes) -> None:
    handle, building = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(building).chmod(0o644)
        Path(building).replace(path)
    except BaseException:
        Path(building).unlink(missing_ok=True)
        raise
