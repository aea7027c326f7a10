"""Words for the codes that replay pages show."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.hub.console.words import N_

STATES: Mapping[str, str] = {
    "waiting": N_("waits for a worker"),
    "running": N_("under way"),
    "done": N_("done"),
    "cancelled": N_("ended early"),
    "failed": N_("failed"),
}
REASONS: Mapping[str, str] = {
    "no_policy": N_("no rules were asked then"),
    "no_facts": N_("the report carries no facts"),
    "no_pictures": N_("no pictures"),
    "no_report": N_("the report cannot be read by this software"),
    "not_held": N_("a picture has not arrived"),
    "erased": N_("a picture was erased"),
    "unreadable": N_("a picture cannot be read"),
    "too_large": N_("a picture is too large"),
    "two_of_a_view": N_("two pictures of one view"),
    "not_judged": N_("the model could not judge it"),
}
GRADES: Mapping[str, str] = {"as_new": N_("as new"), "open_box": N_("open box"), "parts": N_("for parts")}
