"""Words for the codes of bundles and gates."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.hub.console.words import N_

KINDS: Mapping[str, str] = {
    "bundle": N_("Model"),
    "policy": N_("Rules"),
    "references": N_("Good samples"),
}
RULINGS: Mapping[str, str] = {
    "passed": N_("Passed"),
    "forced": N_("Let through by two persons"),
    "failed": N_("Stopped"),
    "not_gated": N_("Not examined"),
    "withdrawn": N_("Withdrawn"),
}
STATES: Mapping[str, str] = {
    "waiting": N_("Waits for a worker"),
    "running": N_("Is being examined"),
    "passed": N_("Passed"),
    "failed": N_("Stopped"),
    "broken": N_("Came to no end"),
}
DIMENSIONS: Mapping[str, str] = {
    "all": N_("All pictures"),
    "goods": N_("Kind of goods"),
    "station": N_("Station"),
    "capture": N_("Way of capture"),
    "set": N_("Set"),
}
MEASURES: Mapping[str, str] = {
    "wrong_resell": N_("Bad, sold as sound"),
    "wrong_scrap": N_("Good, scrapped"),
    "wrong_condition": N_("Wrong condition"),
    "to_a_person": N_("Left to a person"),
}
GRADES: Mapping[str, str] = {
    "as_new": N_("as new"),
    "open_box": N_("as opened"),
    "parts": N_("for parts"),
}
CERTAINTIES: Mapping[str, str] = {
    "proven": N_("at best"),
    "excluded": N_("at worst"),
}
REFUSED: Mapping[str, str] = {
    "no_exam": N_("There is no such exam."),
    "other_kind": N_("Choose what it is to replace among its own kind."),
    "same": N_("Candidate and what it is to replace are the same."),
    "no_champion": N_("Choose which model it is to replace."),
    "no_judge": N_("Choose the model that judges for these rules."),
}
DONE: Mapping[str, str] = {
    "asked": N_("It waits for a worker; this page renews itself."),
    "exception": N_("A second person is to decide now."),
    "yes": N_("Let through. It may be rolled out."),
    "no": N_("Not let through."),
}
