"""What goes out to another program comes back the same; what a stranger made up is refused and changes nothing."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.formats import coco, label_studio, rle, yolo
from datasets.formats.draft import Defaults, box, entries_of
from datasets.versions import making
from datasets.versions.entry import Entry
from datasets.versions.folders import linked
from datasets.versions.store import VersionStore
from datasets.versions.version import Version, VersionError
from inspection.finding import Condition, Defect
from tests.datasets.labelled import drawn, jpeg

NOBODY = Defaults("other")


@pytest.fixture
def store(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path / "store")


@pytest.fixture
def version(store: VersionStore) -> Version:
    return drawn(store)


def put(store: VersionStore) -> Callable[[str, Path], None]:
    return lambda sha256, path: linked(store.path(sha256), path)


def told(entries: list[Entry], *, without: set[str] = frozenset()) -> list[dict[str, Any]]:  # type: ignore[assignment]
    left = {"group", "split", *without}
    return [each.model_dump(mode="json", exclude=left) for each in sorted(entries, key=lambda each: each.sha256)]


def test_coco_round_trip(store: VersionStore, version: Version, tmp_path: Path) -> None:
    file = coco.export(version, store, tmp_path / "out", put(store))
    back = entries_of(VersionStore(tmp_path / "s2"), coco.drafts(file, file.parent, NOBODY), NOBODY)
    assert told(back) == told(list(version.entries))


def test_label_studio_round_trip(store: VersionStore, version: Version, tmp_path: Path) -> None:
    file = label_studio.export(version, store, tmp_path / "out", put(store))
    back = entries_of(VersionStore(tmp_path / "s2"), label_studio.drafts(file, file.parent, NOBODY), NOBODY)
    assert told(back) == told(list(version.entries))


def test_yolo_round_trip_of_all_but_masks(store: VersionStore, version: Version, tmp_path: Path) -> None:
    yolo.export(version, tmp_path / "out", put(store))
    back = entries_of(VersionStore(tmp_path / "s2"), yolo.drafts(tmp_path / "out", NOBODY), NOBODY)
    assert told(back, without={"mask"}) == told(list(version.entries), without={"mask"})


def test_yolo_classes_round_trip_of_all_but_places(store: VersionStore, version: Version, tmp_path: Path) -> None:
    yolo.export_classes(version, tmp_path / "out", put(store))
    back = entries_of(VersionStore(tmp_path / "s2"), yolo.drafts_of_classes(tmp_path / "out", NOBODY), NOBODY)
    assert told(back, without={"mask", "marks"}) == told(list(version.entries), without={"mask", "marks"})


def test_the_commands_write_and_read_each_format(store: VersionStore, version: Version, tmp_path: Path) -> None:
    store.write(version)
    for kind, file in (("coco", "instances.json"), ("label-studio", "tasks.json"), ("yolo", ""), ("yolo-classify", "")):
        out = tmp_path / kind
        done = CliRunner().invoke(app, ["version", "export", kind, version.id, str(out), "--store", str(store.folder)])
        assert done.exit_code == 0, done.output
        words = ["version", "import", kind, str(out / file), "--name", "back", "--store", str(tmp_path / "s2")]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert done.output.startswith("back@")


def test_a_file_of_another_program_needs_to_be_told_what_it_does_not_say(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    document = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 40, "height": 30}],
        "categories": [{"id": 3, "name": "Rust spots"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [2.4, 3.0, 10.2, 5.5], "iscrowd": 0,
                         "segmentation": [[2.4, 3, 12.6, 3, 12.6, 8.5, 2.4, 8.5]]}],
    }  # fmt: skip
    (tmp_path / "coco.json").write_text(json.dumps(document), encoding="utf-8")

    def read(defaults: Defaults) -> list[Entry]:
        store = VersionStore(tmp_path / "s")
        return entries_of(store, coco.drafts(tmp_path / "coco.json", tmp_path, defaults), defaults)

    with pytest.raises(VersionError, match="'Rust spots' is no defect"):
        read(Defaults("theirs", "can"))
    names = {"Rust spots": Defect.CORROSION}
    with pytest.raises(VersionError, match="nothing says how bad"):
        read(Defaults("theirs", "can", names=names))
    (found,) = read(Defaults("theirs", "can", Condition.MINOR, names=names))
    assert found.defects == (Defect.CORROSION,)
    assert [(m.x, m.y, m.width, m.height) for m in found.marks] == [(2, 3, 11, 6)]
    assert found.mask is not None


def test_label_studio_finds_uploads_and_takes_the_last_annotation_that_counts(
    store: VersionStore, version: Version, tmp_path: Path
) -> None:
    file = label_studio.export(version, store, tmp_path / "out", put(store))
    tasks = json.loads(file.read_text(encoding="utf-8"))
    task = next(each for each in tasks if each["data"]["returns_inspection"].get("item") == "d")
    name = task["data"]["image"].rpartition("/")[2]
    task["data"] = {"image": f"/data/upload/4/0123abcd-{name}"}
    task["annotations"] += [
        {"result": [{"type": "choices", "value": {"choices": ["minor", "wear"]}}]},
        {"result": [], "was_cancelled": True},
    ]
    file.write_text(json.dumps([task]), encoding="utf-8")
    defaults = Defaults("other", "can")
    (found,) = entries_of(
        VersionStore(tmp_path / "s2"), label_studio.drafts(file, file.parent / "pictures", defaults), defaults
    )
    assert (found.condition, found.defects) == (Condition.MINOR, (Defect.WEAR,))


HOSTILE_PATHS = [
    "/etc/passwd",
    "../secret.jpg",
    "pictures/../../secret.jpg",
    "C:\\x.jpg",
    "file:///etc/passwd",
    "a\0b",
    "",
]


@pytest.mark.parametrize("name", [*HOSTILE_PATHS, "link.jpg", 7, None, "x" * 5000])
def test_a_path_that_leaves_the_folder_is_refused(name: object, tmp_path: Path) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    (tmp_path / "secret.jpg").write_bytes(jpeg(1))
    (inner / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    image = {"id": 1, "file_name": name, "width": 40, "height": 30}
    (inner / "c.json").write_text(
        json.dumps({"images": [image], "categories": [], "annotations": []}), encoding="utf-8"
    )
    with pytest.raises(VersionError):
        list(coco.drafts(inner / "c.json", inner, NOBODY))
    task = {"data": {"image": name}, "annotations": [{"result": []}]}
    (inner / "t.json").write_text(json.dumps([task]), encoding="utf-8")
    with pytest.raises(VersionError):
        list(label_studio.drafts(inner / "t.json", inner, NOBODY))


@pytest.mark.parametrize(
    "text",
    ["", "[", "[1]", "{}", "NaN", '{"images":[],"images":[]}', "[" * 100_000, '{"images":{},"categories":[]}', "\xff"],
)
def test_what_is_no_such_file_is_refused_in_a_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(text.encode("latin-1"))
    for drafts in (coco.drafts, label_studio.drafts):
        with pytest.raises(VersionError):
            list(drafts(tmp_path / "f.json", tmp_path, NOBODY))


def test_a_picture_of_another_size_or_none_is_refused(store: VersionStore, version: Version, tmp_path: Path) -> None:
    file = coco.export(version, store, tmp_path / "out", put(store))
    document = json.loads(file.read_text(encoding="utf-8"))
    document["images"][0]["width"] += 1
    document["annotations"] = []
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(VersionError, match="its label is of"):
        entries_of(store, coco.drafts(file, file.parent, NOBODY), NOBODY)
    picture = file.parent / document["images"][0]["file_name"]
    picture.unlink()
    picture.write_bytes(b"\xff\xd8\xff" + bytes(100))
    with pytest.raises(VersionError, match="cannot be decoded"):
        entries_of(store, coco.drafts(file, file.parent, NOBODY), NOBODY)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_with_anything_in_any_place_is_read_or_refused(data: st.DataObject, spoiled: Spoiled) -> None:
    """Never another exception, and what is read is an entry that a version takes."""
    name = data.draw(st.sampled_from(sorted(spoiled.documents)))
    document = copy.deepcopy(spoiled.documents[name])
    junk = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.just([]),
        st.just({}),
        st.lists(st.integers(-3, 300), max_size=6), st.just(1e308), st.just("../x"),
    )  # fmt: skip
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = document
        for _ in range(data.draw(st.integers(0, 6))):
            steps = list(place) if isinstance(place, dict) else range(len(place)) if isinstance(place, list) else []
            inner = [step for step in steps if isinstance(place[step], dict | list) and place[step]]
            if not inner:
                break
            place = place[data.draw(st.sampled_from(inner))]
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        if steps:
            place[data.draw(st.sampled_from(steps))] = data.draw(junk)
    spoiled.read(name, json.dumps(document))


class Spoiled:
    """Good files to be spoiled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, VersionStore(folder / "store")
        version = drawn(self.store)
        for name, module in (("coco", coco), ("label_studio", label_studio)):
            module.export(version, self.store, folder / name, put(self.store))
        self.files = {"coco": coco.FILE, "label_studio": label_studio.FILE}
        self.documents = {n: json.loads((folder / n / f).read_text(encoding="utf-8")) for n, f in self.files.items()}

    def read(self, name: str, text: str) -> None:
        file = self.folder / name / "spoiled.json"
        file.write_text(text, encoding="utf-8")
        drafts = coco.drafts if name == "coco" else label_studio.drafts
        with contextlib.suppress(VersionError):
            making.make("spoiled", entries_of(self.store, drafts(file, file.parent, NOBODY), NOBODY))


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Spoiled:
    return Spoiled(tmp_path_factory.mktemp("spoiled"))


@given(text=st.text(alphabet="0123456789 .-einfaxNO\n", max_size=60))
@settings(max_examples=80, deadline=None)
def test_a_yolo_label_with_anything_in_it_is_read_or_refused(text: str, labelled: Path) -> None:
    (labelled / "labels" / "train" / "a.txt").write_text(text, encoding="ascii")
    defaults = Defaults("other", "can", Condition.MAJOR)
    with contextlib.suppress(VersionError):
        entries_of(VersionStore(labelled / "s"), yolo.drafts(labelled, defaults), defaults)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("yolo")
    for part in ("images", "labels"):
        (folder / part / "train").mkdir(parents=True)
    (folder / "images" / "train" / "a.jpg").write_bytes(jpeg(5))
    (folder / "data.yaml").write_text("names: [crack, dent]\n", encoding="utf-8")
    return folder


def test_a_yolo_label_that_is_a_link_to_elsewhere_is_refused(labelled: Path, tmp_path: Path) -> None:
    shutil.copytree(labelled / "images", tmp_path / "y" / "images")
    shutil.copy(labelled / "data.yaml", tmp_path / "y" / "data.yaml")
    (tmp_path / "outside.txt").write_text("0 0.5 0.5 0.1 0.1\n", encoding="ascii")
    (tmp_path / "y" / "labels" / "train").mkdir(parents=True)
    (tmp_path / "y" / "labels" / "train" / "a.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(VersionError, match="is not in"):
        list(yolo.drafts(tmp_path / "y", Defaults("o", "can", Condition.MAJOR)))


PLANES = st.tuples(st.integers(1, 17), st.integers(1, 13), st.integers(0, 2**32)).map(
    lambda each: np.random.default_rng(each[2]).random((each[1], each[0])) < 0.4
)


@given(PLANES)
@settings(max_examples=60, deadline=None)
def test_masks_come_back_from_every_kind_of_run_lengths(plane: Any) -> None:
    height, width = plane.shape
    counts = rle.counts_of(plane)
    np.testing.assert_array_equal(rle.plane_of(counts, width, height, "here"), plane)
    np.testing.assert_array_equal(rle.plane_of(packed(counts), width, height, "here"), plane)
    np.testing.assert_array_equal(rle.plane_of_brush(rle.brush_of(plane), width, height, "here"), plane)


def packed(counts: list[int]) -> str:
    """COCO's text of run lengths, written from the description of its mask API."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            code = value & 0x1F
            value >>= 5
            more = value != (-1 if code & 0x10 else 0)
            text += chr((code | 0x20 if more else code) + 48)
    return text


@given(st.lists(st.integers(0, 255), max_size=40), st.text(max_size=12))
@settings(max_examples=100, deadline=None)
def test_run_lengths_that_are_none_are_refused(values: list[int], text: str) -> None:
    for read in (
        lambda: rle.plane_of_brush(values, 3, 2, "here"),
        lambda: rle.plane_of(text, 3, 2, "here"),
        lambda: rle.plane_of(values, 3, 2, "here"),
    ):
        with contextlib.suppress(VersionError):
            assert read().shape == (2, 3)


@given(*(st.floats(allow_nan=True, allow_infinity=True) for _ in range(4)))
def test_a_box_lies_in_its_picture_or_is_refused(x: float, y: float, width: float, height: float) -> None:
    try:
        left, top, wide, high = box(x, y, width, height, (40, 30), "here")
    except VersionError:
        return
    assert 0 <= left < left + wide <= 40
    assert 0 <= top < top + high <= 30
