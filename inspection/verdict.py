"""The decision about an item; machine, policy and human opinions are kept apart and never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Disposition(StrEnum):
    """Where the item goes. ``HOLD`` is "a person decides" and is not final."""

    RESELL = "resell"
    REPAIR = "repair"
    SCRAP = "scrap"
    HOLD = "hold"


class Grade(StrEnum):
    """How a resold item is described; a fact about the item, apart from the disposition."""

    AS_NEW = "as_new"
    OPEN_BOX = "open_box"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What the policy decided and on what.

    Attributes:
        disposition: the outcome.
        grade: for resell, how it may be sold; otherwise ``None``.
        rule_id: the first rule that matched, e.g. ``R11``.
        reason: sentence per language tag (``zh-CN``, ``en``, ``th``, ``vi``).
        reason_codes: stable codes, e.g. ``("mismatch_class",)``.
        needs_confirmation: whether a person must confirm before it may be reported as final (R05, costly scrap).
        policy_version: version of the policy file.
        values: the variables and parameters the matching rule referred to, with their values.
        disclosures: what a buyer must be told, by code: a sentence per language tag.
        work_list: what a repairer does, by code in order: a sentence per language tag.
        facts: every variable the policy saw; deciding again from them gives this verdict.
    """

    disposition: Disposition
    grade: Grade | None
    rule_id: str
    reason: Mapping[str, str]
    reason_codes: tuple[str, ...]
    needs_confirmation: bool
    policy_version: str
    values: Mapping[str, object]
    disclosures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    work_list: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HumanDecision:
    """What a person said: confirmed the policy's outcome or overrode it with a reason."""

    disposition: Disposition
    grade: Grade | None
    overrides: bool
    reason_code: str | None
    note: str
    who: str
    at: datetime
