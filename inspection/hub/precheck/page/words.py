"""Words for codes on the customer's page. English; catalogues translate them."""

from __future__ import annotations

from collections.abc import Mapping


def N_(message: str) -> str:  # noqa: N802 - the name gettext tools look for
    """Marks a message for translation where it is only named, not said."""
    return message


OUTCOMES: Mapping[str, str] = {
    "refund_without_return": N_("You will probably get your money back; the item need not travel."),
    "send_back": N_("Please send the item back; it is inspected when it arrives."),
    "repair": N_("This can probably be repaired; please send the item."),
    "more_photos": N_("Another picture is needed."),
    "person": N_("A person will look at your pictures and answer you."),
}

STEPS: Mapping[str, str] = {
    "whole": N_("The whole item"),
    "damage": N_("The damage, close up"),
    "label": N_("The label or barcode"),
    "video": N_("A short video"),
    "challenge": N_("The item with the paper"),
    "other": N_("Another picture"),
}

ADVICE: Mapping[str, str] = {
    "whole": N_("All of it in the picture, from one step away."),
    "damage": N_("So close that the damage fills half of the picture."),
    "label": N_("Flat and straight, so that it can be read."),
    "challenge": N_("Item and paper in one picture, so that the characters can be read."),
    "video": N_("Up to 20 seconds, slowly once around the item."),
    "other": N_("Whatever else helps to understand the problem."),
}

STATES: Mapping[str, str] = {
    "receiving": N_("Not all of it has arrived"),
    "waiting": N_("Received; waiting to be looked at"),
    "retake": N_("Please take it again"),
    "answered": N_("Looked at"),
    "refused": N_("Cannot be used"),
    "parked": N_("For a person to look at"),
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

PROBLEMS: Mapping[str, str] = {
    "precheck.unknown": N_("This link opens nothing. Open the newest one we sent you, or enter your order number."),
    "precheck.expired": N_("This link is over. Enter your order number to get another, or ask us for one."),
    "precheck.quota": N_("You have sent as much as we can take. A person will look at it."),
    "precheck.decided": N_("A person has decided this case. Please contact us to add something."),
    "sign_in.locked": N_("Too many attempts. Wait a few minutes and try again."),
    "rate.limited": N_("Too many requests at once. Wait a moment and try again."),
    "request.too_large": N_("A file is too large: a picture may have 25 MB, a video 80 MB."),
    "request.truncated": N_("The network broke off. Please send it again."),
    "database.unavailable": N_("We cannot answer at this moment. Try again in a minute; what arrived is kept."),
    "store.unavailable": N_("We cannot take files at this moment. Try again in a minute."),
    "store.full": N_("We cannot take files at this moment. Try again in a minute."),
}
PROBLEM_OTHERWISE = N_("This did not work. Go back and try again.")

SCRIPT: Mapping[str, str] = {
    "camera": N_("Open the camera"),
    "choose": N_("Choose from the phone"),
    "shoot": N_("Take the picture"),
    "record": N_("Record the video"),
    "stop": N_("Stop"),
    "close": N_("Close"),
    "use": N_("Use this picture"),
    "again": N_("Take it again"),
    "dark": N_("Too dark: go to a window or switch on a lamp"),
    "bright": N_("Too bright: avoid direct light"),
    "blurred": N_("Hold still and tap the item to focus"),
    "closer": N_("Move closer"),
    "farther": N_("Move back: all of it should be in the picture"),
    "good": N_("Good: take the picture now"),
    "sending": N_("Sending: {percent} %"),
    "offline": N_("No network. Keep this page open: it goes on by itself."),
    "retrying": N_("The network is bad; trying again …"),
    "sent": N_("Arrived"),
    "failed": N_("This could not be sent: {reason}"),
    "no_camera": N_("The camera cannot be opened here; choose a picture instead."),
}
"""Said by the page's own script."""
