"""Photographs of a manifest, and what came of each: one row of the results.

    file, condition, p_intact, p_minor, p_major, p_critical, p_<defect>…, novelty, decision, reason, ms

With references of good samples, two more columns: reference_score, reference_anomalous (empty without a reference).
``p_novel`` is the reference's score, 0 where nothing was compared; a defect that the bundle does not know is 0.

The manifest needs the columns ``file`` and ``goods`` (what the item is said to be; it may be something else); labels in
``defects`` and ``condition`` add metrics and change no result.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspection.errors import ConfigError
from inspection.finding import Condition, Defect
from inspection.verdict import Disposition

COMPARED_COLUMNS = ("reference_score", "reference_anomalous")
COLUMNS = (
    "file",
    "condition",
    *(f"p_{condition}" for condition in Condition),
    *(f"p_{defect}" for defect in Defect),
    "novelty",
    "decision",
    "reason",
    "ms",
)


@dataclass(frozen=True, slots=True)
class Photograph:
    """One row of a manifest.

    Attributes:
        file: path relative to the folder of pictures.
        goods: what the item is said to be.
        labels: the other columns as they stand.
    """

    file: str
    goods: str
    labels: Mapping[str, str]

    @property
    def set(self) -> str:
        """What it is counted with: its ``set``, or its goods."""
        return self.labels.get("set") or self.goods or "–"

    @property
    def group(self) -> str:
        """What it was photographed together with; by itself when the manifest does not say."""
        return self.labels.get("group") or self.file

    @property
    def condition(self) -> Condition | None:
        """The labelled condition, where the manifest has one."""
        text = (self.labels.get("condition") or "").strip()
        return Condition(text) if text in set(Condition) else None

    @property
    def defects(self) -> frozenset[Defect]:
        """The labelled defects."""
        names = (self.labels.get("defects") or "").replace(",", ";").split(";")
        return frozenset(Defect(name.strip()) for name in names if name.strip() in set(Defect))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model says of one photograph; see :class:`inspection.finding.Assessment`."""

    p_condition: Mapping[Condition, float]
    p_defect: Mapping[Defect, float]
    novelty: float
    reference_score: float | None = None
    reference_anomalous: bool | None = None

    @property
    def condition(self) -> Condition:
        """The most probable condition."""
        return max(self.p_condition, key=lambda condition: self.p_condition[condition])

    @property
    def confidence(self) -> float:
        """Probability of the most probable condition."""
        return self.p_condition[self.condition]

    @property
    def p_damaged(self) -> float:
        """Probability that anything is wrong with the item."""
        return 1.0 - self.p_condition[Condition.INTACT]

    @property
    def p_sellable(self) -> float:
        """Probability of intact or minor."""
        return self.p_condition[Condition.INTACT] + self.p_condition[Condition.MINOR]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one photograph.

    Attributes:
        opinion: ``None`` when it could not be judged; then it is held.
        confirm: whether a person has to confirm the decision.
        reason: the rule and its words, or why it could not be judged.
        ms: milliseconds of judging and deciding, without reading the file.
    """

    photograph: Photograph
    opinion: Opinion | None
    decision: Disposition
    confirm: bool
    reason: str
    ms: float

    @property
    def alone(self) -> bool:
        """Whether it was decided without a person."""
        return self.decision is not Disposition.HOLD and not self.confirm

    def row(self) -> dict[str, str]:
        """The row of the results; what is not known is empty."""
        found = self.opinion
        row = dict.fromkeys(COLUMNS, "")
        row |= {"file": self.photograph.file, "decision": str(self.decision), "reason": self.reason}
        row["ms"] = f"{self.ms:.1f}"
        if found is not None:
            score = found.reference_score
            row |= {f"p_{name}": f"{found.p_defect.get(name, 0.0):.6f}" for name in Defect}
            row |= {f"p_{name}": f"{p:.6f}" for name, p in found.p_condition.items()}
            row |= {"condition": str(found.condition), "novelty": f"{found.novelty:.6f}"}
            if score is not None:
                row |= {"p_novel": f"{score:.6f}", "reference_score": f"{score:.6f}"}
                row["reference_anomalous"] = str(int(bool(found.reference_anomalous)))
        return row


def read_photographs(manifest: Path) -> list[Photograph]:
    """The rows of a manifest.

    Raises:
        ConfigError: no such file, or a column missing.
    """
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [{name: text for name, text in row.items() if name is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{manifest} cannot be read: {error}", hint="give a CSV file in UTF-8") from error
    missing = [name for name in ("file", "goods") if name not in columns]
    if missing:
        raise ConfigError(f"{manifest} has no column {' and '.join(missing)}", hint="file and goods are needed")
    if not rows:
        raise ConfigError(f"{manifest} has no rows")
    return [Photograph(row["file"], row["goods"].strip(), row) for row in rows]


def write_results(path: Path, results: Sequence[Result], *, compared: bool = False) -> None:
    """The results as CSV; when ``compared``, with the columns of the references.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            columns = (*COLUMNS, *COMPARED_COLUMNS) if compared else COLUMNS
            writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(result.row() for result in results)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a file that can be written") from error
