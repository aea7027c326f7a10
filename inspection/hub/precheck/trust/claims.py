"""What a customer's own words claim: kinds of damage that they name, and kinds that they deny.

A list of words (``claim_words.yaml``) and a scope for denials, after NegEx (Chapman et al., J. Biomed. Inform. 34,
2001): a denial reaches some words ahead, over a list, and ends with its clause. No language is chosen: customers mix
them. What is in no list, and what asks or guesses, says nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inspection.finding import Defect
from inspection.policy.facts import DAMAGE

WORDS = Path(__file__).with_name("claim_words.yaml")
_LATIN = "a-z\u00c0-\u024f\u1e00-\u1eff"
_ENDS = ".!?;:。！？；…\n\r"
_FAR, _NEAR, _ON = 24.0, 9.0, 8.0
"""How far a denial reaches: at once, from a short one, and after a word that it denied. Measured in `_COSTS`."""
_COSTS = {"latin": 4.0, "han": 3.0, "thai": 1.5}
"""Of one word, one character, one character that were skipped: six English words reach as far as eight characters."""
_LISTED = re.compile(r"[^s]s$|^รอย|^คราบ|^vết |^lỗ |^dấu ")
"""Words that go on a list after a comma: English plurals, and nouns for marks."""

RELATED: tuple[frozenset[Defect], ...] = (
    frozenset({Defect.CRACK, Defect.BREACH}),
    frozenset({Defect.CRACK, Defect.CRUSH}),
    frozenset({Defect.SCRATCH, Defect.WEAR}),
    frozenset({Defect.DENT, Defect.CRUSH}),
    frozenset({Defect.TEAR, Defect.HOLE, Defect.BREACH}),
    frozenset({Defect.STAIN, Defect.SMUDGE}),
    frozenset({Defect.STAIN, Defect.CORROSION}),
)
"""Kinds that people take for each other, so that one named and the other seen is no contradiction."""
UNSEEN = frozenset({Defect.MISSING_PART, Defect.NOVEL})
"""No picture shows that they are not there."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a text names.

    Attributes:
        named: kinds of damage that it says are there.
        denied: kinds that it says are not, and nowhere that they are.
    """

    named: frozenset[Defect] = frozenset()
    denied: frozenset[Defect] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """A text beside what was seen; see :class:`Words`.

    Attributes:
        named, denied: as in the text, in the order of :class:`Defect`.
        not_seen: named, and nothing like it was seen; empty where no picture was judged.
        seen_though_denied: seen, and the text says that it is not there.
    """

    named: tuple[Defect, ...]
    denied: tuple[Defect, ...]
    not_seen: tuple[Defect, ...] = ()
    seen_though_denied: tuple[Defect, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether something was named and all of it was seen."""
        return bool(self.named) and not self.not_seen and not self.seen_though_denied


def compared(text: str, seen: frozenset[Defect] | None) -> Claim | None:
    """A customer's words beside what was seen in judged pictures.

    Args:
        text: the words.
        seen: kinds of damage; ``None`` where no picture was judged, with which nothing can be compared.

    Returns:
        ``None`` when the words say nothing of damage.
    """
    said = words_of(text)
    if not said.named and not said.denied:
        return None
    named, denied = _ordered(said.named), _ordered(said.denied)
    if seen is None:
        return Claim(named, denied)
    missing = tuple(kind for kind in named if kind not in UNSEEN and not _like(kind, seen))
    against = _ordered({kind for kind in seen if _denies(said.denied, kind)})
    return Claim(named, denied, missing, against)


def words_of(text: str) -> Words:
    """What ``text``, in any of the four languages or in several, names and denies."""
    reader = _Reader()
    for kind, value in _pieces(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")):
        reader.take(kind, value)
    reader.end()
    return Words(frozenset(reader.named), frozenset(reader.denied - reader.named))


def _like(named: Defect, seen: frozenset[Defect]) -> bool:
    if named is Defect.DAMAGED:
        return bool(seen - {Defect.SMUDGE})
    alike = {named, Defect.DAMAGED, Defect.NOVEL}.union(*(each for each in RELATED if named in each))
    return not alike.isdisjoint(seen)


def _denies(denied: frozenset[Defect], seen: Defect) -> bool:
    """Who says that nothing is damaged does not speak of a finger mark."""
    return seen in denied or (Defect.DAMAGED in denied and seen in DAMAGE)


def _ordered(kinds: frozenset[Defect] | set[Defect]) -> tuple[Defect, ...]:
    return tuple(kind for kind in Defect if kind in kinds)


@dataclass(slots=True)
class _Reader:
    """Goes over the pieces of a text and keeps how far a denial still reaches."""

    named: set[Defect] = field(default_factory=set)
    denied: set[Defect] = field(default_factory=set)
    _reach: float = 0.0
    _listing: bool = False
    _joined: bool = False
    _paused: bool = False
    _asks: bool = False
    _clause: list[tuple[Defect, bool]] = field(default_factory=list)

    def take(self, kind: str, value: str) -> None:
        """One piece: a word of the list, or something between."""
        if self._paused and kind != "skip":
            self._after_comma(kind, value)
        match kind:
            case "term":
                self._term(value)
            case "denies" | "denies_next":
                self._reach = _FAR if kind == "denies" else max(self._reach, _NEAR)
                self._listing = self._joined = False
            case "joins":
                self._reach, self._joined = (_ON, True) if self._listing else (0.0, False)
            case "comma":
                self._end_clause()
                self._paused, self._reach = self._listing, _ON if self._listing else 0.0
            case "asks":
                self._asks = True
            case "stops":
                self._end_denial()
                self._end_clause()
            case "end":
                self.end()
            case "restarts" if self._joined:
                self._end_denial()
            case "skip":
                self._reach = max(0.0, self._reach - _cost(value))

    def end(self) -> None:
        """The sentence is over."""
        self._end_denial()
        self._end_clause()

    def _after_comma(self, kind: str, value: str) -> None:
        """A list goes on with a noun, or not at all."""
        if kind != "joins" and not (kind == "term" and _LISTED.search(value)):
            self._end_denial()
        self._paused = False

    def _term(self, value: str) -> None:
        is_denied = self._reach > 0
        self._clause.append((_vocabulary().terms[value], is_denied))
        self._joined = False
        if is_denied:
            self._reach, self._listing = min(max(self._reach, _ON), _ON), True

    def _end_denial(self) -> None:
        self._reach, self._listing, self._joined, self._paused = 0.0, False, False, False

    def _end_clause(self) -> None:
        if not self._asks:
            for kind, is_denied in self._clause:
                (self.denied if is_denied else self.named).add(kind)
        self._clause.clear()
        self._asks = False


def _cost(skipped: str) -> float:
    if "\u0e00" <= skipped <= "\u0e7f":
        return _COSTS["thai"]
    return _COSTS["han"] if skipped >= "\u2e80" else _COSTS["latin"]


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    pattern: re.Pattern[str]
    kinds: Mapping[str, str]
    terms: Mapping[str, Defect]


@cache
def _vocabulary() -> _Vocabulary:
    lists: dict[str, Any] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    kinds: dict[str, str] = {}
    terms: dict[str, Defect] = {}
    for language in lists.values():
        for name, words in language["types"].items():
            terms |= {unicodedata.normalize("NFKC", word): Defect(name) for word in words}
        for kind in ("restarts", "joins", "stops", "denies_next", "denies", "asks", "neutral"):
            kinds |= {unicodedata.normalize("NFKC", word): kind for word in language[kind]}
    kinds |= dict.fromkeys(terms, "term")
    return _Vocabulary(_pattern(kinds), kinds, terms)


def _pattern(words: Mapping[str, str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    latin = [each for each in longest_first if re.match(f"[{_LATIN}]", each)]
    others = [each for each in longest_first if each not in set(latin)]
    known = f"(?<![{_LATIN}'])(?:{'|'.join(map(re.escape, latin))})(?![{_LATIN}])|{'|'.join(map(re.escape, others))}"
    between = rf"[{re.escape(_ENDS)}]|[,，]|(?<=[\u0e00-\u0e7f]) +(?=[\u0e00-\u0e7f])|[{_LATIN}'0-9-]+|[^\s]"
    return re.compile(f"(?P<known>{known})|(?P<between>{between})")


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """(kind, text): words of the list, ends of sentences, commas, and what is skipped, one word or character each."""
    vocabulary = _vocabulary()
    for found in vocabulary.pattern.finditer(text):
        value = found[0]
        if found["known"] is not None:
            yield vocabulary.kinds[value], value
        elif value in _ENDS:
            yield "end", value
        elif value in ",，" or value.isspace():
            yield "comma", value
        else:
            yield "skip", value
