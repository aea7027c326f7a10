"""What another bundle changes: where condition, decision or defects differ, and the figures side by side."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from jinja2 import Environment
from rich.table import Table

from inspection.errors import ConfigError
from inspection.finding import Condition, Defect
from inspection.verdict import Disposition
from models.contract import BundleSpec
from models.evaluation import summary
from models.evaluation.photographs import Result
from models.evaluation.sheet import Tile, contact_sheet, thumbnail

SHOWN = 200
"""Changes with a picture on the page; the CSV has all."""
ON_SHEET = 40
_ORDER = {condition: place for place, condition in enumerate(Condition)}
COLUMNS = (
    *("file", "goods", "set", "labelled", "changed", "verdict", "condition_a", "condition_b"),
    *("p_sellable_a", "p_sellable_b", "decision_a", "decision_b", "defects_a", "defects_b", "reason_a", "reason_b"),
)
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ a }} and {{ b }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1300px; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; margin: 1em 0 }
td, th { border: 1px solid #ccc; padding: .25em .6em; text-align: left; vertical-align: top }
.better { color: #1d7a45 } .worse { color: #b03524; font-weight: 600 }
img { display: block }
</style>
<h1>What {{ b }} changes</h1>
<p>Against {{ a }}: {{ changes | length }} of {{ count }} pictures are judged otherwise
({{ better }} better, {{ worse }} worse by their labels).</p>
<table><tr><th>set</th><th>bundle</th>{% for name in columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for name, rows in figures %}{% for bundle, row in rows %}<tr><td>{{ name }}</td><td>{{ bundle }}</td>
{% for column in columns %}<td>{{ row[column] }}</td>{% endfor %}</tr>{% endfor %}{% endfor %}</table>
<table><tr><th>picture</th><th>file</th><th>labelled</th><th>before</th><th>after</th></tr>
{% for c, picture in shown %}<tr><td>{% if picture %}<img src="{{ picture }}" alt="">{% endif %}</td>
<td>{{ c.file }}<br>{{ c.goods }}<br><span class="{{ c.verdict }}">{{ c.verdict }}</span></td><td>{{ c.labelled }}</td>
<td>{{ c.condition_a }} ({{ c.p_sellable_a }} sellable) → {{ c.decision_a }}
<br>{{ c.defects_a }}<br>{{ c.reason_a }}</td>
<td>{{ c.condition_b }} ({{ c.p_sellable_b }} sellable) → {{ c.decision_b }}
<br>{{ c.defects_b }}<br>{{ c.reason_b }}</td></tr>{% endfor %}</table>
{% if changes | length > shown | length %}
<p>{{ changes | length - shown | length }} more are in changes.csv.</p>{% endif %}
</html>
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One bundle's results."""

    bundle_id: str
    spec: BundleSpec
    results: Sequence[Result]

    def defects(self, result: Result) -> list[Defect]:
        """The defects over this bundle's thresholds, in the order of their names."""
        if result.opinion is None:
            return []
        limits = self.spec.thresholds.defects
        return sorted(d for d, p in result.opinion.p_defect.items() if d in limits and p >= limits[d])


def changes(a: Side, b: Side) -> list[dict[str, str]]:
    """A row for every picture that is judged otherwise, by :data:`COLUMNS`; what matters most first."""
    found = []
    for before, after in zip(a.results, b.results, strict=True):
        changed = [
            name
            for name, differs in (
                ("decision", before.decision is not after.decision),
                ("condition", _condition(before) != _condition(after)),
                ("defects", a.defects(before) != b.defects(after)),
            )
            if differs
        ]
        if changed:
            found.append(_row(a, b, before, after, changed))
    grave = ("worse", "better", "")
    return sorted(found, key=lambda row: (grave.index(row["verdict"]), -row["changed"].count(";"), row["file"]))


def table(a: Side, b: Side, title: str) -> Table:
    """The figures of both, a pair of rows a set."""
    made = Table(title=title)
    names = ("AUROC", "balanced accuracy", "macro-F1", "ECE", "decided alone", "wrong resell", "wrong scrap", "ms")
    for column in ("set", "bundle", *names):
        made.add_column(column)
    for name, rows in _figures(a, b):
        for bundle, row in rows:
            made.add_row(name, bundle, *(row[column] for column in names))
    return made


def write(folder: Path, a: Side, b: Side, images: Path) -> list[Path]:
    """Write changes.csv, index.html with small pictures, and a contact sheet; returns what was written.

    Raises:
        ConfigError: the folder cannot be written.
    """
    found = changes(a, b)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "changes.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(found)
        html = _page(folder, a, b, images, found)
        (folder / "index.html").write_text(html, encoding="utf-8")
        paths = [folder / "changes.csv", folder / "index.html"]
        if found:
            tiles = [_tile(row) for row in found[:ON_SHEET]]
            title = f"{len(tiles)} of {len(found)} pictures that {b.bundle_id} judges otherwise than {a.bundle_id}"
            paths.append(contact_sheet(folder / "changes.png", title, images, tiles))
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}", hint="name a folder that can be written with --out") from error
    return paths


def _figures(a: Side, b: Side) -> list[tuple[str, list[tuple[str, dict[str, str]]]]]:
    rows = [{row["set"]: row for row in summary.rows(side.results)} for side in (a, b)]
    return [(name, [(a.bundle_id, rows[0][name]), (b.bundle_id, rows[1][name])]) for name in rows[0]]


def _page(folder: Path, a: Side, b: Side, images: Path, found: list[dict[str, str]]) -> str:
    pictures = folder / "pictures"
    shown = []
    for number, row in enumerate(found[:SHOWN]):
        pictures.mkdir(exist_ok=True)
        name = f"{number:03d}.jpg"
        cv2.imwrite(str(pictures / name), thumbnail(images, row["file"]))
        shown.append((row, f"pictures/{name}"))
    return (
        Environment(autoescape=True)
        .from_string(_PAGE)
        .render(
            a=a.bundle_id,
            b=b.bundle_id,
            count=len(a.results),
            changes=found,
            better=sum(row["verdict"] == "better" for row in found),
            worse=sum(row["verdict"] == "worse" for row in found),
            figures=_figures(a, b),
            columns=summary.COLUMNS[1:],
            shown=shown,
        )
    )


def _row(a: Side, b: Side, before: Result, after: Result, changed: list[str]) -> dict[str, str]:
    photograph = before.photograph
    row = {
        "file": photograph.file,
        "goods": photograph.goods,
        "set": photograph.set,
        "labelled": str(photograph.condition or ""),
        "changed": ";".join(changed),
        "verdict": _verdict(before, after),
    }
    for letter, side, result in (("a", a, before), ("b", b, after)):
        row |= {
            f"condition_{letter}": _condition(result),
            f"p_sellable_{letter}": "" if result.opinion is None else f"{result.opinion.p_sellable:.3f}",
            f"decision_{letter}": str(result.decision),
            f"defects_{letter}": ";".join(side.defects(result)),
            f"reason_{letter}": result.reason,
        }
    return row


def _verdict(before: Result, after: Result) -> str:
    """Which is nearer to the label: first by what the decision costs, then by the condition; empty when neither."""
    truth = before.photograph.condition
    if truth is None:
        return ""
    costs = [(_wrong(result, truth), _off(result, truth)) for result in (before, after)]
    return "" if costs[0] == costs[1] else "better" if costs[1] < costs[0] else "worse"


def _wrong(result: Result, truth: Condition) -> int:
    bad = truth in summary.BAD
    if result.decision is Disposition.RESELL:
        return 3 if bad else 0
    if result.decision is Disposition.HOLD:
        return 1
    return 0 if bad else 2


def _off(result: Result, truth: Condition) -> int:
    return len(_ORDER) if result.opinion is None else abs(_ORDER[result.opinion.condition] - _ORDER[truth])


def _condition(result: Result) -> str:
    return "" if result.opinion is None else str(result.opinion.condition)


def _tile(row: dict[str, str]) -> Tile:
    lines = (
        row["file"],
        f"labelled {row['labelled'] or '-'}; {row['verdict'] or 'other'}",
        f"{row['condition_a'] or '-'} {row['decision_a']} -> {row['condition_b'] or '-'} {row['decision_b']}",
        f"{row['defects_a'] or '-'} -> {row['defects_b'] or '-'}",
    )
    return Tile(row["file"], lines, {"worse": "#c8442f", "better": "#2a9d5c"}.get(row["verdict"], "0.6"))
