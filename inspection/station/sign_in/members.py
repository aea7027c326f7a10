"""Who signed in through the hub, beside those whose badges the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inspection.station.people import People, Person

APPROVES = "inspections:correct"
"""The hub's permission that makes somebody a supervisor here: they may correct what others decided."""


def member(person_id: str, permissions: frozenset[str], language: str = "") -> Person:
    """Somebody whom the hub knows; ``person_id`` is the hub's id of the account, never a name."""
    return Person(person_id, "", language, supervisor=APPROVES in permissions)


@dataclass(frozen=True)
class JoinedPeople(People):
    """People of the configuration, and those who signed in through the hub.

    Attributes:
        signed_in: finds who signed in here and has not been signed out.
    """

    signed_in: Callable[[str], Person | None] = lambda _person_id: None

    def find(self, person_id: str) -> Person | None:
        return People.find(self, person_id) or self.signed_in(person_id)

    @property
    def approve(self) -> bool:
        """Anybody at the hub could be a supervisor, so what needs one waits for one."""
        return True

    @property
    def set_up(self) -> bool:
        return True
