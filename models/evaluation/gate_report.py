"""What the gate says, as JSON and as a page: every picture whose verdict changes, with the money that it moves."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from jinja2 import Environment

from inspection.errors import ConfigError
from models.evaluation.gate import Outcome, Ruled
from models.evaluation.gate_exam import Exam
from models.evaluation.gate_money import Decision
from models.evaluation.gate_pairs import Compared, Pair, value_of
from models.evaluation.gate_rules import Dimension, Rules
from models.evaluation.photographs import Result
from models.evaluation.sheet import thumbnail

FORMAT = "returns-gate 1"
REPORT, PAGE, PICTURES = "gate.json", "index.html", "pictures"
SHOWN = 1900
"""Changes with a picture; the JSON has all."""
SIDE = 320
QUALITY = 85
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ r.candidate.bundle }} against {{ r.champion.bundle }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0 }
td, th { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top }
.pass { color: #1d7a45; font-weight: 600 } .fail { color: #b03524; font-weight: 600 } .n { text-align: right }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 12px }
.cards figure { margin: 0; border: 1px solid #ccc; padding: 8px; font-size: 13px; overflow-wrap: anywhere }
.cards img { width: 100%; display: block }
</style>
<h1>{{ r.candidate.bundle }} against {{ r.champion.bundle }}</h1>
<table>{% for name in r.candidate %}<tr><th>{{ name }}</th><td>{{ r.champion[name] or '–' }}</td><td>{{ '=' if
r.champion[name] == r.candidate[name] else '→ ' ~ r.candidate[name] }}</td></tr>{% endfor %}</table>
<p class="{{ 'pass' if r.passed else 'fail' }}">{{ 'Passed: it may be rolled out.' if r.passed
else 'Failed: it may not be rolled out.' }}</p>
<p>Exam {{ r.exam.sha256[:12] }}: {{ r.exam.pictures }} pictures, {{ r.exam.labelled }} labelled, of
{{ r.exam.groups }} items or groups. Rules {{ r.rules_version }}.</p>
<table><tr><th></th><th>rule</th><th></th><th>found</th><th>allowed</th><th>where</th></tr>
{% for rule in r.rules %}<tr><td>{{ rule.id }}</td><td>{{ rule.words.en }}</td>
<td class="{{ 'pass' if rule.passed else 'fail' }}">{{ 'holds' if rule.passed else 'fails' }}</td>
<td>{{ rule.measured }}</td>
<td>{{ rule.allowed }}{% if rule.certainty %} ({{ rule.certainty }}){% endif %}</td>
<td>{% for g in rule.groups %}{{ g.dimension }} {{ g.value }}:
{{ g.first }} → {{ g.second }} of {{ g.pictures }}<br>{% endfor %}{% for f in rule.files[:10] %}{{ f }}<br>{% endfor %}
</td></tr>{% endfor %}</table>
<h2>What changes</h2>
<p>{{ r.changed }} of {{ r.exam.pictures }} pictures lead to something else. By their labels that moves
<b>{{ r.money.moves | money }} {{ r.currency }}</b>{% if r.money.low is not none %} ({{ r.money.low | money }} to
{{ r.money.high | money }}){% endif %}; what costs most is first.</p>
<div class="cards">{% for c in r.changes if c.picture %}<figure><img src="{{ c.picture }}" alt="">
<b>{{ c.before | outcome }} → {{ c.after | outcome }}</b><br>labelled {{ c.condition or '–' }},
{% if c.known %}<span class="{{ 'fail' if c.moves < 0 else 'pass' }}">{{ c.moves | money }} {{ r.currency }}</span>
{% else %}nobody knows what it moves{% endif %}<br>{{ c.goods }}{% if c.station %}, {{ c.station }}{% endif %}
<br>{{ c.file }}<br>{{ c.before.condition or 'not judged' }} ({{ c.before.p_sellable }}) →
{{ c.after.condition or 'not judged' }} ({{ c.after.p_sellable }})</figure>{% endfor %}</div>
{% if r.changed > shown %}<p>{{ r.changed - shown }} more are in gate.json.</p>{% endif %}
<h2>Groups</h2>
<table><tr><th>by</th><th></th><th>measure</th><th>pictures</th><th>groups</th><th>champion</th><th>candidate</th>
<th>difference</th><th>p</th></tr>
{% for t in r.tables %}<tr><td>{{ t.dimension }}</td><td>{{ t.value }}</td><td>{{ t.measure }}</td>
<td class="n">{{ t.pictures }}</td><td class="n">{{ t.groups }}</td><td class="n">{{ t.first }}</td>
<td class="n">{{ t.second }}</td><td>{{ t.low | share }} to {{ t.high | share }}</td>
<td class="n">{{ '%.3f' % t.p }}</td></tr>{% endfor %}</table>
</html>
"""


@dataclass(frozen=True, slots=True)
class Versions:
    """Bundle, policy, catalogue and reference banks of both sides (:attr:`models.evaluation.judging.Desk.versions`)."""

    champion: Mapping[str, str]
    candidate: Mapping[str, str]
    currency: str


def document(versions: Versions, exam: Exam, rules: Rules, outcome: Outcome) -> dict[str, Any]:
    """What the gate says, as JSON values. Money is in minor units."""
    low, high = outcome.moves_interval or (None, None)
    labelled = [photograph for photograph in exam.photographs if photograph.condition is not None]
    return {
        "format": FORMAT,
        "champion": dict(versions.champion),
        "candidate": dict(versions.candidate),
        "passed": outcome.passed,
        "exam": {
            "sha256": exam.sha256,
            "pictures": len(exam.photographs),
            "labelled": len(labelled),
            "groups": len({photograph.group for photograph in exam.photographs}),
        },
        "rules_version": rules.version,
        "confidence": rules.confidence,
        "currency": versions.currency,
        "rules": [_rule(ruled) for ruled in outcome.rules],
        "money": {"moves": round(outcome.moves), "low": _whole(low), "high": _whole(high)},
        "calibration_error": list(outcome.errors),
        "tables": [_compared(each) for each in outcome.tables],
        "changed": len(outcome.changes),
        "changes": [_change(number, pair, exam.hashes) for number, pair in enumerate(outcome.changes)],
    }


def write(folder: Path, report: Mapping[str, Any], images: Path) -> list[Path]:
    """Write gate.json, a page and the pictures that it shows; returns the first two.

    Raises:
        ConfigError: the folder cannot be written.
    """
    environment = Environment(autoescape=True)
    environment.filters |= {"money": money, "outcome": outcome_of, "share": lambda share: f"{share:+.1%}"}
    try:
        (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        for change in report["changes"]:
            if change["picture"]:
                small = thumbnail(images, change["file"], SIDE)
                _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                (folder / change["picture"]).write_bytes(encoded.tobytes())
        page = environment.from_string(_PAGE).render(r=report, shown=SHOWN)
        (folder / PAGE).write_text(page, encoding="utf-8")
        text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
        (folder / REPORT).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}", hint="name a folder that can be written with --out") from error
    return [folder / REPORT, folder / PAGE]


def money(minor: float) -> str:
    """Minor units as a person writes money, with its sign."""
    return f"{minor / 100:+,.2f}"


def outcome_of(said: Mapping[str, Any]) -> str:
    """A decision of a report in short."""
    words = [said["disposition"], said["grade"] or "", "as damaged" if said["told"] else ""]
    return " ".join(filter(None, [*words, "(a person confirms)" if said["confirm"] else ""]))


def _rule(ruled: Ruled) -> dict[str, Any]:
    return {
        "id": ruled.rule.id,
        "check": ruled.rule.check,
        "measure": str(measure) if (measure := getattr(ruled.rule, "measure", None)) else None,
        "certainty": str(certainty) if (certainty := getattr(ruled.rule, "certainty", None)) else None,
        "words": dict(ruled.rule.words),
        "passed": ruled.passed,
        "measured": ruled.measured,
        "allowed": ruled.allowed,
        "groups": [_compared(each) for each in ruled.groups],
        "files": list(ruled.files),
    }


def _compared(found: Compared) -> dict[str, Any]:
    low, high = (each if math.isfinite(each) else math.copysign(1.0, each) for each in found.difference)
    return {
        "dimension": str(found.dimension),
        "value": found.value,
        "measure": str(found.measure),
        "pictures": found.pictures,
        "groups": found.groups,
        "first": found.first,
        "second": found.second,
        "low": low,
        "high": high,
        "p": found.p,
    }


def _change(number: int, pair: Pair, hashes: Mapping[str, str]) -> dict[str, Any]:
    photograph = pair.photograph
    return {
        "file": photograph.file,
        "sha256": hashes[photograph.file],
        "goods": photograph.goods,
        "station": value_of(photograph, Dimension.STATION),
        "condition": None if photograph.condition is None else str(photograph.condition),
        "picture": f"{PICTURES}/{number:04d}.jpg" if number < SHOWN else None,
        "before": _side(pair.first, pair.before),
        "after": _side(pair.second, pair.after),
        "known": photograph.condition is not None,
        "moves": round(pair.moves),
    }


def _side(decision: Decision, result: Result) -> dict[str, Any]:
    found = result.opinion
    return {
        "disposition": str(decision.disposition),
        "grade": None if decision.grade is None else str(decision.grade),
        "told": decision.told,
        "confirm": decision.confirm,
        "condition": None if found is None else str(found.condition),
        "p_sellable": None if found is None else round(found.p_sellable, 3),
        "reason": result.reason,
    }


def _whole(minor: float | None) -> int | None:
    return None if minor is None else round(minor)
