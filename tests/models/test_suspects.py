"""Wrong labels are found: by the margins of the paper, and in pictures with planted errors through the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from inspection.finding import Condition, Defect
from models.__main__ import app
from models.evaluation.suspects import doubts

PICTURES, WRONG = 48, (3, 17, 30)


def test_a_label_against_sure_models_is_doubted_first_and_its_rival_suggested() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.3, 0.7], [0.1, 0.9], [0.6, 0.4]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    found = doubts(probabilities, labels)
    assert found.score.argmax() == 2
    assert found.doubted.tolist() == [False, False, True, False, False, True]
    assert found.suggested.tolist() == [0, 0, 1, 1, 1, 0]


def test_a_class_of_which_models_are_seldom_sure_is_not_doubted_as_a_whole() -> None:
    probabilities = np.array([[0.9, 0.1]] * 6 + [[0.55, 0.45]] * 4)
    labels = np.array([0] * 6 + [1] * 4)
    assert not doubts(probabilities, labels).doubted[6:].any()
    assert (probabilities.argmax(axis=1)[6:] == 0).all(), "the plain choice would doubt them all"


def test_what_no_label_says_is_not_doubted() -> None:
    probabilities, labels = np.array([[0.9, 0.1], [0.1, 0.9], [0.02, 0.98]]), np.array([0, 1, 0])
    found = doubts(probabilities, labels, np.array([True, True, False]))
    assert found.score[2] == 0
    assert not found.doubted[2]


@given(st.integers(0, 40), st.integers(2, 5), st.integers(0, 2**31))
def test_scores_are_shares_and_a_doubt_names_another_class(count: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), count).reshape(count, classes)
    labels = rng.integers(0, classes, count)
    found = doubts(probabilities, labels)
    assert ((found.score >= 0) & (found.score <= 1)).all()
    assert (found.suggested[found.doubted] < classes).all()


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="labels"):
        doubts(np.ones((2, 2)) / 2, np.array([0, 2]))
    with pytest.raises(ValueError, match="rows"):
        doubts(np.ones((2, 2)) / 2, np.array([0]))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Plain squares are intact, crossed ones are scratched; three labels are exchanged."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(PICTURES):
        crossed = number % 2 == 1
        pixels = np.asarray(rng.normal(150, 6, (96, 96, 3)).clip(0, 255), np.uint8)
        for _ in range(14 if crossed else 0):
            ends = rng.integers(0, 96, 4).tolist()
            cv2.line(pixels, (ends[0], ends[1]), (ends[2], ends[3]), (20, 20, 20), 2)
        cv2.imwrite(str(tmp_path / f"{number}.png"), pixels)
        says = crossed != (number in WRONG)
        label = ("scratch", "major") if says else ("", "intact")
        rows.append([f"{number}.png", "squares", "box", *label, str(number), "fixed", "own", ""])
    header = ["file", "set", "goods", "defects", "condition", "group", "capture", "licence", "note"]
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return tmp_path


def test_planted_errors_come_first_with_what_is_right(photographs: Path, tmp_path: Path) -> None:
    options = ["--images", str(photographs), "--size", "96", "--threads", "1", "--work", str(tmp_path / "work")]
    given = ["suspects", "--manifest", str(photographs / "labels.csv"), *options]
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "suspects.csv")])
    assert done.exit_code == 0, done.output
    with (tmp_path / "suspects.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == PICTURES
    first = rows[: len(WRONG)]
    assert {row["file"] for row in first} == {f"{number}.png" for number in WRONG}
    for row in first:
        assert row["doubted"] == "1"
        assert (row["suggested_condition"] == "intact") == (row["condition"] != "intact")
        assert bool(row["suggested_defects"]) == (row["suggested_condition"] != "intact")
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "suspects.json")])
    assert done.exit_code == 0, done.output
    body = json.loads((tmp_path / "suspects.json").read_text())
    assert body["suspects"][0]["image_sha256"] == rows[0]["sha256"]
    assert body["suspects"][0]["suggested"]["condition"] in set(Condition)
    assert set(body["suspects"][0]["suggested"]["defects"]) <= set(Defect)


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    header = "file,set,goods,defects,condition,group,capture,licence\n"
    (tmp_path / "manifest.csv").write_text(header)
    options = ["--images", str(tmp_path), "--out", str(tmp_path / "x.csv")]
    done = CliRunner().invoke(app, ["suspects", "--manifest", str(tmp_path / "manifest.csv"), *options])
    assert done.exit_code == 2
    assert "too few" in done.output
