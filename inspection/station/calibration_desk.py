"""Calibrating the views from the station's page: one part of one view at a time, with the cameras that are at work."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from calibration.guided import STEPS, Guide, Look, Step
from calibration.record import CalibrationRecord
from calibration.targets import Card, Target, load_target, make_target
from inspection.errors import CalibrationError, InspectionError
from inspection.frame import Frame
from inspection.station.calibration_check import CARD_DAYS, CHECK, CardCheck
from inspection.station.calibration_clock import CalibrationClock
from inspection.station.calibrations import Calibrations
from inspection.station.ports import StationCamera

log = structlog.get_logger()
PAGE_STEPS: Mapping[str, Step] = {**STEPS, CHECK: Step("card", 1, 1, True, CARD_DAYS)}
"""What the page offers: the parts of a calibration, and the check that it still holds."""
LOOK_EVERY_S = 0.003
_RESIDUALS: Mapping[str, tuple[str, ...]] = {
    "lens": ("rms_px", "coverage"),
    "plane": ("rms_mm",),
    "flat": ("residual",),
    "colour": ("delta_e_before", "delta_e_after"),
    "light": ("noise", "flicker"),
    "background": ("sharpness",),
}


class Desk:
    """Where a technician calibrates; calls may come from any thread and wait for each other.

    Args:
        calibrations: of the station.
        cameras: by view.
        frames: folder in which kept frames lie until they are started anew.
        targets: folder with the descriptions that lie beside the printed sheets (``charuco*.json``, ``colour*.json``);
            where there is none, the sheets are those of A4, printed exactly.
        worker: badge id of whoever works here.
        check_every: how often each view is checked; ``None`` for never.
    """

    def __init__(
        self,
        calibrations: Calibrations,
        cameras: Mapping[str, StationCamera],
        frames: Path,
        targets: Path | None,
        worker: str,
        *,
        check_every: timedelta | None = None,
    ) -> None:
        self.calibrations, self._cameras, self.check_every = calibrations, dict(cameras), check_every
        self._frames, self._targets, self._worker = frames, targets, worker
        self._guides: dict[tuple[str, str, tuple[int, int], str], Guide] = {}
        self._lock = threading.Lock()
        self._on_change: Callable[[], None] = lambda: None
        self._clock = CalibrationClock(lambda: calibrations.faults)
        self._card_check: CardCheck | None = None

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` whenever a record was saved or taken back, a view was checked, or a check became due."""
        self._on_change = on_change

    def start(self) -> None:
        """Begin to look after what time changes."""
        self._clock.start(self._on_change)

    def stop(self) -> None:
        self._clock.stop()

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(self._cameras)

    def status(self, view: str) -> dict[str, Any]:
        """What is known about a view: its record, its parts with residuals, and what is wrong.

        Raises:
            CalibrationError: ``calibration.unknown_view``.
        """
        camera = self._camera(view)
        state = self.calibrations.state(view)
        return {
            "view": view,
            "camera_id": camera.camera_id,
            "calibration_id": state.calibration_id,
            "problems": dict(self.calibrations.problems(view)),
            "parts": _parts(state.record, state.usable),
            "check": self._checked(state.usable),
        }

    def next_to_check(self, view: str) -> str:
        """Another view whose check is due, overdue or failed; empty when there is none."""
        waiting = [name for name in self.views if name != view and self.calibrations.wants_check(name)]
        return waiting[0] if waiting else ""

    def look(self, view: str, part: str, *, take: bool) -> dict[str, Any]:
        """Look at the camera's newest frame for a part, and keep it when it is good and wanted.

        Raises:
            CalibrationError: no such view or part; the frame cannot be kept.
            StaleFrame, DeviceLost: the camera gives no picture.
        """
        with self._lock:
            frame = self._camera(view).latest()
            if part == CHECK:
                return self._look_at_card(view, frame, keep=take)
            guide = self._guide(view, part, frame)
            in_a_row = take and guide.step.burst_ms is not None
            seen = self._take_row(view, guide) if in_a_row else guide.look(frame.pixels, take=take)
            if seen.kept:
                log.info("calibration_frame_kept", view=view, part=part, count=guide.count)
            return _progress(guide, frame, seen)

    def solve(self, view: str, part: str) -> dict[str, Any]:
        """Solve the kept frames and save the result; returns the view's status.

        Raises:
            CalibrationError: what is wrong with the frames, in words; nothing was changed.
        """
        with self._lock:
            camera = self._camera(view)
            frame = camera.latest()
            guide = self._guide(view, part, frame)
            try:
                guide.solve(
                    self.calibrations.store,
                    camera_id=camera.camera_id,
                    view=view,
                    by=self._worker,
                    settings_digest=frame.settings_digest,
                    hardware=frame.hardware,
                )
            except InspectionError:
                raise
            except Exception as error:
                log.exception("calibration_failed", view=view, part=part)
                raise CalibrationError(f"{part} cannot be solved: {type(error).__name__}") from error
            log.info("calibration_saved", view=view, part=part)
        self._on_change()
        return self.status(view)

    def restart(self, view: str, part: str) -> None:
        """Forget the frames kept for a part."""
        with self._lock:
            self._guide(view, part, self._camera(view).latest()).restart()

    def undo(self, view: str) -> dict[str, Any]:
        """Take the last version of the view's record back; returns the view's status.

        Raises:
            CalibrationError: ``calibration.missing`` when there is none before.
        """
        with self._lock:
            self.calibrations.store.undo(self._camera(view).camera_id, view)
            log.info("calibration_taken_back", view=view)
        self._on_change()
        return self.status(view)

    def _look_at_card(self, view: str, frame: Frame, *, keep: bool) -> dict[str, Any]:
        if self._card_check is None:
            card = self._target("card")
            if not isinstance(card, Card):
                raise CalibrationError(f"{card} is no reference card", code="target")
            self._card_check = CardCheck(self.calibrations, card, self._worker)
        said = self._card_check.look(view, frame, keep=keep)
        if said["checked"] or keep:
            self._on_change()
        return {"width": frame.width, "height": frame.height, "next_view": self.next_to_check(view), **said}

    def _take_row(self, view: str, guide: Guide) -> Look:
        """As many frames in a row as the step wants, each of them new."""
        camera, apart_ns = self._camera(view), (guide.step.burst_ms or 0) * 1_000_000
        frames = [camera.latest()]
        while len(frames) < guide.step.wanted:
            newest = camera.latest()  # also those that differ from the ones before: flicker is what is looked for
            if newest.monotonic_ns > frames[-1].monotonic_ns + apart_ns:
                frames.append(newest)
            time.sleep(LOOK_EVERY_S)
        spent_s = (frames[-1].monotonic_ns - frames[0].monotonic_ns) / 1e9
        fps = (len(frames) - 1) / spent_s if spent_s > 0 else None
        pixels = [frame.pixels for frame in frames]
        if guide.part == "light":  # the station is empty now: what comes next is taken along
            empty = self._guide(view, "background", frames[-1])
            empty.take_row(pixels[:: max(1, len(pixels) // empty.step.wanted)][: empty.step.wanted], None)
        return guide.take_row(pixels, fps)

    def _checked(self, usable: CalibrationRecord | None) -> dict[str, Any]:
        """How the daily check of a view stands."""
        if usable is None:
            return {"standing": "", "at": "", "by": "", "passed": None, "moves": [], "reference": False}
        last = self.calibrations.last_check(usable)
        return {
            "standing": self.calibrations.standing(usable),
            "at": last.at.isoformat() if last is not None else "",
            "by": last.by if last is not None else "",
            "passed": last.passed if last is not None else None,
            "moves": [move.code for move in last.moves] if last is not None else [],
            "reference": usable.card is not None,
        }

    def _camera(self, view: str) -> StationCamera:
        camera = self._cameras.get(view)
        if camera is None:
            raise CalibrationError(f"there is no view {view!r}", code="unknown_view")
        return camera

    def _guide(self, view: str, part: str, frame: Frame) -> Guide:
        if part not in STEPS:
            raise CalibrationError(f"{part!r} cannot be calibrated here", code="unknown_part")
        size = (frame.width, frame.height)
        key = (view, part, size, frame.hardware)
        if key not in self._guides:
            folder = self.calibrations.store.path(self._camera(view).camera_id, view).relative_to(
                self.calibrations.store.root
            )
            kept = self._frames / folder.with_suffix("") / _folder_name(frame.hardware) / part
            self._guides[key] = Guide(part, kept, self._target(STEPS[part].target), size)
        return self._guides[key]

    def _target(self, kind: str) -> Target | None:
        if not kind:
            return None
        described = sorted(self._targets.glob(f"{kind}*.json")) if self._targets is not None else []
        return load_target(described[0]) if described else make_target(kind, "A4")


def _folder_name(hardware: str) -> str:
    """Frames of a camera that was swapped are not mixed with those of the one before."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", hardware).strip(".")


def _progress(guide: Guide, frame: Frame, seen: Look) -> dict[str, Any]:
    coverage = guide.coverage
    return {
        "kept": seen.kept,
        "reason": seen.reason.partition(".")[2] or seen.reason,
        "detail": seen.detail,
        "width": frame.width,
        "height": frame.height,
        "points": [[round(float(x), 1), round(float(y), 1)] for x, y in seen.points_px],
        "count": guide.count,
        "wanted": guide.step.wanted,
        "solvable": guide.solvable,
        "enough": guide.enough,
        "coverage": coverage.counts.tolist() if coverage is not None and guide.part == "lens" else [],
        "next_place": (coverage.next_place() or "") if coverage is not None and guide.part == "lens" else "",
    }


def _parts(record: CalibrationRecord | None, usable: CalibrationRecord | None) -> dict[str, dict[str, Any]]:
    if record is None or usable is None:
        return {}
    now = datetime.now(UTC)
    return {
        name: {
            "usable": name in usable.parts() and not part.expired(now),
            "by": part.made.by,
            "at": part.made.at.isoformat(),
            "valid_until": part.made.valid_until.isoformat(),
            "frames": len(part.made.frames),
            "residuals": {key: getattr(part, key) for key in _RESIDUALS.get(name, ())},
        }
        for name, part in record.parts().items()
    }
