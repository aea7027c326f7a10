"""Items are found and cut out before they are judged, and days do not teach what they should not."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.manifest import Sample, read_manifest
from datasets.splits import few_days, held_out, trials
from inspection.errors import ConfigError
from inspection.finding import Box, Condition, Defect
from models.contract import FinderSpec
from models.finder import crop_of
from models.pixels import fit, regions

torch = pytest.importorskip("torch", reason="training is not installed: make install-dev")

from models.training import items  # noqa: E402
from models.training.backbone import Trunk, pretrained  # noqa: E402
from models.training.config import read_options  # noqa: E402
from models.training.features import Cut, FeatureCache  # noqa: E402
from models.training.fit import PAINTED, condition_loss, labels_of  # noqa: E402
from models.training.item_views import item_view  # noqa: E402
from models.training.network import doubted  # noqa: E402
from models.training.paint import paint  # noqa: E402

SPEC = FinderSpec(size=192)


def cells(*places: tuple[int, int, int, int], high: float = 0.97, low: float = 0.02) -> np.ndarray:
    """A finder's map (24, 24) that shows items at (left, top, right, bottom), in cells."""
    found = np.full((24, 24), low, np.float32)
    for left, top, right, bottom in places:
        found[top:bottom, left:right] = high
    return found


def letterbox(width: int, height: int) -> object:
    return fit(np.zeros((height, width, 3), np.uint8), 192)[1]


def test_a_clear_item_is_cut_out_with_a_margin_inside_the_picture() -> None:
    box = crop_of(cells((10, 8, 14, 16)), letterbox(960, 960), SPEC)  # type: ignore[arg-type]
    assert box is not None
    assert abs(box.x + box.width / 2 - 480) < 25
    assert abs(box.y + box.height / 2 - 480) < 25
    assert 320 < box.width == box.height < 480


def test_an_item_at_the_border_gives_a_cut_inside_the_picture() -> None:
    box = crop_of(cells((0, 6, 5, 12)), letterbox(800, 800), SPEC)  # type: ignore[arg-type]
    assert box is not None
    assert box.x == 0
    assert box.y >= 0
    assert box.y + box.height <= 800


@pytest.mark.parametrize(
    "found",
    [
        cells(),
        cells((3, 3, 8, 9), (14, 12, 19, 18)),
        cells((8, 8, 15, 15), high=0.6),
        cells((8, 8, 15, 15), low=0.3),
        cells((1, 1, 23, 23)),
        np.full((24, 24), np.nan, np.float32),
    ],
    ids=["nothing", "two items", "unsure item", "unsure surroundings", "fills the picture", "not a number"],
)
def test_where_no_one_item_is_clear_the_whole_picture_is_judged(found: np.ndarray) -> None:
    assert crop_of(found, letterbox(640, 640), SPEC) is None  # type: ignore[arg-type]


def test_a_mark_in_a_cut_comes_back_where_it_is_in_the_picture() -> None:
    _, box = fit(np.zeros((400, 600, 3), np.uint8), 64, Box(200, 100, 128, 128))
    found = np.zeros((8, 8), np.float32)
    found[0, 7] = 1.0  # the cut's upper right corner
    ((place, _),) = regions(found, 0.5, 64, box)
    assert place.x + place.width == 328
    assert place.y == 100
    assert place.width < 40


def test_a_view_of_an_item_depends_on_its_seed_alone() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    mask = np.zeros((90, 120), np.uint8)
    cv2.circle(mask, (60, 45), 25, 255, -1)

    def one(seed: int) -> np.ndarray:
        view, _ = item_view(
            picture, None, np.random.default_rng(seed), 64, Box(30, 15, 60, 60), item=mask, painted=True
        )
        return view

    assert one(1).shape == (64, 64, 3)
    assert np.array_equal(one(1), one(1))
    assert not np.array_equal(one(1), one(2))


def test_painted_damage_changes_the_item() -> None:
    picture = np.full((96, 96, 3), 128, np.uint8)
    cv2.circle(picture, (48, 48), 30, (200, 190, 180), -1)
    picture[::6] //= 2
    mask = np.zeros((96, 96), np.uint8)
    cv2.circle(mask, (48, 48), 30, 255, -1)
    for seed in range(24):
        changed = np.abs(paint(picture, mask, np.random.default_rng(seed)).astype(int) - picture).max(axis=2) > 8
        assert changed[mask > 0].any()
    assert np.array_equal(paint(picture, np.zeros_like(mask), np.random.default_rng(0)), picture)


def days() -> list[Sample]:
    """Sound items of one day, some damaged ones of it, and damaged ones of two other days."""

    def sample(number: int, day: str, condition: Condition) -> Sample:
        defects = frozenset() if condition is Condition.INTACT else frozenset({Defect.DAMAGED})
        path = Path(f"{day}-{number:03d}.jpg")
        return Sample(path, f"cans/{path}", "cans", "can", defects, condition, f"cans/{day}", "fixed", "none")

    grades = [("c", Condition.INTACT)] * 20 + [("c", Condition.MINOR)] * 10
    grades += [("a", Condition.MAJOR)] * 10 + [("b", Condition.CRITICAL)] * 10
    return [sample(number, *grade) for number, grade in enumerate(grades)]


def test_a_set_of_few_days_is_known_and_nothing_of_it_is_held_out() -> None:
    samples = days()
    assert few_days(samples) == {"cans"}
    assert few_days(samples[:30]) == frozenset()
    assert held_out(samples, 0.25, 0, kept=few_days(samples))[1] == []


def test_trials_judge_what_was_left_out_and_one_kind_takes_all_damage_from_the_sound_day() -> None:
    samples = days()
    made = trials(samples, "cans")
    assert [trial.kind for trial in made].count("unseen day") == 2
    assert {trial.kind for trial in made} == {"unseen day", "unseen damage", "same day"}
    for trial in made:
        assert set(trial.judged) <= set(trial.left_out)
        assert len({samples[index].damaged for index in trial.judged}) == 2
        if trial.kind == "unseen damage":
            rest = [sample for index, sample in enumerate(samples) if index not in trial.left_out]
            assert not any(sample.damaged for sample in rest if sample.group == "cans/c")
            assert any(not sample.damaged for sample in rest)


def test_painted_items_teach_that_they_are_not_intact_and_no_grade() -> None:
    painted = replace(days()[-1], set=PAINTED, name="painted/x")
    labels = labels_of([days()[0], painted])
    assert labels.graded.tolist() == [True, False]
    graded = torch.tensor([False])
    truth = torch.tensor([2])
    major, critical, intact = (torch.eye(4)[[place]] * 8 for place in (2, 3, 0))
    assert torch.isclose(condition_loss(major, truth, graded), condition_loss(critical, truth, graded))
    assert condition_loss(intact, truth, graded) > condition_loss(major, truth, graded) + 1


def test_a_defect_that_is_seen_lowers_the_odds_of_intact_and_nothing_else() -> None:
    conditions = torch.tensor([[2.0, 0.5, 0.0, -1.0]])
    unseen, seen = (doubted(conditions, torch.tensor([[logit, -6.0]])) for logit in (-5.0, 4.0))
    assert torch.softmax(seen, 1)[0, 0] < torch.softmax(conditions, 1)[0, 0]
    assert torch.equal(unseen, conditions), "an empty map proves nothing"
    assert torch.equal(seen[:, 1:], conditions[:, 1:])


@pytest.mark.slow
def test_features_of_cut_items_are_found_again_by_another_process(drawn: Path, tmp_path: Path) -> None:
    samples = read_manifest(drawn)[:4]
    cut = Cut((Box(10, 10, 100, 100),) * 4, tmp_path / "items", (samples[0].path,))
    cache = FeatureCache(tmp_path, samples, 64, 1, 0, cut)
    cache.fill(Trunk(pretrained()), 1, lambda _: None)
    again = pickle.loads(pickle.dumps(cache))  # noqa: S301 - our own
    versions, rows = np.array([0, 1, 1]), np.array([3, 0, 2])
    for ours, theirs in zip(again.gather(versions, rows), cache.gather(versions, rows), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(pickle.dumps(cache)) < 20_000


def test_options_of_a_file_give_way_to_what_is_said_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "training.yaml"
    file.write_text("epochs: 3\nsize: 96\nout: made\n", encoding="utf-8")
    otherwise = {"data": [tmp_path], "golden": tmp_path, "out": tmp_path / "other", "work": tmp_path}
    options = read_options(file, {"epochs": 5.0}, otherwise)
    assert (options.epochs, options.size, options.out) == (5.0, 96, tmp_path / "made")
    file.write_text("epoch: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key epoch"):
        read_options(file, {}, otherwise)


def test_masks_of_another_isolation_are_made_anew_and_the_old_ones_go(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample, made = read_manifest(drawn)[0], []

    def isolated(pixels: np.ndarray) -> np.ndarray:
        made.append(1)
        return np.full(pixels.shape[:2], 255, np.uint8)

    monkeypatch.setattr(items, "_isolated", isolated)
    for version in ("one", "one", "two"):
        monkeypatch.setattr(items, "isolation_version", lambda version=version: version)
        assert items.item_mask(sample, tmp_path) is not None
    assert len(made) == 2
    (tmp_path / "loose.png").write_bytes(b"of a time when masks had no version")
    items.forget_masks(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == ["masks-two"]
