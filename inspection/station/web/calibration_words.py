"""Words of the calibration page. Messages are English; catalogues translate them."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.station.web.words import N_

PARTS: Mapping[str, str] = {
    "lens": N_("Lens"),
    "plane": N_("Table"),
    "flat": N_("Even light"),
    "colour": N_("Colours"),
    "light": N_("Steady light"),
    "background": N_("Empty station"),
    "check": N_("Daily check"),
}

TASKS: Mapping[str, str] = {
    "lens": N_("Hold the board so that it is sharp and whole. Tilt it differently each time, also near the edges."),
    "plane": N_("Lay the board flat on the table and press Take. Then lay it elsewhere, three times in all."),
    "flat": N_("Fill the picture with a white sheet and press Take. Turn the sheet and press Take again."),
    "colour": N_("Lay the colour chart flat on the table and press Take, twice."),
    "light": N_("Clear the table, take your hands away and press Take once."),
    "background": N_("Clear the table, take your hands away and press Take once."),
    "check": N_("Lay the reference card flat in the middle of the picture and take your hands away."),
}

REASONS: Mapping[str, str] = {
    "kept": N_("Taken."),
    "ready": N_("Good: press Take."),
    "no_target": N_("The target is not seen."),
    "blurred": N_("Blurred: hold it still."),
    "partial_target": N_("Not all of the target is seen."),
    "other_target": N_("This is another target than the one described."),
    "too_few_corners": N_("Too little of the board is seen."),
    "same_pose": N_("Taken like this before: move it or tilt it."),
    "other_size": N_("The camera's picture size has changed: start again."),
    "enough": N_("Enough: save."),
    "taking": N_("Taking: keep away from the table."),
    "checking": N_("Comparing: keep away from the table."),
    "passed": N_("Passed: nothing has moved."),
    "failed": N_("Not passed:"),
    "uncalibrated": N_("Calibrate this view first."),
    "no_reference": N_("Press Keep as reference once, right after calibrating: later checks are then exact."),
    "picture": N_("This is no picture."),
    "stale": N_("No picture from the camera."),
    "lost": N_("No picture from the camera."),
}

ELSEWHERE = N_("A few more: tilt it otherwise each time.")
"""Once the board was seen everywhere."""
PLACES: Mapping[str, str] = {
    "top-left": N_("Next: at the top left."),
    "top-centre": N_("Next: at the top."),
    "top-right": N_("Next: at the top right."),
    "middle-left": N_("Next: at the left."),
    "middle-centre": N_("Next: in the middle."),
    "middle-right": N_("Next: at the right."),
    "bottom-left": N_("Next: at the bottom left."),
    "bottom-centre": N_("Next: at the bottom."),
    "bottom-right": N_("Next: at the bottom right."),
}

REFUSALS: Mapping[str, str] = {
    "calibration.too_few_frames": N_("Not saved: too few frames."),
    "calibration.frames": N_("Not saved: too few frames."),
    "calibration.poses": N_("Not saved: the poses are too much alike. Tilt the board more."),
    "calibration.residual": N_(
        "Not saved: the frames contradict each other. Lay or glue the target flat, start again."
    ),
    "calibration.clipped": N_("Not saved: too bright. Lower the exposure, start again."),
    "calibration.dark": N_("Not saved: too dark. Raise the exposure, start again."),
    "calibration.uneven": N_("Not saved: there are shadows or things on the sheet. Start again."),
    "calibration.not_white": N_("Not saved: the sheet is not white. Start again."),
    "calibration.flicker": N_(
        "Not saved: the light flickers. Set the exposure to a multiple of 1/100 s (1/120 s on 60 Hz mains)."
    ),
    "calibration.warming_up": N_("Not saved: the light still changes. Wait until the lamps are warm, take again."),
    "calibration.moving": N_("Not saved: something moved. Clear the table, take again."),
    "calibration.light": N_("Not saved: the light changed meanwhile. Keep daylight out, take again."),
    "calibration.item": N_("Not saved: something lies on the table. Take it off, take again."),
    "calibration.blurred": N_("Not saved: the picture is blurred. Focus the camera, take again."),
    "calibration.no_target": N_("Not saved: the target is not seen."),
    "calibration.missing": N_("There is nothing to take back."),
    "calibration.write": N_("Not saved: free space on the disk."),
    "calibration.saved": N_("Saved."),
    "calibration.undone": N_("The last version is back."),
    "request.unreachable": N_("The station does not answer."),
}
REFUSED_OTHERWISE = N_("Not saved.")

PROBLEMS: Mapping[str, str] = {
    "missing": N_("not calibrated"),
    "incomplete": N_("not finished"),
    "expired": N_("expired"),
    "other_settings": N_("the camera had other settings"),
    "other_resolution": N_("the camera had another picture size"),
    "foreign_camera": N_("of another camera"),
    "other_view": N_("of another view"),
    "corrupted": N_("the file is damaged"),
    "half_written": N_("the file is damaged"),
    "newer_format": N_("the file is of newer software"),
    "unreadable": N_("the file cannot be read"),
    "failed": N_("cannot be used"),
    "check_due": N_("daily check due"),
    "check_overdue": N_("daily check overdue"),
    "check_failed": N_("daily check failed"),
    "moved_exposure": N_("the light has changed"),
    "moved_colour": N_("the colours have changed"),
    "moved_focus": N_("not sharp any more"),
    "moved_scale": N_("lengths are wrong"),
    "moved_shift": N_("the camera has moved"),
    "moved_view": N_("not the station as it was calibrated"),
}
