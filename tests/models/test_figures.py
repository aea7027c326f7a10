"""Figures are those of their definitions, and their intervals are honest about few pictures."""

from __future__ import annotations

import numpy as np
import pytest

from inspection.finding import Condition, Defect
from inspection.verdict import Disposition
from models.evaluation import figures, report, summary
from models.evaluation.card_sections import sections
from models.evaluation.figures import Scored, auroc, wilson
from models.evaluation.photographs import Opinion, Photograph, Result


def scored(count: int = 400, seed: int = 0, sure: float = 3.0) -> Scored:
    """Pictures whose probabilities are true: labels are drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, sure, (count, 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(4, p=row) for row in p])
    return Scored(np.where(np.arange(count) % 2, "a", "b"), np.arange(count).astype(str), truth, p)


def test_the_area_under_the_curve_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    scores, positive = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert auroc(positive, scores) == pytest.approx(float(np.mean(pairs)))
    assert auroc(np.ones(3, bool), np.zeros(3)) is None


def test_the_interval_of_a_share_is_wilsons() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I: 81/263, 15/148, 0/20, 1/29."""
    for hits, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(hits, count) == pytest.approx((low, high), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_true_probabilities_have_little_calibration_error_and_inflated_ones_much() -> None:
    honest = scored(4000)
    assert (figures.calibration_error(honest) or 1) < 0.03
    boast = np.eye(4)[honest.p.argmax(axis=1)]
    assert (figures.calibration_error(Scored(honest.sets, honest.groups, honest.truth, boast)) or 0) > 0.1
    assert sum(found.count for found in figures.reliability(honest)) == 4000


def test_the_curve_ends_where_everything_is_decided_and_says_what_is_wrong_on_the_way() -> None:
    p = np.array([[0.99, 0, 0.01, 0], [0.9, 0, 0.1, 0], [0.05, 0, 0.95, 0], [0.6, 0, 0.4, 0]])
    found = figures.risk_coverage(Scored(np.array(["a"] * 4), np.array(list("wxyz")), np.array([0, 2, 2, 0]), p))
    assert [point.coverage for point in found] == [0.25, 0.5, 0.75, 1.0]
    assert [point.wrong_resell for point in found] == pytest.approx([0, 0, 0.5, 1 / 3])
    assert [point.wrong_scrap for point in found] == [0, 0, 0, 0]


def test_pictures_of_one_sureness_are_decided_together() -> None:
    p = np.array([[0.9, 0, 0.1, 0]] * 3)
    found = figures.risk_coverage(Scored(np.array(["a"] * 3), np.array(list("xyz")), np.array([0, 2, 0]), p))
    assert [(point.coverage, round(point.wrong_resell, 3)) for point in found] == [(1.0, 0.333)]


def test_the_share_that_can_be_decided_keeps_the_stated_rate() -> None:
    some = scored(1000, sure=2.0)
    share = figures.share_decided(some, 0.05)
    assert share is not None
    assert 0.2 < share < 1
    assert next(p.wrong_resell for p in figures.risk_coverage(some) if p.coverage == share) <= 0.05
    assert figures.share_decided(some.take(np.arange(0))) is None


def test_an_interval_is_drawn_over_groups_and_wide_when_they_are_few() -> None:
    some = scored(200)
    few = Scored(some.sets, (np.arange(200) // 50).astype(str), some.truth, some.p)
    narrow, wide = figures.bootstrap(some, figures.damage_auroc), figures.bootstrap(few, figures.damage_auroc)
    assert narrow is not None
    assert wide is not None
    assert narrow[0] < (figures.damage_auroc(some) or 0) < narrow[1]
    alone = Scored(some.sets, np.full(200, "one"), some.truth, some.p)
    assert figures.bootstrap(alone, figures.damage_auroc) is None


def test_the_card_names_every_set_with_its_intervals() -> None:
    some = scored()
    text = "\n\n".join(sections(some, called(some)))
    assert "| a | 200 |" in text
    assert "| all | 400 |" in text
    assert "–" in text
    for heading in ("## Reliability", "## What is decided without a person", "## Risk and coverage"):
        assert heading in text
    assert sections(scored(0), called(scored(0)))


def test_the_card_counts_calls_as_they_were_made() -> None:
    some = scored()
    nothing = "\n".join(sections(some, np.zeros(len(some.truth), np.int64)))
    assert "| a | 200 | 0.0% (0.0%–1.9%) of 200 | – of 0 | – of 0 |" in nothing
    everything = "\n".join(sections(some, np.ones(len(some.truth), np.int64)))
    assert "| a | 200 | 100.0% (98.1%–100.0%) of 200 |" in everything


def called(some: Scored) -> np.ndarray:
    return (some.p_sellable >= 0.8).astype(np.int64) - (some.p_sellable <= 0.2)


def result(
    truth: str, p: tuple[float, ...], decision: str, file: str = "x", defects: str = "", **more: float
) -> Result:
    opinion = Opinion(dict(zip(Condition, p, strict=True)), {Defect(name): value for name, value in more.items()}, 0.0)
    labels = {"file": file, "condition": truth, "defects": defects}
    return Result(Photograph(file, "can", labels), opinion, Disposition(decision), False, "R11: fine", 1.0)


def test_wrong_resell_is_of_the_resold_and_a_hold_is_never_wrong() -> None:
    found = summary.figures_of(
        [
            result("critical", (0.9, 0, 0, 0.1), "resell"),
            result("intact", (0.9, 0, 0, 0.1), "resell"),
            result("major", (0.9, 0, 0, 0.1), "hold"),
            result("minor", (0.1, 0, 0, 0.9), "scrap"),
        ]
    )
    assert (found.wrong_resell.value, found.wrong_scrap.value, found.alone.value) == (0.5, 1.0, 0.75)
    assert found.damaged_found.value == pytest.approx(1 / 3)


def test_macro_f1_is_over_intact_and_the_defects_that_occur() -> None:
    rows = [
        result("intact", (0.9, 0.1, 0, 0), "resell", stain=0.1, scratch=0.1),
        result("minor", (0.1, 0.9, 0, 0), "resell", defects="stain", stain=0.8, scratch=0.1),
        result("minor", (0.1, 0.9, 0, 0), "resell", defects="scratch", stain=0.8, scratch=0.1),
    ]
    assert summary.figures_of(rows).macro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert summary.figures_of([*rows, result("minor", (0, 1, 0, 0), "hold", defects="stain;scratch")]).macro_f1 is None


def test_the_gravest_mistakes_come_first() -> None:
    bad = result("critical", (0.6, 0.2, 0.1, 0.1), "resell", "sold.jpg")
    waste = result("intact", (0.1, 0, 0, 0.9), "scrap", "scrapped.jpg")
    off = result("intact", (0.2, 0.8, 0, 0), "hold", "held.jpg")
    fine = result("intact", (0.9, 0.1, 0, 0), "resell", "fine.jpg")
    assert [r.photograph.file for r in report.worst([fine, off, waste, bad])] == [
        "sold.jpg",
        "scrapped.jpg",
        "held.jpg",
    ]
