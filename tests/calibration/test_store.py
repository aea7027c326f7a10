"""A record is on the disk whole or not at all, and what is wrong with one is said and does not stop anybody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.envelope import Saved, open_envelope, sealed
from calibration.record import CalibrationRecord
from calibration.store import CalibrationStore
from inspection.errors import CalibrationError
from tests.calibration.records import NOW, light, plane, record

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    return CalibrationStore(tmp_path / "calibrations")


def save(store: CalibrationStore, wanted: CalibrationRecord) -> int:
    return store.save(wanted, by="p7", at=NOW, software="0.1.0")


def problem(store: CalibrationStore, **known: object) -> str:
    """The code of the only problem with the view."""
    found = store.find("cam-1", "top", NOW, **known)  # type: ignore[arg-type]
    assert found.record is None
    (error,) = found.problems
    assert error.hint
    return error.code


def opened(data: bytes) -> str:
    """The cause of a refusal, or what was read."""
    try:
        return open_envelope(data, "top.json").model_dump_json()
    except CalibrationError as error:
        return error.code.removeprefix("calibration.")


def test_what_was_saved_is_found_with_the_same_id(store: CalibrationStore) -> None:
    wanted = record(light=light(), plane=plane())
    save(store, wanted)
    found = store.find("cam-1", "top", NOW, size=(1280, 720))
    assert found.record == wanted
    assert found.record.calibration_id == wanted.calibration_id
    assert found.problems == ()
    assert found.unusable == frozenset()


def test_a_view_that_was_never_calibrated_is_missing(store: CalibrationStore) -> None:
    assert problem(store) == "calibration.missing"


def test_a_record_cut_off_anywhere_is_half_written(store: CalibrationStore) -> None:
    save(store, record())
    path = store.path("cam-1", "top")
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert problem(store) == "calibration.half_written"


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    whole = sealed(Saved(version=3, previous=2, by="p7", at=NOW, software="0.1.0", record=record()))
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    changed = whole[:place] + bytes([other]) + whole[place + 1 :]
    assert opened(changed) in {"corrupted", "half_written", "newer_format", opened(whole)}


@pytest.mark.parametrize(
    "data", [b"[" * 100_000 + b"}\n", b"[]}\n", b"\xff\xfe}\n", b'{"format":1}\n', b'{"a":1e999}\n']
)
def test_rubbish_is_corrupted(store: CalibrationStore, data: bytes) -> None:
    path = store.path("cam-1", "top")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert problem(store) == "calibration.corrupted"


def test_a_value_edited_by_hand_is_corrupted(store: CalibrationStore) -> None:
    save(store, record())
    path = store.path("cam-1", "top")
    path.write_text(path.read_text().replace('"rms_px":0.2', '"rms_px":0.1'))
    assert problem(store) == "calibration.corrupted"


def test_a_file_of_newer_software_says_so(store: CalibrationStore) -> None:
    save(store, record())
    path = store.path("cam-1", "top")
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}) + "\n")
    assert problem(store) == "calibration.newer_format"


def test_a_file_of_another_camera_is_foreign(store: CalibrationStore) -> None:
    save(store, record("cam-2"))
    store.path("cam-1", "top").parent.mkdir()
    store.path("cam-1", "top").write_bytes(store.path("cam-2", "top").read_bytes())
    assert problem(store) == "calibration.foreign_camera"


def test_a_file_of_another_view_says_so(store: CalibrationStore) -> None:
    save(store, record(view="front"))
    store.path("cam-1", "front").rename(store.path("cam-1", "top"))
    assert problem(store) == "calibration.other_view"


def test_a_record_of_another_resolution_is_not_given(store: CalibrationStore) -> None:
    save(store, record())
    assert problem(store, size=(1920, 1080)) == "calibration.other_resolution"


def test_a_folder_in_the_place_of_the_file_is_unreadable(store: CalibrationStore) -> None:
    store.path("cam-1", "top").mkdir(parents=True)
    assert problem(store) == "calibration.unreadable"


@pytest.mark.parametrize("name", ["../cam", "", "a/b", ".hidden", "ca\nm", "x" * 65])
def test_a_name_cannot_leave_the_folder(store: CalibrationStore, name: str) -> None:
    for camera_id, view in ((name, "top"), ("cam-1", name)):
        found = store.find(camera_id, view, NOW)
        assert [error.code for error in found.problems] == ["calibration.name"]


def test_an_expired_part_is_named_and_the_rest_stays_usable(store: CalibrationStore) -> None:
    save(store, record(light=light(days=1)))
    found = store.find("cam-1", "top", NOW + timedelta(days=2))
    assert found.record is not None
    assert found.unusable == {"light"}
    (error,) = found.problems
    assert error.code == "calibration.expired"
    assert "light" in str(error)


def test_other_camera_settings_make_light_unusable_and_not_the_lens(store: CalibrationStore) -> None:
    save(store, record(light=light(), settings_digest="aaaa"))
    found = store.find("cam-1", "top", NOW, settings_digest="bbbb")
    assert found.unusable == {"light"}
    assert [error.code for error in found.problems] == ["calibration.other_settings"]


def test_undo_goes_back_version_by_version_and_new_versions_go_on_counting(store: CalibrationStore) -> None:
    first, second, third, fourth = (record(rms_px=value) for value in (0.1, 0.2, 0.3, 0.4))
    assert [save(store, one) for one in (first, second, third)] == [1, 2, 3]

    assert store.undo("cam-1", "top") == second
    assert save(store, fourth) == 4
    assert store.undo("cam-1", "top") == second
    assert store.undo("cam-1", "top") == first
    with pytest.raises(CalibrationError, match="no version before") as caught:
        store.undo("cam-1", "top")
    assert caught.value.code == "calibration.missing"
    assert store.find("cam-1", "top", NOW).record == first


def test_undo_of_a_broken_file_takes_the_last_good_version_back(store: CalibrationStore) -> None:
    first, second = record(rms_px=0.1), record(rms_px=0.2)
    save(store, first)
    save(store, second)
    store.path("cam-1", "top").write_bytes(b"{")
    assert store.undo("cam-1", "top") == first


def test_saving_over_a_broken_file_works_and_keeps_its_bytes(store: CalibrationStore) -> None:
    save(store, record(rms_px=0.1))
    save(store, record(rms_px=0.2))
    path = store.path("cam-1", "top")
    path.write_bytes(b"broken")
    assert save(store, record(rms_px=0.3)) == 2
    assert (path.parent / "history" / "top.broken").read_bytes() == b"broken"
    assert store.undo("cam-1", "top") == record(rms_px=0.1)


def test_a_folder_that_cannot_be_written_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CalibrationError) as caught:
        save(CalibrationStore(tmp_path / "file"), record())
    assert caught.value.code == "calibration.write"
    assert caught.value.hint


SAVE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from calibration.store import CalibrationStore
from tests.calibration.records import NOW, record

def dying(call):
    def step(*args, **kwargs):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return step

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        steps = int(line)
        for name in ("fsync", "fdopen", "fchmod", "replace", "rename", "open", "close"):
            setattr(os, name, dying(getattr(os, name)))
        Path.replace = dying(Path.replace)
        CalibrationStore(Path(sys.argv[1])).save(record(rms_px=0.2), by="p8", at=NOW, software="0.1.0")
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def saver(store: CalibrationStore) -> Iterator[Callable[[int], int]]:
    """Saves in a process of its own that is killed at a step; the exit code. One program that forks starts quickly."""
    command = [sys.executable, "-c", SAVE_AND_DIE, str(store.root)]
    environment = {**os.environ, "PYTHONPATH": "."}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as program:  # type: ignore[call-overload]
        stdin, stdout = program.stdin, program.stdout

        def save_until(step: int) -> int:
            stdin.write(f"{step}\n")
            stdin.flush()
            return int(stdout.readline())

        yield save_until


@pytest.mark.slow
def test_killed_at_any_step_of_saving_the_old_or_the_new_record_is_there(
    store: CalibrationStore, saver: Callable[[int], int]
) -> None:
    old, new = record(rms_px=0.1), record(rms_px=0.2)
    seen = []
    for step in range(1, 60):
        for file in store.root.rglob("*.*"):
            file.unlink()
        save(store, old)
        code = saver(step)
        found = store.find("cam-1", "top", NOW)
        assert found.problems == ()
        assert found.record in (old, new)
        seen.append(found.record == new)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert save(store, old) >= 2
        assert store.undo("cam-1", "top") in (old, new)
    assert seen[0] is False
    assert seen[-1] is True
    assert len(seen) > 8


SAVE_UNTIL_THE_DISK_STOPS = """
import resource, signal, sys
from pathlib import Path
from calibration.store import CalibrationStore
from tests.calibration.records import NOW, record

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
CalibrationStore(Path(sys.argv[1])).save(record(rms_px=0.2), by="p8", at=NOW, software="0.1.0")
"""


@pytest.mark.parametrize("written", [0, 1, 300])
def test_killed_in_the_middle_of_a_write_the_old_record_is_there(store: CalibrationStore, written: int) -> None:
    old = record(rms_px=0.1)
    save(store, old)
    kept = store.root / "cam-1" / "history"
    kept.mkdir(exist_ok=True)
    (kept / "top.000001.json").write_bytes(
        store.path("cam-1", "top").read_bytes()
    )  # so that the record is written first
    command = [sys.executable, "-c", SAVE_UNTIL_THE_DISK_STOPS, str(store.root), str(written)]

    died = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": "."})

    assert died.returncode == -signal.SIGXFSZ
    found = store.find("cam-1", "top", NOW)
    assert found.problems == ()
    assert found.record == old
    assert save(store, record(rms_px=0.3)) == 2
