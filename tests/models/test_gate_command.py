"""``python -m models gate`` on the demo's pictures: a bad candidate is stopped, and what it would sell is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
from typer.testing import CliRunner

from models.__main__ import app
from tests.models.exams import DEFAULT, ROOT, small_exam, small_rules, spoiled


def gate(tmp_path: Path, candidate: Path, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    exam = tmp_path / "exam"
    manifest = exam / "manifest.csv" if exam.is_dir() else small_exam(exam)
    words = ["gate", "--champion", str(DEFAULT), "--candidate", str(candidate), "--exam", str(manifest)]
    words += ["--images", str(exam), "--out", str(out), "--rules", str(small_rules(tmp_path / "gate.yaml"))]
    done = CliRunner().invoke(app, [*words, *more])
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}


def test_a_spoiled_candidate_is_stopped_and_the_report_shows_what_it_would_sell(tmp_path: Path) -> None:
    out = tmp_path / "report"
    status, report = gate(tmp_path, spoiled(tmp_path / "spoiled"), out)
    assert (status, report["passed"]) == (1, False)
    (rule,) = [each for each in report["rules"] if each["id"] == "G02"]
    assert (rule["passed"], rule["files"]) == (False, ["can-06/top.jpg"])
    worst = report["changes"][0]
    assert (worst["file"], worst["condition"], worst["after"]["disposition"]) == (
        "can-06/top.jpg",
        "critical",
        "resell",
    )
    assert worst["moves"] < 0
    assert report["currency"] == "CNY"
    assert json.loads((out / "gate.json").read_text(encoding="utf-8")) == report
    for change in report["changes"]:
        shown = cv2.imread(str(out / change["picture"]))
        assert shown is not None
        assert shown.shape == (320, 320, 3)
        assert change["picture"] in (out / "index.html").read_text(encoding="utf-8")
    assert {each["value"] for each in report["tables"] if each["dimension"] == "station"} == {
        "station-01",
        "station-02",
    }


def test_a_candidate_that_judges_alike_passes(tmp_path: Path) -> None:
    status, report = gate(tmp_path, DEFAULT, tmp_path / "report")
    assert (status, report["passed"], report["changes"]) == (0, True, [])
    assert len(report["exam"]["sha256"]) == 64


def test_an_exam_with_a_missing_picture_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    small_exam(tmp_path / "exam")
    (tmp_path / "exam" / "can-06" / "top.jpg").unlink()
    assert gate(tmp_path, DEFAULT, tmp_path / "report") == (2, {})


def test_another_policy_is_a_candidate_too(tmp_path: Path) -> None:
    small_exam(tmp_path / "exam", ("can-06", "phone-01", "phone-03", "phone-04"))
    stricter = tmp_path / "policy.yaml"
    text = (ROOT / "configs" / "policy" / "default.yaml").read_text(encoding="utf-8")
    start = text.index("  - id: R11")
    stricter.write_text(text[:start] + text[start:].replace("disposition: resell", "disposition: hold", 1).replace(
        "    grade: as_new\n", "", 1), encoding="utf-8")  # fmt: skip
    status, report = gate(tmp_path, DEFAULT, tmp_path / "report", "--candidate-policy", str(stricter))
    assert report["champion"]["bundle"] == report["candidate"]["bundle"]
    assert report["champion"]["policy"] != report["candidate"]["policy"]
    assert {each["after"]["disposition"] for each in report["changes"]} == {"hold"}
    assert (status, [each["id"] for each in report["rules"] if not each["passed"]]) == (0, [])
    assert report["changes"]
