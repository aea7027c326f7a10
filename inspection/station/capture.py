"""From "the item lies there" to a verdict: a young frame of every view, stored, and judged as stored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from inspection import __version__
from inspection.errors import DeviceLost, InspectionError, StaleFrame
from inspection.frame import Frame
from inspection.item import Item
from inspection.pipeline import Context, Corrector, Judge, Outcome, inspect, uncorrected
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.reading import WeightReading
from inspection.report import AssessmentPart, PicturePart, PolicyPart, VersionsPart
from inspection.station.pictures import MEDIA_TYPE, PictureStore
from inspection.station.ports import StationCamera
from inspection.station.record import assessment_part, policy_part
from inspection.station.returns import ExpectedReturn

log = structlog.get_logger()


class CaptureFailed(InspectionError):
    """A view gave no young frame; nothing was judged, and it will be tried again when the camera is back.

    Attributes:
        view: the view concerned.
        cause_code: ``device.lost`` or ``camera.stale``.
    """

    code = "capture.failed"
    retryable = True

    def __init__(self, view: str, cause: InspectionError) -> None:
        super().__init__(f"{view}: {cause}", hint=cause.hint)
        self.view, self.cause_code = view, cause.code


@dataclass(frozen=True, slots=True)
class Take:
    """The pictures of one capture, as stored, with the milliseconds that capture and storing took."""

    frames: Mapping[str, Frame]
    pictures: tuple[PicturePart, ...]
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What machine and policy say of a take; ``failure`` is what kept the machine from saying anything."""

    assessment: AssessmentPart | None
    policy: PolicyPart
    versions: VersionsPart
    timings_ms: Mapping[str, float]
    failure: str = ""


def take(
    cameras: Sequence[StationCamera],
    store: PictureStore,
    *,
    after_ns: int,
    timeout_s: float,
    max_age_s: float,
) -> Take:
    """One frame of every view received after ``after_ns``, stored.

    The returned frames carry the pixels decoded from the stored files.

    Raises:
        CaptureFailed: when a view has no such frame in time, or all are not from one moment of ``max_age_s``.
        StoreError: when a picture cannot be stored.
    """
    start = time.perf_counter()
    frames = {camera.view: _young_frame(camera, after_ns, timeout_s) for camera in cameras}
    captured = time.perf_counter()
    for view, frame in frames.items():
        age_s = (time.monotonic_ns() - frame.monotonic_ns) / 1e9
        if age_s > max_age_s:
            raise CaptureFailed(view, StaleFrame(f"the frame is {age_s:.1f} s old, allowed are {max_age_s:.1f} s"))
    kept, pictures = {}, []
    for view, frame in frames.items():
        stored = store.put(frame.pixels)
        kept[view] = replace(frame, pixels=stored.pixels)
        pictures.append(
            PicturePart(
                view=view,
                sha256=stored.sha256,
                media_type=MEDIA_TYPE,
                size_bytes=stored.size_bytes,
                width=frame.width,
                height=frame.height,
                captured_at=frame.captured_at,
                camera_id=frame.camera_id,
                sequence=frame.sequence,
                settings_digest=frame.settings_digest,
            )
        )
    stored_at = time.perf_counter()
    timings = {"capture": (captured - start) * 1e3, "store": (stored_at - captured) * 1e3}
    return Take(kept, tuple(pictures), timings)


def _young_frame(camera: StationCamera, after_ns: int, timeout_s: float) -> Frame:
    try:
        frame = camera.frame_after(after_ns, timeout_s)
    except (StaleFrame, DeviceLost) as error:
        raise CaptureFailed(camera.view, error) from error
    if frame.monotonic_ns <= after_ns:
        raise CaptureFailed(camera.view, StaleFrame("the camera gave a frame from before the item was identified"))
    return frame


@dataclass(frozen=True, slots=True)
class Bench:
    """What judges at this station: the model (``None``: a person grades), the policy and the catalogue."""

    policy: Policy
    catalogue: Catalogue
    judge: Judge | None = None
    correct: Corrector = uncorrected

    @property
    def versions(self) -> VersionsPart:
        return VersionsPart(
            software=__version__,
            policy=self.policy.version,
            products=self.catalogue.version,
            bundle=self.judge.bundle_id if self.judge is not None else None,
        )

    def judge_take(
        self, item: Item, taken: Take, expected: ExpectedReturn | None, weight: WeightReading | None = None
    ) -> Judgement:
        """Judge the stored pictures; a model that fails leaves the item to a person, it never stops the work.

        ``weight`` is the item's own stable weight, ``None`` when it was not weighed.

        Raises:
            InspectionError: when the policy cannot decide.
        """
        line = expected.line_for(item) if expected is not None else None
        context = Context(
            expected_gtin=line.gtin if line is not None else None,
            expected_serial=line.serial if line is not None else None,
            weight_g=float(weight.grams) if weight is not None and weight.grams is not None else None,
            weight_stable=weight.stable if weight is not None else None,
        )
        failure = ""
        try:
            outcome = self._inspect(item, taken, context, self.judge)
        except Exception as error:
            if self.judge is None:
                raise
            log.exception("judge_failed", bundle=self.judge.bundle_id)
            failure = f"{type(error).__name__}: {error}"[:300]
            outcome = self._inspect(item, taken, context, None)
        return Judgement(
            assessment=None if outcome.assessment is None else assessment_part(outcome.assessment),
            policy=policy_part(outcome.verdict),
            versions=self.versions,
            timings_ms=outcome.timings_ms,
            failure=failure,
        )

    def _inspect(self, item: Item, taken: Take, context: Context, judge: Judge | None) -> Outcome:
        return inspect(
            item,
            taken.frames,
            judge=judge,
            correct=self.correct,
            policy=self.policy,
            catalogue=self.catalogue,
            context=context,
        )
