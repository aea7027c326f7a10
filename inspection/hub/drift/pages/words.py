"""Words for the codes that drift pages show."""

from __future__ import annotations

from collections.abc import Mapping

from inspection.hub.console.words import N_

FIGURES: Mapping[str, str] = {
    "brightness": N_("brightness of the picture"),
    "contrast": N_("contrast of the picture"),
    "sharpness": N_("sharpness of the picture"),
    "bad_capture": N_("share of bad captures"),
    "distance": N_("distance from the training pictures"),
    "novel": N_("share of unknown appearance"),
    "p_sellable": N_("how sellable the model finds items"),
    "p_damage": N_("how sure the model is of damage"),
    "override": N_("share of overrides by people"),
    "hold": N_("share on hold"),
}
SHORT: Mapping[str, str] = {
    "brightness": N_("light"),
    "contrast": N_("contrast"),
    "sharpness": N_("sharpness"),
    "bad_capture": N_("captures"),
    "distance": N_("distance"),
    "novel": N_("unknown"),
    "p_sellable": N_("sellable"),
    "p_damage": N_("damage"),
    "override": N_("overrides"),
    "hold": N_("holds"),
}
DIRECTIONS: Mapping[str, str] = {"up": N_("higher"), "down": N_("lower"), "spread": N_("more scattered")}
CAUSES: Mapping[str, str] = {
    "light": N_("The light has changed"),
    "focus": N_("The pictures are less or more sharp: focus, lens or dirt"),
    "capture": N_("More captures are bad"),
    "new_goods": N_("Items look unlike what the model was trained on: new goods or packaging"),
    "people_disagree": N_("People decide otherwise than the machine"),
    "other_mix": N_(
        "The model's scores have moved while the pictures have not: other damage, or labels that do not fit"
    ),
    "more_holds": N_("The share on hold has changed, and nothing else that is watched"),
}
ACTIONS: Mapping[str, str] = {
    "recalibrate": N_("Look at lamp and lens of the station, clean them, and calibrate its views again."),
    "relabel": N_("Put the pictures below into the review queue and label them."),
    "retrain": N_("Label some of the pictures below and train the model with them."),
    "look": N_("Look at the items below and at the rules."),
}
STATES: Mapping[str, str] = {"learning": N_("learning"), "watching": N_("stable"), "alarm": N_("alarm")}
CLOSINGS: Mapping[str, str] = {
    "cured": N_("cured by itself"),
    "superseded": N_("another model, policy or calibration is in its place"),
}
