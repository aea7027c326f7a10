"""Codes that the cameras see on the item: read beside the clock, and joined with what scanner and tag reader said.

A camera's code identifies an item that nothing else has identified, and otherwise checks what was scanned. It never
replaces a scan: where it contradicts one, the item carries the contradiction as an issue and a person decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import structlog

from devices import gs1
from devices.barcode.in_frame import CodeReader
from devices.barcode.in_frame_code import FrameCode
from devices.barcode.in_frame_place import ItemRegion, choose, contains
from inspection.errors import IdentityError
from inspection.finding import Box
from inspection.frame import Frame
from inspection.item import IdentityIssue, Item
from inspection.reading import CodeInView

log = structlog.get_logger()

Where = Callable[[str, Frame], ItemRegion | None]
"""Says where in a view's frame the item lies; ``None`` when that is not known, then all but its border counts."""

When = Literal["always", "unidentified", "never"]

WORKERS = 2
_SHARE_OF_LADDER = 0.8  # of the budget: what is left is for the step that is under way when the time is up
_UNANSWERED = frozenset({IdentityIssue.NONE_READ, IdentityIssue.UNREADABLE_CODE})
_BORDER = 0.1
_ARTICLE_FORMATS = ("EAN", "UPC", "DataBar")


@dataclass(frozen=True, slots=True)
class Seen:
    """One code on the item with what it says.

    Attributes:
        sure: whether its place says that it is the one of the item, and not one of several.
    """

    reading: CodeInView
    identity: gs1.ScannedIdentity
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Sight:
    """What the cameras read.

    Attributes:
        codes: those on the item that name an article, each identity once.
        ms: how long the verdict waited for them.
        complete: ``False`` when the time was up before every view had been searched to its end.
    """

    codes: tuple[Seen, ...] = ()
    ms: float = 0.0
    complete: bool = True


class FrameCodes:
    """Looks for codes in the frames of one item, never longer than its budget.

    Args:
        when: ``always`` checks scanned items, too; ``unidentified`` looks only when nothing else has named the item.
        identify_ms: longest wait for an item that is not identified.
        check_ms: longest wait for one that is.
        where: where the item lies.
    """

    def __init__(
        self,
        when: When = "always",
        *,
        identify_ms: float = 400.0,
        check_ms: float = 80.0,
        where: Where = lambda _view, _frame: None,
        reader: CodeReader | None = None,
    ) -> None:
        self._when, self._identify_ms, self._check_ms, self._where = when, identify_ms, check_ms, where
        self._reader = reader or CodeReader()
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="codes")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def look(self, frames: Mapping[str, Frame], item: Item) -> Sight:
        """The codes on the item. A view that is not done in time says nothing; its thread ends by itself."""
        identified = item.gtin is not None
        if self._when == "never" or (identified and self._when == "unidentified"):
            return Sight()
        began = time.perf_counter()
        budget_ms = self._check_ms if identified else self._identify_ms
        asked = {self._pool.submit(self._read, view, frame, budget_ms): view for view, frame in frames.items()}
        done, late = wait(asked, budget_ms / 1e3)
        for future in late:
            future.cancel()
        found, whole = [], not late
        for future in sorted(done, key=lambda one: list(frames).index(asked[one])):
            codes, complete = _result(future, asked[future])
            found += codes
            whole = whole and complete
        return Sight(tuple(_once(found)), (time.perf_counter() - began) * 1e3, whole)

    def _read(self, view: str, frame: Frame, budget_ms: float) -> tuple[list[Seen], bool]:
        reading = self._reader.read(frame.pixels, deadline_ms=budget_ms * _SHARE_OF_LADDER)
        named = [(code, identity) for code in reading.codes if (identity := article_of(code)) is not None]
        if not named:
            return [], reading.complete
        region = self._where(view, frame)
        if region is None:
            region = _middle(frame)
        chosen = choose([code for code, _ in named], region)
        seen = [
            _seen(view, frame, code, identity, sure=chosen.code is not None and code.text == chosen.code.text)
            for code, identity in named
            if contains(region, code.corners)
        ]
        return seen, reading.complete


def _middle(frame: Frame) -> Box:
    """Where an item lies at least in part when nothing better is known; what lies at the border may be another's."""
    left, top = round(frame.width * _BORDER), round(frame.height * _BORDER)
    return Box(left, top, max(1, frame.width - 2 * left), max(1, frame.height - 2 * top))


def article_of(code: FrameCode) -> gs1.ScannedIdentity | None:
    """What a code in view says of the article; ``None`` for a web address, a courier's number or the like.

    A number in a symbol that promises no GTIN is none here, even when its check digit fits: nobody aimed at it.
    """
    promised = code.aim in gs1.ELEMENT_STRING_AIMS or code.aim in gs1.GTIN_AIMS
    if not (promised or code.format.startswith(_ARTICLE_FORMATS) or "://" in code.data):
        return None
    try:
        identity = gs1.parse(code.data, code.aim)
    except IdentityError:
        return None
    return identity if identity.gtin is not None else None


def joined(item: Item, codes: Sequence[Seen]) -> Item:
    """The item after the cameras have spoken.

    An item without GTIN takes that of the one code on it. One that has a GTIN keeps it: a code that agrees confirms it
    and may add a serial number, a code that contradicts becomes an issue. Codes between which place does not decide
    contradict each other, unless one of them agrees with what was scanned.
    """
    if not codes:
        return item
    if item.gtin is None:
        return _identified(item, codes)
    agreeing = [seen for seen in codes if seen.identity.gtin == item.gtin]
    if not agreeing:
        return _with_issue(item, IdentityIssue.GTIN_DIFFERS)
    sources = tuple(dict.fromkeys((*item.sources, "camera")))
    serials = list(dict.fromkeys(seen.identity.serial for seen in agreeing if seen.identity.serial is not None))
    confirmed = replace(item, sources=sources)
    if item.serial is None and len(serials) == 1:
        return replace(confirmed, serial=serials[0])
    if serials and item.serial not in serials:
        return _with_issue(confirmed, IdentityIssue.SERIAL_DIFFERS)
    return confirmed


def readings_of(codes: Sequence[Seen]) -> tuple[CodeInView, ...]:
    """The readings for the record."""
    return tuple(seen.reading for seen in codes)


def _identified(item: Item, codes: Sequence[Seen]) -> Item:
    codes = [seen for seen in codes if seen.sure] or codes
    gtins = list(dict.fromkeys(seen.identity.gtin for seen in codes))
    serials = list(dict.fromkeys(seen.identity.serial for seen in codes if seen.identity.serial is not None))
    if len(gtins) > 1:
        return _with_issue(item, IdentityIssue.GTIN_DIFFERS)
    if len(serials) > 1 or (item.serial is not None and serials and serials != [item.serial]):
        return _with_issue(item, IdentityIssue.SERIAL_DIFFERS)
    first = codes[0].identity
    return replace(
        item,
        gtin=first.gtin,
        serial=item.serial or next(iter(serials), None),
        lot=item.lot or first.lot,
        expiry=item.expiry or first.expiry,
        sources=(*item.sources, "camera"),
        issues=tuple(issue for issue in item.issues if issue not in _UNANSWERED),
    )


def _with_issue(item: Item, issue: IdentityIssue) -> Item:
    rest = tuple(known for known in item.issues if known not in _UNANSWERED)
    return replace(item, issues=tuple(dict.fromkeys((*rest, issue))))


def _seen(view: str, frame: Frame, code: FrameCode, identity: gs1.ScannedIdentity, *, sure: bool) -> Seen:
    reading = CodeInView(
        device_id=f"camera:{view}"[:64],
        raw=code.data.encode(),
        at=datetime.now(UTC),
        monotonic_ns=frame.monotonic_ns,
        text=code.data,
        aim=code.aim,
        view=view,
        corners=code.corners,
        symbology=code.format,
    )
    return Seen(reading, identity, sure)


def _once(found: Sequence[Seen]) -> list[Seen]:
    """Each identity once: where it is surest, then from the view that comes first."""
    once: dict[tuple[str | None, str | None], Seen] = {}
    for seen in sorted(found, key=lambda one: not one.sure):
        once.setdefault((seen.identity.gtin, seen.identity.serial), seen)
    return list(once.values())


def _result(future: Future[tuple[list[Seen], bool]], view: str) -> tuple[list[Seen], bool]:
    try:
        return future.result()
    except Exception:  # a picture that upsets a reader must not keep the item from its verdict
        log.exception("codes_unread", view=view)
        return [], False
