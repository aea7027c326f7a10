"""The real station, whose bundles are opened and checked as ever, and judged by what a word in their card says.

``sees red``: every red patch is damage, as it is. ``blind``: nothing is ever damaged. ``spoiled``: its golden samples
are not reproduced. ``dies``: its loading ends the program.

Usage: python -m tests.station.rollouts.station_under_test CONFIG
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inspection.errors import BundleError
from inspection.finding import Assessment, Condition, Defect
from inspection.frame import ViewPicture
from inspection.ledger.notes import VerifierKey
from inspection.station import launch, logs
from inspection.station.config import StationConfig, load_config
from inspection.station.rollouts import making
from models.bundle import CARD, Bundle, open_bundle
from tests.faults.station_under_test import RedJudge

LOADING_S = 0.5


class CardJudge:
    """Judges as the bundle's card says."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle_id = bundle.bundle_id
        self._blind = b"blind" in bundle.contents[CARD]

    def assess(self, pictures: Sequence[ViewPicture], goods: str | None = None) -> Assessment:
        seen = replace(RedJudge().assess(pictures, goods), bundle_id=self.bundle_id)
        if not self._blind:
            return seen
        fine = {each: 0.96 if each is Condition.INTACT else 0.04 / 3 for each in Condition}
        return replace(seen, findings=(), p_condition=fine, p_defect=dict.fromkeys(Defect, 0.01), novel=False)


def load(folder: Path, _threads: int, trusted: Sequence[VerifierKey]) -> CardJudge:
    bundle = open_bundle(folder, trusted)
    time.sleep(LOADING_S)  # so that items are judged meanwhile
    if b"spoiled" in bundle.contents[CARD]:
        raise BundleError(f"{folder} does not reproduce its golden samples")
    if b"dies" in bundle.contents[CARD]:
        os.kill(os.getpid(), signal.SIGKILL)
    return CardJudge(bundle)


def configured(config: StationConfig) -> RedJudge | None:
    return None if config.model is None else RedJudge()


def main() -> None:
    logs.configure(console=False)
    making.Maker.__init__.__kwdefaults__["load"] = load  # type: ignore[index]
    launch._load_judge = configured
    file = Path(sys.argv[1])
    launch.serve(load_config(file), ready=lambda url: print(f"ready: {url}", flush=True), file=file)


if __name__ == "__main__":
    main()
