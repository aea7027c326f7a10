"""Any photographs are judged one by one, and what cannot be judged is said so."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from inspection.errors import ConfigError
from inspection.finding import Condition
from models.__main__ import DEMO, app
from models.evaluation.photographs import COLUMNS, read_photographs
from models.evaluation.summary import auroc


def evaluate(tmp_path: Path, rows: list[str], *options: str) -> tuple[int, str, list[dict[str, str]]]:
    manifest, out = tmp_path / "m.csv", tmp_path / "r.csv"
    manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    result = CliRunner().invoke(
        app, ["evaluate", "--images", str(DEMO), "--manifest", str(manifest), "--out", str(out), *options]
    )
    found = list(csv.DictReader(out.open(encoding="utf-8"))) if out.is_file() else []
    return result.exit_code, result.output, found


def demo_rows(count: int) -> list[dict[str, str]]:
    with (DEMO / "manifest.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))[:count]


def test_every_photograph_gets_one_row_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    rows = demo_rows(4)
    code, _, found = evaluate(tmp_path, ["file,goods", *(f"{row['file']},{row['goods']}" for row in rows)])
    assert code == 0
    assert [row["file"] for row in found] == [row["file"] for row in rows]
    for row in found:
        assert tuple(row) == COLUMNS
        shares = [float(row[f"p_{condition}"]) for condition in Condition]
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert row["condition"] == list(Condition)[int(np.argmax(shares))]
        assert row["decision"] in {"resell", "repair", "scrap", "hold"}
        assert row["reason"].startswith("R")
        assert 0 <= float(row["novelty"]) <= 1
        assert float(row["ms"]) > 0


def test_what_is_no_picture_goes_to_a_person_and_the_others_are_judged(tmp_path: Path) -> None:
    good = demo_rows(1)[0]
    rows = ["file,goods", "not/there.jpg,can", "manifest.csv,can", f"{good['file']},{good['goods']}"]
    code, _, found = evaluate(tmp_path, rows)
    assert code == 0
    assert [row["decision"] for row in found[:2]] == ["hold", "hold"]
    assert all(row["condition"] == "" and "config.invalid" in row["reason"] for row in found[:2])
    assert found[2]["condition"] != ""


def test_goods_of_no_known_kind_go_to_a_person(tmp_path: Path) -> None:
    _, _, [row] = evaluate(tmp_path, ["file,goods", f"{demo_rows(1)[0]['file']},spaceship"])
    assert row["decision"] == "hold"
    assert row["condition"] != ""


def test_labels_change_no_result_and_add_figures_and_a_plot(tmp_path: Path) -> None:
    rows = demo_rows(6)
    plain = evaluate(tmp_path, ["file,goods", *(f"{row['file']},{row['goods']}" for row in rows)])[2]
    labelled = ["file,goods,condition", *(f"{row['file']},{row['goods']},{row['condition']}" for row in rows)]
    code, output, found = evaluate(tmp_path, labelled, "--report", str(tmp_path / "report"))
    assert code == 0
    assert "AUROC" in output
    assert [{**row, "ms": ""} for row in found] == [{**row, "ms": ""} for row in plain]
    picture = cv2.imread(str(tmp_path / "report" / "reliability.png"))
    assert picture is not None
    assert picture.std() > 1


@pytest.mark.parametrize("content", ["", "file\nx.jpg\n", "goods\ncan\n", "\xff\xfe"])
def test_a_manifest_without_what_is_needed_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError):
        read_photographs(path)


def test_half_a_call_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", "--images", str(tmp_path)])
    assert result.exit_code == 2
    assert "--out" in result.output


def test_the_area_under_the_curve_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    scores, positive = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert auroc(positive, scores) == pytest.approx(float(np.mean(pairs)))
    assert auroc(np.ones(3, bool), np.zeros(3)) is None
