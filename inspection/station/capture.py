"""From "the item lies there" to a verdict: a young frame of every view, stored, and judged as stored."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from devices.camera.rig import SetFailed, capture_set
from inspection import __version__
from inspection.errors import InspectionError, StaleFrame
from inspection.frame import Frame
from inspection.item import Item
from inspection.pipeline import Context, Corrector, Examiner, Judge, Outcome, inspect, uncorrected
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
        cause_code: ``device.lost``, ``camera.stale``, ``camera.skew`` or ``camera.moves``.
    """

    code = "capture.failed"
    retryable = True

    def __init__(self, view: str, cause: InspectionError) -> None:
        super().__init__(f"{view}: {cause}", hint=cause.hint)
        self.view, self.cause_code = view, cause.code


@dataclass(frozen=True, slots=True)
class Take:
    """The pictures of one capture, as stored, with the milliseconds that capture and storing took.

    Attributes:
        skew_ms: from the first to the last of the frames; each picture tells its own ``offset_ms``.
    """

    frames: Mapping[str, Frame]
    pictures: tuple[PicturePart, ...]
    timings_ms: Mapping[str, float]
    skew_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What machine and policy say of a take.

    Attributes:
        failure: what kept the machine from saying anything.
        capture: what is wrong with the picture of each view, by code; empty when all are good.
    """

    assessment: AssessmentPart | None
    policy: PolicyPart
    versions: VersionsPart
    timings_ms: Mapping[str, float]
    failure: str = ""
    capture: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def take(
    cameras: Sequence[StationCamera],
    store: PictureStore,
    *,
    after_ns: int,
    timeout_s: float,
    max_age_s: float,
    max_skew_ms: float = math.inf,
) -> Take:
    """One frame of every view received after ``after_ns``, at most ``max_skew_ms`` apart, stored.

    The returned frames carry the pixels decoded from the stored files.

    Raises:
        CaptureFailed: when a view has no such frame in time, or one grew older than ``max_age_s`` meanwhile.
        StoreError: when a picture cannot be stored.
    """
    start = time.perf_counter()
    try:
        frames = capture_set(cameras, after_ns, timeout_s, max_skew_ms=max_skew_ms)
    except SetFailed as error:
        raise CaptureFailed(error.view, error.cause) from error
    captured = time.perf_counter()
    for view, frame in frames.frames.items():
        age_s = (time.monotonic_ns() - frame.monotonic_ns) / 1e9
        if age_s > max_age_s:
            raise CaptureFailed(view, StaleFrame(f"the frame is {age_s:.1f} s old, allowed are {max_age_s:.1f} s"))
    kept, pictures, offsets_ms = {}, [], frames.offsets_ms
    for view, frame in frames.frames.items():
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
                offset_ms=round(offsets_ms[view], 3),
            )
        )
    stored_at = time.perf_counter()
    timings = {"capture": (captured - start) * 1e3, "store": (stored_at - captured) * 1e3}
    return Take(kept, tuple(pictures), timings, frames.skew_ms)


@dataclass(frozen=True, slots=True)
class Bench:
    """What judges at this station: the model (``None``: a person grades), the policy and the catalogue.

    Attributes:
        beside: gives the judge that compares an item of this GTIN with good samples, where there are any.
    """

    policy: Policy
    catalogue: Catalogue
    judge: Judge | None = None
    correct: Corrector = uncorrected
    examine: Examiner | None = None
    beside: Callable[[str | None], Judge] | None = None

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
            judge = self.judge if self.beside is None else self.beside(item.gtin)
            outcome = self._inspect(item, taken, context, judge)
        except Exception as error:
            if self.judge is None:
                raise
            log.exception("judge_failed", bundle=self.judge.bundle_id)
            failure = f"{type(error).__name__}: {error}"[:300]
            outcome = self._inspect(item, taken, context, None)
        return Judgement(
            assessment=None if outcome.assessment is None else assessment_part(outcome.assessment),
            policy=policy_part(outcome.verdict),
            versions=self.versions.model_copy(update={"calibration": dict(outcome.calibration)}),
            timings_ms=outcome.timings_ms,
            failure=failure,
            capture=outcome.capture,
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
            examine=self.examine,
        )
