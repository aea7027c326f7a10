"""A folder as a zip and back; nothing that a hostile zip says is believed."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.errors import BundleError
from inspection.hub.bundles import archives
from inspection.hub.bundles.archives import ArchiveRefused, pack, unpack

LIMIT = 100_000


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return made.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


def contents(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_the_same_folder_gives_the_same_bytes_and_comes_back_as_it_was(tmp_path: Path) -> None:
    one, two, back = tmp_path / "one", tmp_path / "two", tmp_path / "back"
    for folder, names in ((one, ("b", "golden/a", "c")), (two, ("c", "b", "golden/a"))):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(name.encode() * 9)
    assert pack(one, LIMIT) == pack(two, LIMIT)
    back.mkdir()
    unpack(pack(one, LIMIT), back, LIMIT)
    assert contents(back) == contents(one)


def test_one_folder_around_everything_is_left_away(tmp_path: Path) -> None:
    unpack(zipped(("default/a.txt", b"1"), ("default/golden/b.txt", b"2")), tmp_path, LIMIT)
    assert contents(tmp_path) == {"a.txt": b"1", "golden/b.txt": b"2"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a zip"),
        (b"PK\x03\x04 and then nothing", "not a zip"),
        (zipped(("../outside", b"1")), "no name"),
        (zipped(("/etc/passwd", b"1")), "no name"),
        (zipped(("a\\..\\b", b"1")), "no name"),
        (zipped(("a/../../b", b"1")), "no name"),
        (zipped((".hidden", b"1")), "no name"),
        (zipped(("a" * 200, b"1")), "no name"),
        (zipped(("a/b/c/d/e", b"1")), "no name"),
        (zipped((link("model.onnx"), b"/etc/passwd")), "link"),
        (zipped(("Model.onnx", b"1"), ("model.onnx", b"2")), "one name"),
        (zipped(("bomb", bytes(LIMIT * 50))), "more than"),
        (zipped(*((f"{number}", b"") for number in range(archives.MAX_FILES + 1))), "files; at most"),
        (zipped(("a", b"1"), compression=zipfile.ZIP_BZIP2), "compressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "zip",
)
def test_a_hostile_zip_is_refused_and_nothing_is_written_outside(tmp_path: Path, data: bytes, says: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(ArchiveRefused, match=says):
        unpack(data, inside, LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_a_zip_that_holds_more_than_it_says_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(("bomb", bytes(LIMIT * 50))))
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")  # uncompressed size (APPNOTE 4.3.12)
    with pytest.raises(ArchiveRefused):
        unpack(bytes(data), tmp_path, LIMIT)
    assert sum(map(len, contents(tmp_path).values())) <= LIMIT


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_a_changed_or_cut_zip_gives_files_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, cut: int
) -> None:
    data = bytearray(zipped(("a.txt", b"text " * 20), ("golden/b.png", bytes(50))))
    data[place % len(data)] = value
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        unpack(bytes(data[: len(data) - cut]), folder, LIMIT)
    except BundleError:
        return
    assert sum(map(len, contents(folder).values())) <= LIMIT


def test_a_folder_with_a_link_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ArchiveRefused, match="plain file"):
        pack(tmp_path, LIMIT)
