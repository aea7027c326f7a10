"""Pictures that are used again: how many are found, and how many others are taken for them.

``python -m benchmarks.precheck_reuse --pictures DIR`` takes photographs of a folder with a ``manifest.csv`` (columns
``file``, ``group``), keeps their prints, and asks for each of them: re-encoded at JPEG quality 40-90, scaled 0.3-1.5,
cut by 10 %, mirrored, turned by 2-7 degrees, shifted in colour, in a screenshot with borders, and several of these at
once. A false match is one with a picture of another group (copies of one photograph are of one group). A look-up
verifies the nearest prints among all pictures of the folder.
"""

from __future__ import annotations

import csv
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from inspection.frame import Pixels
from inspection.hub.precheck.trust.prints import print_of, prints_asked
from inspection.hub.precheck.trust.sameness import Agreement, View, agreement, view, views
from models import runtime
from models.runtime import Judge

Random = np.random.Generator
BUNDLE = Path(runtime.__file__).with_name("bundles") / "default"


def encoded(pixels: Pixels, quality: int) -> Pixels:
    """After a JPEG of this quality."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", pixels, [1, quality])[1], cv2.IMREAD_COLOR), np.uint8)


def jpeg(pixels: Pixels, pick: Random) -> Pixels:
    """Quality 40 to 90."""
    return encoded(pixels, int(pick.integers(40, 91)))


def scaled(pixels: Pixels, pick: Random) -> Pixels:
    """By 0.3 to 1.5."""
    scale = float(pick.uniform(0.3, 1.5))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return encoded(np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how), np.uint8), 85)


def cut(pixels: Pixels, pick: Random) -> Pixels:
    """Nine tenths of either side, anywhere."""
    height, width = pixels.shape[:2]
    x, y = int(pick.uniform(0, 0.1) * width), int(pick.uniform(0, 0.1) * height)
    return encoded(pixels[y : y + int(0.9 * height), x : x + int(0.9 * width)], 85)


def mirrored(pixels: Pixels, _: Random) -> Pixels:
    """Left to right."""
    return encoded(np.ascontiguousarray(pixels[:, ::-1]), 85)


def turned(pixels: Pixels, pick: Random) -> Pixels:
    """By 2 to 7 degrees; the corners are black or reflected."""
    height, width = pixels.shape[:2]
    angle = float(pick.uniform(2, 7) * pick.choice([-1, 1]))
    place = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    border = cv2.BORDER_CONSTANT if pick.random() < 0.5 else cv2.BORDER_REFLECT
    return encoded(np.asarray(cv2.warpAffine(pixels, place, (width, height), borderMode=border), np.uint8), 85)


def coloured(pixels: Pixels, pick: Random) -> Pixels:
    """Another gain and offset of each colour, another gamma."""
    shifted = np.clip(pixels * pick.uniform(0.8, 1.2, 3) + pick.uniform(-20, 20, 3), 0, 255)
    return encoded(np.asarray(255 * (shifted / 255) ** pick.uniform(0.7, 1.4), np.uint8), 85)


def screenshot(pixels: Pixels, pick: Random) -> Pixels:
    """On a phone's screen: borders of one colour, a clock, a battery, a button."""
    height, width = pixels.shape[:2]
    wide = width if pick.random() < 0.5 else int(width * 1.1)
    high = max(height, int(wide * 2.1)) if pick.random() < 0.6 else int(height * 1.3)
    grey = int(pick.choice([0, 255, 30, 240]))
    screen = np.full((high, wide, 3), grey, np.uint8)
    top, left = (high - height) // 2, (wide - width) // 2
    screen[top : top + height, left : left + width] = pixels
    line, size, ink = max(14, int(high * 0.02)), max(0.4, wide / 900), (255 - grey,) * 3
    cv2.putText(screen, "12:34", (5, line), cv2.FONT_HERSHEY_SIMPLEX, size, ink)
    cv2.putText(screen, "100%", (wide - 60, line), cv2.FONT_HERSHEY_SIMPLEX, size, ink)
    cv2.circle(screen, (wide // 2, high - int(high * 0.03)), max(4, wide // 60), (200, 120, 60), -1)
    return encoded(screen, 80)


def several(pixels: Pixels, pick: Random) -> Pixels:
    """Cut, coloured and re-encoded, and every second one mirrored."""
    first = mirrored(pixels, pick) if pick.random() < 0.5 else pixels
    return jpeg(coloured(cut(first, pick), pick), pick)


CHANGES: dict[str, Callable[[Pixels, Random], Pixels]] = {
    change.__name__: change for change in (jpeg, scaled, cut, mirrored, turned, coloured, screenshot, several)
}


def main(
    pictures: Annotated[Path, typer.Option(help="Folder with a manifest.csv.")],
    count: Annotated[int, typer.Option(help="Photographs that are asked for.")] = 500,
    others: Annotated[int, typer.Option(help="Photographs that are known beside them.")] = 1500,
    nearest: Annotated[int, typer.Option(help="Prints that are looked at closely.")] = 40,
    seed: Annotated[int, typer.Option(help="Of the choice and the changes.")] = 0,
    out: Annotated[Path | None, typer.Option(help="JSON with every look-up's agreement.")] = None,
) -> None:
    """Print found and false matches by change, and what a look-up costs."""
    cv2.setNumThreads(1)
    rows = list(csv.DictReader((pictures / "manifest.csv").open(encoding="utf-8")))
    random.Random(seed).shuffle(rows)  # noqa: S311 -- a sample, not a secret
    rows = rows[: count + others]
    judge = Judge.load(BUNDLE, threads=1)
    known: list[View] = []
    kept = []
    for number, row in enumerate(rows):
        pixels = _read(pictures / row["file"])
        known.append(view(encoded(pixels, 90)))
        kept.append(print_of(judge, pixels))
        if number % 250 == 0:
            print(f"{number} of {len(rows)} kept", flush=True)
    prints = np.stack(kept)
    pick = np.random.default_rng(seed)
    told: list[dict[str, object]] = []
    spent: list[float] = []
    false_pairs: set[frozenset[int]] = set()
    total_found = 0
    for name, change in CHANGES.items():
        found = candidates = 0
        for mine in range(count):
            asked = change(_read(pictures / rows[mine]["file"]), pick)
            start = time.perf_counter()
            alike = (prints_asked(judge, asked) @ prints.T).max(axis=0)
            close = [int(place) for place in np.argsort(-alike)[:nearest]]
            ready = views(asked)
            matches = {place: agreement(ready, known[place]) for place in close}
            spent.append((time.perf_counter() - start) * 1e3)
            candidates += mine in matches
            found += matches.get(mine, Agreement()).same
            for place, each in matches.items():
                other = rows[place]["group"] != rows[mine]["group"] or rows[place]["set"] != rows[mine]["set"]
                if other and each.same:
                    false_pairs.add(frozenset((mine, place)))
                if place == mine or (other and each.score > 0.6):
                    told.append(
                        {
                            "change": name,
                            "asked": rows[mine]["file"],
                            "known": rows[place]["file"],
                            "score": round(each.score, 3),
                            "difference": round(min(each.difference, 99.0), 3),
                        }
                    )
            if mine not in matches:
                told.append({"change": name, "asked": rows[mine]["file"], "known": None})
        total_found += found
        print(f"{name:12} found {found} of {count} ({found / count:.1%}), near enough {candidates}", flush=True)
    pairs = count * (len(rows) - 1)
    print(f"all {total_found} of {count * len(CHANGES)} ({total_found / (count * len(CHANGES)):.2%})")
    print(f"false pairs {len(false_pairs)} of {pairs} ({len(false_pairs) / pairs:.4%}), over all changes")
    print(f"look-up {statistics.median(spent):.0f} ms median, with the {nearest} nearest of {len(rows)} looked at")
    if out is not None:
        out.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _read(file: Path) -> Pixels:
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if pixels is None:
        raise typer.BadParameter(f"{file} is no picture")
    return np.asarray(pixels, np.uint8)


if __name__ == "__main__":
    typer.run(main)
