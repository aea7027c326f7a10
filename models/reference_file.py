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
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.reference import MAX_SAMPLES, MIN_SAMPLES, Bank, ReferenceRefused, ViewBank

ENDING = ".ref"
FORMAT = b"returns-reference 1\n"
MAX_BYTES = 200_000_000
_AGAIN = "build it again from its pictures: python -m models reference build"


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=100)]
    samples: Annotated[list[str], Field(min_length=MIN_SAMPLES, max_length=MAX_SAMPLES)]
    typical: Annotated[float, Field(ge=0, allow_inf_nan=False)]


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
        views=[_View(name=n, samples=list(v.names), typical=v.typical) for n, v in bank.views.items()],
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
    if not content.startswith(FORMAT):
        raise ReferenceRefused(f"{path} is not a reference of format 1", hint=_AGAIN)
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


def _arrays(view: ViewBank) -> dict[str, Any]:
    return {
        "grids": view.grids,
        "patches": view.patches,
        "owner": view.owner,
        "spread": view.spread,
        "left_out": view.left_out,
    }


def _view(head: _View, number: int, arrays: Any) -> ViewBank:
    found = {name: arrays[f"{number}.{name}"] for name in ("grids", "patches", "owner", "spread", "left_out")}
    count, (kept, channels) = len(head.samples), found["patches"].shape
    _, height, width, _ = found["grids"].shape
    shapes = {
        "grids": (count, height, width, channels),
        "patches": (kept, channels),
        "owner": (kept,),
        "spread": (kept,),
        "left_out": (count,),
    }
    for name, shape in shapes.items():
        kind = np.int16 if name == "owner" else np.float32
        array = found[name]
        if array.shape != shape or array.dtype != kind or not np.isfinite(array).all() or not array.size:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, {np.dtype(kind)} {shape} expected")
    if found["owner"].min() < 0 or found["owner"].max() >= count:
        raise ValueError("a patch is of no sample")
    return ViewBank(tuple(head.samples), typical=head.typical, **found)


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
