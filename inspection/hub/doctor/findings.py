"""What the doctor says of one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from inspection.errors import InspectionError


class State(StrEnum):
    """``BAD`` keeps the hub from working or loses something; ``LOOK`` is for a person to judge."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        about: what was looked at, one word.
        said: what was found and, unless it is good, what to do; no secret.
    """

    about: str
    state: State
    said: str

    def line(self) -> str:
        return f"{self.state.value:<4}  {self.about:<13}  {' '.join(self.said.split())}"


def good(about: str, said: str) -> Finding:
    """As it should be."""
    return Finding(about, State.GOOD, said)


def look(about: str, said: str) -> Finding:
    """For a person to judge."""
    return Finding(about, State.LOOK, said)


def bad(about: str, said: str) -> Finding:
    """To be put right."""
    return Finding(about, State.BAD, said)


def examined(about: str, check: Callable[[], Finding]) -> Finding:
    """What ``check`` finds; an error of ours is what it found."""
    try:
        return check()
    except InspectionError as error:
        return bad(about, error.one_line())
