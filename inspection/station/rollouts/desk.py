"""Does what the hub says: fetches, checks and loads in the background, and has the session exchange what judges.

With the hub away everything stays as it is. What cannot be fetched is tried again; what is refused is said to the hub
and, quietly, on the screen, and the station works on with what it has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog

from inspection.errors import InspectionError
from inspection.rollout import Assignment, Fetched, Kind, Opinions, Stage, Standing, StandingPart, Step, Trial
from inspection.station.hub_client import Outcome
from inspection.station.rollouts.archive import unpack
from inspection.station.rollouts.errors import NotFetched, RolloutRefused, explained
from inspection.station.rollouts.link import Link
from inspection.station.rollouts.making import Maker
from inspection.station.rollouts.opening import verify
from inspection.station.rollouts.opinions import OpinionBox
from inspection.station.rollouts.running import Running, Side, Tried
from inspection.station.rollouts.settings import RolloutsSection
from inspection.station.rollouts.shadow import Shadow
from inspection.station.rollouts.store import Store, remove_folder
from inspection.station.snapshot import Fault

log = structlog.get_logger()
TELL_S = 60.0
"""The hub is told at least so often."""
NUDGE_S = 0.5
UNPACKED = 2
"""A zip may unpack to so many times its size: weights hardly shrink."""


class RolloutDesk:
    """A thread that looks after what this station runs.

    Args:
        link: the hub; closed with this.
        box: second opinions on their way; closed with this.
    """

    def __init__(self, settings: RolloutsSection, store: Store, maker: Maker, link: Link, box: OpinionBox) -> None:
        self._settings, self._store, self._maker, self._link, self._box = settings, store, maker, link, box
        self._refused: dict[str, InspectionError] = {}
        self._missing: dict[str, InspectionError] = {}
        self._assignment = store.read().assignment
        self._told: tuple[Standing, float] | None = None
        self._refresh: Callable[[], None] = lambda: None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollouts", daemon=True)
        self._shadow: Shadow | None = None

    def attach(self, running: Running, refresh: Callable[[], None], fallen: Mapping[str, InspectionError]) -> None:
        """Say what judges, how the session is woken, and what could not be used at the start."""
        self._running, self._refresh = running, refresh
        self._refused.update(fallen)
        self._shadow = Shadow(running, self._box.put)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, for the screen."""
        refused = {**self._refused}
        tried = self._assignment.trial if self._assignment is not None else None
        if tried is not None and tried.rollout_id in self._running.spoiled:
            refused.setdefault(tried.candidate.bundle_id, RolloutRefused("it failed on several items in a row"))
        wanted = {each.bundle_id for each in self._wanted().values()}
        return tuple(
            Fault(code="rollout.refused", about=name.partition("+")[0][:64], detail=str(error)[:500])
            for name, error in refused.items()
            if name in wanted
        )

    @property
    def standing(self) -> Standing:
        """How it goes, for the hub."""
        champion, tried = self._running.champion, self._running.tried
        versions = champion.bench.versions
        runs = {Kind.POLICY: versions.policy, Kind.BUNDLE: versions.bundle or "none", **champion.ids}
        parts = []
        for (kind, on_trial), wanted in self._wanted().items():
            runs_here = champion.ids.get(kind) if not on_trial else tried.bundle_id if tried is not None else None
            parts.append(self._standing_of(kind, wanted, on_trial=on_trial, runs=runs_here == wanted.bundle_id))
        return Standing(runs=runs, bundles=tuple(parts))

    def start(self) -> None:
        if self._shadow is not None:
            self._shadow.start()
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop soon; a download under way goes on at the next start."""
        self._stopping.set()
        self._wake.set()
        self._link.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._shadow is not None:
            self._shadow.stop()
        self._box.close()

    def _wanted(self) -> dict[tuple[Kind, bool], Fetched]:
        """What the hub wants here, by kind and whether it is on trial."""
        if self._assignment is None:
            return {}
        found = {(kind, False): each for kind, each in self._assignment.champions.items()}
        if self._assignment.trial is not None:
            found[self._assignment.trial.kind, True] = self._assignment.trial.candidate
        return found

    def _standing_of(self, kind: Kind, wanted: Fetched, *, on_trial: bool, runs: bool) -> StandingPart:
        error = self._refused.get(wanted.bundle_id) or self._missing.get(wanted.bundle_id)
        trial = self._assignment.trial if self._assignment is not None else None
        spoiled = on_trial and trial is not None and trial.rollout_id in self._running.spoiled
        if wanted.bundle_id in self._refused or spoiled:
            step = Step.REFUSED
        elif runs:
            step = Step.RUNNING
        else:
            step = Step.READY if self._store.has(kind, wanted.bundle_id) else Step.FETCHING
        return StandingPart(
            kind=kind,
            bundle_id=wanted.bundle_id,
            step=step,
            on_trial=on_trial,
            code="rollout.failed_on_items" if spoiled else error.code if error is not None else "",
            detail=str(error)[:500] if error is not None else "",
        )

    # The thread -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._tidy()
        pause_s = 0.0
        while True:
            if pause_s:
                self._wake.wait(pause_s)
                self._wake.clear()
            if self._stopping.is_set():
                return
            pause_s = self._round()

    def _round(self) -> float:
        """Ask, do, tell; returns how long to wait, seconds."""
        try:
            said = self._link.ask()
            if said is not None:
                self._note(said)
        except InspectionError as error:
            log.info("rollouts_not_asked", error=error.one_line())
        except Exception:
            log.exception("rollouts_failed")
        self._guarded(self._do)
        self._guarded(self._tell)
        self._guarded(self._say)
        hub_s = self._assignment.ask_s if self._assignment is not None else self._settings.ask_s
        return min(self._settings.ask_s, hub_s)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except InspectionError as error:
            log.warning("rollout_step_failed", error=error.one_line())
        except Exception:
            if not self._stopping.is_set():
                log.exception("rollout_step_failed")

    def _note(self, said: Assignment) -> None:
        """The hub says something else; what was refused before is not tried again while it says the same of it."""
        before = {each.bundle_id for each in self._wanted().values()}
        self._assignment = said
        now = {each.bundle_id for each in self._wanted().values()}
        self._refused = {name: error for name, error in self._refused.items() if name in before & now}
        self._store.remember(said)

    def _do(self) -> None:
        """Have what the hub wants, and let it judge."""
        said = self._assignment
        if said is None:
            return
        for (kind, _), wanted in self._wanted().items():
            self._have(kind, wanted)
        champion = self._champion(said)
        tried = self._tried(said.trial, champion) if said.trial is not None else None
        running, now = self._running, self._running.tried
        if champion is running.champion and _key(tried) == _key(now):
            self._point(champion)
            return
        if self._exchanged(champion, tried):
            self._point(champion)
            self._maker.forget_others(champion, *(() if tried is None else (tried.candidate,)))
            self._tidy()

    def _point(self, champion: Side) -> None:
        """Let the next start begin with what judges now; nothing is written where it would anyway."""
        for kind in Kind:
            self._store.switch(kind, champion.ids.get(kind))

    def _have(self, kind: Kind, wanted: Fetched) -> None:
        """Fetch and check one, unless it is here or was refused."""
        name = wanted.bundle_id
        if name in self._refused or self._store.has(kind, name):
            self._missing.pop(name, None)
            return
        try:
            self._fetch(kind, wanted)
            self._missing.pop(name, None)
        except NotFetched as error:
            log.info("rollout_not_fetched", bundle=name, error=error.one_line())
            self._missing[name] = error
        except InspectionError as error:
            self._refuse(name, error)

    def _fetch(self, kind: Kind, wanted: Fetched) -> None:
        limit = self._settings.max_mb * 1_000_000
        if wanted.archive_bytes > limit:
            raise RolloutRefused(f"{wanted.archive_bytes} bytes are more than rollouts.max_mb allows")
        self._guarded(self._tell)
        store = self._store
        archive = self._link.download(wanted, store)
        store.room_for(wanted.archive_bytes)
        fresh = store.incoming / f"{wanted.archive_sha256}.unpacking"
        if fresh.exists():
            remove_folder(fresh)
        try:
            unpack(archive, fresh, min(limit, wanted.archive_bytes * UNPACKED))
            store.step("unpacked")
            verify(kind, wanted.bundle_id, fresh, self._settings.trusted)
            store.show(fresh, kind, wanted.bundle_id)
        except InspectionError:
            remove_folder(fresh)
            archive.unlink(missing_ok=True)
            raise
        archive.unlink(missing_ok=True)
        log.info("rollout_fetched", bundle=wanted.bundle_id, bytes=wanted.archive_bytes)

    def _champion(self, said: Assignment) -> Side:
        """What is to judge: what the hub wants where it is usable, else what judges now."""
        running = self._running.champion
        ids = {}
        for kind in Kind:
            wanted = said.champions.get(kind)
            if wanted is None:
                continue
            usable = wanted.bundle_id not in self._refused and self._store.has(kind, wanted.bundle_id)
            name = wanted.bundle_id if usable else running.ids.get(kind)
            if name is not None:
                ids[kind] = name
        if ids == dict(running.ids):
            return running
        try:
            return self._maker.side(ids)
        except NotFetched as error:
            log.warning("rollout_not_loaded", error=error.one_line())
        except Exception as error:  # noqa: BLE001 - whatever it is, the station goes on with what it has
            self._refuse_all([name for kind, name in ids.items() if running.ids.get(kind) != name], error)
        return running

    def _tried(self, trial: Trial, champion: Side) -> Tried | None:
        name = trial.candidate.bundle_id
        now = self._running.tried
        if name in self._refused or trial.rollout_id in self._running.spoiled:
            return None
        if not self._store.has(trial.kind, name) or champion.ids.get(trial.kind) == name:
            return None
        try:
            same = now is not None and _same_bundles(now, trial, champion)
            alone = 1 if trial.stage is Stage.SHADOW else None  # so that its thread's low priority is all it has
            side = now.candidate if same and now is not None else None
            if side is None or now is None or now.stage is not trial.stage:
                side = self._maker.side({**champion.ids, trial.kind: name}, threads=alone)
        except NotFetched as error:
            log.warning("rollout_not_loaded", error=error.one_line())
            return None
        except Exception as error:  # noqa: BLE001 - the same
            self._refuse_all([name], error)
            return None
        budget_ms = min(trial.budget_ms, self._settings.shadow_budget_ms)
        return Tried(trial.rollout_id, trial.stage, side, trial.share, budget_ms, trial.kind, name)

    def _exchanged(self, champion: Side, tried: Tried | None) -> bool:
        """Whether the session has taken these over; it does so between two items, however long one lies there."""
        begun = time.monotonic()
        taken_over = self._running.stage(champion, tried)
        while not taken_over.wait(NUDGE_S if self._refresh() is None else 0):
            if self._stopping.is_set():
                return False
        log.info(
            "judge_exchanged",
            champion=[*champion.ids.values()],
            trial=None if tried is None else tried.bundle_id,
            stage=None if tried is None else tried.stage.value,
            waited_ms=round((time.monotonic() - begun) * 1e3),
        )
        self._store.step("exchanged")
        return True

    def _refuse_all(self, names: list[str], error: Exception) -> None:
        ours = error if isinstance(error, InspectionError) else RolloutRefused(f"{type(error).__name__}: {error}")
        for name in names:
            self._refuse(name, ours)

    def _refuse(self, name: str, error: InspectionError) -> None:
        log.error("rollout_refused", bundle=name, error=error.one_line())
        self._refused[name] = error
        self._refresh()

    def _tidy(self) -> None:
        """Keep what runs, the one before it, and what the hub wants; the rest goes."""
        wanted = self._wanted()
        names = {(kind, each.bundle_id) for (kind, _), each in wanted.items() if each.bundle_id not in self._refused}
        try:
            self._store.prune(names)
            missing = [each for (kind, _), each in wanted.items() if not self._store.has(kind, each.bundle_id)]
            self._store.clear_incoming({each.archive_sha256 for each in missing})
        except OSError as error:
            log.warning("rollouts_not_tidied", error=explained(error, "rollouts").one_line())

    def _tell(self) -> None:
        standing, now = self.standing, time.monotonic()
        if self._told is not None and self._told[0] == standing and now < self._told[1] + TELL_S:
            return
        if self._link.tell(standing).outcome is Outcome.DONE:
            self._told = standing, now

    def _say(self) -> None:
        """Send second opinions until none waits or the hub takes no more."""
        while waiting := self._box.waiting():
            answer = self._link.say(Opinions(opinions=tuple(each for _, each in waiting)))
            if answer.outcome is Outcome.DEAD:
                log.error("opinions_refused", detail=answer.detail, count=len(waiting))
            elif answer.outcome is not Outcome.DONE:
                log.info("opinions_wait", detail=answer.detail)
                return
            self._box.forget([number for number, _ in waiting])


def _key(tried: Tried | None) -> tuple[UUID, Stage, str, float, float, int] | None:
    if tried is None:
        return None
    return tried.rollout_id, tried.stage, tried.bundle_id, tried.share, tried.budget_ms, id(tried.candidate)


def _same_bundles(now: Tried, trial: Trial, champion: Side) -> bool:
    wanted = {**champion.ids, trial.kind: trial.candidate.bundle_id}
    return now.rollout_id == trial.rollout_id and dict(now.candidate.ids) == wanted
