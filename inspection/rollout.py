"""What hub and stations say to each other of rollouts: which bundle runs where, how that goes, and second opinions.

Kinds: ``bundle`` (a model), ``policy`` (rules), ``references`` (good samples). All three are fetched, checked, tried
and exchanged in the same way.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from inspection.finding import Condition
from inspection.report import Part, Sha256, Text
from inspection.verdict import Disposition

MAX_OPINIONS = 200
"""Of one request."""
BundleId = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*@[A-Za-z0-9._-]+\+[0-9a-f]{12}$")]
"""``name@version+<first 12 hex digits of its hash>``; safe as the name of a folder."""
Share = Annotated[float, Field(ge=0, le=1)]
Ms = Annotated[float, Field(ge=0, le=3_600_000)]


class Kind(StrEnum):
    """What can be rolled out."""

    BUNDLE = "bundle"
    POLICY = "policy"
    REFERENCES = "references"


class Stage(StrEnum):
    """How far a candidate has come at a station: it is only asked, or its word counts."""

    SHADOW = "shadow"
    CANARY = "canary"


class Fetched(Part):
    """A bundle to be fetched.

    Attributes:
        archive_sha256, archive_bytes: of the zip that holds it.
    """

    bundle_id: BundleId
    archive_sha256: Sha256
    archive_bytes: Annotated[int, Field(gt=0, le=2_000_000_000)]


class Trial(Part):
    """A candidate on trial beside the champion.

    Attributes:
        share: of the items that the candidate judges in its canary, by :func:`drawn`; the others stay the champion's.
        budget_ms: by how much the second opinion may lengthen the work of the processor, on average an item.
    """

    rollout_id: UUID
    kind: Kind
    stage: Stage
    candidate: Fetched
    share: Share = 1.0
    budget_ms: Ms = 150.0


class Assignment(Part):
    """What one station is to run.

    Attributes:
        champions: what judges, by kind; a kind that is not there stays as the station's configuration says.
        trial: what is tried beside it.
        ask_s: when to ask again.
    """

    champions: dict[Kind, Fetched] = Field(default_factory=dict)
    trial: Trial | None = None
    ask_s: Annotated[float, Field(ge=0.2, le=3600)] = 15.0


class Step(StrEnum):
    """How far a station is with a bundle."""

    FETCHING = "fetching"
    READY = "ready"
    RUNNING = "running"
    REFUSED = "refused"


class StandingPart(Part):
    """One bundle at one station; ``code`` and ``detail`` say why it was refused or is not there yet."""

    kind: Kind
    bundle_id: BundleId
    step: Step
    on_trial: bool = False
    code: Annotated[str, Field(max_length=64, pattern=r"^([a-z][a-z0-9_.]*)?$")] = ""
    detail: Text = ""


class Standing(Part):
    """What a station runs, and what became of what it was told to run.

    Attributes:
        runs: by kind, what judges now: an id, or the version of what its configuration names.
    """

    runs: dict[Kind, Annotated[str, Field(max_length=200)]] = Field(default_factory=dict)
    bundles: Annotated[tuple[StandingPart, ...], Field(max_length=20)] = ()


class OpinionPart(Part):
    """What one side says of one item.

    Attributes:
        ms: from the corrected pictures to the opinion.
        error: what kept it from having one; then there is no condition.
    """

    bundle_id: Annotated[str, Field(max_length=200)] | None
    policy: Annotated[str, Field(max_length=200)]
    disposition: Disposition
    condition: Condition | None = None
    confident: bool = False
    novel: bool = False
    ms: Ms
    error: Annotated[str, Field(max_length=300)] = ""


class TrialOpinion(Part):
    """What champion and candidate say of one item; apart from the verdict, which stands in the report alone.

    Attributes:
        judged_by: whose word the verdict was made from.
        champion, candidate: ``None`` when that side was not asked, for want of time.
    """

    rollout_id: UUID
    inspection_id: UUID
    stage: Stage
    at: AwareDatetime
    judged_by: Literal["champion", "candidate"]
    champion: OpinionPart | None = None
    candidate: OpinionPart | None = None


class Opinions(Part):
    """Some of them; sent again they change nothing."""

    opinions: Annotated[tuple[TrialOpinion, ...], Field(min_length=1, max_length=MAX_OPINIONS)]


def drawn(rollout_id: UUID, inspection_id: UUID, share: float) -> bool:
    """Whether an item belongs to the share that the candidate judges; the same whoever asks, and whenever.

    The first 64 bits of SHA-256 over both ids, as a fraction of 2**64, are below ``share``.
    """
    digest = hashlib.sha256(rollout_id.bytes + inspection_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
