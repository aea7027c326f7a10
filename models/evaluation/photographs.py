"""Judge photographs one by one and say what the default policy would do with each, were all but the picture in order.

    file, condition, p_intact, p_minor, p_major, p_critical, p_<defect>…, novelty, decision, reason, ms

With references of good samples, two more columns: reference_score, reference_anomalous (empty without a reference).

The manifest needs the columns ``file`` and ``goods`` (what the item is said to be; it may be something else); labels in
``defects`` and ``condition`` add metrics and change no result.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from inspection.errors import ConfigError, InspectionError
from inspection.finding import Assessment, Condition, Defect
from inspection.frame import Pixels, ViewPicture
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.context import Context, Hazard
from inspection.policy.facts import establish
from inspection.products import Catalogue, Product
from inspection.verdict import Disposition, PolicyVerdict
from models.reference import Comparison
from models.references import References
from models.runtime import Judge

VIEW = "photo"
COMPARED_COLUMNS = ("reference_score", "reference_anomalous")
MAX_FILE_BYTES = 50_000_000
MAX_PIXELS = 100_000_000
FRESH_DAYS = 3650

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


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one photograph; ``assessment`` and ``verdict`` are ``None`` when it is no picture."""

    photograph: Photograph
    assessment: Assessment | None
    verdict: PolicyVerdict | None
    reason: str
    ms: float
    comparison: Comparison | None = None

    @property
    def decision(self) -> Disposition:
        return self.verdict.disposition if self.verdict is not None else Disposition.HOLD

    def row(self) -> dict[str, str]:
        """The row of the results; what is not known is empty."""
        found = self.assessment
        row = dict.fromkeys(COLUMNS, "")
        row |= {"file": self.photograph.file, "decision": str(self.decision), "reason": self.reason}
        row["ms"] = f"{self.ms:.1f}"
        if found is not None:
            row |= {f"p_{name}": f"{p:.6f}" for name, p in (*found.p_condition.items(), *found.p_defect.items())}
            row |= {"condition": str(found.condition), "novelty": f"{found.novelty:.6f}"}
        if self.comparison is not None:
            row["reference_score"] = f"{self.comparison.score:.6f}"
            row["reference_anomalous"] = str(int(self.comparison.anomalous))
        return row


def read_photographs(manifest: Path) -> list[Photograph]:
    """The rows of a manifest.

    Raises:
        ConfigError: no such file, or a column missing.
    """
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{manifest} cannot be read: {error}", hint="give a CSV file in UTF-8") from error
    if not rows:
        raise ConfigError(f"{manifest} has no rows")
    missing = [name for name in ("file", "goods") if rows[0].get(name) is None]
    if missing:
        raise ConfigError(f"{manifest} has no column {' and '.join(missing)}", hint="file and goods are needed")
    return [Photograph(row["file"] or "", row["goods"] or "", row) for row in rows]


def judge_photographs(
    judge: Judge,
    policy: Policy,
    catalogue: Catalogue,
    photographs: Sequence[Photograph],
    images: Path,
    done: Callable[[Result], None] = lambda _: None,
    references: References | None = None,
) -> list[Result]:
    """One result for every photograph, in order; ``done`` hears of each as it is there."""
    results = []
    for photograph in photographs:
        results.append(_judge(judge, policy, catalogue, photograph, images, references))
        done(results[-1])
    return results


def write_results(path: Path, results: Sequence[Result], *, compared: bool = False) -> None:
    """The results as CSV; when ``compared``, with the columns of the references.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            columns = (*COLUMNS, *COMPARED_COLUMNS) if compared else COLUMNS
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(result.row() for result in results)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a file that can be written") from error


def _judge(
    judge: Judge,
    policy: Policy,
    catalogue: Catalogue,
    photograph: Photograph,
    images: Path,
    references: References | None,
) -> Result:
    started = time.perf_counter()
    article = _article(catalogue, photograph.goods)
    try:
        picture = ViewPicture(photograph.labels.get("view") or VIEW, _read(images, photograph.file))
        bank = None if references is None else references.find(photograph.labels.get("gtin"), photograph.goods)
        started = time.perf_counter()
        assessment, (comparison,) = judge.assess_beside([picture], bank)
    except InspectionError as error:
        return Result(photograph, None, None, f"{error.code}: {error}", (time.perf_counter() - started) * 1e3)
    verdict = _decide(policy, article, assessment)
    ms = (time.perf_counter() - started) * 1e3
    reason = f"{verdict.rule_id}: {verdict.reason['en']}"
    return Result(photograph, assessment, verdict, reason, ms, comparison)


def _article(catalogue: Catalogue, goods: str) -> Product | None:
    """Any article of the kind: which one it is, is not the picture's to say."""
    return next((product for product in catalogue.products.values() if product.goods == goods), None)


def _decide(policy: Policy, article: Product | None, assessment: Assessment) -> PolicyVerdict:
    """The policy's word when identity, weight, seal and completeness are in order."""
    context = Context(
        expected_gtin=article.gtin if article else None,
        recalled=False,
        batch_alert=False,
        stolen=False,
        weight_g=article.weight_g if article else None,
        weight_stable=True,
        seal_intact=True,
        complete=True,
        hazard=Hazard.NONE,
        contaminated=False,
        calibrated=True,
    )
    item = Item(gtin=article.gtin if article else None, expiry=context.today + timedelta(days=FRESH_DAYS))
    return policy.decide(establish(item, assessment, article, context, pictured=True, calibrated=True))


def _read(images: Path, file: str) -> Pixels:
    path = images / file
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{file} has more than {MAX_FILE_BYTES} bytes")
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:
        raise ConfigError(f"{file} is no picture") from error
    if pixels is None or pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise ConfigError(f"{file} is no picture, or one beyond {MAX_PIXELS // 1_000_000} megapixels")
    return np.asarray(pixels, np.uint8)
