"""Colour of a view: from the camera's linear RGB to linear sRGB, solved on the patches of a chart.

Two models: a 3x3 matrix, and root-polynomial regression of degree 2 (Finlayson, Mackiewicz, Hurlbert, "Color
correction using root-polynomial regression", IEEE Trans. Image Processing 24(5), 2015), which bends hues and still
scales with the exposure. Each is fitted by weighted least squares and then on CIEDE2000; the one that best predicts
patches it has not seen is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.ciede2000 import ciede2000, difference_parts, lab_of_linear, linear_of_lab
from inspection.errors import CalibrationError

TERMS = {"linear": 3, "root2": 6}
LEAST_PATCHES = 12
LEAST_GREYS = 2
LEAST_GAIN = 0.05
"""A model with more freedom must predict unseen patches better by this share."""
ODD = 5.0
"""A patch that differs from what the others predict by as many times the median is not as printed."""
LEAST_ODD = 8.0
"""CIEDE2000 below which no patch is odd."""
MOST_REFUSED = 0.3
GREY_CHROMA = 4.0

Floats = npt.NDArray[np.float64]
_GREY_WEIGHT = 3.0
_DARK = 0.01
_ROUNDS = 12
_STEP = 1e-6
_LIGHT_WORDS = {True: "glare", False: "shadow"}


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """What a chart has and what the camera saw of it, in the same order.

    Attributes:
        names: of the patches.
        lab: float64 (N, 3), known CIE L*a*b*, D65, 2 degrees.
        rgb: float64 (N, 3), measured R, G, B in linear light, 0..1.
        refused: reason by name, of patches that must not be used (``clipped``, ``glare``).
    """

    names: Sequence[str]
    lab: Floats
    rgb: Floats
    refused: dict[str, str] = field(default_factory=dict)

    def without(self, refused: dict[str, str]) -> Patches:
        """The same with more of them refused."""
        return Patches(self.names, self.lab, self.rgb, self.refused | refused)

    def usable(self) -> npt.NDArray[np.intp]:
        """Places of the others."""
        return np.array([place for place, name in enumerate(self.names) if name not in self.refused], np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class ColourSolution:
    """The correction, and how good it is, in CIEDE2000.

    Attributes:
        terms: ``linear`` or ``root2``.
        matrix: float64 (3, terms), rows R, G, B out.
        white_balance: factors of R, G and B that make the greys grey, 1 for G.
        before: float64 (N,), of each patch used as the camera gave it, in the order of ``names``.
        after: the same after correction.
        names: of the patches used.
        unseen: by model, mean over the patches, each predicted from the others.
        refused: reason by name of the patches that were not used.
    """

    terms: str
    matrix: Floats
    white_balance: tuple[float, float, float]
    before: Floats
    after: Floats
    names: tuple[str, ...]
    unseen: dict[str, float]
    refused: dict[str, str]

    @property
    def worst(self) -> tuple[str, float]:
        """Name and difference of the patch that is furthest off after correction."""
        place = int(np.argmax(self.after))
        return self.names[place], float(self.after[place])


def solve_colour(patches: Patches) -> ColourSolution:
    """Solve the colour correction of a view.

    Patches that are refused already, and those that look brighter or darker than all others predict, are left out.

    Raises:
        CalibrationError: ``calibration.clipped``, ``.glare``, ``.shadow``: so many patches are that too few are left;
            ``.dark``: the chart is black; ``.few_patches``: the chart has too few.
    """
    _check(patches)
    patches = _without_odd(patches)
    usable = patches.usable()
    lab, rgb = patches.lab[usable], patches.rgb[usable]
    models = {
        f"{terms}{'' if how else '_least_squares'}": (terms, how, _unseen(lab, rgb, terms, refine=how))
        for terms in TERMS
        for how in (False, True)
    }
    unseen = {name: float(differences.mean()) for name, (_, _, differences) in models.items()}
    chosen = "linear_least_squares"
    for name in ("linear", "root2_least_squares", "root2"):
        if unseen[name] < unseen[chosen] * (1 - LEAST_GAIN):
            chosen = name
    terms, refine, _ = models[chosen]
    matrix = _fit(lab, rgb, terms, refine=refine)
    return ColourSolution(
        terms=terms,
        matrix=matrix,
        white_balance=white_balance(lab, rgb),
        before=ciede2000(lab_of_linear(np.clip(rgb, 0, 1)), lab),
        after=ciede2000(lab_of_linear(corrected(rgb, terms, matrix)), lab),
        names=tuple(patches.names[place] for place in usable),
        unseen=unseen,
        refused=dict(patches.refused),
    )


def terms_of(rgb: Floats, terms: str) -> Floats:
    """What the matrix is multiplied with: (..., 3) for ``linear``; (..., 6) for ``root2``: R, G, B and their roots.

    The order of the roots is sqrt(RG), sqrt(GB), sqrt(RB).
    """
    if terms == "linear":
        return rgb
    return np.concatenate([rgb, np.sqrt(np.maximum(rgb * np.roll(rgb, -1, axis=-1), 0))], axis=-1)


def corrected(rgb: Floats, terms: str, matrix: Floats) -> Floats:
    """Linear sRGB (..., 3), R, G, B, cut to 0..1, of the camera's linear R, G, B."""
    return np.clip(terms_of(rgb, terms) @ np.asarray(matrix).T, 0, 1)


def white_balance(lab: Floats, rgb: Floats) -> tuple[float, float, float]:
    """Factors of R, G and B that make the chart's greys grey, 1 for G; of all patches when it has no greys."""
    greys = np.hypot(lab[:, 1], lab[:, 2]) < GREY_CHROMA
    rows = rgb[greys] if greys.any() else rgb
    total = np.maximum(rows.sum(axis=0), 1e-9)
    return (float(total[1] / total[0]), 1.0, float(total[1] / total[2]))


def _check(patches: Patches) -> None:
    count = len(patches.names)
    if patches.lab.shape != (count, 3) or patches.rgb.shape != (count, 3) or not np.isfinite(patches.rgb).all():
        raise CalibrationError(f"{count} patches need as many known and measured colours", code="patches")
    if count < LEAST_PATCHES:
        raise CalibrationError(
            f"the target has {count} patches, {LEAST_PATCHES} are needed",
            code="few_patches",
            hint="use the colour chart",
        )
    _check_enough(patches)
    if patches.rgb[patches.usable()].max() < _DARK:
        raise CalibrationError("the chart is black in the picture", code="dark", hint="switch the lamps on")


def _check_enough(patches: Patches) -> None:
    """Raises when more patches are refused than may be, or too few greys are left; names them."""
    usable = patches.usable()
    greys = np.hypot(patches.lab[usable, 1], patches.lab[usable, 2]) < GREY_CHROMA
    had_greys = int((np.hypot(patches.lab[:, 1], patches.lab[:, 2]) < GREY_CHROMA).sum())
    enough = len(usable) >= max(LEAST_PATCHES, (1 - MOST_REFUSED) * len(patches.names))
    if enough and int(greys.sum()) >= min(LEAST_GREYS, had_greys):
        return
    reasons = list(patches.refused.values())
    first = max(set(reasons), key=reasons.count)
    named = ", ".join(f"{name} ({reason})" for name, reason in sorted(patches.refused.items()))
    hints = {
        "clipped": "shorten the exposure or turn the light down until the white patch is below 250",
        "glare": "turn the chart or the lamps until nothing is reflected on it",
        "shadow": "take away what throws a shadow on the chart, and lay it flat",
    }
    raise CalibrationError(f"patches cannot be used: {named}", code=first, hint=hints.get(first, ""))


def _without_odd(patches: Patches) -> Patches:
    """Refuse patches that no fit to the others explains; the worst first, as it spoils the others' prediction."""
    while True:
        usable = patches.usable()
        lab, rgb = patches.lab[usable], patches.rgb[usable]
        predicted = _predicted(lab, rgb, "linear", refine=False)
        seen = lab_of_linear(np.clip(predicted, 0, 2))
        off = ciede2000(seen, lab)
        worst = int(np.argmax(off))
        if off[worst] <= max(LEAST_ODD, ODD * float(np.median(off))):
            return patches
        brighter = bool(seen[worst, 0] > lab[worst, 0])
        patches = patches.without({patches.names[usable[worst]]: _LIGHT_WORDS[brighter]})
        _check_enough(patches)


def _unseen(lab: Floats, rgb: Floats, terms: str, *, refine: bool) -> Floats:
    """CIEDE2000 of each patch predicted from the others."""
    return ciede2000(lab_of_linear(np.clip(_predicted(lab, rgb, terms, refine=refine), 0, 1)), lab)


def _predicted(lab: Floats, rgb: Floats, terms: str, *, refine: bool) -> Floats:
    """Linear sRGB (N, 3) of each patch by the fit to the others."""
    found = np.empty_like(rgb)
    for place in range(len(lab)):
        others = np.arange(len(lab)) != place
        found[place] = terms_of(rgb[place], terms) @ _fit(lab[others], rgb[others], terms, refine=refine).T
    return found


def _fit(lab: Floats, rgb: Floats, terms: str, *, refine: bool) -> Floats:
    """The matrix, float64 (3, terms)."""
    balance = np.array(white_balance(lab, rgb))
    inputs = terms_of(rgb * balance, terms)
    wanted = linear_of_lab(lab)
    greys = np.hypot(lab[:, 1], lab[:, 2]) < GREY_CHROMA
    # The eye sees relative differences: the derivative of lightness by light falls with its power of 2/3.
    weights = np.where(greys, _GREY_WEIGHT, 1.0) * np.power(np.maximum(wanted.mean(axis=1), 0) + _DARK, -2 / 3)
    matrix = np.linalg.lstsq(inputs * weights[:, None], wanted * weights[:, None], rcond=None)[0].T
    if refine:
        matrix = _refined(matrix, inputs, lab, np.where(greys, np.sqrt(_GREY_WEIGHT), 1.0))
    factors = balance if terms == "linear" else np.concatenate([balance, np.sqrt(balance * np.roll(balance, -1))])
    return np.asarray(matrix * factors, np.float64)


def _refined(matrix: Floats, inputs: Floats, lab: Floats, weights: Floats) -> Floats:
    """Levenberg-Marquardt on the weighted squares of CIEDE2000; never worse than what it starts from."""
    best, damping = matrix.ravel(), 1e-3
    left = _differences(best[None], inputs, lab, weights)[0]
    for _ in range(_ROUNDS):
        moved = best[None] + _STEP * np.eye(len(best))
        slope = (_differences(moved, inputs, lab, weights) - left).T / _STEP
        square, down = slope.T @ slope, slope.T @ left
        step = np.linalg.lstsq(square + damping * np.diag(np.diag(square) + 1e-9), -down, rcond=None)[0]
        tried = _differences((best + step)[None], inputs, lab, weights)[0]
        if tried @ tried >= left @ left:
            damping *= 10
            continue
        done = tried @ tried > (1 - 1e-5) * (left @ left)
        best, left, damping = best + step, tried, damping / 5
        if done:
            break
    return best.reshape(matrix.shape)


def _differences(matrices: Floats, inputs: Floats, lab: Floats, weights: Floats) -> Floats:
    """Residuals, float64 (M, N * 3), of M flat matrices."""
    light = np.einsum("nt,mct->mnc", inputs, matrices.reshape(len(matrices), 3, -1))
    parts = difference_parts(lab_of_linear(light), lab[None])
    return np.asarray((parts * weights[:, None]).reshape(len(matrices), -1), np.float64)
