"""Words for codes: what the screen says for a defect or a fault. Messages are English; catalogues translate them."""

from __future__ import annotations

from collections.abc import Mapping


def N_(message: str) -> str:  # noqa: N802 - the name gettext tools look for
    """Marks a message for translation where it is only named, not said."""
    return message


DISPOSITIONS: Mapping[str, str] = {
    "resell": N_("Resell"),
    "repair": N_("Repair"),
    "scrap": N_("Scrap"),
    "hold": N_("Hold"),
}

COMMANDS: Mapping[str, str] = {
    "OK": N_("OK"),
    "RESELL": N_("Resell"),
    "REPAIR": N_("Repair"),
    "SCRAP": N_("Scrap"),
    "HOLD": N_("Hold"),
    "RECAPTURE": N_("New pictures"),
    "UNDO": N_("Undo"),
    "REPRINT": N_("Label again"),
    "ASK": N_("Next question"),
    "START": N_("Inspect without a code"),
    "SHIFT": N_("Shift figures"),
    "CANCEL": N_("Cancel"),
}

GRADES: Mapping[str, str] = {"as_new": N_("as new"), "open_box": N_("open box"), "parts": N_("for parts")}

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
    "smudge": N_("smudge, cleanable"),
    "damaged": N_("damage"),
    "novel": N_("never seen before"),
}

IDENTITY_ISSUES: Mapping[str, str] = {
    "none_read": N_("No code was read"),
    "several_tags": N_("Several tags in the field"),
    "gtin_differs": N_("Its codes name different products"),
    "serial_differs": N_("Its codes name different serial numbers"),
    "unreadable_code": N_("A code could not be understood"),
}

NEIGHBOURS: Mapping[str, str] = {
    "too_weak": N_("Neighbour's tag not taken (weak):"),
    "other_antenna": N_("Neighbour's tag not taken (antenna):"),
    "too_brief": N_("Neighbour's tag not taken (passing):"),
}

PRECHECK_OUTCOMES: Mapping[str, str] = {
    "refund_without_return": N_("refund, keep the item"),
    "send_back": N_("send back"),
    "repair": N_("to be repaired"),
    "replace": N_("replacement"),
    "more_photos": N_("more pictures"),
    "person": N_("a person decides"),
    "decline": N_("declined"),
}
"""What the customer was answered before the parcel travelled, and what a person decided then."""

SOURCES: Mapping[str, str] = {"tag": N_("Tag"), "barcode": N_("Scanned"), "camera": N_("Seen by camera")}

CAPTURE_PROBLEMS: Mapping[str, str] = {
    "too_dark": N_("Too dark: switch the light on."),
    "overexposed": N_("Too bright: keep other light away."),
    "nothing_there": N_("Nothing is there: put the item under the cameras."),
    "hand_in_view": N_("Take hands and tools out of the picture."),
    "two_items": N_("Put only one item under the cameras."),
    "cut_off": N_("Move the item so that all of it is in the picture."),
    "too_small": N_("Put the item nearer to the middle."),
    "blurred": N_("Blurred: wipe the camera's glass, and let the item lie flat."),
    "moved": N_("It moved: let go of the item and keep it still."),
    "glare": N_("It mirrors the light: turn the item a little."),
}
"""What to do about a bad picture, in the order in which a worker had best put things right."""

REASONS: Mapping[str, str] = {
    "missed_damage": N_("Damage was missed"),
    "false_damage": N_("There is no such damage"),
    "wrong_severity": N_("Worse or better than judged"),
    "cleanable": N_("Can be cleaned"),
    "incomplete": N_("Parts are missing"),
    "wrong_item": N_("Wrong item"),
    "other": N_("Another reason"),
    "by_eye": N_("Graded by eye"),
}

CALIBRATION_BROKEN = N_("The calibration of view %(about)s cannot be used: call the technician.")
FAULTS: Mapping[str, str] = {
    "device.lost": N_("%(about)s is not connected: check its cable. Work goes on when it is back."),
    "camera.stale": N_("No new picture from view %(about)s: check the camera. It is tried again."),
    "camera.skew": N_("View %(about)s is not of the same moment as the others: check the cameras. It is tried again."),
    "camera.moves": N_(
        "View %(about)s sees something move: take your hand away and let the item lie still. It is tried again."
    ),
    "journal.failed": N_("The journal cannot be written, so nothing goes on: free space on the disk."),
    "journal.damaged": N_("A damaged journal was kept as %(about)s: hand it to support."),
    "disk.low": N_("The disk is nearly full, %(about)s MB are left: call the technician."),
    "store.failed": N_("Pictures cannot be stored, so nothing is judged: free space on the disk."),
    "model.none": N_("There is no model: grade by eye."),
    "model.broken": N_("The model %(about)s cannot be used, so grade by eye; call the technician."),
    "judge.failed": N_("The model failed on this item: grade by eye."),
    "rollout.refused": N_(
        "%(about)s, which the hub sent, cannot be used; work goes on as before. Tell the technician."
    ),
    "printer.lost": N_("%(about)s does not print: look at labels, ribbon, lid and cable. Labels wait until it does."),
    "printer.unsure": N_("A label may or may not have come out: look, and press P if it is missing."),
    "printer.failed": N_("A label was not printed: look after the printer, then press P."),
    "calibration.missing": N_(
        "View %(about)s is not calibrated: nothing is measured in it, and results ask for your OK. Call the technician."
    ),
    "calibration.incomplete": N_("The calibration of view %(about)s is not finished: call the technician."),
    "calibration.expired": N_("The calibration of view %(about)s has expired: call the technician."),
    "calibration.other_settings": N_(
        "The camera of view %(about)s was calibrated with other settings: call the technician."
    ),
    "calibration.other_resolution": N_("View %(about)s was calibrated with another picture size: call the technician."),
    "calibration.foreign_camera": N_(
        "The calibration of view %(about)s belongs to another camera: call the technician."
    ),
    "calibration.other_view": N_("The calibration of view %(about)s belongs to another view: call the technician."),
    "calibration.corrupted": CALIBRATION_BROKEN,
    "calibration.half_written": CALIBRATION_BROKEN,
    "calibration.unreadable": CALIBRATION_BROKEN,
    "calibration.newer_format": CALIBRATION_BROKEN,
    "calibration.failed": CALIBRATION_BROKEN,
    "calibration.check_due": N_("Once a shift: lay the reference card under view %(about)s (10 seconds)."),
    "calibration.check_overdue": N_(
        "The daily check of view %(about)s is overdue: lay the reference card under it (10 seconds)."
    ),
    "calibration.check_failed": N_("View %(about)s failed its daily check: call the technician."),
    "calibration.moved_exposure": N_(
        "The light of view %(about)s has changed: look at the lamps, then call the technician."
    ),
    "calibration.moved_colour": N_(
        "The colours of view %(about)s have changed: look at the lamps, then call the technician."
    ),
    "calibration.moved_focus": N_(
        "View %(about)s is not sharp any more: wipe the camera's glass; if it stays so, call the technician."
    ),
    "calibration.moved_scale": N_(
        "Lengths in view %(about)s are wrong, its camera stands higher or lower: call the technician."
    ),
    "calibration.moved_shift": N_("The camera of view %(about)s has moved: put it back, or call the technician."),
    "calibration.moved_view": N_(
        "View %(about)s does not show the station as it was calibrated: clear the table; if it stays so, "
        "call the technician."
    ),
    **{f"picture.{code}": instruction for code, instruction in CAPTURE_PROBLEMS.items()},
    "config.refused": N_(
        "The changed configuration cannot be used, so work goes on with the one before: call the technician."
    ),
    "policy.invalid": N_("The policy could not decide: call the technician."),
    "internal": N_("Something went wrong here: take the pictures again, or cancel the item."),
}
FAULT_OTHERWISE = N_("Fault %(code)s: call the technician.")

INSTRUCTIONS: Mapping[str, str] = {
    "clean": N_("Wipe it clean."),
    "wipe_data": N_("Have its data wiped."),
    "isolate": N_("Keep it apart from the others."),
    "hazard": N_("Put it into the box for dangerous goods."),
    "mismatch_quantity": N_("Count what is there."),
}
"""What a reason code of the policy asks the worker to do now."""

TOKEN_REFUSED = N_("The hub refuses this station: call the technician.")
HUB_TROUBLE: Mapping[str, str] = {
    "hub.none": N_("No hub is configured: reports wait here."),
    "token.missing": N_("This station has no token for the hub: call the technician."),
    "token.invalid": TOKEN_REFUSED,
    "token.scope": TOKEN_REFUSED,
    "station.mismatch": TOKEN_REFUSED,
}
HUB_OTHERWISE = N_("The hub does not answer: reports wait here, work goes on.")

SIGN_IN_TROUBLE: Mapping[str, str] = {
    "wrong": N_("Badge or PIN is wrong: try again."),
    "locked": N_("Too many wrong PINs: wait %(seconds)s seconds."),
    "refused": N_("The hub does not let this station sign anybody in: call the technician."),
    "unreachable": N_("The hub does not answer, and this badge was not used here today."),
}
"""Why a badge and its PIN did not sign anybody in."""

NOTICES: Mapping[str, str] = {
    "session.finish_first": N_("Finish the item on the table first."),
    "session.confirm_first": N_("Confirm this verdict first."),
    "session.same_item": N_("This item is on the table already."),
    "session.rma_noted": N_("RMA noted: now scan the item."),
    "session.rma_unusable": N_("This RMA label cannot be used."),
    "session.cancelled": N_("Cancelled."),
    "session.evidence_lost": N_("A stored picture was damaged: pictures are taken again."),
    "command.not_possible": N_("Not possible now."),
    "command.other_inspection": N_("The item has changed: look again."),
    "command.not_answered": N_("Answer the question first."),
    "command.unknown_answer": N_("This answer does not fit now."),
    "badge.unknown": N_("This badge is not known here."),
    "badge.welcome": N_("Welcome."),
    "badge.over": N_("Your sign-in is over: show your badge again."),
    "sign_in.no_badge": N_("Show the badge first."),
    "badge.no_supervisor": N_("This needs a supervisor's badge."),
    "tab.viewer": N_("This window only shows: take over to work here."),
    "command.too_late": N_("Too late: its label is printed, or it is reported."),
    "shift.show": N_("Shift figures"),
    "label.again": N_("The label is printed again."),
    "command.unknown_reason": N_("This reason is not known here."),
    "command.unknown_code": N_("This command code is not known."),
    "scan.separators_lost": N_("Not taken: the code lost its separators."),
    "scan.refused": N_("Not taken: this is no code. Scan again."),
    "scan.too_many": N_("Too many scans at once: scan again."),
    "scan.broken_off": N_("The scan broke off: scan again."),
    "scan.caps_lock": N_("Caps Lock is on: switch it off and scan again."),
    "scan.not_allowed": N_("This station takes no typed scans."),
    "request.unreachable": N_("The station does not answer."),
}

SECOND_WORD: Mapping[str, Mapping[str, str]] = {
    "en": {"resell": "转售", "repair": "返修", "scrap": "报废", "hold": "待判"},
    "other": {"resell": "RESELL", "repair": "REPAIR", "scrap": "SCRAP", "hold": "HOLD"},
}
"""The verdict is said in two languages: the worker's and English, or English and Chinese."""
