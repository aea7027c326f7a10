"""What a replay comes to: verdicts that change, money, and work for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from inspection.replaying import Replayed
from inspection.verdict import Disposition


@dataclass(frozen=True, slots=True)
class Summary:
    """What a replay comes to.

    Attributes:
        items: inspections that were decided again; skipped: how many could not be, by reason.
        changed: with another disposition or grade.
        moves: ``before>after`` dispositions and how many items, those that stay included.
        worth_before, worth_after: money in minor units over all items.
        holds_before, holds_after: items that a person must look at; confirms_…: those a person must confirm besides.
        with_person: items about which a person decided in the end; agree_…: where the machine said the same.
        redecided: items whose recorded verdict was by other rules and was made anew.
        unsized: items whose measured sizes could not be had again.
        pictures: that were judged; 0 when only rules were asked about.
        goods: items and changed ones by kind of goods.
    """

    items: int
    skipped: dict[str, int]
    changed: int
    moves: dict[str, int]
    worth_before: float
    worth_after: float
    holds_before: int
    holds_after: int
    confirms_before: int
    confirms_after: int
    with_person: int
    agree_before: int
    agree_after: int
    redecided: int
    unsized: int
    pictures: int
    goods: dict[str, tuple[int, int]]


def summed(results: Iterable[Replayed], skipped: Mapping[str, int]) -> Summary:
    """Add up what was replayed."""
    numbers = {each.name: 0 for each in fields(Summary) if each.name not in ("skipped", "moves", "goods")}
    moves: dict[str, int] = {}
    goods: dict[str, tuple[int, int]] = {}
    money = [0.0, 0.0]
    for one in results:
        before, after = one.before, one.after
        numbers["items"] += 1
        for name, value in (
            ("changed", one.changed),
            ("holds_before", before.disposition == Disposition.HOLD),
            ("holds_after", after.disposition == Disposition.HOLD),
            ("confirms_before", before.confirm),
            ("confirms_after", after.confirm),
            ("with_person", one.person is not None),
            ("agree_before", one.person == before.disposition),
            ("agree_after", one.person == after.disposition),
            ("redecided", one.redecided),
            ("unsized", one.unsized),
            ("pictures", one.pictures),
        ):
            numbers[name] += int(value)
        money[0] += before.worth
        money[1] += after.worth
        move = f"{before.disposition}>{after.disposition}"
        moves[move] = moves.get(move, 0) + 1
        count, differ = goods.get(one.goods, (0, 0))
        goods[one.goods] = count + 1, differ + int(one.changed)
    numbers.pop("worth_before"), numbers.pop("worth_after")
    return Summary(
        **numbers,
        skipped=dict(skipped),
        moves=dict(sorted(moves.items())),
        worth_before=round(money[0], 2),
        worth_after=round(money[1], 2),
        goods=dict(sorted(goods.items())),
    )
