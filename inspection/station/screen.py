"""Builds what the screen shows from the session, the devices and the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from devices.barcode.keyboard import KeyboardScanner
from inspection.reading import TagReading
from inspection.report import AssessmentPart
from inspection.station.capture import Bench
from inspection.station.good_samples import GoodSamples
from inspection.station.ports import Device, StationCamera
from inspection.station.record import InspectionRecord, State
from inspection.station.reporter import ReporterStatus
from inspection.station.session_data import Rules, Session
from inspection.station.snapshot import (
    Fault,
    HubState,
    Language,
    LastReported,
    Notice,
    Queue,
    ShownAssessment,
    ShownCode,
    ShownDevice,
    ShownItem,
    ShownKeyboard,
    ShownNeighbour,
    ShownPrecheck,
    ShownQuestion,
    ShownVerdict,
    ShownView,
    ShownWorker,
    Snapshot,
)
from inspection.verdict import Disposition

MAX_NEIGHBOURS = 8

_DISK_FULL = frozenset({"store.failed", "journal.failed"})
_NO_MODEL = frozenset({"model.none", "model.broken"})
_LOST = {"printer": "printer.lost"}
"""Kinds of which a loss has mostly another cause than the cable."""


class Screen:
    """Makes snapshots; counts them.

    Args:
        samples: pictures of good samples.
        names_similar: whether known examples can be named that are most like the item.
        standing_faults: what is wrong as long as the station runs, e.g. no model.
        places: where an item of each disposition is put.
        precheck: asked each time with the number of the return; returns at once.
        quiet_faults: asked each time; what is wrong with the calibration, and with the disk.
    """

    def __init__(
        self,
        *,
        station_id: str,
        bench: Bench,
        rules: Rules,
        devices: Sequence[Device],
        cameras: Sequence[StationCamera],
        standing_faults: Sequence[Fault],
        quiet_faults: Callable[[], Sequence[Fault]] = tuple,
        places: Mapping[Disposition, str] | None = None,
        samples: GoodSamples | None = None,
        names_similar: bool = False,
        precheck: Callable[[str], ShownPrecheck | None] = lambda _rma: None,
    ) -> None:
        self._station_id, self._bench, self._rules = station_id, bench, rules
        self._devices, self._cameras, self._standing = devices, cameras, tuple(standing_faults)
        self._quiet, self._places = quiet_faults, dict(places or {})
        self._samples, self._names_similar = samples or GoodSamples(None), names_similar
        self._precheck = precheck
        self._sequence = 0

    def use(self, bench: Bench, *, names_similar: bool) -> None:
        """From now on this judges; that there was no model is over when it has one."""
        self._bench, self._names_similar = bench, names_similar
        if bench.judge is not None:
            self._standing = tuple(fault for fault in self._standing if fault.code not in _NO_MODEL)

    def show(
        self,
        session: Session,
        *,
        at: datetime,
        queued: tuple[int, int],
        hub: ReporterStatus,
        trouble: Sequence[Fault],
        notice: Notice | None,
        last_reported: LastReported | None,
        neighbours: Sequence[TagReading] = (),
        can_undo: bool = False,
        can_print: bool = False,
        questions: Sequence[ShownQuestion] = (),
        worker: ShownWorker | None = None,
        language: Language | None = None,
    ) -> Snapshot:
        """The snapshot of this moment."""
        self._sequence += 1
        devices = self._shown_devices()
        record = session.current
        fields: dict[str, object] = {}
        if record is not None and session.settling is None:
            fields = {**self._of_record(record), "neighbours": _shown_neighbours(neighbours)}
        rma = fields.get("rma") or session.pending_rma
        return Snapshot.model_validate(
            {
                **fields,
                "precheck": self._precheck(rma) if isinstance(rma, str) else None,
                "sequence": self._sequence,
                "at": at,
                "station_id": self._station_id,
                "state": session.state if session.settling is None else State.IDLE,
                "settling": session.settling is not None,
                "pending_rma": session.pending_rma,
                "live_views": tuple(camera.view for camera in self._cameras),
                "override": session.override,
                "reason_codes": self._rules.reason_codes,
                "queue": Queue(waiting=queued[0], dead=queued[1]),
                "hub": HubState(trouble=hub.trouble, detail=hub.detail, last_delivery_at=hub.last_delivery_at),
                "devices": devices,
                "keyboard": self._shown_keyboard(),
                "faults": _once(
                    (*self._lost(devices), *_without_lost(trouble, devices), *self._standing, *self._quiet())
                ),
                "notice": notice,
                "versions": fields.get("versions") or self._bench.versions,
                "last_reported": last_reported,
                "names_similar": self._names_similar,
                "can_undo": can_undo,
                "can_print": can_print,
                "approving": session.approving.disposition if session.approving is not None else None,
                "questions": tuple(questions),
                "worker": worker,
                "language": language,
            }
        )

    def _of_record(self, record: InspectionRecord) -> dict[str, object]:
        product = self._bench.catalogue.find(record.item.gtin)
        return {
            "inspection_id": record.inspection_id,
            "started_at": record.started_at,
            "rma": record.rma,
            "item": ShownItem(**record.item.model_dump(), names=dict(product.name) if product is not None else {}),
            "views": tuple(
                ShownView(
                    view=picture.view,
                    picture_sha256=picture.sha256,
                    width=picture.width,
                    height=picture.height,
                    sample=self._sample(record.item.gtin, picture.view),
                )
                for picture in record.pictures
            ),
            "codes": tuple(
                ShownCode(view=part.view, text=part.value, corners=part.corners)
                for part in record.readings
                if part.view is not None and part.corners is not None
            ),
            "findings": record.assessment.findings if record.assessment is not None else (),
            "assessment": _shown_assessment(record.assessment),
            "verdict": self._shown_verdict(record),
            "person": record.person,
            "takes": record.takes,
            "capture_problems": record.capture_problems,
            "versions": record.versions,
            "timings_ms": record.timings_ms,
        }

    def _shown_verdict(self, record: InspectionRecord) -> ShownVerdict | None:
        verdict, policy = record.verdict, record.policy
        if verdict is None or policy is None:
            return None
        plain = policy.disposition is not Disposition.HOLD and not policy.needs_confirmation
        return ShownVerdict(
            disposition=verdict.disposition,
            grade=verdict.grade,
            decided_by=verdict.decided_by,
            policy_disposition=policy.disposition,
            rule_id=policy.rule_id,
            reason=policy.reason,
            reason_codes=policy.reason_codes,
            needs_confirmation=policy.needs_confirmation,
            next_scan_confirms=self._rules.next_scan_confirms and plain,
            place=self._places.get(verdict.disposition),
        )

    def _sample(self, gtin: str | None, view: str) -> str | None:
        found = self._samples.find(gtin, view)
        return None if found is None else f"/samples/{gtin}/{quote(view, safe='')}?v={found.mark}"

    def _shown_devices(self) -> tuple[ShownDevice, ...]:
        views = {camera.camera_id: camera.view for camera in self._cameras}
        statuses = [device.status for device in self._devices] + [camera.status for camera in self._cameras]
        return tuple(
            ShownDevice(
                device_id=status.device_id,
                kind=status.kind,
                connected=status.connected,
                detail=status.detail,
                since=status.since,
                view=views.get(status.device_id),
            )
            for status in statuses
        )

    def _shown_keyboard(self) -> ShownKeyboard | None:
        for device in self._devices:
            if isinstance(device, KeyboardScanner):
                return ShownKeyboard(device_id=device.device_id, gap_ms=device.settings.gap_ms)
        return None

    def _lost(self, devices: Sequence[ShownDevice]) -> tuple[Fault, ...]:
        return tuple(
            Fault(code=_LOST.get(device.kind, "device.lost"), about=device.device_id, detail=device.detail)
            for device in devices
            if not device.connected
        )


def _without_lost(trouble: Sequence[Fault], devices: Sequence[ShownDevice]) -> tuple[Fault, ...]:
    """A view that fails because its camera is gone is told once, as the camera."""
    lost_views = {device.view for device in devices if not device.connected}
    return tuple(fault for fault in trouble if not (fault.code == "device.lost" and fault.about in lost_views))


def _once(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """A disk that is full is not told to be nearly full, too."""
    full = any(fault.code in _DISK_FULL for fault in faults)
    return tuple(fault for fault in faults if not (full and fault.code == "disk.low"))


def _shown_assessment(assessment: AssessmentPart | None) -> ShownAssessment | None:
    if assessment is None or not assessment.p_condition:
        return None
    condition = max(assessment.p_condition, key=lambda name: assessment.p_condition[name])
    return ShownAssessment(
        condition=condition,
        confidence=assessment.p_condition[condition],
        confident=assessment.confident,
        novel=assessment.novel,
        capture_problems={view: problems for view, problems in assessment.capture_problems.items() if problems},
        decided_by=assessment.decided_by,
    )


def _shown_neighbours(readings: Sequence[TagReading]) -> tuple[ShownNeighbour, ...]:
    heard = sorted(readings, key=lambda reading: -200.0 if reading.rssi_dbm is None else reading.rssi_dbm, reverse=True)
    return tuple(
        ShownNeighbour(epc=reading.epc, why=reading.neighbour, rssi_dbm=reading.rssi_dbm, antenna=reading.antenna)
        for reading in heard[:MAX_NEIGHBOURS]
        if reading.neighbour is not None
    )
