"""Records, readings and verdicts that several station tests need."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from inspection.finding import Assessment, Box, CaptureQuality, Condition, Defect, Finding
from inspection.item import Item
from inspection.reading import BarcodeReading, TagReading, WeightReading
from inspection.report import AssessmentPart, PicturePart, PolicyPart, VersionsPart
from inspection.station.record import State, assessment_part
from inspection.station.session import capture_started, judged, scanned, settled
from inspection.station.session_data import Rules, Session, Step
from inspection.verdict import Disposition, Grade

T0 = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
WHO = "worker-1"
RULES = Rules(re.compile(r"^RMA-[A-Z0-9-]{4,40}$"), ("wrong_condition", "other"))
SECOND = 1_000_000_000


def barcode(text: str, second: float = 0.0) -> BarcodeReading:
    return BarcodeReading(
        device_id="scanner",
        raw=text.encode() + b"\r",
        at=T0 + timedelta(seconds=second),
        monotonic_ns=int((1000 + second) * SECOND),
        text=text,
    )


def tag(epc: str = "3034257BF7194E4000001A85", monotonic_ns: int = 1000 * SECOND) -> TagReading:
    return TagReading(device_id="reader", raw=b"\xbb", at=T0, monotonic_ns=monotonic_ns, epc=epc, pc=0x3000)


def policy(
    disposition: Disposition = Disposition.RESELL, *, needs_confirmation: bool = False, rule_id: str = "R11"
) -> PolicyPart:
    return PolicyPart(
        disposition=disposition,
        grade=Grade.AS_NEW if disposition is Disposition.RESELL else None,
        rule_id=rule_id,
        reason={"zh-CN": "完好", "en": "Intact"},
        reason_codes=("intact",),
        needs_confirmation=needs_confirmation,
        policy_version="1+abc",
        values={"condition": "intact"},
    )


def assessment() -> AssessmentPart:
    return assessment_part(
        Assessment(
            bundle_id="test@1+000000000000",
            findings=(Finding(Defect.DENT, 0.9, "top", Box(10, 20, 30, 40)),),
            p_defect={Defect.DENT: 0.9},
            p_condition={
                Condition.INTACT: 0.1,
                Condition.MINOR: 0.8,
                Condition.MAJOR: 0.05,
                Condition.CRITICAL: 0.05,
            },
            novelty=0.1,
            novel=False,
            confident=True,
            capture=(CaptureQuality("top"),),
        )
    )


def picture(sha256: str = "ab" * 32) -> PicturePart:
    return PicturePart(
        view="top",
        sha256=sha256,
        media_type="image/jpeg",
        size_bytes=10,
        width=64,
        height=48,
        captured_at=T0,
        camera_id="cam",
        sequence=3,
        settings_digest="0" * 16,
    )


VERSIONS = VersionsPart(software="0.1.0", policy="1+abc", products="1+def", bundle="test@1+000000000000")


def item(serial: str | None = "6789") -> Item:
    return Item(gtin="80614141123458", serial=serial, sources=("barcode",))


def settle(session: Session, serial: str | None = "6789") -> Step:
    assert session.settling is not None
    return settled(session, item(serial), session.settling.barcodes, inspection_id=uuid.uuid4(), at=T0, identify_ms=150)


def judge(
    session: Session,
    verdict: PolicyPart | None = None,
    pictures: tuple[PicturePart, ...] | None = None,
    weight: WeightReading | None = None,
) -> Step:
    return judged(
        session,
        pictures=(picture(),) if pictures is None else pictures,
        assessment=assessment(),
        policy=verdict or policy(),
        versions=VERSIONS,
        at=T0 + timedelta(seconds=1),
        timings_ms={"judge": 20.0},
        weight=weight,
    )


def at_judged(verdict: PolicyPart | None = None, text: str = "ITEM-1", serial: str | None = "6789") -> Session:
    """A session whose item was scanned, pictured and judged."""
    begun = scanned(Session(), barcode(text), RULES, WHO).session
    captured = capture_started(settle(begun, serial).session, T0).session
    session = judge(captured, verdict).session
    assert session.state is State.JUDGED
    return session
