"""Words beside findings stay inside the picture and off each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.finding import Defect
from inspection.report import BoxPart, FindingPart
from inspection.station.web.drawing import NARROW_EM, Label, groups, labels
from inspection.station.web.pages import _percent

WIDTH, HEIGHT, SIZE = 640, 480, 24.0


def finding(x: int, y: int, width: int, height: int, probability: float = 0.9, view: str = "top") -> FindingPart:
    box = BoxPart(x=x, y=y, width=width, height=height)
    return FindingPart(defect=Defect.CRACK, probability=probability, view=view, box=box)


boxes = st.builds(
    finding, st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(1, 300), st.integers(1, 300)
)


def length(label: Label) -> float:
    return label.size * sum(1.0 if ord(character) >= 0x2E80 else NARROW_EM for character in label.text)


@given(st.lists(st.tuples(boxes, st.sampled_from(["裂纹 98%", "crack >99%"])), max_size=12))
def test_labels_never_cover_each_other_and_never_leave_the_picture(named: list[tuple[FindingPart, str]]) -> None:
    placed = labels(named, WIDTH, HEIGHT, SIZE)
    assert [label.box for label in placed] == [each.box for each, _ in named], "every box is drawn"
    shown = [label for label in placed if label.text]
    for label in shown:
        assert label.x >= 0
        assert label.x + length(label) <= WIDTH + 1e-6
        assert 0.7 * SIZE <= label.y < HEIGHT
    for index, one in enumerate(shown):
        for other in shown[index + 1 :]:
            apart = one.x + length(one) <= other.x or other.x + length(other) <= one.x
            assert apart or abs(one.y - other.y) >= SIZE


def test_one_box_has_its_word_right_above_it() -> None:
    (label,) = labels([(finding(100, 200, 50, 50), "crack 90%")], WIDTH, HEIGHT, SIZE)
    assert (label.x, label.y) == (100, 200 - 0.3 * SIZE)


def test_findings_are_told_once_a_defect() -> None:
    found = [finding(1, 1, 1, 1, 0.8), finding(2, 2, 2, 2, 0.95, "front"), finding(3, 3, 3, 3, 0.7)]
    (group,) = groups(found)
    assert (group.defect, group.probability, group.views) == ("crack", 0.95, ("front", "top"))


def test_nothing_is_ever_called_certain() -> None:
    assert _percent(0.9999) == ">99%"
    assert _percent(1.0) == ">99%"
    assert _percent(0.93) == "93%"


@pytest.mark.parametrize(
    ("size", "off", "measured", "at_most"),
    [
        ((12.34, 0.42), 0.5, "12 × 0.4 ± 0.5 mm, 5.2 mm²", ""),
        ((9.0, 3.0), None, "9.0 × 3.0 mm, 5.2 mm²", ""),
        ((17.8, 17.8), 17.8, "", "36"),
        (None, None, "", ""),
    ],
)
def test_a_size_is_told_no_finer_than_it_is_known(
    size: tuple[float, float] | None, off: float | None, measured: str, at_most: str
) -> None:
    known = finding(1, 1, 9, 9).model_copy(update={"size_mm": size, "size_uncertainty_mm": off, "area_mm2": 5.2})
    (group,) = groups([known])
    assert (group.measured, group.at_most_mm) == (measured, at_most)


def test_the_longest_finding_of_a_defect_is_told() -> None:
    sizes = [(2.0, 1.0), (30.0, 1.0), None]
    (group,) = groups([finding(1, 1, 1, 1).model_copy(update={"size_mm": size}) for size in sizes])
    assert group.measured == "30 × 1.0 mm"
