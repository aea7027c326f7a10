"""Words of the review pages, for the codes they show."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.hub.console.words import N_

REASONS: Mapping[str, str] = {
    "override": N_("A worker overrode the verdict"),
    "hold": N_("On hold"),
    "views": N_("Views see different things"),
    "precheck": N_("Pre-check and station differ"),
    "models": N_("Two models differ"),
    "low_confidence": N_("The model is not sure"),
    "novel": N_("Unlike anything known"),
    "audit": N_("Random audit"),
}
STATES: Mapping[str, str] = {
    "open": N_("to be labelled"),
    "second": N_("waits for a second person"),
    "disputed": N_("two people differ"),
    "accepted": N_("labelled"),
    "folded": N_("near-duplicate of another"),
}
KEYS: Mapping[str, str] = {
    "crack": "c",
    "scratch": "s",
    "dent": "d",
    "tear": "t",
    "hole": "h",
    "stain": "n",
    "crush": "r",
    "breach": "l",
    "corrosion": "o",
    "missing_part": "m",
    "wear": "w",
    "smudge": "g",
    "damaged": "x",
    "novel": "v",
}
"""Letter of each defect; the same in every language, for hands learn them."""
SAYINGS: Mapping[str, str] = {
    "choose": N_("Choose a condition first."),
    "defect": N_("Name at least one defect, or choose intact."),
    "saved": N_("Saved."),
    "skipped": N_("Left to others."),
    "undone": N_("Taken back: this picture is yours again."),
    "nothing": N_("There is nothing to take back."),
    "empty": N_("Nothing waits. Thank you."),
    "lost": N_("The hub does not answer. What you said is kept here and sent again."),
    "refused": N_("The hub did not take this label. Look at the picture again."),
    "taken": N_("Another person labelled this picture meanwhile."),
    "own": N_("You labelled this picture: somebody else decides."),
    "settled": N_("Another person has labelled it since: it can no longer be taken back."),
    "model": N_("the model"),
    "override": N_("the worker"),
    "first": N_("first person"),
    "second": N_("second person"),
    "useless": N_("of no use"),
    "done": N_("%(count)s labelled"),
}
"""What the script says."""
