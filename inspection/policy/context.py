"""What a station knows about an inspection besides the item's identity and the pictures; everything may be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum


class Hazard(StrEnum):
    """What a worker saw that endangers people (R05)."""

    NONE = "none"
    BATTERY = "battery"
    GLASS = "glass"
    CHEMICAL = "chemical"


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Circumstances of one inspection; ``None`` always means "not known", never "no".

    Attributes:
        expected_gtin: GTIN-14 of the order line that was sent back.
        expected_serial: serial number that was sold.
        recalled: whether the article or lot is under recall.
        batch_alert: whether its lot has a quality alert.
        stolen: whether the serial number is reported stolen.
        weight_g: what the scale says, grams.
        weight_stable: whether the scale called that weight stable; an unstable weight counts as unknown.
        seal_intact: whether the original seal is whole, said by a person or a sensor.
        complete: whether all parts are there, said by a person.
        hazard: what the worker said about hazards.
        contaminated: whether the worker saw mould, pests or dirt that spreads.
        expiry: expiration date when it is known from elsewhere than the item's codes.
        today: the decision date; rules are in effect from their dates on.
        calibrated: whether the views are calibrated; ``None`` takes the answer from the pictures.
        values: amounts that replace the catalogue's, in minor units, by name of :class:`~inspection.products.Product`
            field (``price_as_is``, ``cost_repair``, …); other names are ignored.
    """

    expected_gtin: str | None = None
    expected_serial: str | None = None
    recalled: bool | None = None
    batch_alert: bool | None = None
    stolen: bool | None = None
    weight_g: float | None = None
    weight_stable: bool | None = None
    seal_intact: bool | None = None
    complete: bool | None = None
    hazard: Hazard | None = None
    contaminated: bool | None = None
    expiry: date | None = None
    today: date = field(default_factory=_today)
    calibrated: bool | None = None
    values: Mapping[str, int] = field(default_factory=dict)
