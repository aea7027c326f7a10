"""What share of good items is below a value, from few of them and what is usual: Student's t."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
USUAL_SIGMA, USUAL_WEIGHT = 0.3, 8
"""How much the strangeness of good samples of a product scatters (seen: 0.15 to 0.6), and how many samples that is
worth: few samples alone tell it badly, and a limit that has to allow for that finds little."""


def share_below(values: npt.NDArray[np.floating], samples: npt.ArrayLike) -> Doubles:
    """Chance that one more value of the same normal distribution as ``samples`` is below each of ``values``.

    The predictive distribution with a prior for the variance: t = (x - mean) / (s * sqrt(1 + 1/n)) with v + n - 1
    degrees of freedom, s² = (v * usual² + (n - 1) * own²) / (v + n - 1) (Gelman et al., Bayesian Data Analysis, 3.3).
    """
    known = np.asarray(samples, np.float64)
    count = len(known)
    degrees = USUAL_WEIGHT + count - 1
    variance = (USUAL_WEIGHT * USUAL_SIGMA**2 + (count - 1) * float(known.var(ddof=1))) / degrees
    return t_below((values.astype(np.float64) - known.mean()) / math.sqrt(variance * (1 + 1 / count)), degrees)


def t_below(t: Doubles, degrees: int) -> Doubles:
    """Distribution function of Student's t for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = np.arctan2(t, math.sqrt(degrees))
    cosine, sine = np.cos(angle), np.sin(angle)
    odd = degrees % 2 == 1
    term = cosine if odd else np.ones_like(cosine)
    total = term
    for step in range(3 if odd else 2, degrees - 1, 2):
        term = term * cosine * cosine * (step - 1) / step
        total = total + term
    inside = sine * total
    if odd:
        inside = 2 / math.pi * (angle + (inside if degrees > 1 else 0.0))
    return np.asarray(0.5 + inside / 2, np.float64)
