"""The card: what a bundle was trained on, under which licences, how good it is where, and where it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from datasets.manifest import Sample
from models.contract import BundleSpec

FLOOR = {
    "bottles": {"auroc": 0.997},
    "parcels": {"auroc": 0.98},
    "phones": {"macro_f1": 0.97},
}
"""Frozen features of the same backbone with logistic regression, whole picture, on unseen groups."""
CANS_FLOOR = {"auroc": 0.74, "cut_auroc": 0.85, "balanced_accuracy": 0.36}


def write_card(spec: BundleSpec, samples: Sequence[Sample], command: str) -> str:
    """Markdown of the card, from the bundle's metrics and its samples."""
    metrics: dict[str, Any] = dict(spec.metrics)
    sections = [
        f"# {spec.name} {spec.version}",
        "Judges returned goods from pictures: defect types, condition (intact, minor, major, critical), where, and how unlike "
        "the training pictures an item is. A policy and a person decide; this model only says what it sees.",
        f"Made {spec.created} by `{command}`.",
        "## Model",
        f"EfficientNet-Lite0 (ImageNet weights, Apache-2.0), input {spec.input.size} px; the last stage and the heads are "
        "fine-tuned on cached features of the frozen rest, with random turns, crops, light, blur and JPEG. "
        + _finding(metrics)
        + " Defect maps have "
        f"cells of 16 px of the {spec.input.size} px input, so a box is a hint where to look, not a measurement.",
        "## Trained on",
        _data_table(samples),
        "The pictures themselves are not a part of this bundle; the golden samples are our own renders. Sets without a stated "
        "licence were used for research and internal evaluation: ask before you put this model to commercial use.",
        f"## On held-out groups ({spec.data.held_out_share:.0%} of each set and condition, seed {spec.data.seed})",
        _set_table(metrics.get("held_out", {})),
    ]
    if "unseen_days" in metrics:
        sections += ["## Cans on unseen days", _unseen(metrics["unseen_days"])]
    sections += [
        "## Probabilities and thresholds",
        f"Temperatures on the held-out groups; calibration error of the condition {metrics.get('calibration_error')}. A verdict "
        f"counts as confident from {spec.thresholds.confident:.3f} on (conformal risk control on the held-out groups, at most "
        f"{spec.thresholds.wrong_resell:.1%} of those called sellable wrong and {spec.thresholds.wrong_scrap:.1%} of those called bad, for "
        "goods and captures like those held out; no cans are among them). One half of the held-out groups chose the thresholds; on the other half: "
        + _exam(metrics["exam"]),
        "## Where it fails",
        "- Cans: grade and shooting date are nearly the same thing in the training pictures, so the figures of the table above "
        "say nothing of cans. On an unseen day it must not decide on cans alone. The default policy asks for a person's "
        "confirmation before any food is resold.\n"
        "- Bottles, parcels and phones of the web: damaged ones are snapshots, intact ones catalogue pictures. Part of the "
        "AUROC is that difference.\n"
        "- Pictures are judged at a low resolution: fine scratches on large goods are missed.\n"
        "- Renders are too few to learn from: items held out are ranked no better than by chance. A demo on renders shows the machinery, "
        "not the model.\n"
        "- Garments and groceries were only seen intact: damage there is out of its experience, novelty may or may not tell.",
    ]
    return "\n\n".join(sections) + "\n"


def _finding(metrics: dict[str, Any]) -> str:
    found = metrics.get("looked_for", {})
    if not found.get("cut"):
        return "The whole picture is judged."
    return (
        "A finder looks for the item first and cuts it out where it is small in the picture "
        f"({found['cut']} of {found['cut'] + found['whole']} training pictures); elsewhere the whole picture is judged. "
        "Where few shooting days tell the label, items were also put on other backgrounds, and sound ones had damage painted on."
    )


def _data_table(samples: Sequence[Sample]) -> str:
    sizes = Counter((sample.set, sample.goods, sample.licence) for sample in samples)
    groups = {key: len({s.group for s in samples if (s.set, s.goods, s.licence) == key}) for key in sizes}
    rows = ["| set | goods | pictures | groups | licence |", "|---|---|---|---|---|"]
    rows += [f"| {key[0]} | {key[1]} | {count} | {groups[key]} | {key[2]} |" for key, count in sorted(sizes.items())]
    return "\n".join(rows)


def _set_table(figures: dict[str, dict[str, Any]]) -> str:
    rows = [
        "| set | pictures | groups | AUROC damaged/intact | floor | macro-F1 of defects | floor | called damaged |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in figures.items():
        floor = FLOOR.get(name, {})
        cells = [row.get("auroc", "–"), floor.get("auroc", "–"), row.get("macro_f1", "–"), floor.get("macro_f1", "–")]
        rows.append(
            f"| {name} | {row['pictures']} | {row['groups']} | {' | '.join(map(str, cells))} | {row['called_damaged']:.1%} |"
        )
    rows.append(
        "\nSets without an AUROC hold intact items only: there, `called damaged` is the share of false alarms. Floor: frozen "
        "features of the same backbone with logistic regression."
    )
    return "\n".join(rows)


def _exam(figures: dict[str, Any]) -> str:
    return (
        f"{figures['decided']:.0%} of {figures['pictures']} pictures decided; of {figures['bad']} major or critical ones "
        f"**{figures['bad_called_sellable']}** confidently called sellable; {figures['sellable_called_bad']} sellable ones confidently called bad."
    )


def _unseen(figures: dict[str, dict[str, Any]]) -> str:
    rows = [
        "| trial | trials | pictures | AUROC damaged/intact | balanced accuracy of 4 grades | critical called sellable |"
    ]
    rows.append("|---|---|---|---|---|---|")
    for kind, row in figures.items():
        auroc = "–" if row["auroc"] is None else f"{row['auroc']:.3f}"
        rows.append(
            f"| {kind} | {row['trials']} | {row['pictures']} | {auroc} | {row['balanced_accuracy']:.3f} | "
            f"{row['critical_called_sellable']} of {row['critical']} |"
        )
    return (
        "All intact cans are of one day, so no trial is quite fair. *unseen day*: a day of damaged cans and one half of the intact "
        "cans' day are judged by a model that saw neither; telling the day from others still helps. *unseen damage*: of the intact "
        "cans' day one half is judged, and no damaged can of that day was trained on; telling the day harms. *same day*: one half "
        "is judged, the other trained on. Each with a shorter fit than the bundle's. Floor on other unseen dates: AUROC "
        f"{CANS_FLOOR['auroc']} of the whole picture, {CANS_FLOOR['cut_auroc']} of a crude cut, balanced accuracy "
        f"{CANS_FLOOR['balanced_accuracy']}.\n\n" + "\n".join(rows)
    )
