"""The pictures of a camera as they came, in a folder with an index: a camera's trouble, brought home.

Every picture is a PNG, so it is the same to the last bit and the camera `replay` can show the folder. The index,
``recording.jsonl``, has one JSON object a line: first about the camera, then about each picture or event.

    {"recording": 1, "camera": "camera-top", "view": "top", "started": "2026-05-01T08:00:00Z"}
    {"t": 0.033, "file": "000001.png", "problem": "", "still": false}
    {"t": 0.066, "file": null, "problem": "nothing that can be decoded", "still": false}
    {"t": 2.5, "note": "camera-top: lost: unplugged"}
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2

from devices.camera.replay import decode_picture
from devices.camera.stillness import Stillness, StillnessSettings
from devices.camera.watchdog import Watchdog, WatchdogSettings
from devices.tools.recording import VERSION, RecordingError
from inspection.frame import Pixels

INDEX = "recording.jsonl"
WAITING_PICTURES = 16
"""Pictures that may wait for the disk; when it does not keep up, further ones are left out and counted."""
LIGHT_COMPRESSION = [cv2.IMWRITE_PNG_COMPRESSION, 1]

_Entry = tuple[dict[str, Any], Pixels | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of a recording.

    Attributes:
        t_s: seconds since the recording began.
        file: its name in the folder; ``None`` when it could not be decoded.
        problem: what was found wrong with it, in words.
        still: whether what it shows lay still.
    """

    t_s: float
    file: str | None
    problem: str
    still: bool

    @property
    def words(self) -> str:
        """What it is good for, for a person."""
        return found_words(self.problem, still=self.still)


class PictureRecorder:
    """Writes a recording from a thread of its own; a `devices.camera.base.PictureTap`.

    Attributes:
        pictures: so many were written.
        left_out: so many were not, as the disk did not keep up or is full.

    Raises:
        RecordingError: the folder exists, or cannot be made.
    """

    def __init__(self, folder: Path, *, camera: str, view: str) -> None:
        self.pictures = self.left_out = 0
        self._folder = folder
        self._began_ns = time.monotonic_ns()
        self._waiting: queue.Queue[_Entry | None] = queue.Queue(WAITING_PICTURES)
        try:
            folder.mkdir(parents=True)
            self._index = (folder / INDEX).open("x", encoding="utf-8")
        except FileExistsError as error:
            raise RecordingError(f"{folder} exists", hint="name another folder; none is written over") from error
        except OSError as error:
            raise RecordingError(f"{folder}: {error.strerror}", hint="name a folder that can be written") from error
        about = {"recording": VERSION, "camera": camera, "view": view, "started": datetime.now(UTC).isoformat()}
        self._put(about, None)
        self._thread = threading.Thread(target=self._write_all, name="picture-recorder", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def picture(self, pixels: Pixels | None, monotonic_ns: int, problem: str, *, still: bool) -> None:
        """A picture came at ``monotonic_ns``; returns at once."""
        self._put({"t": self._seconds(monotonic_ns), "problem": problem, "still": still}, pixels)

    def note(self, text: str) -> None:
        """Something happened that is no picture: the camera came or went."""
        self._put({"t": self._seconds(time.monotonic_ns()), "note": text}, None)

    def close(self) -> None:
        """Write what waits and end; calling it twice is fine."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        self._index.close()

    def _seconds(self, monotonic_ns: int) -> float:
        return round((monotonic_ns - self._began_ns) / 1e9, 6)

    def _put(self, line: dict[str, Any], pixels: Pixels | None) -> None:
        try:
            self._waiting.put_nowait((line, pixels))
        except queue.Full:
            self.left_out += 1

    def _write_all(self) -> None:
        while (entry := self._waiting.get()) is not None:
            line, pixels = entry
            if "problem" in line:
                line = {"t": line["t"], "file": self._write(pixels), **line}
            try:
                self._index.write(json.dumps(line, ensure_ascii=False) + "\n")
                self._index.flush()
            except OSError:
                self.left_out += 1

    def _write(self, pixels: Pixels | None) -> str | None:
        if pixels is None:
            return None
        name = f"{self.pictures + 1:06d}.png"
        good, data = cv2.imencode(".png", pixels, LIGHT_COMPRESSION)
        try:
            (self._folder / name).write_bytes(data.tobytes() if good else b"")
        except OSError:
            self.left_out += 1
            return None
        self.pictures += 1
        return name


def read_pictures(folder: Path) -> list[Shown]:
    """The pictures of a recording in their order; a last line that was cut off is left away.

    Raises:
        RecordingError: there is no recording, or a line is none of one.
    """
    try:
        lines = (folder / INDEX).read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{folder} is no recording of a camera", hint=f"{INDEX} must be in it") from error
    whole = [line for line in lines if line.endswith("\n")]
    try:
        if json.loads(whole[0])["recording"] != VERSION:
            raise RecordingError(f"{folder} is a recording of another version")
        return [
            Shown(float(said["t"]), said["file"], str(said["problem"]), bool(said["still"]))
            for said in map(json.loads, whole[1:])
            if "problem" in said
        ]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise RecordingError(f"{folder / INDEX} is damaged") from error


def found_words(problem: str, *, still: bool) -> str:
    """What was found, for a person."""
    return problem or ("still" if still else "moves, or too few like pictures before it")


def judge_again(
    folder: Path, watchdog: WatchdogSettings, stillness: StillnessSettings
) -> Iterator[tuple[Shown, str, bool]]:
    """Every picture of a recording, and what watchdog and stillness find in it now: a problem in words, and stillness.

    Raises:
        RecordingError: as `read_pictures`, or a picture is missing.
    """
    watching, lying = Watchdog(watchdog), Stillness(stillness)
    for shown in read_pictures(folder):
        if shown.file is None:
            lying.interrupted()
            yield shown, shown.problem, False
            continue
        try:
            pixels = decode_picture((folder / Path(shown.file).name).read_bytes())
        except OSError as error:
            raise RecordingError(f"{folder / shown.file} is missing") from error
        if pixels is None:
            raise RecordingError(f"{folder / shown.file} is no picture")
        fault = watching.examine(pixels)
        if fault is not None:
            lying.interrupted()
        yield shown, "" if fault is None else fault.words, fault is None and lying.lies_still(pixels)
