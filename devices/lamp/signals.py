"""What a stack lamp shows for what, and the registers of PATLITE lamps (LA6-POE manual p. 46-50, also WE-LAN).

Holding registers 40001 to 40005 are the tiers from the top, 40006 is the buzzer; on the wire they are 0 to 5. Read, a
register holds the state. Written, its high byte must be 01, "does control", or the lamp leaves the tier alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

TIERS = 5
REGISTERS = TIERS + 1
FIRST_REGISTER = 0
CONTROL = 0x0100
STATE = 0x00FF
OFF, ON, FLASH = 0, 1, 2
MAX_BUZZER = 3
"""Highest buzzer pattern that can be written over Modbus."""


class Meaning(StrEnum):
    """What is to be shown."""

    DARK = "dark"
    RESELL = "resell"
    REPAIR = "repair"
    SCRAP = "scrap"
    HOLD = "hold"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Signal:
    """How one meaning is shown.

    Attributes:
        tier: 1 (top) to 5; 0 for none.
        flash: whether the tier flashes.
        buzzer: pattern 1 to 3; 0 for silence.
    """

    tier: int = 0
    flash: bool = False
    buzzer: int = 0

    def states(self) -> tuple[int, ...]:
        """State of the five tiers and the buzzer, as the lamp tells them when it is read."""
        tiers = [OFF] * TIERS
        if self.tier:
            tiers[self.tier - 1] = FLASH if self.flash else ON
        return (*tiers, self.buzzer)


DARK = Signal()


def to_write(states: Sequence[int]) -> list[int]:
    """Register values that make the lamp take these states."""
    return [CONTROL | state for state in states]


def as_read(registers: Sequence[int]) -> tuple[int, ...]:
    """States of registers that were read."""
    return tuple(register & STATE for register in registers)


def words(states: Sequence[int]) -> str:
    """The states for a person: ``tier 1 flashes, buzzer 1``."""
    how = {ON: "lit", FLASH: "flashes"}
    lit = [f"tier {tier} {how.get(state, 'unknown')}" for tier, state in enumerate(states[:TIERS], 1) if state]
    if states[TIERS:] and states[TIERS]:
        lit.append(f"buzzer {states[TIERS]}")
    return ", ".join(lit) or "all dark"
