"""The sign-in in the making: a badge was shown, a PIN is typed, the hub is asked, and asked again while people work.

Nothing here keeps the table waiting: the hub is asked in threads of its own.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from inspection.errors import StoreError
from inspection.station.people import Person
from inspection.station.sign_in.hub_badges import Granted, HubBadges, Outcome, SignInAnswer
from inspection.station.sign_in.kept import KeptSignIn, KeptSignIns
from inspection.station.sign_in.members import member
from inspection.station.snapshot import ShownSignIn

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whom the desk tells.

    Attributes:
        changed: what is shown changed.
        signed_in: the PIN was right.
        over: the hub took a sign-in back, or its time is over; by the person's id.
    """

    changed: Callable[[], None]
    signed_in: Callable[[Person], None]
    over: Callable[[str], None]


class SignInDesk:
    """Where a badge that only the hub knows is signed in.

    Args:
        check_s: how often the hub is asked whether those who signed in still may.
    """

    def __init__(
        self,
        hub: HubBadges,
        kept: KeptSignIns,
        *,
        check_s: float = 60.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hub, self._kept, self._check_s, self._now = hub, kept, check_s, now
        self._lock = threading.Lock()
        self._badge: str | None = None
        self._shown: ShownSignIn | None = None
        self._pins: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._leave = threading.Event()
        self._watcher = Watcher(lambda: None, lambda _person: None, lambda _person_id: None)
        self._threads = (
            threading.Thread(target=self._take_pins, name="sign-in", daemon=True),
            threading.Thread(target=self._check_on, name="sign-in-check", daemon=True),
        )

    @property
    def shown(self) -> ShownSignIn | None:
        """What the screen shows of it; never the PIN or the badge."""
        return self._shown

    def member(self, person_id: str) -> Person | None:
        """Who signed in here, and was not signed out since."""
        kept = self._kept.of_person(person_id)
        if kept is None or not kept.holds(self._now()):
            return None
        return member(kept.person_id, kept.permissions, kept.language)

    def start(self, watcher: Watcher) -> None:
        self._watcher = watcher
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._leave.set()
        self._pins.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10.0)
        self._hub.close()

    def begin(self, badge: str) -> None:
        """A badge was shown: ask for its PIN."""
        with self._lock:
            self._badge, self._shown = badge, ShownSignIn()

    def cancel(self) -> bool:
        """Whoever showed a badge goes on without; whether there was anybody."""
        with self._lock:
            pending, self._badge, self._shown = self._badge is not None, None, None
        return pending

    def enter(self, pin: str) -> bool:
        """A PIN was typed; ``False`` when none was asked for or one is looked at already."""
        with self._lock:
            if self._badge is None or self._shown is None or self._shown.busy:
                return False
            self._shown = ShownSignIn(busy=True)
            self._pins.put((self._badge, pin))
        self._watcher.changed()
        return True

    # One PIN --------------------------------------------------------------------------------------------------------

    def _take_pins(self) -> None:
        while (entered := self._pins.get()) is not None:
            badge, pin = entered
            try:
                person, answer = self._verified(badge, pin)
            except Exception:
                log.exception("sign_in_failed")
                person, answer = None, SignInAnswer(Outcome.UNREACHABLE)
            self._told(badge, person, answer)

    def _told(self, badge: str, person: Person | None, answer: SignInAnswer) -> None:
        with self._lock:
            wanted = self._badge == badge
            if wanted and person is not None:
                self._badge, self._shown = None, None
            elif wanted:
                self._shown = ShownSignIn(trouble=answer.outcome.value, wait_s=answer.wait_s)
        if person is None:
            log.warning("sign_in_refused", outcome=answer.outcome.value)
        elif wanted:
            self._watcher.signed_in(person)
        self._watcher.changed()

    def _verified(self, badge: str, pin: str) -> tuple[Person | None, SignInAnswer]:
        answer = self._hub.sign_in(badge, pin)
        if answer.granted is not None:
            return self._by_hub(badge, pin, answer.granted), answer
        kept = self._kept.of_badge(badge)
        if answer.outcome is Outcome.UNREACHABLE and kept is not None and kept.holds(self._now()):
            return self._by_memory(kept, pin)
        if answer.outcome is Outcome.WRONG and kept is not None:
            self._confirm(kept)  # a PIN that was changed at the hub is good here no longer
        return None, answer

    def _by_hub(self, badge: str, pin: str, granted: Granted) -> Person:
        before = None
        try:
            before = self._kept.keep(badge, pin, granted, self._now())
        except StoreError as error:
            log.warning("sign_in_not_kept", error=error.one_line())
        if before is not None:
            self._hub.end(before.session, before.session_id)
        log.info("signed_in", person_id=granted.staff_id, way="hub")
        return member(granted.staff_id, granted.permissions, granted.language or "")

    def _by_memory(self, kept: KeptSignIn, pin: str) -> tuple[Person | None, SignInAnswer]:
        now = self._now()
        until = kept.locked(now)
        if until is not None:
            return None, SignInAnswer(Outcome.LOCKED, wait_s=max(1, math.ceil((until - now).total_seconds())))
        good = kept.fits(pin)
        try:
            self._kept.tried(kept, now, good=good)
        except StoreError as error:
            log.warning("sign_in_not_kept", error=error.one_line())
        if not good:
            return None, SignInAnswer(Outcome.WRONG)
        log.info("signed_in", person_id=kept.person_id, way="memory")
        return member(kept.person_id, kept.permissions, kept.language), SignInAnswer(Outcome.GOOD)

    # While they work ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Ask the hub whether those who signed in still may; stops asking when the hub is away."""
        for kept in self._kept.everybody():
            if self._leave.is_set() or not self._confirm(kept):
                return

    def _check_on(self) -> None:
        while not self._leave.is_set():
            try:
                self.check()
            except Exception:
                log.exception("sign_in_check_failed")
            self._leave.wait(self._check_s)

    def _confirm(self, kept: KeptSignIn) -> bool:
        """Whether the hub said something about this sign-in, or its time is over anyhow."""
        standing = self._hub.standing(kept.session) if kept.holds(self._now()) else None
        if standing is not None and standing.live is None:
            return False
        try:
            if standing is None or not standing.live:
                self._kept.forget(kept)
            else:
                self._kept.confirmed(kept, standing.permissions)
        except StoreError as error:
            log.warning("sign_in_not_kept", error=error.one_line())
        if self._kept.of_person(kept.person_id) is None:
            log.info("signed_out", person_id=kept.person_id)
            self._watcher.over(kept.person_id)
        return True
