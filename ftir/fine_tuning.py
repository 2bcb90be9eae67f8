"""Concentrations refined against the spectrum with A fixed (thesis, 4.2.7): a diagnostic.

Where the refined spectrum fits much better than the reconstructed one, the prediction
is at fault; where neither fits, the model does not know the spectrum. The refined
composition is the worse one on average and is never reported in place of the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ftir.calibration import VibrationModel
from ftir.mixtures import TINY, mass_ratios, mix

Array = NDArray[np.float64]
CLEARLY = 0.7  # a fit with less than this share of the error is clearly better


@dataclass(frozen=True, slots=True)
class Refinement:
    """Relative errors mean |s - s'| / mean |s| before and after, and where c went."""

    mass_ratio: Array
    error_before: float
    error_after: float

    def verdict(self, explained: bool) -> str:
        """ "wrong prediction", "wrong reconstruction", or empty where both are as usual.

        ``explained`` is whether the residual keeps within its typical band throughout.
        """
        if self.error_after < CLEARLY * self.error_before:
            return "wrong prediction"
        return "" if explained else "wrong reconstruction"

    def finding(self, explained: bool) -> str:
        """For people; the composition that is reported stays the predicted one."""
        numbers = (
            f"Concentrations fitted to the spectrum leave {100 * self.error_after:.1f} % of it,"
            f" the predicted ones {100 * self.error_before:.1f} %."
        )
        verdict = self.verdict(explained)
        if verdict == "wrong prediction":
            return (
                f"Wrong prediction: {numbers} Other concentrations explain the spectrum much"
                " better, so doubt the composition more than the spectrum."
            )
        if verdict == "wrong reconstruction":
            return (
                f"Wrong reconstruction: {numbers} No concentrations explain the spectrum: what is"
                " left is outside the model (an unknown species, noise, band shapes)."
            )
        return f"Prediction and reconstruction agree: {numbers}"


def refine(model: VibrationModel, absorbance: Array) -> Refinement:
    """Refine the concentrations of one spectrum (M,) by bounded least squares."""
    start = np.maximum(model.concentrations(absorbance[None])[0], 0.0)
    size = max(float(start.sum()), TINY)

    def residual(scaled: Array) -> Array:
        result: Array = mix(model.pair_spectra, scaled[None] * size)[0] - absorbance
        return result

    found = least_squares(residual, np.maximum(start / size, 1e-6), bounds=(0.0, np.inf))
    level = float(np.abs(absorbance).mean()) + TINY
    before = float(np.abs(mix(model.pair_spectra, start[None])[0] - absorbance).mean()) / level
    after = float(np.abs(residual(found.x)).mean()) / level
    return Refinement(mass_ratios(found.x[None])[0], before, after)
