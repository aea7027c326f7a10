"""How soon rollouts decide, and how often wrongly: simulated canaries, looked at after every item.

The champion leaves 10 % of the items to a person and is overridden in 5 % of the rest; half as many items are the
candidate's as the champion's. Each line is a candidate: how many of its canaries were taken back, went everywhere or
were still open at the end, after how many of its items, and with how many verdicts that a person had to put right.

Usage: python -m benchmarks.rollouts [--runs 40] [--items 2000]
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from typing import Annotated

import typer

from inspection.hub.rollouts.deciding import Figures, Move, decide
from inspection.hub.rollouts.plan import Plan
from inspection.hub.rollouts.sequential import Count
from inspection.rollout import Stage

CHAMPION_HOLD, CHAMPION_OVERRIDE, BESIDE = 0.10, 0.05, 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a candidate does with an item: probabilities."""

    name: str
    hold: float = 0.10
    override: float = 0.05
    differ: float = 0.06
    error: float = 0.0


CANDIDATES = (
    Candidate("as good as the champion"),
    Candidate("better: half the overrides", override=0.025),
    Candidate("holds 5 points more", hold=0.15, differ=0.10),
    Candidate("overridden in 10 %", override=0.10, differ=0.10),
    Candidate("overridden in 15 %", override=0.15, differ=0.15),
    Candidate("overridden in 30 %", override=0.30, differ=0.30),
    Candidate("holds half of all", hold=0.50, differ=0.45),
    Candidate("fails on every tenth", error=0.10),
)


def canary(chance: random.Random, candidate: Candidate, items: int, plan: Plan) -> tuple[Move, int, int]:
    """One canary: how it ended, after how many items, with how many overridden."""
    ours = dict.fromkeys(("hold", "override", "differ", "error"), 0)
    hold = override = 0
    for count in range(1, items + 1):
        for name in ours:
            ours[name] += chance.random() < getattr(candidate, name)
        for _ in range(BESIDE):
            hold += chance.random() < CHAMPION_HOLD
            override += chance.random() < CHAMPION_OVERRIDE
        figures = Figures(
            items=count,
            hours=count / 30,
            override=(Count(ours["override"], count), Count(override, BESIDE * count)),
            hold=(Count(ours["hold"], count), Count(hold, BESIDE * count)),
            disagreement=Count(ours["differ"], count),
            slow=Count(0, count),
            error=Count(ours["error"], count),
        )
        if count % 5 == 0 or count < 100:
            move = decide(Stage.CANARY, figures, plan).move
            if move in (Move.BACK, Move.ON):
                return move, count, ours["override"]
    return Move.WAIT, items, ours["override"]


def main(
    runs: Annotated[int, typer.Option(help="Canaries of each candidate.")] = 40,
    items: Annotated[int, typer.Option(help="Of the candidate, at most, in each.")] = 2000,
) -> None:
    """Print the table."""
    plan = Plan(max_days=365)
    print(f"{runs} canaries each, at most {items} items of the candidate, limits and alpha as by default")
    print(f"{'candidate':28}{'taken back':>11}{'everywhere':>11}{'open':>6}{'median items':>14}{'median wrong':>14}")
    for candidate in CANDIDATES:
        chance = random.Random(candidate.name)  # noqa: S311 - a simulation
        ends = [canary(chance, candidate, items, plan) for _ in range(runs)]
        shares = [sum(move is wanted for move, *_ in ends) / runs for wanted in (Move.BACK, Move.ON, Move.WAIT)]
        middle = statistics.median(count for _, count, _ in ends), statistics.median(wrong for *_, wrong in ends)
        print(
            f"{candidate.name:28}{shares[0]:>11.1%}{shares[1]:>11.1%}{shares[2]:>6.0%}{middle[0]:>14g}{middle[1]:>14g}"
        )


if __name__ == "__main__":
    typer.run(main)
