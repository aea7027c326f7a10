"""What judges at this station: the champion, and a candidate on trial; exchanged as a whole, between two items.

The session's thread judges and exchanges; another thread prepares. A candidate that fails on an item costs that item
nothing: the champion judges it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import structlog

from inspection.item import Item
from inspection.reading import WeightReading
from inspection.report import VersionsPart
from inspection.rollout import Kind, OpinionPart, Stage, TrialOpinion, drawn
from inspection.station.capture import Bench, Judgement, Take
from inspection.station.returns import ExpectedReturn
from inspection.station.similar import KnownExamples
from inspection.verdict import Disposition

log = structlog.get_logger()
MOST_FAILURES = 3
"""So many items in a row on which the candidate fails end its trial here."""


@dataclass(frozen=True, slots=True)
class Side:
    """One that can judge.

    Attributes:
        ids: of the bundles it is made of, by kind; a kind that is not there is as the configuration says.
        examples: known examples of its model, if it has any.
    """

    bench: Bench
    ids: Mapping[Kind, str] = field(default_factory=dict)
    examples: KnownExamples | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate on trial, ready to judge."""

    rollout_id: UUID
    stage: Stage
    candidate: Side
    share: float
    budget_ms: float
    kind: Kind
    bundle_id: str

    def judges(self, inspection_id: UUID) -> bool:
        """Whether this item's verdict is the candidate's."""
        return self.stage is Stage.CANARY and drawn(self.rollout_id, inspection_id, self.share)

    def opinion(
        self,
        asked: Asked,
        judged_by: Literal["champion", "candidate"],
        *,
        champion: OpinionPart | None = None,
        candidate: OpinionPart | None = None,
    ) -> TrialOpinion:
        """What is known of an item so far."""
        return TrialOpinion(
            rollout_id=self.rollout_id,
            inspection_id=asked.inspection_id,
            stage=self.stage,
            at=datetime.now(UTC),
            judged_by=judged_by,
            champion=champion,
            candidate=candidate,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """An item that was judged, with everything that a second opinion needs."""

    inspection_id: UUID
    item: Item
    taken: Take
    expected: ExpectedReturn | None
    weight: WeightReading | None


@dataclass(frozen=True, slots=True)
class Judged:
    """Who judged an item, and what they said.

    Attributes:
        opinion: for the trial; ``None`` where there is none.
        other: whom to ask for a second opinion.
    """

    side: Side
    judgement: Judgement
    opinion: TrialOpinion | None = None
    other: Side | None = None


Listener = Callable[[Judged, Asked], None]


class Running:
    """What judges now, and what is to judge from the next item on."""

    def __init__(self, champion: Side) -> None:
        self._lock = threading.Lock()
        self._champion, self._before = champion, champion
        self._tried: Tried | None = None
        self._staged: tuple[Side, Tried | None] | None = None
        self._taken_over = threading.Event()
        self._failures = 0
        self._spoiled: frozenset[UUID] = frozenset()
        self.listener: Listener = lambda _judged, _asked: None
        self.idle = threading.Event()
        """Not set while an item is judged, when the processor is that item's."""
        self.idle.set()

    @property
    def champion(self) -> Side:
        return self._champion

    @property
    def tried(self) -> Tried | None:
        """The candidate on trial, unless it failed."""
        tried = self._tried
        return None if tried is None or tried.rollout_id in self._spoiled else tried

    @property
    def spoiled(self) -> frozenset[UUID]:
        """Rollouts whose candidate failed here on several items in a row."""
        return self._spoiled

    @property
    def waits(self) -> bool:
        """Whether something is to be exchanged."""
        return self._staged is not None

    def stage(self, champion: Side, tried: Tried | None) -> threading.Event:
        """Let these judge from the next item on; the event is set when they do."""
        with self._lock:
            self._staged, self._taken_over = (champion, tried), threading.Event()
            return self._taken_over

    def take_over(self) -> None:
        """Exchange what was prepared; only the session's thread calls this, between two items."""
        with self._lock:
            if self._staged is None:
                return
            champion, self._tried = self._staged
            if champion is not self._champion:
                self._before, self._champion = self._champion, champion
            self._staged, self._failures = None, 0
            self._taken_over.set()

    def that_judged(self, versions: VersionsPart) -> Side:
        """The side that made a verdict of these versions; the champion when it is gone."""
        tried = self._tried
        sides: list[Side] = [self._champion, *([] if tried is None else [tried.candidate]), self._before]
        for side in sides:
            told = side.bench.versions
            if (told.bundle, told.policy) == (versions.bundle, versions.policy):
                return side
        return self._champion

    def judge(self, asked: Asked) -> Judged:
        """Judge an item; the trial decides who does.

        Raises:
            InspectionError: the policy cannot decide.
        """
        tried, champion = self.tried, self._champion
        self.idle.clear()
        try:
            if tried is None:
                return Judged(champion, _ask(champion, asked))
            if not tried.judges(asked.inspection_id):
                judgement = _ask(champion, asked)
                said = tried.opinion(asked, "champion", champion=opinion_of(judgement))
                return Judged(champion, judgement, said, tried.candidate)
            return self._by_candidate(tried, champion, asked)
        finally:
            self.idle.set()

    def told(self, judged: Judged, asked: Asked) -> None:
        """The verdict is on the screen: whoever wants a second opinion may ask now."""
        try:
            self.listener(judged, asked)
        except Exception:  # a statistic is no reason to end an inspection
            log.exception("second_opinion_not_asked")

    def _by_candidate(self, tried: Tried, champion: Side, asked: Asked) -> Judged:
        candidate = tried.candidate
        try:
            judgement = _ask(candidate, asked)
            failure = judgement.failure
        except Exception as error:
            log.exception("candidate_failed", rollout=str(tried.rollout_id))
            failure = f"{type(error).__name__}: {error}"[:300]
        else:
            if not failure:
                self._failures = 0
                said = tried.opinion(asked, "candidate", candidate=opinion_of(judgement))
                return Judged(candidate, judgement, said, champion)
        self._failed(tried)
        instead = _ask(champion, asked)
        broken = no_opinion(candidate, failure)
        said = tried.opinion(asked, "champion", champion=opinion_of(instead), candidate=broken)
        return Judged(champion, instead, said)

    def _failed(self, tried: Tried) -> None:
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            log.error("candidate_dropped", rollout=str(tried.rollout_id), bundle=tried.bundle_id)
            self._spoiled |= {tried.rollout_id}


def _ask(side: Side, asked: Asked) -> Judgement:
    return side.bench.judge_take(asked.item, asked.taken, asked.expected, asked.weight)


def opinion_of(judgement: Judgement) -> OpinionPart:
    """What one side said of an item, in short."""
    assessment, timings = judgement.assessment, judgement.timings_ms
    condition = None
    if assessment is not None and assessment.p_condition:
        condition = max(assessment.p_condition, key=lambda name: assessment.p_condition[name])
    return OpinionPart(
        bundle_id=judgement.versions.bundle,
        policy=judgement.versions.policy,
        disposition=judgement.policy.disposition,
        condition=condition,
        confident=assessment is not None and assessment.confident,
        novel=assessment is not None and assessment.novel,
        ms=max(0.0, timings.get("judge", 0.0) + timings.get("decide", 0.0)),
        error=judgement.failure,
    )


def no_opinion(side: Side, failure: str) -> OpinionPart:
    """That a side failed on an item, which a person would have had to decide about."""
    versions = side.bench.versions
    return OpinionPart(
        bundle_id=versions.bundle, policy=versions.policy, disposition=Disposition.HOLD, ms=0.0, error=failure[:300]
    )
