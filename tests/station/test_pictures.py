"""A picture's name is its content; what cannot be stored whole is not stored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from inspection.errors import StoreError
from inspection.station.pictures import PictureStore, decode


def scene(seed: int = 0) -> np.ndarray:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    return np.stack([np.roll(np.tile(ramp, (48, 1)), seed * 5, axis=1)] * 3, axis=2)


def test_a_picture_is_named_by_its_bytes_and_judged_as_stored(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    stored = store.put(scene())
    data = store.read(stored.sha256)
    assert hashlib.sha256(data).hexdigest() == stored.sha256
    assert len(data) == stored.size_bytes
    assert np.array_equal(decode(data), stored.pixels), "the judge saw what the evidence shows"


def test_the_same_pixels_are_stored_once(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    assert store.put(scene()).sha256 == store.put(scene()).sha256
    assert len(list(tmp_path.rglob("*.jpg"))) == 1


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    name = store.put(scene()).sha256
    path = store.path(name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="changed on disk"):
        store.read(name)


def test_a_changed_file_is_healed_when_the_same_picture_comes_again(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    name = store.put(scene()).sha256
    store.path(name).write_bytes(b"torn")
    store.put(scene())
    assert store.read(name)


def test_a_full_disk_is_an_error_with_a_hint_and_leaves_nothing(tmp_path: Path) -> None:
    store = PictureStore(tmp_path, min_free_bytes=1 << 60)
    with pytest.raises(StoreError) as caught:
        store.put(scene())
    assert "free space" in caught.value.hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 32, "ab" * 31, "", "ab" * 32 + "\n"])
def test_only_a_hash_names_a_picture(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError):
        PictureStore(tmp_path).read(name)


def test_half_written_files_of_a_killed_station_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "ab"
    folder.mkdir()
    (folder / "tmp123.part").write_bytes(b"half")
    PictureStore(tmp_path)
    assert list(folder.iterdir()) == []


def test_pruning_keeps_what_is_needed_and_what_is_young(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    needed, old = store.put(scene(1)).sha256, store.put(scene(2)).sha256
    now = store.path(old).stat().st_mtime
    assert store.prune({needed}, older_than_s=10, now_s=now + 5) == 0
    assert store.prune({needed}, older_than_s=10, now_s=now + 20) == 1
    assert store.read(needed)
    with pytest.raises(StoreError):
        store.read(old)
