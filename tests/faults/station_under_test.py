"""The real station with two things that only tests need: a judge that sees red, and a SIGKILL at an exact moment.

``STATION_TEST_KILL=before:judged`` kills the process right before the transition to ``judged`` is committed,
``after:judged`` right after. Nothing is cleaned up: it is what a power cut leaves.

Usage: python -m tests.faults.station_under_test CONFIG
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inspection.finding import Assessment, Box, CaptureQuality, Condition, Defect, Finding
from inspection.frame import ViewPicture
from inspection.report import InspectionReport
from inspection.station import departures, launch, logs
from inspection.station.config import load_config
from inspection.station.journal import Journal, OutboxEntry
from inspection.station.labels import Labels, LabelStatus
from inspection.station.session_data import Transition

RED_SHARE = 0.002
NOVEL_BLUE_SHARE = 0.15


class RedJudge:
    """Sees every red region as a dent: none is intact, a small one minor, a large one critical; much blue is novel."""

    bundle_id = "red@1+000000000000"

    def assess(self, pictures: Sequence[ViewPicture], _goods: str | None = None) -> Assessment:
        findings, share, blue = [], 0.0, 0.0
        for picture in pictures:
            channels = picture.pixels.astype(np.int16)
            red = (channels[..., 2] - channels[..., :2].max(axis=2) > 60).astype(np.uint8)
            blue = max(blue, float((channels[..., 0] - channels[..., 1:].max(axis=2) > 60).mean()))
            share = max(share, float(red.mean()))
            if red.mean() > RED_SHARE:
                x, y, width, height = cv2.boundingRect(red)
                findings.append(Finding(Defect.DENT, 0.93, picture.view, Box(x, y, width, height)))
        condition = Condition.CRITICAL if share > 0.1 else Condition.MINOR if findings else Condition.INTACT
        p_condition = {each: 0.96 if each is condition else 0.04 / 3 for each in Condition}
        return Assessment(
            bundle_id=self.bundle_id,
            findings=tuple(findings),
            p_defect={defect: 0.93 if findings and defect is Defect.DENT else 0.01 for defect in Defect},
            p_condition=p_condition,
            novelty=blue,
            novel=blue > NOVEL_BLUE_SHARE,
            confident=True,
            capture=tuple(CaptureQuality(picture.view) for picture in pictures),
            decided_by=max(findings, key=_area).view if findings else "",
        )


def _area(finding: Finding) -> int:
    return 0 if finding.box is None else finding.box.width * finding.box.height


class MortalJournal(Journal):
    """A journal that ends its process before or after a transition to a state is on disk."""

    moment, _, state = os.environ.get("STATION_TEST_KILL", "").partition(":")

    def commit(
        self,
        transitions: Sequence[Transition],
        *,
        report: InspectionReport | None = None,
        pending_rma: str | None = None,
        **more: Any,
    ) -> None:
        here = any(moved.after == self.state for moved in transitions)
        self._die_if(here and self.moment == "before")
        super().commit(transitions, report=report, pending_rma=pending_rma, **more)
        self._die_if(here and self.moment == "after")

    def delivered(self, entry: OutboxEntry, at: object) -> None:
        here = self.state == "reported"
        self._die_if(here and self.moment == "before")
        super().delivered(entry, at)  # type: ignore[arg-type]
        self._die_if(here and self.moment == "after")

    @classmethod
    def _die_if(cls, now: bool) -> None:
        if now and cls.moment == "before":
            time.sleep(0.3)  # whatever was shown too early can now be seen by those who watch
        if now:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalLabels(Labels):
    """Labels that end their process before or after a status is on disk."""

    def set(self, number: int, status: LabelStatus) -> bool:
        here = status == MortalJournal.state
        MortalJournal._die_if(here and MortalJournal.moment == "before")
        noted = super().set(number, status)
        MortalJournal._die_if(here and MortalJournal.moment == "after")
        return noted


def main() -> None:
    logs.configure(console=False)
    departures.Labels = MortalLabels  # type: ignore[misc,attr-defined]
    launch.Journal = MortalJournal  # type: ignore[misc]
    launch._load_judge = lambda _config: RedJudge()
    file = Path(sys.argv[1])
    launch.serve(load_config(file), ready=lambda url: print(f"ready: {url}", flush=True), file=file)


if __name__ == "__main__":
    main()
