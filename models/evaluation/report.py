"""A folder that tells how good the results are: a page with the table and, where there are labels, the plots."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jinja2 import Environment

from inspection.errors import ConfigError
from inspection.finding import Condition
from inspection.verdict import Disposition
from models.contract import Thresholds
from models.evaluation import plots, summary
from models.evaluation.photographs import Result
from models.evaluation.sheet import Tile, contact_sheet

WORST = 40
_ORDER = {condition: place for place, condition in enumerate(Condition)}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1500px; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
td, th { border: 1px solid #ccc; padding: .25em .6em; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
img { max-width: 100%; display: block; margin: 1em 0 }
</style>
<h1>{{ title }}</h1>
<table><tr>{% for name in columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}<tr>{% for name in columns %}<td>{{ row[name] }}</td>{% endfor %}</tr>{% endfor %}</table>
<p>Intervals are 95 %. Decided alone: the policy decides and no person has to confirm. Decidable at 1 %: the most that
the ranking allows with 1 % of the resold ones bad, its threshold chosen on these photographs.</p>
{% for name, words in pictures %}<h2>{{ words }}</h2><img src="{{ name }}" alt="{{ words }}">{% endfor %}
{% if unread %}<h2>Not judged</h2><ul>{% for result in unread %}
<li>{{ result.photograph.file }}: {{ result.reason }}</li>{% endfor %}</ul>{% endif %}
</html>
"""


def write_report(
    folder: Path, results: Sequence[Result], images: Path, title: str, thresholds: Thresholds
) -> list[Path]:
    """Write summary.csv, index.html and, of labelled photographs, the plots; returns what was written.

    Args:
        thresholds: the bundle's.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        rows = summary.rows(results)
        with (folder / "summary.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, summary.COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        pictures = _pictures(folder, results, images, thresholds)
        page = Environment(autoescape=True).from_string(_PAGE)
        html = page.render(
            title=title,
            columns=summary.COLUMNS,
            rows=rows,
            pictures=[(path.name, words) for path, words in pictures],
            unread=[result for result in results if result.opinion is None],
        )
        (folder / "index.html").write_text(html, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error.strerror}", hint="name a folder that can be written with --report"
        ) from error
    return [folder / "summary.csv", folder / "index.html", *(path for path, _ in pictures)]


def worst(results: Sequence[Result], count: int = WORST) -> list[Result]:
    """The gravest mistakes first: bad ones resold, good ones scrapped, then conditions that are far off."""
    wrong = [r for r in results if _gravity(r) > 0]
    return sorted(wrong, key=lambda r: (-_gravity(r), r.photograph.file))[:count]


def _gravity(result: Result) -> float:
    truth, found = result.photograph.condition, result.opinion
    if truth is None or found is None:
        return 0.0
    off = abs(_ORDER[truth] - sum(_ORDER[name] * p for name, p in found.p_condition.items()))
    if result.decision is Disposition.RESELL and truth in summary.BAD:
        return 100.0 + off
    if result.decision is Disposition.SCRAP and truth not in summary.BAD:
        return 50.0 + off
    return off if found.condition is not truth else 0.0


def _sure(results: Sequence[Result], thresholds: Thresholds) -> npt.NDArray[np.bool_]:
    """Whether each judged and labelled one is sure enough for its kind of goods, in the order of the scored ones."""
    sure = []
    for result in results:
        if result.opinion is not None and result.photograph.condition is not None:
            lines, p = thresholds.lines(result.photograph.goods), result.opinion.p_sellable
            sure.append(p >= lines.resell or 1 - p >= lines.scrap)
    return np.array(sure, np.bool_)


def _pictures(folder: Path, results: Sequence[Result], images: Path, thresholds: Thresholds) -> list[tuple[Path, str]]:
    scored = summary.scored_of(results)
    made = [(plots.decided(results, folder), "What is decided, and what without a person")]
    if not len(scored.truth):
        return made
    made += [
        (plots.reliability(scored, folder), "Reliability: is 80 % right 80 % of the time?"),
        (
            plots.risk_coverage(scored, _sure(results, thresholds), folder),
            "Risk and coverage; upright line: what the bundle's own thresholds decide",
        ),
        (plots.confusion(scored, folder), "Conditions, labelled against named"),
    ]
    mistakes = worst(results)
    if mistakes:
        title = f"The {len(mistakes)} gravest mistakes"
        made.append((contact_sheet(folder / "worst.png", title, images, [tile(r) for r in mistakes]), title))
    return made


def tile(result: Result) -> Tile:
    """The picture with what was labelled, named and decided."""
    found = result.opinion
    said = "" if found is None else f"{found.condition} {found.confidence:.2f}"
    grave = result.decision in {Disposition.RESELL, Disposition.SCRAP} and _gravity(result) >= 50  # noqa: PLR2004
    return Tile(
        result.photograph.file,
        (result.photograph.file, f"labelled {result.photograph.condition}", f"named {said} -> {result.decision}"),
        "#c8442f" if grave else "0.6",
    )
