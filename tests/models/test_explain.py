"""Why an item was judged so: view, region and the most similar known examples, of which a bundle holds no picture."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from inspection.errors import BundleError
from inspection.finding import Condition, Defect
from inspection.frame import ViewPicture
from models import examples
from models.__main__ import DEMO, app
from models.bundle import open_bundle, seal_bundle
from models.bundle_command import DEFAULT_BUNDLE
from models.explain import explain
from models.novelty import learn
from models.runtime import Judge

ROWS = 6


def random_examples(count: int = 40) -> tuple[examples.Examples, np.ndarray]:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, 1, (count, 24)).astype(np.float32)
    reference = learn(embeddings, np.array(["a", "b"] * (count // 2)), dimensions=8)
    names = [f"set/{number}.jpg" for number in range(count)]
    made = examples.learn(
        reference, embeddings, names, [Condition.MINOR] * count, [frozenset({Defect.STAIN, Defect.DENT})] * count
    )
    for row in (0, 17):
        found = made.nearest(reference, embeddings[row])
        assert found[0].name == names[row]
        assert [one.distance for one in found] == sorted(one.distance for one in found)
    return made, embeddings


def test_an_example_is_most_like_itself_and_read_back_as_it_was() -> None:
    made, _ = random_examples()
    again = examples.from_bytes(made.to_bytes())
    np.testing.assert_array_equal(again.coordinates, made.coordinates)
    assert again.defects.tolist() == ["dent;stain"] * 40


def test_what_holds_no_examples_is_refused() -> None:
    made, _ = random_examples()
    wrong = examples.Examples(made.coordinates[:3], made.names, made.labels, made.defects)
    other = examples.Examples(made.coordinates, made.names, np.full(40, "fine"), made.defects)
    for content in (b"", b"nonsense", wrong.to_bytes(), other.to_bytes()):
        with pytest.raises(BundleError, match=r"examples\.npz"):
            examples.from_bytes(content)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default bundle with a few pictures of our own as its examples."""
    data = tmp_path_factory.mktemp("data")
    rows = list(csv.DictReader((DEMO / "manifest.csv").open(encoding="utf-8")))[:ROWS]
    for row in rows:
        (data / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEMO / row["file"], data / row["file"])
        if row.get("mask"):
            shutil.copy(DEMO / row["mask"], data / row["mask"])
    with (data / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    out = tmp_path_factory.mktemp("bundles") / "knowing"
    done = CliRunner().invoke(app, ["examples", str(DEFAULT_BUNDLE), "--data", str(data), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


def test_a_picture_the_bundle_knows_is_found_by_its_name(knowing: Path, tmp_path: Path) -> None:
    files = [DEMO / row["file"] for row in list(csv.DictReader((DEMO / "manifest.csv").open(encoding="utf-8")))[:2]]
    views = [ViewPicture(str(file), np.asarray(cv2.imread(str(file)), np.uint8)) for file in files]
    judge, bundle = Judge.load(knowing), open_bundle(knowing)
    assert bundle.spec.lineage is not None
    assert str(bundle.spec.lineage.parent).startswith("default@")
    found = explain(judge, bundle, views)
    assert found.view in {view.view for view in views}
    assert found.view.endswith(found.similar[0].name.split("/", 1)[1])
    assert found.similar[0].distance == pytest.approx(0, abs=0.05)
    assert len(found.similar) == 3
    assert found.region is None or found.region.view == found.view
    with pytest.raises(ValueError, match="judges, not"):
        explain(judge, open_bundle(DEFAULT_BUNDLE), views)
    out = tmp_path / "why.png"
    done = CliRunner().invoke(app, ["explain", *map(str, files), "--bundle", str(knowing), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "decided by" in done.output
    assert cv2.imread(str(out)) is not None


def test_a_bundle_with_damaged_examples_says_so(knowing: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(knowing, tmp_path / "copy"))
    (copy / examples.EXAMPLES).write_bytes(b"nonsense")
    seal_bundle(copy, open_bundle(knowing).spec)
    picture = next(DEMO.glob("**/*.jpg"))
    done = CliRunner().invoke(app, ["explain", str(picture), "--bundle", str(copy)])
    assert done.exit_code == 2
    assert "examples.npz" in done.output
