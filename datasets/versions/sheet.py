"""The difference of two versions as pictures: one PNG, or one HTML file that holds everything it shows."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.versions.changes import Changes
from datasets.versions.entry import Entry
from inspection.frame import Pixels

SIDE, BAND, COLUMNS = 160, 40, 7
INK, PAPER, LINE = (40, 32, 24), (255, 255, 255), (200, 195, 190)
MARK = (0, 94, 213)
"""BGR; told apart from the goods also by who sees no red."""
Reader = Callable[[str], bytes]
TITLES = {"added": "Added", "removed": "Removed", "relabelled": "Labelled otherwise", "moved": "In another split"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a sheet and the lines below it; no picture where its bytes are gone."""

    picture: Pixels | None
    lines: tuple[str, ...]


def png(changes: Changes, read: Reader, most: int) -> bytes:
    """A contact sheet; ``read`` gives the bytes of a picture, ``most`` pictures are shown of each kind of change."""
    rows = [_title(f"{changes.old} -> {changes.new}")]
    for name, cells, total in _parts(changes, read, most):
        rows.append(_title(f"{TITLES[name]}: {total}" + (f", {len(cells)} shown" if len(cells) < total else "")))
        rows += [_row(cells[start : start + COLUMNS]) for start in range(0, len(cells), COLUMNS)]
    done, encoded = cv2.imencode(".png", np.concatenate(rows))
    if not done:
        raise ValueError("the sheet cannot be encoded")
    return encoded.tobytes()


def page(changes: Changes, read: Reader, most: int) -> str:
    """An HTML page; the arguments are those of :func:`png`."""
    parts = []
    for name, cells, total in _parts(changes, read, most):
        shown = f", {len(cells)} shown" if len(cells) < total else ""
        figures = "".join(_figure(cell) for cell in cells)
        parts.append(f"<h2>{TITLES[name]}: {total}{shown}</h2><div>{figures}</div>")
    head = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Changes</title><style>body{font:15px system-ui;"
        "margin:24px;color:#182028}div{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0;width:160px}"
        "img{display:block;width:160px;height:160px}figcaption{font-size:13px;overflow-wrap:anywhere}"
        "span{display:block;width:160px;height:160px;background:#eee}</style>"
    )
    return f"{head}<h1>{html.escape(changes.old)} → {html.escape(changes.new)}</h1>{''.join(parts)}\n"


def thumbnail(content: bytes, entry: Entry, side: int = SIDE) -> Pixels | None:
    """The picture fitted into a square with its marks drawn, uint8 (side, side, 3) BGR; nothing for broken bytes."""
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if found is None:
        return None
    height, width = found.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(found, size, interpolation=cv2.INTER_AREA)
    for mark in entry.marks:
        left, top = round(mark.x * scale), round(mark.y * scale)
        right, bottom = round((mark.x + mark.width) * scale), round((mark.y + mark.height) * scale)
        cv2.rectangle(small, (left, top), (right, bottom), PAPER, 3)
        cv2.rectangle(small, (left, top), (right, bottom), MARK, 1)
    square = np.full((side, side, 3), 238, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _parts(changes: Changes, read: Reader, most: int) -> Iterator[tuple[str, list[Cell], int]]:
    for name in ("added", "removed"):
        entries = getattr(changes, name)
        yield name, [_cell(entry, read, (label(entry), entry.split)) for entry in entries[:most]], len(entries)
    pairs = changes.relabelled
    yield "relabelled", [_cell(new, read, (label(old), f"> {label(new)}")) for old, new in pairs[:most]], len(pairs)
    moved = changes.moved
    yield (
        "moved",
        [_cell(new, read, (label(new), f"{old.split} > {new.split}")) for old, new in moved[:most]],
        len(moved),
    )


def label(entry: Entry) -> str:
    """What a label says, in a line."""
    return f"{entry.goods} {entry.condition}" + (f" {' '.join(entry.defects)}" if entry.defects else "")


def _cell(entry: Entry, read: Reader, lines: tuple[str, ...]) -> Cell:
    try:
        content = read(entry.sha256)
    except Exception:  # noqa: BLE001 - whatever the store says: an erased picture leaves a gap, not a broken sheet
        return Cell(None, lines)
    return Cell(thumbnail(content, entry), lines)


def _figure(cell: Cell) -> str:
    shown = "<span></span>"
    if cell.picture is not None:
        jpeg = cv2.imencode(".jpg", cell.picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        shown = f'<img alt="" src="data:image/jpeg;base64,{b64encode(jpeg).decode()}">'
    return f"<figure>{shown}<figcaption>{'<br>'.join(map(html.escape, cell.lines))}</figcaption></figure>"


def _row(cells: list[Cell]) -> Pixels:
    row = np.full((SIDE + BAND, COLUMNS * (SIDE + 8), 3), 255, np.uint8)
    for place, cell in enumerate(cells):
        left = place * (SIDE + 8)
        row[:SIDE, left : left + SIDE] = 226 if cell.picture is None else cell.picture
        for number, line in enumerate(cell.lines):
            _write(row, line, (left + 2, SIDE + 14 + 16 * number), 0.4)
    return row


def _title(text: str) -> Pixels:
    band = np.full((BAND, COLUMNS * (SIDE + 8), 3), 255, np.uint8)
    cv2.line(band, (0, 0), (band.shape[1], 0), LINE, 1)
    _write(band, text, (4, 26), 0.6)
    return band


def _write(picture: Pixels, text: str, place: tuple[int, int], scale: float) -> None:
    fits = max(1, int(SIDE / (18 * scale))) if scale < 0.5 else len(text)  # noqa: PLR2004 - a cell's line
    cv2.putText(picture, text[:fits], place, cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)
