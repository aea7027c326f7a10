"""What the screen shows, all of it, at one moment: built by the session's thread, read by every page and program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from inspection.finding import Condition
from inspection.reading import Neighbour
from inspection.report import FindingPart, ItemPart, PersonPart, VersionsPart
from inspection.station.record import State
from inspection.verdict import Disposition, Grade


class Shown(BaseModel):
    """Base of the snapshot's parts."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ShownItem(ItemPart):
    """The item with its name by language tag; ``names`` is empty for a product the catalogue does not know."""

    names: dict[str, str] = Field(default_factory=dict)


class ShownNeighbour(Shown):
    """A tag that was heard while the item was identified and not taken, being another table's."""

    epc: str
    why: Neighbour
    rssi_dbm: float | None
    antenna: int | None


class ShownView(Shown):
    """One picture of the item; ``width`` and ``height`` in pixels, for drawing findings on it.

    Attributes:
        sample: address of the picture of a good sample of the product from this view, where there is one.
    """

    view: str
    picture_sha256: str
    width: int
    height: int
    sample: str | None = None


class ShownCode(Shown):
    """A code that a camera read on the item; ``corners`` in pixels of its view's picture, clockwise from top left."""

    view: str
    text: str
    corners: tuple[tuple[float, float], ...]


class ShownAnswer(Shown):
    """One possible answer, or one thing to look for; ``text`` by language tag, empty for one of the screen's own."""

    value: str
    text: dict[str, str]
    icon: str | None = None
    detail: str = ""


class ShownQuestion(Shown):
    """A question about the item.

    Attributes:
        asking: it is on the screen now.
        required: nothing is decided before it is answered.
        given: the answer it has, and ``by`` whom: ``person`` or ``model``.
        shows: what to look for.
    """

    question: str
    text: dict[str, str]
    asking: bool
    required: bool
    given: str | None
    by: str | None
    shows: tuple[ShownAnswer, ...]
    answers: tuple[ShownAnswer, ...]


class ShownPrecheck(Shown):
    """What the customer's pictures came to before the parcel travelled; codes only, nothing of the customer's.

    Attributes:
        outcome: the automatic answer, e.g. ``send_back``.
        defects: kinds of damage seen in the pictures, the most probable first.
        decision: what a person decided.
    """

    outcome: str | None
    defects: tuple[str, ...] = ()
    decision: str | None = None


class ShownWorker(Shown):
    """Who works here: a pseudonym; ``known`` when a badge says so."""

    worker_id: str
    known: bool


class Language(Shown):
    """The language of whoever showed a badge last; ``tag`` is empty for somebody who has none."""

    tag: str
    at: datetime


class ShownSignIn(Shown):
    """A badge was shown and its PIN is asked for; neither is ever in here.

    Attributes:
        busy: a PIN is being looked at.
        trouble: ``wrong``, ``locked``, ``refused`` (this station may not ask), ``unreachable``, or ``""``.
        wait_s: until the next try of a locked badge.
    """

    busy: bool = False
    trouble: str = ""
    wait_s: int = 0


class ShownAssessment(Shown):
    """How sure the machine is, said honestly."""

    condition: Condition
    confidence: float
    confident: bool
    novel: bool
    capture_problems: dict[str, tuple[str, ...]]
    decided_by: str | None = None


class ShownVerdict(Shown):
    """The verdict that counts, with the policy's reason by language tag."""

    disposition: Disposition
    grade: Grade | None
    decided_by: str
    policy_disposition: Disposition
    rule_id: str
    reason: dict[str, str]
    reason_codes: tuple[str, ...]
    needs_confirmation: bool
    next_scan_confirms: bool
    place: str | None = None


class Queue(Shown):
    """Reports on their way: ``dead`` ones wait for a person."""

    waiting: int = 0
    dead: int = 0


class HubState(Shown):
    """How reporting goes; ``trouble`` is a code or ``""``."""

    trouble: str = ""
    detail: str = ""
    last_delivery_at: datetime | None = None


class ShownDevice(Shown):
    """One device; ``view`` is set for cameras."""

    device_id: str
    kind: str
    connected: bool
    detail: str
    since: datetime
    view: str | None = None


class ShownKeyboard(Shown):
    """A scanner that types into the page; keys that follow each other within ``gap_ms`` are a scan, not a person."""

    device_id: str
    gap_ms: int


class Fault(Shown):
    """Something that needs the worker's or a technician's eye; goes away by itself when cured.

    Attributes:
        code: e.g. ``device.lost``, ``camera.stale``, ``store.failed``, ``model.none``.
        about: the device, view or file concerned, or ``""``.
    """

    code: str
    about: str = ""
    detail: str = ""


class Notice(Shown):
    """An answer to the worker's last action, e.g. ``session.confirm_first``."""

    code: str
    at: datetime


class LastReported(Shown):
    """The inspection that the hub took last."""

    inspection_id: UUID
    at: datetime


class Snapshot(Shown):
    """Everything the page renders. Members are only ever added.

    Attributes:
        sequence: counts up with every change while the process lives.
        settling: a first reading came, further ones may still join it.
        override: the disposition a worker chose and has not given a reason for.
        views: the pictures of the item, in the configured order of the views.
        codes: what the cameras read on the item.
        neighbours: tags that were heard with the item and not taken, the strongest first; at most 8.
        live_views: every configured view, for the live pictures.
        keyboard: set when a scanner may type into the page, which then needs the focus and shows a warning.
        capture_problems: what is wrong with the pictures, by view.
        approving: what waits for a supervisor's badge.
        questions: about the item, with their answers.
        language: set when a badge was shown.
        precheck: what the hub knows of the customer's pictures; ``None`` while it is unknown.
        names_similar: known examples most like the item can be asked for.
        can_undo: the decision can still be taken back.
        can_print: there is a label printer.
        timings_ms: identify, capture, store, codes, correct, quality, judge, decide, journal.
    """

    sequence: int
    at: datetime
    station_id: str
    state: State
    inspection_id: UUID | None = None
    started_at: datetime | None = None
    settling: bool = False
    rma: str | None = None
    pending_rma: str | None = None
    item: ShownItem | None = None
    neighbours: tuple[ShownNeighbour, ...] = ()
    views: tuple[ShownView, ...] = ()
    codes: tuple[ShownCode, ...] = ()
    live_views: tuple[str, ...] = ()
    findings: tuple[FindingPart, ...] = ()
    assessment: ShownAssessment | None = None
    verdict: ShownVerdict | None = None
    override: Disposition | None = None
    approving: Disposition | None = None
    questions: tuple[ShownQuestion, ...] = ()
    worker: ShownWorker | None = None
    language: Language | None = None
    signing_in: ShownSignIn | None = None
    person: PersonPart | None = None
    reason_codes: tuple[str, ...] = ()
    takes: int = 0
    capture_problems: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    queue: Queue = Queue()
    hub: HubState = HubState()
    devices: tuple[ShownDevice, ...] = ()
    keyboard: ShownKeyboard | None = None
    faults: tuple[Fault, ...] = ()
    notice: Notice | None = None
    versions: VersionsPart
    last_reported: LastReported | None = None
    timings_ms: dict[str, float] = Field(default_factory=dict)
    precheck: ShownPrecheck | None = None
    names_similar: bool = False
    can_undo: bool = False
    can_print: bool = False


class Board:
    """Holds the newest snapshot and wakes those who wait for the next; safe between threads and event loops."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._snapshot: Snapshot | None = None
        self._listeners: set[Callable[[], None]] = set()
        self._closed = False

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot.

        Raises:
            RuntimeError: before the first was published.
        """
        with self._changed:
            if self._snapshot is None:
                raise RuntimeError("the station has not shown anything yet")
            return self._snapshot

    def publish(self, snapshot: Snapshot) -> None:
        with self._changed:
            self._snapshot = snapshot
        self._tell()

    def close(self) -> None:
        """End every stream of snapshots."""
        self._closed = True
        self._tell()

    def wait_for(self, wanted: Callable[[Snapshot], bool], timeout_s: float) -> Snapshot | None:
        """The first snapshot that is ``wanted``, or ``None`` when the time is over."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._snapshot is not None and wanted(self._snapshot), timeout_s)
            return self._snapshot if found else None

    async def snapshots(self, heartbeat_s: float) -> AsyncIterator[Snapshot | None]:
        """Every newest snapshot from now on, and ``None`` whenever nothing changed for ``heartbeat_s``."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop closed between the listener's last look and this call
                loop.call_soon_threadsafe(news.set)

        with self._listening(wake):
            yield self.latest
            while not self._closed:
                try:
                    await asyncio.wait_for(news.wait(), heartbeat_s)
                except TimeoutError:
                    yield None
                    continue
                news.clear()
                if not self._closed:
                    yield self.latest

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    @contextmanager
    def _listening(self, listener: Callable[[], None]) -> Iterator[None]:
        with self._changed:
            self._listeners.add(listener)
        try:
            yield
        finally:
            with self._changed:
                self._listeners.discard(listener)
