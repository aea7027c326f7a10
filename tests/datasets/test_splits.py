"""Manifests and splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.manifest import Sample, digest, read_manifest
from datasets.splits import folds, groups_digest, held_out, leave_one_group_out
from inspection.errors import ConfigError
from inspection.finding import Condition, Defect

HEADER = "file,set,goods,defects,condition,group,capture,licence,note\n"


def sample(number: int, group: str, condition: Condition = Condition.INTACT, set_: str = "s") -> Sample:
    return Sample(Path(f"{number}.jpg"), f"{number}", set_, "can", frozenset(), condition, group, "fixed", "CC0-1.0")


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(list(Condition))), max_size=80),
    st.floats(0.05, 0.6),
    st.integers(0, 5),
)
def test_no_group_is_ever_on_both_sides(rows: list[tuple[int, Condition]], share: float, seed: int) -> None:
    samples = [sample(number, f"g{group}", condition) for number, (group, condition) in enumerate(rows)]
    train, test = held_out(samples, share, seed)
    assert sorted(train + test) == list(range(len(samples)))
    assert not {samples[i].group for i in train} & {samples[i].group for i in test}


def test_about_the_stated_share_of_every_stratum_is_held_out() -> None:
    samples = [sample(n, f"{c}{n}", c) for c in (Condition.INTACT, Condition.MAJOR) for n in range(100)]
    _, test = held_out(samples, 0.25, 0)
    for condition in (Condition.INTACT, Condition.MAJOR):
        assert 23 <= sum(samples[i].condition is condition for i in test) <= 27


def test_a_stratum_with_one_group_stays_in_training() -> None:
    samples = [sample(n, "only") for n in range(10)]
    assert held_out(samples, 0.5, 0) == (list(range(10)), [])


def test_new_samples_do_not_move_old_groups_within_the_order() -> None:
    old = [sample(n, f"g{n}") for n in range(40)]
    chosen = {old[i].group for i in held_out(old, 0.25, 3)[1]}
    more = old + [sample(100 + n, f"new{n}") for n in range(8)]
    assert len(chosen & {more[i].group for i in held_out(more, 0.25, 3)[1]}) >= 0.7 * len(chosen)


def test_another_seed_holds_out_other_groups() -> None:
    samples = [sample(n, f"g{n}") for n in range(40)]
    assert held_out(samples, 0.25, 0) != held_out(samples, 0.25, 1)


def test_leaving_one_group_out_covers_every_sample_once() -> None:
    samples = [sample(n, f"g{n % 3}") for n in range(10)]
    folds = leave_one_group_out(samples)
    assert [name for name, _ in folds] == ["g0", "g1", "g2"]
    assert sorted(index for _, fold in folds for index in fold) == list(range(10))


def test_damaged_without_type_says_nothing_about_other_defects() -> None:
    dented = Sample(
        Path("x"), "x", "bottles", "bottle", frozenset({Defect.DAMAGED}), Condition.MAJOR, "g", "web", "none"
    )
    assert not any(dented.absent(defect) for defect in Defect)
    assert all(sample(1, "g").absent(defect) for defect in Defect)


def write(folder: Path, text: str) -> Path:
    (folder / "a.jpg").write_bytes(b"not looked at here")
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("file,set\n", "columns missing: goods"),
        (HEADER + "a.jpg,s,can,dented,intact,g,fixed,CC0,\n", "'dented'"),
        (HEADER + "a.jpg,s,can,dent,intact,g,fixed,CC0,\n", "contradicts itself"),
        (HEADER + "a.jpg,s,can,dent,broken,g,fixed,CC0,\n", "manifest.csv:2"),
        (HEADER + "b.jpg,s,can,dent,major,g,fixed,CC0,\n", "b.jpg is not there"),
    ],
)
def test_a_mistake_in_a_manifest_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_manifest(write(tmp_path, text))


def test_the_digest_changes_with_a_label_and_with_a_byte_but_not_with_order(tmp_path: Path) -> None:
    row = "a.jpg,s,can,{},major,g,fixed,CC0,\n"
    first = read_manifest(write(tmp_path, HEADER + row.format("dent")))
    relabelled = read_manifest(write(tmp_path, HEADER + row.format("tear")))
    assert digest(first) != digest(relabelled)
    before = digest(first)
    (tmp_path / "a.jpg").write_bytes(b"other bytes")
    assert digest(first) != before
    twice = [*first, *relabelled]
    assert digest(twice) == digest(twice[::-1])


def test_the_digest_of_groups_does_not_depend_on_order() -> None:
    samples = [sample(n, f"g{n}") for n in range(5)]
    assert groups_digest(samples) == groups_digest(samples[::-1]) != groups_digest(samples[1:])


@pytest.mark.shared
def test_the_shared_manifest_is_read_whole(shared: Path) -> None:
    samples = read_manifest(shared / "datasets")
    assert len(samples) == 3182
    train, test = held_out(samples, 0.25, 0)
    assert not {samples[i].group for i in train} & {samples[i].group for i in test}


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(1, 5), st.integers(0, 5))
def test_folds_part_everything_by_group_and_new_samples_move_no_old_ones(
    groups: list[int], count: int, seed: int
) -> None:
    samples = [sample(number, f"g{group}") for number, group in enumerate(groups)]
    parts = folds(samples, range(len(samples)), count, seed)
    assert sorted(row for part in parts for row in part) == list(range(len(samples)))
    owners = [{samples[row].group for row in part} for part in parts]
    assert sum(map(len, owners)) == len(set(groups))
    more = [*samples, sample(len(samples), "g-new")]
    again = folds(more, range(len(more)), count, seed)
    assert all(any(set(part) <= set(other) for other in again) for part in parts)
