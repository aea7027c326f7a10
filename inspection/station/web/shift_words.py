"""Words of the shift view. Messages are English; catalogues translate them."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.station.web.words import CAPTURE_PROBLEMS, N_

REFUSALS: Mapping[str, str] = {
    "device.lost": N_("A camera was not connected."),
    "camera.stale": N_("A camera gave no new picture."),
    "camera.skew": N_("Views were not of one moment."),
    "camera.moves": N_("Something moved in the picture."),
    **{f"picture.{code}": text for code, text in CAPTURE_PROBLEMS.items()},
}
DEADLINES: Mapping[str, str] = {
    "check": N_("Daily check of view %(view)s"),
    "calibration": N_("Calibration of view %(view)s"),
}
