"""Where in a JSON value a fault was found (RFC 6901)."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Places:
    """A place, and the faults that were found at it and below.

    Attributes:
        pointer: JSON pointer of the place; empty for the whole document.
        faults: shared by all places of one document; at most :data:`MAX_FAULTS` are kept.
    """

    pointer: str = ""
    faults: list[dict[str, str]] = field(default_factory=list)

    def at(self, member: str | int) -> Places:
        """The place one step further down."""
        step = str(member).replace("~", "~0").replace("/", "~1")
        return Places(f"{self.pointer}/{step}"[:400], self.faults)

    def fault(self, message: str) -> None:
        """Note that something is wrong here."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append({"pointer": self.pointer, "message": message})
