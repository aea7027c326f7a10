"""Versions never change, keep groups together, say what changed, and forget a person by becoming another one."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.manifest import digest, read_manifest
from datasets.versions import making, sheet
from datasets.versions.changes import changes
from datasets.versions.entry import Entry, Split
from datasets.versions.folders import lay_out, linked, seen_by, set_digests
from datasets.versions.grouping import grouped
from datasets.versions.making import Origin
from datasets.versions.store import VersionStore
from datasets.versions.version import Splitting, Version, VersionError, read_version
from inspection.finding import Condition, Defect
from tests.datasets.labelled import drawn, entry, folder


@pytest.fixture
def store(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path / "store")


def made(store: VersionStore, path: Path, **options: object) -> Version:
    version = making.make("shop", making.from_folders(store, [path], Origin("a test")), **options)  # type: ignore[arg-type]
    store.write(version)
    return version


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["version", *map(str, words)])
    return done.exit_code, done.output


def test_the_same_pictures_and_labels_are_the_same_version_whatever_their_order(
    store: VersionStore, tmp_path: Path
) -> None:
    entries = making.from_folders(store, [folder(tmp_path / "a")], Origin("a test"))
    one, other = making.make("shop", entries), making.make("shop", entries[::-1])
    assert one.manifest == other.manifest
    assert one.id == f"shop@{one.sha256[:12]}"
    store.write(one)
    assert store.read("shop") == one
    assert read_version(one.manifest, one.id) == one


def test_a_changed_manifest_or_picture_is_found(store: VersionStore, tmp_path: Path) -> None:
    version = made(store, folder(tmp_path / "a"))
    file = store.folder / "versions" / f"{version.id}.json"
    file.write_bytes(file.read_bytes().replace(b'"major"', b'"minor"', 1))
    with pytest.raises(VersionError, match="the manifest is that of"):
        store.read(version.id)
    file.write_bytes(version.manifest + b" ")
    with pytest.raises(VersionError, match="not canonical"):
        store.read(version.id)
    file.write_bytes(version.manifest)
    store.path(version.entries[0].sha256).write_bytes(b"other")
    code, said = run("verify", version.id, "--store", store.folder)
    assert code == 1
    assert version.entries[0].sha256[:8] in said


def test_a_picture_with_two_labels_is_refused(store: VersionStore, tmp_path: Path) -> None:
    folder(tmp_path / "a")
    folder(tmp_path / "b")
    text = (tmp_path / "b" / "manifest.csv").read_text(encoding="utf-8")
    (tmp_path / "b" / "manifest.csv").write_text(text.replace("crack,major", "dent,minor"), encoding="utf-8")
    with pytest.raises(VersionError, match="another label"):
        making.from_folders(store, [tmp_path / "a", tmp_path / "b"], Origin())


KEYED = st.lists(
    st.tuples(*(st.sampled_from(["", "1", "2", "3", "4"]) for _ in range(3)), st.integers(1, 28)),
    min_size=1,
    max_size=24,
)


@given(KEYED, st.integers(0, 3), st.integers(0, 24))
@settings(max_examples=60, deadline=None)
def test_pictures_that_share_a_key_are_never_in_two_splits_and_groups_stay_from_version_to_version(
    rows: list[tuple[str, str, str, int]], seed: int, cut: int
) -> None:
    entries = [
        Entry.model_validate(
            {
                "sha256": f"{place:064x}", "kind": "jpg", "width": 9, "height": 9, "set": "s", "goods": "can",
                "condition": "intact", "item": item, "customer": customer, "station": station,
                "date": f"2026-11-{day:02d}",
            }
        )
        for place, (item, customer, station, day) in enumerate(rows)
    ]  # fmt: skip
    how = Splitting(exam_share=0.4, seed=seed)
    first = grouped(entries[:cut], how)
    second = grouped(entries, how, first)
    for key in ("item", "customer", ("station", "date")):
        splits: dict[object, set[Split]] = {}
        for each in second:
            value = getattr(each, key) if isinstance(key, str) else tuple(getattr(each, name) for name in key)
            if value and all(value if isinstance(value, tuple) else (value,)):
                splits.setdefault(value, set()).add(each.split)
        assert all(len(found) == 1 for found in splits.values())
    joined = {each.group for each in second[: len(first)]}
    for old, new in zip(first, second, strict=False):
        assert new.group in {each.group for each in first}
        if old.split is Split.TRAIN:
            assert new.split is Split.TRAIN  # what was learned from never becomes a question of the exam
    assert joined <= {each.group for each in first}
    assert grouped(entries, how, first) == second


def test_the_exam_has_about_its_share_and_every_kind_keeps_something_to_learn_from(
    store: VersionStore, tmp_path: Path
) -> None:
    version = made(store, folder(tmp_path / "a", 80), splitting=Splitting(exam_share=0.25))
    for condition in (Condition.INTACT, Condition.MAJOR):
        mine = [each for each in version.entries if each.condition is condition]
        assert sum(each.split is Split.EXAM for each in mine) == 10
    alone = making.make("one", [entry(store, 900, item="x")], splitting=Splitting(exam_share=0.9))
    assert alone.entries[0].split is Split.TRAIN


def test_more_pictures_leave_the_exam_as_it_was(store: VersionStore, tmp_path: Path) -> None:
    first = made(store, folder(tmp_path / "a", 40))
    more = making.from_folders(store, [folder(tmp_path / "b", 40, start=40)], Origin())
    second = making.make("shop", more, parent=first, reason="labels")
    assert changes(first, second).plain()["counts"] == {
        "added": 40, "removed": 0, "relabelled": 0, "moved": 0, "restated": 0
    }  # fmt: skip
    assert second.parent == first.id


def test_the_difference_of_two_versions_is_said_and_shown(store: VersionStore, tmp_path: Path) -> None:
    first = made(store, folder(tmp_path / "a"))
    old = next(each for each in first.entries if each.condition is Condition.MAJOR)
    relabelled = old.model_copy(update={"condition": Condition.MINOR, "defects": (Defect.SCRATCH,)})
    restated = next(each for each in first.entries if each is not old).model_copy(update={"licence": "MIT"})
    gone = first.entries[-1].sha256 if first.entries[-1].sha256 not in (old.sha256, restated.sha256) else None
    gone = gone or first.entries[-2].sha256
    changed = [entry(store, 77, item="new"), relabelled, restated]
    second = making.make("shop", changed, parent=first, without=[gone])
    store.write(second)
    code, said = run("diff", first.id, second.id, "--store", store.folder, "--out", tmp_path / "x" / "sheet.png")
    assert code == 0, said
    plain = json.loads(said)
    assert plain["counts"] | {"moved": 0} == {"added": 1, "removed": 1, "relabelled": 1, "moved": 0, "restated": 1}
    assert plain["relabelled"][0]["before"]["defects"] == ["crack"]
    assert plain["restated"][0]["fields"] == ["licence"]
    assert cv2.imread(str(tmp_path / "x" / "sheet.png")).shape[0] > 4 * sheet.SIDE
    store.remove(gone)  # an erased picture leaves a gap
    page = sheet.page(changes(first, second), store.get, 10)
    assert page.count("<img ") >= 2
    assert "<span></span>" in page


def test_a_marked_defect_is_drawn_where_it_is(store: VersionStore) -> None:
    version = drawn(store)
    marked = next(each for each in version.entries if each.marks)
    plain = marked.model_copy(update={"marks": ()})
    content = store.get(marked.sha256)
    one, other = sheet.thumbnail(content, marked), sheet.thumbnail(content, plain)
    assert one is not None
    assert other is not None
    rows = np.unique(np.nonzero((one != other).any(axis=2))[0])
    assert rows.min() >= 20 + 28 - 2  # 40 x 30 px on 160: 20 px of margin above, 4 px for one


def test_an_erased_persons_pictures_lead_to_another_version_and_name_the_models_that_saw_them(
    store: VersionStore, tmp_path: Path
) -> None:
    version = made(store, folder(tmp_path / "a"), splitting=Splitting(exam_share=0))
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    spec = {"name": "m", "version": "3", "lineage": {"data": set_digests(version)}}
    (bundle / "bundle.json").write_text(json.dumps(spec), encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "bundle.json").write_text(json.dumps(spec | {"lineage": {"data": {"shop": "0" * 64}}}), encoding="utf-8")
    gone = version.entries[0].sha256
    (tmp_path / "gone.txt").write_text(f"{gone}\n", encoding="ascii")
    code, said = run(
        "exclude", version.id, "--store", store.folder, "--pictures", tmp_path / "gone.txt", "--shred",
        "--bundle", bundle, "--bundle", other,
    )  # fmt: skip
    assert code == 0, said
    told = json.loads(said)
    fresh = store.read(told["id"])
    assert gone not in fresh.by_hash
    assert fresh.reason == "erasure"
    assert (told["removed"], told["shredded"]) == (1, 1)
    assert [name.partition("+")[0] for name in told["seen_by"]] == ["m@3"]
    assert told["seen_by"].popitem()[1] == [version.id]
    assert not store.path(gone).exists()
    assert {e.sha256: (e.split, e.group) for e in fresh.entries}.items() <= {
        e.sha256: (e.split, e.group) for e in version.entries
    }.items()


def test_a_version_laid_out_is_what_the_trainer_reads_and_its_digest_is_foretold(
    store: VersionStore, tmp_path: Path
) -> None:
    masked = drawn(store)
    for version in (made(store, folder(tmp_path / "a")), masked):
        store.write(version)
        put = lambda sha256, path: linked(store.path(sha256), path)  # noqa: E731
        for split in (Split.TRAIN, None):
            folders = lay_out(version, tmp_path / "laid", put, split)
            samples = [sample for each in folders for sample in read_manifest(each)]
            wanted = [each for each in version.entries if split is None or each.split is split]
            assert {sample.path.stem for sample in samples} == {each.sha256 for each in wanted}
            assert set_digests(version, split) == {
                name: digest([each for each in samples if each.set == name]) for name in {each.set for each in samples}
            }
    assert any(sample.mask for sample in samples)


def test_the_digest_of_the_folders_a_version_was_made_of_is_known_too(store: VersionStore, tmp_path: Path) -> None:
    path = folder(tmp_path / "a")
    version = made(store, path)
    data = {"shop": digest(read_manifest(path))}
    assert set_digests(version, None, as_it_came=True) == data
    assert seen_by([version.entries[3].sha256], [version], {"old": data, "none": {}}) == {"old": [version.id]}


def test_commands_say_what_they_know_and_refuse_in_one_line(store: VersionStore, tmp_path: Path) -> None:
    folder(tmp_path / "a")
    code, name = run("create", "shop", "--data", tmp_path / "a", "--store", store.folder, "--exam-share", "0.3")
    assert code == 0
    version = store.read("shop")
    assert name.strip() == version.id
    assert json.loads(run("show", "shop", "--store", store.folder)[1])["counts"]["goods"] == {"phone": 12}
    splits = json.loads(run("splits", version.id[:9], "--store", store.folder)[1])
    assert {len(each) for each in splits["groups"].values()} == {2, 4}
    for words in (
        ["show", "nothing"],
        ["create", "a/b", "--data", tmp_path / "a"],
        ["create", "shop", "--key", "name"],
    ):
        code, said = run(*words, "--store", store.folder)
        assert code == 2, said
        assert said.startswith("dataset.refused: ")
