"""The card: what a bundle was trained on, under which licences, how good it is where, and where it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from datasets.manifest import Sample
from inspection.finding import Trials
from models.contract import BundleSpec

FLOOR = {
    "bottles": {"auroc": 0.997},
    "parcels": {"auroc": 0.98},
    "phones": {"macro_f1": 0.97},
}
"""Frozen features of the same backbone with logistic regression, whole picture, on unseen groups."""
WORDS = {
    Trials.ENOUGH: "enough",
    Trials.SOUND_ONLY: "hardly any bad: a person confirms",
    Trials.TOO_FEW: "bound nothing: a person decides",
}
CANS_FLOOR = {"auroc": 0.74, "cut_auroc": 0.85, "balanced_accuracy": 0.36}


def write_card(spec: BundleSpec, samples: Sequence[Sample], command: str, trial_sections: Sequence[str] = ()) -> str:
    """Markdown of the card, from the bundle's metrics, its samples and the sections on its trials."""
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
        + _experts(metrics)
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
        sections += ["## On unseen days and defects", _unseen(metrics["unseen_days"])]
    sections += [
        "## From where on it is sure",
        f"Temperatures on the held-out groups; calibration error of the condition {metrics.get('calibration_error')}. Sure is said of each kind of "
        f"goods by conformal risk control over trials, counted in groups: of the groups called sellable at most {spec.thresholds.wrong_resell:.1%} "
        f"bad, of the sound ones at most {spec.thresholds.wrong_scrap:.1%} called bad, with three times the odds of the worst sound one known. A kind with too few groups for that takes the line of all kinds "
        "together, or a stricter one that none of its own mistakes passes: the rate is kept over the mix, and the column says what its own groups can "
        "promise. One with fewer than ten groups (or days), or with fewer than 25 over such a line, has none: it is never sure and goes to a person. Every group was judged by a model that "
        f"saw nothing of it; {_folds(spec)}.",
        _kinds(spec),
        *trial_sections,
        "## Where it fails",
        "- Cans: grade and shooting date are nearly the same thing in the training pictures, so the figures of the table above "
        "say nothing of cans. Days are what may be counted, and there are too few to promise anything of the next one: "
        "cans are never decided without a person.\n"
        "- Bottles, parcels and phones of the web: damaged ones are snapshots, intact ones catalogue pictures. Part of the "
        "AUROC is that difference.\n"
        "- Pictures are judged at a low resolution: fine scratches on large goods are missed.\n"
        "- Renders are too few to learn from: items held out are ranked no better than by chance. A demo on renders shows the machinery, "
        "not the model.\n"
        "- Garments and groceries were only seen intact: damage there is out of its experience, novelty may or may not tell. The rates hold while "
        "hardly any of them comes back damaged, so the default policy has a person confirm before they are resold.",
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


def _experts(metrics: dict[str, Any]) -> str:
    shares = metrics.get("experts")
    if not shares:
        return ""
    who = ", ".join(f"{goods} {share:g}" for goods, share in shares.items())
    return (
        " For some kinds of goods a logistic regression on the frozen features has a say in the odds of intact, by the share that helped on parts of the "
        f"training groups that neither had seen ({who})."
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


def _folds(spec: BundleSpec) -> str:
    folds = 1 if spec.lineage is None else spec.lineage.config.get("folds", 1)
    if not isinstance(folds, int) or folds < 2:  # noqa: PLR2004 - the held-out groups alone
        return "these are the held-out groups alone"
    return f"the held-out groups by this one, the others in {folds - 1} parts by shorter fits"


def _kinds(spec: BundleSpec) -> str:
    rows = [
        "| goods | sound groups | bad groups | called sellable from | wrong, at most | called bad from | wrong, at most | trials |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, kind in sorted(spec.thresholds.goods.items()):
        cells = [_line(kind.resell), _bound(kind.resell_bound), _line(kind.scrap), _bound(kind.scrap_bound)]
        rows.append(f"| {name} | {kind.sound} | {kind.bad} | {' | '.join(cells)} | {WORDS[kind.trials]} |")
    return "\n".join(rows)


def _line(value: float | None) -> str:
    return "never" if value is None else f"{value:.3f}"


def _bound(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _unseen(figures: dict[str, dict[str, Any]]) -> str:
    rows = [
        "| trial | trials | pictures | AUROC damaged/intact | damaged called damaged | intact called damaged | balanced accuracy of grades | "
        "critical called sellable |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, row in figures.items():
        auroc = "–" if row["auroc"] is None else f"{row['auroc']:.3f}"
        rows.append(
            f"| {kind} | {row['trials']} | {row['pictures']} | {auroc} | {_of(row, 'damaged_found', row.get('damaged'))} | "
            f"{_of(row, 'false_alarms', row['pictures'] - row.get('damaged', 0))} | {row['balanced_accuracy']:.3f} | "
            f"{row['critical_called_sellable']} of {row['critical']} |"
        )
    return (
        "All intact cans are of one day, so no trial is quite fair. *unseen day*: a day of damaged cans and one half of the intact "
        "cans' day are judged by a model that saw neither; telling the day from others still helps. *unseen damage*: of the intact "
        "cans' day one half is judged, and no damaged can of that day was trained on; telling the day harms. *same day*: one half "
        "is judged, the other trained on. *no photograph of crack*: cracked phones and intact ones that were held out, by a model that "
        "saw cracks on renders and painted ones only. Each with a shorter fit than the bundle's. Floor on other unseen dates: AUROC "
        f"{CANS_FLOOR['auroc']} of the whole picture, {CANS_FLOOR['cut_auroc']} of a crude cut, balanced accuracy "
        f"{CANS_FLOOR['balanced_accuracy']}.\n\n" + "\n".join(rows)
    )


def _of(row: dict[str, Any], key: str, count: int | None) -> str:
    return f"{row[key]} of {count}" if key in row else "–"
