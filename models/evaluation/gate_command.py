"""``python -m models gate``: both bundles judge the exam, the written rules decide, and a report says why."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from inspection.errors import ConfigError
from inspection.products import Catalogue
from models.evaluation import desk_command, gate, gate_report
from models.evaluation.gate_exam import Exam
from models.evaluation.gate_money import Values
from models.evaluation.gate_pairs import pairs_of
from models.evaluation.gate_rules import Rules
from models.evaluation.judging import Desk
from models.evaluation.photographs import Photograph

TIMED = 60
"""Pictures judged in turns for the comparison of times."""
WARM = 3
FAILED = 1
"""Status of a candidate that fails; 2 is an error."""


def run(sides: tuple[Desk, Desk], rules: Path, exam: Path, images: Path, out: Path) -> bool:
    """Judge, decide, write the report and print it; returns whether the candidate passed.

    Args:
        sides: the champion's desk and the candidate's, of one catalogue.

    Raises:
        ConfigError: rules or exam have a mistake, or ``out`` cannot be written.
    """
    written, read = Rules.load(rules), Exam.read(exam, images)
    report = examine(sides, written, read, images, out)
    for path in gate_report.write(out, report, images):
        typer.echo(f"gate: {path}", err=True)
    sys.stdout.write(json.dumps(report, ensure_ascii=False, allow_nan=False) + "\n")
    return bool(report["passed"])


def examine(sides: tuple[Desk, Desk], rules: Rules, exam: Exam, images: Path, out: Path) -> dict[str, object]:
    """The report of champion and candidate on the exam; single results stay in ``out`` until the next run."""
    first, second = sides
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}", hint="name a folder that can be written with --out") from error
    before, after = (
        desk_command.judged(at, exam.photographs, images, out / f"results_{name}.csv")
        for name, at in zip(("champion", "candidate"), sides, strict=True)
    )
    pairs = pairs_of(before, after, (first.policy, second.policy), lambda photograph: _values(rules, first, photograph))
    outcome = gate.decide(rules, pairs, time_ratios(first, second, exam.photographs, images))
    catalogue: Catalogue = first.catalogue
    versions = gate_report.Versions(first.versions, second.versions, catalogue.currency)
    return gate_report.document(versions, exam, rules, outcome)


def time_ratios(first: Desk, second: Desk, photographs: Sequence[Photograph], images: Path) -> list[float]:
    """The second's time over the first's of some pictures, each judged by both in turns, after both were warm."""
    step = max(1, len(photographs) // TIMED)
    chosen = list(photographs[::step][:TIMED])
    for photograph in chosen[:WARM]:
        first.judge_photograph(photograph, images)
        second.judge_photograph(photograph, images)
    ratios = []
    for number, photograph in enumerate(chosen):
        order = (first, second) if number % 2 == 0 else (second, first)
        results = {id(at): at.judge_photograph(photograph, images) for at in order}
        if all(result.opinion is not None for result in results.values()):
            ratios.append(results[id(second)].ms / results[id(first)].ms)
    return ratios


def _values(rules: Rules, at: Desk, photograph: Photograph) -> Values:
    return rules.values(at.catalogue, photograph.labels.get("gtin"), at.article(photograph.goods))
