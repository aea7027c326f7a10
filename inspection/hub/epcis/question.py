"""A query that was understood, and what understanding it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from inspection.hub.problems import Problem

Condition = sa.ColumnElement[bool]


@dataclass(slots=True)
class Question:
    """A query that was understood.

    Attributes:
        conditions: over columns that have an ordered index, or over nothing that is indexed.
        searches: over the inverted indexes; these are looked up first, whatever the order of the answer.
        order_by: the column that the answer is ordered by; when none was asked for, the order of recording, or of the
            times that were asked for.
        natural_order: the column whose times were asked for, if any.
        descending: newest first.
        count_limit: the answer ends after so many events.
        max_count: more events than this are an error.
    """

    conditions: list[Condition] = field(default_factory=list)
    searches: list[Condition] = field(default_factory=list)
    order_by: str | None = None
    natural_order: str | None = None
    descending: bool = True
    count_limit: int | None = None
    max_count: int | None = None


@dataclass(frozen=True, slots=True)
class Lookups:
    """What a query needs to know of the repository.

    Attributes:
        expand: every full name that the name of an extension may stand for.
        term: a word of a vocabulary with its prefix written out.
        within: places with all that master data says lie within them.
    """

    expand: Callable[[str], list[str]]
    term: Callable[[str], str]
    within: Callable[[Sequence[str]], list[str]]


def refused(name: str, message: str) -> Problem:
    """``epcis.query`` about the parameter ``name``."""
    shown = name[:80].encode("ascii", "replace").decode()
    return Problem("epcis.query", f"{shown}: {message}", errors=[{"pointer": shown, "message": message}])
