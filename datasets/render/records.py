"""Files of the rendered set: pictures, masks and recipe of each item, and the manifest over all of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import numpy.typing as npt

from datasets.render.masks import mask_picture, read_mask, render_masks
from datasets.render.recipe import RENDERER, Recipe, prepare
from datasets.render.scene import VIEWS, Station, render_picture, write_meshes
from inspection.errors import StoreError
from inspection.evidence import canonical_json, sha256_hex
from inspection.finding import Condition, Defect

COLUMNS = (
    "file",
    "set",
    "goods",
    "defects",
    "condition",
    "group",
    "capture",
    "licence",
    "note",
    "item",
    "view",
    "mask",
    "gtin",
    "serial",
)
RECIPE_FILE = "recipe.json"
JPEG_QUALITY = 90
SEEN_PX = 12  # at 640 x 480; a defect that shows less in a view is not listed for it
EMPTY = Station(
    seed=1, key=14.5, fill=3.5, ambient=0.29, warmth=1.0, lamp_shift_mm=(0.0, 0.0), camera_shift_mm=(0.0, 0.0, 0.0)
)


def _nothing(_: str) -> None:
    """What to do after a view when nobody watches."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture in the manifest; fields as in :data:`COLUMNS`."""

    values: tuple[str, ...]


def is_done(recipe: Recipe, out: Path) -> bool:
    """Whether the item's folder holds the very files that this recipe gave."""
    return _holds(out / recipe.item, recipe.digest())


def empty_is_done(out: Path, size: tuple[int, int], spp: int) -> bool:
    """Whether the pictures of the empty station are there as this renderer would make them."""
    return _holds(out / "empty", _empty_digest(size, spp))


def render_item(recipe: Recipe, out: Path, after_view: Callable[[str], None] = _nothing) -> None:
    """Render both views, masks and item masks of an item; the recipe is written last, so a half-done item is redone."""
    folder = out / recipe.item
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE_FILE).unlink(missing_ok=True)
    goods, station = prepare(recipe)
    files: dict[str, str] = {}
    with TemporaryDirectory() as scratch:
        meshes = write_meshes(goods, Path(scratch))
        for view in VIEWS:
            item, masks = render_masks(goods, meshes, station, view, recipe.size)
            picture = render_picture(goods, meshes, station, view, recipe.size, recipe.spp, item)
            for name, pixels in (
                (f"{view}.jpg", picture),
                (f"{view}.mask.png", mask_picture(masks, recipe.size)),
                (f"{view}.item.png", np.where(item, 255, 0).astype(np.uint8)),
            ):
                files[name] = write_image(folder / name, pixels)
            after_view(view)
    _write_record(folder, recipe.digest(), recipe.fields(), files)


def render_empty(out: Path, size: tuple[int, int], spp: int, after_view: Callable[[str], None] = _nothing) -> None:
    """Pictures of the station with nothing on it, ``empty/<view>.jpg``."""
    folder = out / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for view in VIEWS:
        files[f"{view}.jpg"] = write_image(folder / f"{view}.jpg", render_picture(None, {}, EMPTY, view, size, spp))
        after_view(view)
    _write_record(folder, _empty_digest(size, spp), _empty_fields(size, spp), files)


def manifest_rows(recipes: Iterable[Recipe], out: Path) -> list[Row]:
    """Rows of all pictures of items that are done, in the order of the recipes.

    ``defects`` and ``condition`` describe the picture: a view that shows no damage is listed as intact, and the note
    tells what is wrong with the item as a whole.
    """
    rows = []
    for recipe in recipes:
        if not is_done(recipe, out):
            continue
        least = SEEN_PX * recipe.width * recipe.height / (640 * 480)
        for view in VIEWS:
            mask_file = f"{recipe.item}/{view}.mask.png"
            seen = {defect for defect, mask in read_mask(out / mask_file).items() if mask.sum() >= least}
            condition = recipe.condition if seen else Condition.INTACT
            whole = "+".join(recipe.defects) or "none"
            note = f"recipe {recipe.digest()}; item {recipe.condition}: {whole}"
            values = (
                f"{recipe.item}/{view}.jpg",
                "renders",
                recipe.goods,
                ";".join(defect for defect in Defect if defect in seen),
                str(condition),
                recipe.item,
                "fixed",
                "CC0-1.0",
                note,
                recipe.item,
                view,
                mask_file,
                recipe.gtin,
                recipe.serial,
            )
            rows.append(Row(values))
    return rows


def write_manifest(rows: Iterable[Row], path: Path) -> None:
    """``manifest.csv`` with :data:`COLUMNS`, UTF-8, LF."""
    temporary = path.with_suffix(".part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.values for row in rows)
    temporary.replace(path)


def write_image(path: Path, pixels: npt.NDArray[np.uint8]) -> str:
    """Encode by suffix (JPEG or PNG), write at once, return the SHA-256 of the bytes.

    Raises:
        StoreError: the picture cannot be encoded or written.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    ok, encoded = cv2.imencode(path.suffix, pixels, options)
    if not ok:
        raise StoreError(f"cannot encode {path.name}")
    data = encoded.tobytes()
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}", hint="Choose another --out.") from error
    return sha256_hex(data)


def _holds(folder: Path, digest: str) -> bool:
    try:
        record = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
        files: dict[str, str] = record["files"]
        whole = all(sha256_hex((folder / name).read_bytes()) == own for name, own in files.items())
        return whole and bool(files) and record["digest"] == digest
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _write_record(folder: Path, digest: str, fields: dict[str, object], files: dict[str, str]) -> None:
    record = {"digest": digest, "recipe": fields, "files": files}
    temporary = folder / f"{RECIPE_FILE}.part"
    temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(folder / RECIPE_FILE)


def _empty_fields(size: tuple[int, int], spp: int) -> dict[str, object]:
    return {"item": "empty", "width": size[0], "height": size[1], "spp": spp, "renderer": RENDERER}


def _empty_digest(size: tuple[int, int], spp: int) -> str:
    return sha256_hex(canonical_json(_empty_fields(size, spp)))[:16]
