"""The calibration of each view as it is now: found again when its file changes, never a reason to stop.

Whatever is wrong with a record, its view is judged uncorrected or in part corrected, counts as not calibrated, and the
screen says why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from calibration.checks import CheckEntry, CheckLog, Shift
from calibration.correct import Corrector
from calibration.record import CalibrationRecord
from calibration.sizes import ViewGeometry, ruler_of
from calibration.store import CalibrationStore, Found
from inspection.errors import CalibrationError, InspectionError
from inspection.frame import Frame, ViewPicture
from inspection.pipeline import Seen
from inspection.policy.facts import CALIBRATION_PROBLEMS
from inspection.products import Product
from inspection.station.calibration_drift import problems_of
from inspection.station.calibration_looks import Looks
from inspection.station.calibration_standing import Standings
from inspection.station.snapshot import Fault

log = structlog.get_logger()
PREFIX = "calibration."
_ON_LENS = frozenset({"plane", "background"})
"""Parts that speak of pixels whose distortion was taken out, and so fall with the lens."""
NEVER = Shift(every=None)
_LATER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True, eq=False)
class ViewState:
    """What a view's calibration is good for.

    Attributes:
        record: as stored; ``None`` when there is none or it cannot be used at all.
        calibration_id: of ``record``; what was applied follows from it, the time and the camera's settings.
        usable: the same without the parts that must not be used.
        corrector: ``None`` when there is nothing to correct with.
        problems: what is wrong, by code without its prefix, in words.
    """

    record: CalibrationRecord | None = None
    calibration_id: str | None = None
    usable: CalibrationRecord | None = None
    corrector: Corrector | None = None
    geometry: ViewGeometry | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    def picture(self, view: str, frame: Frame, *, checks: Collection[str] = ()) -> ViewPicture:
        """The frame corrected as far as this allows; ``checks``: what its daily checks say is wrong, by code.

        Raises:
            CalibrationError: the frame is not of the size that was calibrated.
        """
        codes = (*self.problems, *checks)
        if self.corrector is None:
            return ViewPicture(view, frame.pixels, calibration_problems=codes)
        return ViewPicture(view, self.corrector(frame.pixels), self.calibration_id, codes, self.geometry)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a state was made of."""

    file: tuple[int, int, int] | None
    size: tuple[int, int] | None
    settings_digest: str | None
    hardware: str = ""

    @classmethod
    def of(cls, file: tuple[int, int, int] | None, frame: Frame) -> _Seen:
        return cls(file, (frame.width, frame.height), frame.settings_digest, frame.hardware)


class Calibrations:
    """The records of this station's views.

    Args:
        store: where they lie.
        cameras: camera identity by view.
        parts: that a view must have to count as calibrated.
        clock: timezone-aware now; what has expired depends on it.
        shift: how often the views are checked with the reference card.
        newest: a view's newest frame; with it a camera that was swapped or set otherwise is told before any item.
    """

    def __init__(
        self,
        store: CalibrationStore,
        cameras: Mapping[str, str],
        parts: Collection[str] = ("lens", "plane"),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        shift: Shift = NEVER,
        newest: Callable[[str], Frame] | None = None,
    ) -> None:
        self.store, self._cameras, self._parts, self._clock = store, dict(cameras), tuple(parts), clock
        self._newest = newest
        self._lock = threading.RLock()
        self._states: dict[str, tuple[_Seen, datetime, ViewState]] = {}
        self._looks = Looks()
        self._standings = Standings(CheckLog(store), shift, clock)

    @property
    def views(self) -> Mapping[str, str]:
        """Camera identity by view."""
        return self._cameras

    def correct(self, view: str, frame: Frame) -> ViewPicture:
        """The frame corrected as far as its calibration allows; raises nothing that a calibration can cause."""
        try:
            state = self._state(view, self._seen(view, frame))
            return state.picture(view, frame, checks=self._standings.problems(state.usable))
        except Exception as error:  # whatever a strange record does to the arithmetic, the item is still there
            log.exception("correction_failed", view=view, error=str(error))
            return ViewPicture(view, frame.pixels, calibration_problems=("failed",))

    def state(self, view: str) -> ViewState:
        """What the view's calibration is good for, by its newest frame."""
        with self._lock:
            known = self._states.get(view)
        before = known[0] if known is not None else _Seen(None, None, None)
        seen = replace(before, file=self._file(view))
        if self._newest is not None:
            with suppress(InspectionError):
                seen = self._seen(view, self._newest(view))
        return self._state(view, seen)

    def examine(self, picture: ViewPicture, product: Product | None = None, *, check: str = "calibrated") -> Seen:
        """Look at a corrected picture before it is judged, see `calibration_looks.Looks.look`."""
        usable = self.state(picture.view).usable
        measured = product if product is not None and picture.view == self._steepest() else None
        return self._looks.look(picture, usable, check=check, product=measured)

    def _steepest(self) -> str | None:
        """The view that tells sizes best: of those that are calibrated for it, the one that looks down most steeply."""
        slants = {
            view: slant
            for view in self._cameras
            if (slant := self._looks.sizes.slant(self.state(view).usable)) is not None
        }
        return min(slants, key=lambda view: slants[view], default=None)

    def problems(self, view: str) -> Mapping[str, str]:
        """All that keeps a view from counting as calibrated, by code, in words."""
        state = self.state(view)
        moved = problems_of(self._looks.drifts.moves(view, state.usable))
        return {**state.problems, **self._standings.problems(state.usable), **moved}

    def wants_check(self, view: str) -> bool:
        """Whether the reference card is asked for: the check is due, overdue or failed."""
        return bool(self.standing(self.state(view).usable))

    def standing(self, usable: CalibrationRecord | None) -> str:
        """How the daily check of a record's view stands: ``due``, ``overdue``, ``failed``, or empty."""
        return self._standings.standing(usable)

    def last_check(self, usable: CalibrationRecord) -> CheckEntry | None:
        """The newest daily check of a record's view."""
        return self._standings.last(usable)

    @property
    def checks(self) -> CheckLog:
        """What the daily checks said."""
        return self._standings.log

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, for the screen: one fault for each kind, about all its views."""
        told: dict[str, dict[str, str]] = {}
        for view in self._cameras:
            for code, words in self.problems(view).items():
                told.setdefault(code, {})[view] = words
            if self.standing(self.state(view).usable) == "due":
                told.setdefault("check_due", {})[view] = ""
        return tuple(
            Fault(code=f"{PREFIX}{code}", about=", ".join(views), detail=" ".join(views.values()).strip()[:500])
            for code, views in told.items()
        )

    def _seen(self, view: str, frame: Frame) -> _Seen:
        return _Seen.of(self._file(view), frame)

    def _file(self, view: str) -> tuple[int, int, int] | None:
        return _stamp(self.store, self._cameras.get(view, view), view)

    def _state(self, view: str, seen: _Seen) -> ViewState:
        camera_id, now = self._cameras.get(view, view), self._clock()
        with self._lock:
            known = self._states.get(view)
            if known is not None and known[0] == seen and now < known[1]:
                return known[2]
            found = self.store.find(
                camera_id, view, now, size=seen.size, settings_digest=seen.settings_digest, hardware=seen.hardware
            )
            state = self._made(view, found, known[2] if known is not None else None)
            self._states[view] = (seen, _next_expiry(found, now), state)
            if known is None or known[2].problems != state.problems or known[2].calibration_id != state.calibration_id:
                log.info("calibration", view=view, calibration=state.calibration_id, problems=list(state.problems))
            return state

    def _made(self, view: str, found: Found, before: ViewState | None) -> ViewState:
        problems = {_short(error): error.one_line() for error in found.problems}
        if found.record is None:
            return ViewState(problems=problems)
        known_as = found.record.calibration_id
        usable = without(found.record, found.unusable)
        lacking = [name for name in self._parts if name not in found.record.parts()]
        if lacking:
            problems["incomplete"] = f"view {view} has no {', '.join(lacking)} calibration yet"
        if not usable.parts():
            return ViewState(found.record, known_as, usable, problems=problems)
        if before is not None and before.usable == usable and before.corrector is not None:
            return ViewState(found.record, known_as, usable, before.corrector, before.geometry, problems)
        try:
            corrector = Corrector(usable)
            geometry = ViewGeometry(corrector, ruler_of(usable))
        except Exception as error:
            log.exception("calibration_unusable", view=view)
            return ViewState(found.record, known_as, usable, problems={**problems, "failed": str(error)[:300]})
        return ViewState(found.record, known_as, usable, corrector, geometry, problems)


def without(record: CalibrationRecord, unusable: Collection[str]) -> CalibrationRecord:
    """The record without the parts that must not be used, and without those that stand on them."""
    gone = set(unusable) | (_ON_LENS if "lens" in unusable else frozenset())
    return record.model_copy(update=dict.fromkeys(gone)) if gone else record


def _short(error: CalibrationError) -> str:
    code = error.code.removeprefix(PREFIX)
    return code if code in CALIBRATION_PROBLEMS else "failed"


def _stamp(store: CalibrationStore, camera_id: str, view: str) -> tuple[int, int, int] | None:
    """Changes whenever the file does, as a record is always replaced as a whole."""
    try:
        found = Path(store.path(camera_id, view)).stat()
    except (OSError, CalibrationError):
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _next_expiry(found: Found, now: datetime) -> datetime:
    parts = found.record.parts().values() if found.record is not None else ()
    return min((part.made.valid_until for part in parts if not part.expired(now)), default=now + _LATER)
