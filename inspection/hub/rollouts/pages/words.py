"""Words for the codes of rollouts."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.hub.console.words import N_

STATES: Mapping[str, str] = {
    "shadow": N_("Shadow"),
    "canary": N_("Canary"),
    "full": N_("Everywhere"),
    "rolled_back": N_("Taken back"),
}
KINDS: Mapping[str, str] = {
    "bundle": N_("Model"),
    "policy": N_("Rules"),
    "references": N_("Good samples"),
}
WATCHED: Mapping[str, str] = {
    "override": N_("Overridden by people"),
    "hold": N_("Left to a person"),
    "disagreement": N_("Differs from the other"),
    "slow": N_("Slow"),
    "error": N_("Fails on the item"),
    "items": N_("Too few items"),
    "hours": N_("Too short a time"),
}
SAYS: Mapping[str, str] = {
    "harm": N_("too much"),
    "fine": N_("fine"),
    "open": N_("open"),
}
ACTS: Mapping[str, str] = {
    "start": N_("Started"),
    "promote": N_("Went on"),
    "rollback": N_("Taken back"),
    "pause": N_("Held"),
    "resume": N_("Goes on by itself again"),
}
BY: Mapping[str, str] = {
    "automatic": N_("by itself"),
    "command line": N_("command line"),
}
STEPS: Mapping[str, str] = {
    "fetching": N_("Fetching"),
    "ready": N_("There, does not run yet"),
    "running": N_("Running"),
    "refused": N_("Refused"),
}
DONE: Mapping[str, str] = {
    "start": N_("Started. Stations fetch it now."),
    "promote": N_("Done: it goes one stage on."),
    "rollback": N_("Taken back. Stations hear of it within seconds."),
    "pause": N_("Held: it does not go on by itself."),
    "resume": N_("It goes on by itself again."),
}
