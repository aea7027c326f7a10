"""One part of a view's calibration, step by step: frames are looked at, kept or refused with the reason, then solved.

The frames that were kept are files, so that it can be broken off and gone on with at any time. What is solved of them
is what the commands (``python -m calibration lens`` and so on) solve of the same folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from calibration.cli import background, colour, flat, lens, light, plane
from calibration.cli.frames import read_frames
from calibration.cli.record_file import made_now, open_record
from calibration.coverage import Coverage
from calibration.detect import Sighting, find_target
from calibration.lens import FrameGate, NamedSighting
from calibration.record import CalibrationRecord
from calibration.store import CalibrationStore, check_hardware, load_record
from calibration.targets import Target, target_json
from inspection.errors import CalibrationError
from inspection.frame import Pixels

Floats = npt.NDArray[np.float64]
MOST_FRAMES = 40
FPS = "fps.txt"
"""Beside frames in a row: how many a second they were."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one part is calibrated.

    Attributes:
        target: kind of the printed target; empty when none is needed.
        wanted: frames that are enough.
        least: frames with which it can be solved.
        by_itself: whether a good frame is kept without being asked for.
        days: how long the result may be used.
        burst_ms: one wish keeps ``wanted`` frames in a row, so far apart at least; ``None``: one wish, one frame.
    """

    target: str
    wanted: int
    least: int
    by_itself: bool
    days: float
    burst_ms: int | None = None


STEPS: Mapping[str, Step] = {
    "lens": Step("charuco", 14, 6, True, 365.0),
    "plane": Step("charuco", 3, 1, False, 90.0),
    "flat": Step("", 2, 1, False, 90.0),
    "colour": Step("colour", 2, 1, False, 90.0),
    "light": Step("", 24, 8, False, 90.0, burst_ms=0),
    "background": Step("", 6, 5, False, 90.0, burst_ms=100),
}
"""In the order in which they are done: a plane needs its lens, and the empty station is learnt as corrected."""

LIGHT_PARTS = ("colour", "flat", "light", "background")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one frame shows.

    Attributes:
        kept: whether it was added to the frames.
        reason: why not, by code, e.g. ``no_target``, ``blurred``, ``same_pose``, ``ready`` (good, but not asked for).
        detail: the same in words, for the log.
        points_px: float64 (N, 2), the target's points in the frame.
    """

    kept: bool
    reason: str
    detail: str
    points_px: Floats


class Guide:
    """Collects the frames of one part of one view and solves them.

    Args:
        part: one of `STEPS`.
        folder: of the kept frames; what lies in it is gone on with.
        target: as it was printed; ``None`` for a part that needs none.
        size: width and height of the camera's frames.
    """

    def __init__(self, part: str, folder: Path, target: Target | None, size: tuple[int, int]) -> None:
        self.part, self.step, self.size = part, STEPS[part], size
        self._folder, self._target = folder, target
        self._gate = FrameGate(size)
        self._count = 0
        self._resume()

    @property
    def count(self) -> int:
        """Frames kept."""
        return self._count

    @property
    def coverage(self) -> Coverage | None:
        """Where the target was seen; ``None`` for a part without target."""
        return self._gate.coverage if self._target is not None else None

    @property
    def _wants_poses(self) -> bool:
        """Whether each frame must show the target otherwise: a board is solved by its poses, a chart by its colours."""
        return self.step.target == "charuco"

    @property
    def enough(self) -> bool:
        """Whether it is time to solve: frames enough, and for the lens the whole frame covered."""
        if self.part == "lens":
            return self._count >= self.step.wanted and self._gate.coverage.next_place() is None
        return self._count >= self.step.wanted

    @property
    def solvable(self) -> bool:
        return self._count >= self.step.least

    def look(self, pixels: Pixels, *, take: bool = False) -> Look:
        """Look at a frame, and keep it when it is good and wanted.

        Args:
            pixels: uint8 (H, W, 3) BGR, straight from the camera.
            take: whether the person asks for this one.

        Raises:
            CalibrationError: ``calibration.write`` when it cannot be kept.
        """
        nothing = np.empty((0, 2))
        if (pixels.shape[1], pixels.shape[0]) != self.size:
            return Look(False, "other_size", f"{pixels.shape[1]} x {pixels.shape[0]}, not {self.size}", nothing)
        wanted = take or self.step.by_itself
        sighting = None
        if self._target is not None:
            try:
                sighting = find_target(pixels, self._target)
            except CalibrationError as error:
                return Look(False, error.code.removeprefix("calibration."), str(error), nothing)
        points = sighting.points_px if sighting is not None else nothing
        if not wanted:
            return Look(False, "ready", "", points)
        if self._count >= MOST_FRAMES:
            return Look(False, "enough", f"{MOST_FRAMES} frames are kept", points)
        name = f"{self._count + 1:03d}.png"
        if sighting is not None and self._wants_poses:
            report = self._gate.offer(NamedSighting(name, sighting))
            if not report.accepted:
                return Look(False, report.reason, report.detail, points)
        self._keep(name, pixels)
        return Look(True, "", "", points)

    def take_row(self, frames: Sequence[Pixels], fps: float | None) -> Look:
        """Keep frames in a row in place of those kept before, for a step with ``burst_ms``.

        Args:
            frames: uint8 (H, W, 3) BGR, straight from the camera, oldest first.
            fps: frames per second, where it is known.

        Raises:
            CalibrationError: ``calibration.write`` when they cannot be kept.
        """
        nothing = np.empty((0, 2))
        if any((pixels.shape[1], pixels.shape[0]) != self.size for pixels in frames):
            return Look(False, "other_size", f"not all are {self.size}", nothing)
        self.restart()
        for number, pixels in enumerate(frames[:MOST_FRAMES], start=1):
            self._keep(f"{number:03d}.png", pixels)
        if fps is not None and frames:
            (self._folder / FPS).write_text(f"{fps:.4f}\n", encoding="utf-8")
        return Look(True, "", "", nothing)

    def restart(self) -> None:
        """Forget the kept frames."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._gate, self._count = FrameGate(self.size), 0

    def solve(
        self,
        store: CalibrationStore,
        *,
        camera_id: str,
        view: str,
        by: str,
        settings_digest: str,
        hardware: str = "",
    ) -> dict[str, Any]:
        """Solve, and save the result in the view's record; returns residuals as the commands print them.

        A record that cannot be gone on with (damaged, of another camera, of frames of another size) goes into the
        history, and a new one is begun.

        Raises:
            CalibrationError: what is wrong with the frames or the file; the record is then as it was.
        """
        if not self.solvable:
            raise CalibrationError(
                f"{self._count} frames are kept, {self.step.least} are needed", code="too_few_frames", hint="take more"
            )
        out = store.path(camera_id, view)
        take_back = _adopt_camera(store, out, self.size, camera_id, view, by, hardware)
        try:
            return self._solve_with(store, out, camera_id, view, by, settings_digest)
        except BaseException:
            take_back()
            raise

    def _solve_with(
        self, store: CalibrationStore, out: Path, camera_id: str, view: str, by: str, settings_digest: str
    ) -> dict[str, Any]:
        if self.part not in LIGHT_PARTS:
            return self._solve(out, camera_id, view, by)
        adopted = _adopt_settings(store, out, self.size, camera_id, view, by, settings_digest)
        try:
            return self._solve(out, camera_id, view, by)
        except BaseException:
            if adopted:
                store.undo(camera_id, view)
            raise

    def _solve(self, out: Path, camera_id: str, view: str, by: str) -> dict[str, Any]:
        said: dict[str, Any] = {"camera_id": camera_id, "view": view, "by": by, "days": self.step.days}
        if self.part == "flat":
            return flat.solve_file(self._folder, out, **said)
        if self.part == "light":
            return light.solve_file(self._folder, out, fps=self._fps(), **said)
        if self.part == "background":
            return background.solve_file(self._folder, out, belongs=False, **said)
        described = self._folder / "target.json"
        if self._target is not None:
            described.write_text(target_json(self._target), encoding="utf-8")
        solvers = {"lens": lens.solve_file, "plane": plane.solve_file, "colour": colour.solve_file}
        return solvers[self.part](self._folder, described, out, **said)

    def _keep(self, name: str, pixels: Pixels) -> None:
        """As a whole or not at all, and without loss: a kept frame is what the result is solved from."""
        part = self._folder / f".{name}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            if not done:
                raise CalibrationError(f"no picture: {pixels.dtype} {pixels.shape}", code="picture")
            part.write_bytes(data.tobytes())
            part.replace(self._folder / name)
        except OSError as error:
            raise CalibrationError(
                f"cannot keep a frame in {self._folder}: {error.strerror or error}",
                code="write",
                hint="free space on the disk, or its rights",
            ) from error
        self._count += 1

    def _resume(self) -> None:
        try:
            kept = read_frames(self._folder).usable
        except CalibrationError:
            return
        for picture in kept:
            if (picture.pixels.shape[1], picture.pixels.shape[0]) != self.size:
                continue
            sighting = self._seen(picture.pixels) if self._wants_poses else None
            if sighting is not None:
                self._gate.offer(NamedSighting(picture.name, sighting))
        self._count = max(
            (int(one.name.split(".")[0]) for one in kept if one.name.split(".")[0].isdecimal()), default=0
        )

    def _fps(self) -> float | None:
        try:
            return float((self._folder / FPS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _seen(self, pixels: Pixels) -> Sighting | None:
        if self._target is None:
            return None
        try:
            return find_target(pixels, self._target)
        except CalibrationError:
            return None


def _adopt_camera(
    store: CalibrationStore, out: Path, size: tuple[int, int], camera_id: str, view: str, by: str, hardware: str
) -> Callable[[], object]:
    """Let the record be of the camera that is there, begun anew where it cannot be gone on with.

    Returns what takes that back.
    """
    there, before = out.exists(), _record_in(out)
    try:
        record = open_record(out, size, camera_id, view)
        check_hardware(record, hardware)
        record = record.model_copy(update={"hardware": hardware or record.hardware})
    except CalibrationError:
        bare = {"camera_id": camera_id, "view": view, "width": size[0], "height": size[1], "hardware": hardware}
        record = CalibrationRecord.model_validate(bare)
    if record == before or not (there or hardware):
        return lambda: None
    made = made_now([], by, 1.0)
    store.save(record, by=by, at=made.at, software=made.software)
    if not there:
        return lambda: out.unlink(missing_ok=True)
    return (lambda: store.undo(camera_id, view)) if before is not None else lambda: None


def _record_in(out: Path) -> CalibrationRecord | None:
    try:
        return load_record(out).record
    except CalibrationError:
        return None


def _adopt_settings(
    store: CalibrationStore, out: Path, size: tuple[int, int], camera_id: str, view: str, by: str, digest: str
) -> bool:
    """Let the record be of the camera's settings as they are; parts made with others leave it. Whether it changed."""
    record = open_record(out, size, camera_id, view)
    if record.settings_digest == digest:
        return False
    gone = dict.fromkeys(LIGHT_PARTS) if record.settings_digest else {}
    changed: CalibrationRecord = record.model_copy(update={**gone, "settings_digest": digest})
    made = made_now([], by, 1.0)
    fresh = not out.exists()
    store.save(changed, by=by, at=made.at, software=made.software)
    return not fresh
