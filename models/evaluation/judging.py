"""Judge photographs one by one, and let the policy decide as if all but the picture were in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from inspection.errors import InspectionError
from inspection.finding import Assessment
from inspection.frame import ViewPicture
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.context import Context, Hazard
from inspection.policy.facts import establish
from inspection.products import Catalogue, Product
from inspection.verdict import Disposition, PolicyVerdict
from models.evaluation.photographs import Opinion, Photograph, Result
from models.evaluation.picture_files import read
from models.reference import Comparison
from models.references import References
from models.runtime import Judge

VIEW = "photo"
FRESH_DAYS = 3650
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Desk:
    """What judges: a bundle, a policy, a catalogue, and the good samples of products where there are any."""

    judge: Judge
    policy: Policy
    catalogue: Catalogue
    references: References | None = None

    @property
    def versions(self) -> dict[str, str]:
        """What has to be the same for results to be the same."""
        banks = {} if self.references is None else self.references.sources
        return {
            "bundle": self.judge.bundle_id,
            "policy": self.policy.version,
            "products": self.catalogue.version,
            **{f"reference {name}": digest for name, digest in banks.items()},
        }

    def judge_photographs(self, photographs: Sequence[Photograph], images: Path) -> Iterator[Result]:
        """One result for every photograph, in order; a file that cannot be judged is held, with the reason."""
        for photograph in photographs:
            yield self.judge_photograph(photograph, images)

    def judge_photograph(self, photograph: Photograph, images: Path) -> Result:
        """The result of one photograph; nothing in a file ends the run."""
        started = time.perf_counter()
        try:
            picture = ViewPicture(photograph.labels.get("view") or VIEW, read(images, photograph.file))
            bank = None
            if self.references is not None:
                bank = self.references.find(photograph.labels.get("gtin"), photograph.goods)
            started = time.perf_counter()
            article = self.article(photograph.goods)
            assessment, (comparison,) = self.judge.assess_beside([picture], bank, article.goods if article else None)
            verdict = decide(self.policy, article, assessment)
        except InspectionError as error:
            return _held(photograph, f"{error.code}: {error}", started)
        except Exception as error:  # noqa: BLE001 - thousands of others wait; the row says what it was
            return _held(photograph, f"{type(error).__name__}: {error}", started)
        ms = (time.perf_counter() - started) * 1e3
        return Result(
            photograph,
            opinion_of(assessment, comparison),
            verdict.disposition,
            verdict.needs_confirmation,
            f"{verdict.rule_id}: {verdict.reason['en']}",
            ms,
        )

    def article(self, goods: str) -> Product | None:
        """Any article of the kind: which one it is, is not the picture's to say."""
        return next((product for product in self.catalogue.products.values() if product.goods == goods), None)


def judge_photographs(
    judge: Judge,
    policy: Policy,
    catalogue: Catalogue,
    photographs: Sequence[Photograph],
    images: Path,
    done: Callable[[Result], None] = lambda _: None,
    references: References | None = None,
) -> list[Result]:
    """All results at once; ``done`` hears of each as it is there."""
    results = []
    for result in Desk(judge, policy, catalogue, references).judge_photographs(photographs, images):
        results.append(result)
        done(result)
    return results


def opinion_of(assessment: Assessment, comparison: Comparison | None = None) -> Opinion:
    """What a row says of an assessment."""
    return Opinion(
        {name: float(p) for name, p in assessment.p_condition.items()},
        {name: float(p) for name, p in assessment.p_defect.items()},
        float(assessment.novelty),
        None if comparison is None else float(comparison.score),
        None if comparison is None else comparison.anomalous,
    )


def decide(policy: Policy, article: Product | None, assessment: Assessment) -> PolicyVerdict:
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


def _held(photograph: Photograph, reason: str, started: float) -> Result:
    ms = (time.perf_counter() - started) * 1e3
    return Result(photograph, None, Disposition.HOLD, True, " ".join(reason.split())[:MAX_REASON], ms)
