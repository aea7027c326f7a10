"""How a station is doing, as it tells the hub every few seconds: what a supervisor sees from another room.

Nothing of it names a person or an item. Durations, not moments, so that a station's clock that goes wrong does no harm.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from inspection.report import Part
from inspection.verdict import Disposition

TableState = Literal["idle", "identified", "capturing", "judged", "confirmed", "hold", "reported"]
"""What may lie on the table, in the order of an inspection."""
MAX_TROUBLES = 20
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Version = Annotated[str, Field(max_length=200)]


class TroublePart(Part):
    """One fault that is on the station's screen; ``about`` is the device, view or file concerned."""

    code: Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_.]*$")]
    about: Annotated[str, Field(max_length=64)] = ""


class LastHour(Part):
    """What was decided at the station within the last 60 minutes.

    Attributes:
        items: inspections that were decided; the rate an hour.
        dispositions: of them, by what was decided.
        overrides: of them, those where a person decided otherwise than the rules.
    """

    items: Count = 0
    dispositions: dict[Disposition, Count] = Field(default_factory=dict)
    overrides: Count = 0


class StationStatus(Part):
    """One station at one moment.

    Attributes:
        state: of what lies on the table.
        state_s: for how long, seconds.
        waiting: reports that are on their way to the hub; ``oldest_waiting_s`` is the age of the oldest.
        refused: reports that the hub refused and a person must look at.
        troubles: what the screen says is wrong, the first twenty.
        devices, devices_lost: how many there are, and how many of them are away.
        model: bundle that judges; ``None``: people grade by eye.
    """

    state: TableState
    state_s: Seconds
    hour: LastHour = LastHour()
    waiting: Count = 0
    oldest_waiting_s: Seconds | None = None
    refused: Count = 0
    troubles: Annotated[tuple[TroublePart, ...], Field(max_length=MAX_TROUBLES)] = ()
    devices: Annotated[int, Field(ge=0, le=1000)] = 0
    devices_lost: Annotated[int, Field(ge=0, le=1000)] = 0
    software: Version
    policy: Version
    products: Version
    model: Version | None = None
