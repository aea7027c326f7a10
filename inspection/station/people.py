"""Who works here: badges by what is printed on them, the language each person reads, and who may approve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inspection.station.record import InspectionRecord
from inspection.verdict import Disposition

BADGE_PREFIX = "BADGE:"


@dataclass(frozen=True, slots=True)
class Person:
    """One person at the station; ``person_id`` is a pseudonym, never a name.

    Attributes:
        badge: what the barcode of the badge says, ``BADGE:`` before it.
        language: tag of the language the screen turns to; ``""`` leaves it as it is.
        supervisor: may approve what waits for it.
        technician: may set the station up; a supervisor may, too.
    """

    person_id: str
    badge: str
    language: str = ""
    supervisor: bool = False
    technician: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """What a supervisor must agree to.

    Attributes:
        scrap_above: scrapping an item whose price as new is above this, minor units of the catalogue's currency;
            ``None`` for none.
        reason_codes: any decision about an item whose verdict has one of these reason codes.
    """

    scrap_above: int | None = None
    reason_codes: frozenset[str] = frozenset()

    def needed(self, record: InspectionRecord, disposition: Disposition) -> bool:
        """Whether this decision about the item waits for a supervisor. Leaving it on hold never does."""
        policy = record.policy
        if policy is None or disposition is Disposition.HOLD:
            return False
        if self.reason_codes & set(policy.reason_codes):
            return True
        price = policy.facts.get("price_new") if policy.facts.get("product_known") else None
        above = isinstance(price, int | float) and self.scrap_above is not None and price > self.scrap_above
        return disposition is Disposition.SCRAP and above


@dataclass(frozen=True, slots=True)
class People:
    """Everybody with a badge; without anybody the station has one nameless worker and nobody approves."""

    by_badge: Mapping[str, Person] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Sequence[Person]) -> People:
        return cls({person.badge: person for person in people})

    def find(self, person_id: str) -> Person | None:
        return next((person for person in self.by_badge.values() if person.person_id == person_id), None)

    def is_supervisor(self, person_id: str) -> bool:
        found = self.find(person_id)
        return found is not None and found.supervisor

    def is_technician(self, person_id: str) -> bool:
        """Whether this person may set the station up."""
        found = self.find(person_id)
        return found is not None and (found.technician or found.supervisor)

    @property
    def set_up(self) -> bool:
        """Whether there is anybody who may set the station up."""
        return any(person.technician or person.supervisor for person in self.by_badge.values())

    @property
    def approve(self) -> bool:
        """Whether there is anybody who could."""
        return any(person.supervisor for person in self.by_badge.values())


def is_badge(text: str) -> bool:
    """Whether a scanned text is meant as a badge."""
    return text.upper().startswith(BADGE_PREFIX)
