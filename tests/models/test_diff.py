"""Two bundles on the same pictures: every change is a row, and labels say whether it is for the better."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from inspection.finding import Condition, Defect
from inspection.verdict import Disposition
from models.__main__ import DEMO, app
from models.bundle import open_bundle, seal_bundle
from models.bundle_command import DEFAULT_BUNDLE
from models.contract import BundleSpec
from models.evaluation.diff import Side, changes
from models.evaluation.photographs import Opinion, Photograph, Result

SPEC = open_bundle(DEFAULT_BUNDLE).spec


def result(truth: str, named: Condition, decision: str, file: str = "a.jpg", crack: float = 0.0) -> Result:
    p = {condition: 0.97 if condition is named else 0.01 for condition in Condition}
    labels = {"file": file, "condition": truth}
    return Result(
        Photograph(file, "can", labels), Opinion(p, {Defect.CRACK: crack}, 0.0), Disposition(decision), False, "", 1.0
    )


def one(before: Result, after: Result, spec: BundleSpec = SPEC) -> list[dict[str, str]]:
    return changes(Side("a@1", spec, [before]), Side("b@1", spec, [after]))


@pytest.mark.parametrize(
    ("truth", "before", "after", "verdict"),
    [
        ("critical", (Condition.INTACT, "resell"), (Condition.CRITICAL, "scrap"), "better"),
        ("critical", (Condition.CRITICAL, "scrap"), (Condition.CRITICAL, "hold"), "worse"),
        ("intact", (Condition.CRITICAL, "scrap"), (Condition.CRITICAL, "hold"), "better"),
        ("intact", (Condition.INTACT, "resell"), (Condition.MINOR, "resell"), "worse"),
        ("", (Condition.INTACT, "resell"), (Condition.CRITICAL, "scrap"), ""),
    ],
)
def test_labels_say_what_is_better(
    truth: str, before: tuple[Condition, str], after: tuple[Condition, str], verdict: str
) -> None:
    [row] = one(result(truth, *before), result(truth, *after))
    assert row["verdict"] == verdict


def test_what_is_judged_the_same_is_no_change_though_its_probabilities_differ() -> None:
    limit = SPEC.thresholds.defects[Defect.CRACK]
    same = result("", Condition.MINOR, "resell", crack=limit - 0.05)
    assert one(same, result("", Condition.MINOR, "resell", crack=limit - 0.01)) == []
    [row] = one(same, result("", Condition.MINOR, "resell", crack=limit))
    assert (row["changed"], row["defects_a"], row["defects_b"]) == ("defects", "", "crack")


def test_a_bundle_with_other_thresholds_is_told_from_its_parent(tmp_path: Path) -> None:
    other = Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "other"))
    strict = SPEC.thresholds.model_copy(
        update={"confident": 1.0, "goods": {}, "defects": dict.fromkeys(SPEC.defects, 0.0)}
    )
    seal_bundle(other, SPEC.model_copy(update={"thresholds": strict}))
    rows = list(csv.DictReader((DEMO / "manifest.csv").open(encoding="utf-8")))[:3]
    manifest, out = tmp_path / "m.csv", tmp_path / "diff"
    lines = [f"{row['file']},{row['goods']},{row['condition']}" for row in rows]
    manifest.write_text("\n".join(["file,goods,condition", *lines, "none.jpg,can,"]) + "\n", encoding="utf-8")
    call = [
        "diff",
        str(DEFAULT_BUNDLE),
        str(other),
        "--images",
        str(DEMO),
        "--manifest",
        str(manifest),
        "--out",
        str(out),
    ]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert "3 of 4 are judged otherwise" in done.output
    found = list(csv.DictReader((out / "changes.csv").open(encoding="utf-8")))
    assert {row["file"] for row in found} == {row["file"] for row in rows}
    assert all(row["decision_b"] == "hold" and "scratch" in row["defects_b"] for row in found)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "pictures/000.jpg" in page
    for name in ("changes.png", "pictures/000.jpg"):
        assert cv2.imread(str(out / name)) is not None
