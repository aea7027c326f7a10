"""Barcodes in pictures: our ladder beside zxing-cpp with all formats and zbar, picture by picture in the same run.

    python -m benchmarks.barcodes [FOLDER] [--by-folder]

FOLDER holds pictures with their text beside them (``x.jpg``, ``x.txt``), in sub-folders or not; those in a folder named
``false…`` have no code. Without FOLDER a set is drawn: 11 formats with 7 kinds of damage, and stripes and noise.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
import zxingcpp
from pyzbar import pyzbar
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.barcode_pictures import Picture, drawn_set
from devices.barcode.in_frame import CodeReader
from devices.barcode.in_frame_symbols import expanded_upc_e

SUFFIXES = {".jpg", ".jpeg", ".png"}
UPC_E_DIGITS = 8
LADDER = CodeReader()

READERS: dict[str, Callable[[Any], list[str]]] = {
    "zxing-cpp": lambda picture: [found.text for found in zxingcpp.read_barcodes(picture)],
    "zbar": lambda picture: [found.data.decode("utf-8", "replace") for found in pyzbar.decode(picture)],
    "ladder": lambda picture: [code.text for code in LADDER.read(picture).codes],
}


@dataclass
class Score:
    """What one reader did: pictures with a text read right, with another text, without a text read all the same."""

    pictures: int = 0
    right: int = 0
    wrong: int = 0
    false: int = 0
    halves: list[list[int]] = field(default_factory=lambda: [[0, 0], [0, 0]])
    ms: list[float] = field(default_factory=list)
    folders: dict[str, list[int]] = field(default_factory=dict)

    def count(self, picture: Picture, texts: list[str], ms: float) -> None:
        self.ms.append(ms)
        if picture.text is None:
            self.false += bool(texts)
            return
        truth = plain_form(picture.text)
        right = truth in map(plain_form, texts)
        half = self.halves[self.pictures % 2]
        folder = self.folders.setdefault(picture.name.split("/")[0], [0, 0])
        for total in (half, folder):
            total[0] += right
            total[1] += 1
        self.pictures += 1
        self.right += right
        self.wrong += any(plain_form(text) != truth for text in texts)


def main(
    folder: Annotated[Path | None, typer.Argument(help="Pictures with their texts beside them.")] = None,
    by_folder: Annotated[bool, typer.Option("--by-folder", help="Also the pictures read in each sub-folder.")] = False,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Also name what the ladder reads that is not in the text.")
    ] = False,
) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    pictures = list(pictures_in(folder)) if folder else drawn_set()
    scores = {name: Score() for name in READERS}
    others: list[str] = []
    for picture in track(pictures, description="reading", transient=True):
        for name, read in READERS.items():
            began = time.perf_counter()
            texts = read(picture.pixels)
            scores[name].count(picture, texts, (time.perf_counter() - began) * 1000)
            if name == "ladder" and {plain_form(t) for t in texts} - {plain_form(picture.text or "")}:
                others.append(f"{picture.name}: {texts}, expected {picture.text!r}")
    console = Console()
    console.print(table(scores))
    if by_folder:
        console.print(folder_table(scores))
    if wrong:
        console.print("\n".join(others), markup=False)


def pictures_in(folder: Path) -> Iterator[Picture]:
    """The pictures below ``folder`` in the order of their names, as BGR; binary ones (with a ``.bin``) left out."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.with_suffix(".bin").exists():
            continue
        text = path.with_suffix(".txt")
        pixels = cv2.imread(str(path))
        if pixels is None:
            raise SystemExit(f"cannot decode {path}")
        if text.exists() or "false" in path.parent.name:
            truth = text.read_text(encoding="utf-8") if text.exists() else None
            yield Picture(str(path.relative_to(folder)), np.asarray(pixels, np.uint8), truth)


def plain_form(text: str) -> str:
    """One form for what the three write differently: GTINs as 14 digits, GS1 without brackets, ends of lines."""
    shown = "".join(chr(ord(c) - 0x2400) if "\u2400" <= c <= "\u241f" else c for c in text)
    bare = re.sub(r"[()\x1d]", "", shown.replace("\r\n", "\n").strip())
    bare = re.sub(r"^01(\d{14})$", r"\1", bare)
    if re.fullmatch(r"0\d{7}", bare):
        return expanded_upc_e(bare).zfill(14)
    return bare.zfill(14) if re.fullmatch(r"\d{12,13}", bare) else bare


def table(scores: dict[str, Score]) -> Table:
    first = next(iter(scores.values()))
    result = Table(title=f"{first.pictures} pictures with a code, {len(first.ms) - first.pictures} without")
    for column in ("", "read %", "halves %", "other text", "false", "median ms", "p95 ms", "ratio"):
        result.add_column(column, justify="right" if column else "left")
    for name, score in scores.items():
        ratio = statistics.median(ours / theirs for ours, theirs in zip(score.ms, first.ms, strict=True))
        halves = " / ".join(f"{100 * right / max(count, 1):.1f}" for right, count in score.halves)
        figures = [f"{100 * score.right / max(score.pictures, 1):.1f}", halves, str(score.wrong), str(score.false)]
        figures += [f"{np.percentile(score.ms, 50):.2f}", f"{np.percentile(score.ms, 95):.1f}", f"{ratio:.2f}"]
        result.add_row(name, *figures)
    return result


def folder_table(scores: dict[str, Score]) -> Table:
    result = Table("folder", "pictures", *scores)
    for folder, (_, count) in next(iter(scores.values())).folders.items():
        result.add_row(folder, str(count), *(str(score.folders[folder][0]) for score in scores.values()))
    return result


if __name__ == "__main__":
    typer.run(main)
