"""Shift of the wavenumber axis between an instrument and a calibration, found by search."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ftir.calibration import VibrationModel
from ftir.mixtures import TINY
from ftir.spectra import resample

Array = NDArray[np.float64]
LARGEST_SHIFT = 8.0  # 1/cm; a larger one is no instrument's
COARSE_STEP = 0.5  # 1/cm; narrower than half a band of a liquid, so no minimum is missed


def find_shift(
    model: VibrationModel,
    wavenumber_per_cm: Array,
    absorbance: Array,
    largest: float = LARGEST_SHIFT,
) -> float:
    """The shift (1/cm, to be added to the axis) at which the model explains the spectrum best.

    Reconstruction error against shift is scanned and its minimum refined by Brent's
    method. Where no shift explains it better, 0 is returned.
    """
    error = _error_at(model, wavenumber_per_cm, absorbance)
    shifts = np.arange(-largest, largest + COARSE_STEP / 2, COARSE_STEP)
    errors = np.array([error(float(shift)) for shift in shifts])
    best = float(shifts[int(np.argmin(errors))])
    found = minimize_scalar(
        error,
        bounds=(best - COARSE_STEP, best + COARSE_STEP),
        method="bounded",
        options={"xatol": 0.01},
    )
    return float(found.x) if found.fun < error(0.0) else 0.0


def _error_at(
    model: VibrationModel, wavenumber_per_cm: Array, absorbance: Array
) -> Callable[[float], float]:
    def error(shift: float) -> float:
        spectrum = resample(wavenumber_per_cm + shift, absorbance, model.wavenumber_per_cm)[None]
        gap = np.square(spectrum - model.reconstruct(spectrum)).sum()
        return float(gap / (np.square(spectrum).sum() + TINY))

    return error
