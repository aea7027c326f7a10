"""Words for codes: what the console says for a role, an act or a problem. English; catalogues translate them."""

from __future__ import annotations

from collections.abc import Mapping


def N_(message: str) -> str:  # noqa: N802 - the name gettext tools look for
    """Marks a message for translation where it is only named, not said."""
    return message


ROLES: Mapping[str, str] = {
    "operator": N_("Operator"),
    "supervisor": N_("Supervisor"),
    "qa_engineer": N_("QA engineer"),
    "integrator": N_("Integrator"),
    "auditor": N_("Auditor"),
    "admin": N_("Administrator"),
    "station": N_("Station"),
}

KINDS: Mapping[str, str] = {
    "token": N_("Token"),
    "credential": N_("Credential"),
    "session": N_("Console"),
    "badge": N_("Badge at a station"),
}

ACTORS: Mapping[str, str] = {
    "staff": N_("Staff"),
    "token": N_("Token"),
    "station": N_("Station"),
    "command line": N_("Command line"),
    "automatic": N_("By itself"),
    "nobody": N_("Nobody known"),
}

ACTS: Mapping[str, str] = {
    "access.denied": N_("Asked for what the role may not do"),
    "access.used": N_("Used a privileged function"),
    "sign_in": N_("Signed in"),
    "sign_out": N_("Signed out"),
    "session.revoke": N_("Ended a session"),
    "staff.create": N_("Added a member of staff"),
    "staff.change": N_("Changed a member of staff"),
    "password.change": N_("Changed the own password"),
    "enrolment_code.make": N_("Made an enrolment code"),
    "station.enrol": N_("Enrolled a station"),
    "station.revoke": N_("Shut a station out"),
    "credential.rotate": N_("Rotated a credential"),
    "token.make": N_("Made a token"),
    "token.revoke": N_("Revoked a token"),
    "precheck.challenge": N_("Asked for a paper beside an item"),
    "precheck.decide": N_("Decided a pre-check"),
    "bundle.publish": N_("Published a bundle"),
    "bundle.withdraw": N_("Withdrew a bundle"),
    "gate.ask": N_("Sent a bundle through the gate"),
    "gate.ask_exception": N_("Asked for an exception of the gate"),
    "gate.decide_exception": N_("Decided on an exception of the gate"),
    "rollout.start": N_("Started a rollout"),
    "rollout.promote": N_("Let a rollout go on"),
    "rollout.pause": N_("Held a rollout or let it go on by itself"),
    "rollout.rollback": N_("Took a candidate back"),
}

STATION_STATES: Mapping[str, str] = {
    "idle": N_("Waits for an item"),
    "identified": N_("Item recognised"),
    "capturing": N_("Takes pictures"),
    "judged": N_("Waits for the worker"),
    "confirmed": N_("Decided"),
    "hold": N_("Put on hold"),
    "reported": N_("Decided and reported"),
}

DISPOSITIONS: Mapping[str, str] = {
    "resell": N_("Resell"),
    "repair": N_("Repair"),
    "scrap": N_("Scrap"),
    "hold": N_("Hold"),
}

TROUBLES: Mapping[str, str] = {
    "device.lost": N_("A device is not connected"),
    "printer.lost": N_("The label printer does not print"),
    "model.none": N_("No model: people grade by eye"),
    "model.broken": N_("The model cannot be used: people grade by eye"),
    "judge.failed": N_("The model failed on an item"),
    "journal.damaged": N_("A damaged journal was set aside"),
}
TROUBLE_KINDS: Mapping[str, str] = {
    "camera": N_("A camera gives no good picture"),
    "capture": N_("A camera gives no good picture"),
    "picture": N_("A picture is not good enough"),
    "calibration": N_("A view is not calibrated, or its check is due"),
    "device": N_("A device does not work"),
    "printer": N_("The label printer does not work"),
    "store": N_("The disk does not take pictures"),
    "journal": N_("The disk does not take the journal"),
    "model": N_("The model does not work"),
}
"""What a fault is about, by the beginning of its code, where the code has no words of its own."""

CASE_STATES: Mapping[str, str] = {
    "open": N_("Nothing sent yet"),
    "checking": N_("Being looked at"),
    "answered": N_("Answered automatically"),
    "with_person": N_("A person is needed"),
    "decided": N_("Decided"),
}
CASE_OUTCOMES: Mapping[str, str] = {
    "refund_without_return": N_("Refund, keep the item"),
    "send_back": N_("Send back"),
    "repair": N_("Repair"),
    "more_photos": N_("More pictures"),
    "person": N_("A person decides"),
}
CASE_DECISIONS: Mapping[str, str] = {
    "refund_without_return": N_("Refund, keep the item"),
    "send_back": N_("Send back"),
    "repair": N_("Repair"),
    "replace": N_("Replace"),
    "more_photos": N_("More pictures"),
    "decline": N_("Decline"),
}
CASE_REASONS: Mapping[str, str] = {
    "damage_shown": N_("The damage is to be seen"),
    "no_damage_seen": N_("No damage is to be seen"),
    "must_be_inspected": N_("It must be inspected"),
    "other_article": N_("It is another article"),
    "picture_used_before": N_("A picture was used before"),
    "not_enough_seen": N_("Not enough is to be seen"),
    "goodwill": N_("Goodwill"),
    "other": N_("Another reason"),
}
PAIRS: Mapping[str, str] = {
    "agree": N_("both the same"),
    "not_confirmed": N_("damage only in the pictures"),
    "not_seen": N_("damage only at the station"),
    "undecided": N_("one did not decide"),
}
GOODS: Mapping[str, str] = {
    "can": N_("cans"),
    "carton": N_("cartons"),
    "bottle": N_("bottles"),
    "phone": N_("phones"),
    "parcel": N_("parcels"),
    "clothing": N_("clothing"),
    "unknown": N_("not in the catalogue"),
}
CASE_STEPS: Mapping[str, str] = {
    "whole": N_("The whole item"),
    "damage": N_("The damage"),
    "label": N_("Label or barcode"),
    "video": N_("Video"),
    "challenge": N_("Item and paper"),
    "other": N_("Another picture"),
}
FILE_STATES: Mapping[str, str] = {
    "waiting": N_("waits"),
    "retake": N_("to be taken again"),
    "answered": N_("looked at"),
    "refused": N_("cannot be used"),
    "parked": N_("for a person"),
}
CONDITIONS: Mapping[str, str] = {
    "intact": N_("intact"),
    "minor": N_("minor damage"),
    "major": N_("major damage"),
    "critical": N_("critical damage"),
}
DEFECTS: Mapping[str, str] = {
    "crack": N_("crack"),
    "scratch": N_("scratch"),
    "dent": N_("dent"),
    "tear": N_("tear"),
    "hole": N_("hole"),
    "stain": N_("stain"),
    "crush": N_("crushed"),
    "breach": N_("opened or leaking"),
    "corrosion": N_("corrosion"),
    "missing_part": N_("missing part"),
    "wear": N_("wear"),
    "smudge": N_("smudge"),
    "damaged": N_("damage"),
    "novel": N_("something unusual"),
}
SEVERITIES: Mapping[str, str] = {"minor": N_("slight"), "major": N_("clear"), "critical": N_("severe")}

OUTCOMES: Mapping[str, str] = {"done": N_("done"), "denied": N_("refused")}

PROBLEMS: Mapping[str, str] = {
    "sign_in.failed": N_("Name or password is wrong, or the account is shut out."),
    "sign_in.locked": N_("Too many attempts. Wait a moment and try again."),
    "sign_in.transport": N_("Signing in needs an encrypted connection (https)."),
    "rate.limited": N_("Too many requests at once. Wait a moment and try again."),
    "session.csrf": N_("This page was open for too long. Go back, reload it and try again."),
    "token.missing": N_("Please sign in."),
    "token.invalid": N_("Your session is over. Please sign in again."),
    "token.scope": N_("Your role may not do this."),
    "request.invalid": N_("Something in the form does not fit. Go back and look at the rules beside the fields."),
    "staff.conflict": N_("Somebody else has this sign-in name, badge or address."),
    "staff.last_admin": N_("This is the last administrator. Make somebody else administrator first."),
    "staff.unknown": N_("There is no such member of staff."),
    "token.unknown": N_("There is no such token."),
    "precheck.not_found": N_("This return has no pre-check."),
    "precheck.changed": N_("The case has changed meanwhile. Go back, reload it and look again."),
    "session.unknown": N_("There is no such session."),
    "database.unavailable": N_("The database does not answer. Try again in a moment."),
}
PROBLEM_OTHERWISE = N_("This did not work.")
