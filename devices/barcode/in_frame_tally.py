"""Counts what was read where, and says what is settled: trusted at once or read twice alike, and not contradicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from devices.barcode.in_frame_code import FrameCode
from devices.barcode.in_frame_place import at_one_place
from devices.barcode.in_frame_symbols import MATRIX, short_itf, trusted

NEEDED = 2
"""Reads alike that settle a text which is not trusted at once: from different renderings, or from different readers."""

NEEDED_OF_A_SHORT_ITF = 3
"""The same for an ITF of other than 14 digits, one from an upright cut-out: it has no check, and lines that slant
see a part of a longer one as a whole."""


@dataclass(slots=True)
class Place:
    """What was read at one place.

    Attributes:
        votes: reads of each content, at most one a step.
        first: the first code with each content; a settled code is this one.
        readers: which readers said each content.
        trusted: contents that one read settles.
        close: contents that were read in an upright cut-out, too.
    """

    votes: Counter[str] = field(default_factory=Counter)
    first: dict[str, FrameCode] = field(default_factory=dict)
    readers: dict[str, set[str]] = field(default_factory=dict)
    trusted: set[str] = field(default_factory=set)
    close: set[str] = field(default_factory=set)

    @property
    def code(self) -> FrameCode | None:
        """The settled code, or ``None``.

        Where two readers say different things there is none, whatever the counts. Where one reader says different
        things of different renderings, one of them must have twice the reads of any other.
        """
        if len(self.trusted) > 1:
            return None
        ranked = Counter({one: votes for one, votes in self.votes.items() if not self._is_part(one)}).most_common(2)
        content = next(iter(self.trusted), ranked[0][0])
        others = [(other, votes) for other, votes in ranked if other != content]
        if any(self.readers[other] - self.readers[content] for other, _ in others):
            return None
        enough = content in self.trusted or self.votes[content] >= NEEDED
        if short_itf(self.first[content]):
            enough = self.votes[content] >= NEEDED_OF_A_SHORT_ITF and content in self.close
        return self.first[content] if enough and all(2 * votes <= self.votes[content] for _, votes in others) else None

    def _is_part(self, content: str) -> bool:
        """Whether it is a part of another content; see `Tally.codes`."""
        return any(is_part(self.first[content], other) for other in self.first.values())


def is_part(one: FrameCode, other: FrameCode) -> bool:
    """Whether ``one`` may be what a slanted line saw of ``other``: start and stop of ITF occur within it, too."""
    return {one.format, other.format} == {"ITF"} and one.data != other.data and one.data in other.data


@dataclass(slots=True)
class Tally:
    """Everything that was read in one picture."""

    places: list[Place] = field(default_factory=list)

    @property
    def codes(self) -> list[FrameCode]:
        """What is settled, each content once a place; not what is a part of something longer at that place."""
        return [code for place in self._whole_places() if (code := place.code) is not None]

    @property
    def unsettled(self) -> list[FrameCode]:
        """One code of each place that is not settled: the one read most often."""
        return [place.first[place.votes.most_common(1)[0][0]] for place in self._whole_places() if place.code is None]

    def _whole_places(self) -> list[Place]:
        seen = [code for place in self.places for code in place.first.values()]
        return [
            place
            for place in self.places
            if not all(
                any(is_part(code, other) and at_one_place(code.corners, other.corners) for other in seen)
                for code in place.first.values()
            )
        ]

    def add(
        self, codes: Iterable[FrameCode], *, step: str, reader: str, unchanged: bool, ms: float, close: bool = False
    ) -> None:
        """Count what ``reader`` read at ``step``.

        Args:
            codes: what it read.
            step: name of the step.
            reader: name of the reader.
            unchanged: whether it looked at the picture as it is.
            ms: time since the search began.
            close: whether it looked at an upright cut-out of the place.
        """
        seen: set[tuple[int, str]] = set()
        for code in codes:
            place = self._place_of(code, step)
            if (id(place), code.data) in seen:
                continue  # the same symbol twice in one look is one read
            seen.add((id(place), code.data))
            place.votes[code.data] += 1
            place.first.setdefault(code.data, replace(code, step=step, ms=ms))
            place.readers.setdefault(code.data, set()).add(reader)
            if close:
                place.close.add(code.data)
            if trusted(code, unchanged=unchanged):
                place.trusted.add(code.data)

    def _place_of(self, code: FrameCode, step: str) -> Place:
        near = [place for place in self.places if _near(place, code)]
        same = [place for place in near if code.data in place.votes]
        if same:
            return same[0]
        for place in near:
            if not all(_nested(other, code, step) for other in place.first.values()):
                return place
        self.places.append(Place())
        return self.places[-1]


def _near(place: Place, code: FrameCode) -> bool:
    return any(at_one_place(other.corners, code.corners) for other in place.first.values())


def _nested(one: FrameCode, other: FrameCode, step: str) -> bool:
    """Whether both are two-dimensional codes that one look found: a small one may stand inside a large one."""
    return one.step == step and {one.format, other.format} <= MATRIX
