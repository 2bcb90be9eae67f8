"""Infrared spectra: transmittance, another grid, baseline and ATR, and what is wrong with one.

Axes are wavenumbers in 1/cm, values are absorbances (decadic, no unit).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError

Array = NDArray[np.float64]
SATURATED = 2.5  # absorbance above which a detector sees under 0.3 % of the light
LEAST_POINTS = 50
BASELINES = ("none", "arpls", "offset")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a user should know about a spectrum; ``code`` is stable, ``text`` for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is done to a spectrum before it is compared; all off unless asked for."""

    baseline: str = "none"  # one of BASELINES
    atr_to_transmission: bool = False
    align: bool = True


def to_absorbance(value: Array, unit: str) -> tuple[Array, tuple[Notice, ...]]:
    """Values in ``unit`` ("absorbance", "transmittance", "percent" or "" for unknown).

    A = -log10 T. An unknown unit is told from the values: absorbance rests near 0 and
    peaks upwards, transmittance rests near its maximum and dips. T of 0 or less is
    limited to 1e-5 and counted in a notice.
    """
    notices: list[Notice] = []
    if not unit:
        unit = _guess_unit(value)
        notices.append(
            Notice("unit_guessed", f"The file names no unit; its values look like {unit}.")
        )
    if unit == "absorbance":
        return value, tuple(notices)
    fraction = value / 100 if unit == "percent" else value
    above = int((fraction > 1.02).sum())
    if above:
        notices.append(
            Notice(
                "transmittance_above_one",
                f"{above} of {len(value)} transmittances are above 1 (up to {fraction.max():.3g}):"
                " the background was taken from something darker than air.",
            )
        )
    dark = int((fraction <= 0).sum())
    if dark:
        notices.append(
            Notice("no_light", f"{dark} transmittances are 0 or less; taken as 0.001 %.")
        )
    return -np.log10(np.maximum(fraction, 1e-5)), tuple(notices)


def _guess_unit(value: Array) -> str:
    low, middle, high = np.percentile(value, [1, 50, 99])
    if high > 15:
        return "percent"
    if 0.3 < high < 1.3 and middle > 0.6 * high and low >= -0.05:
        return "transmittance"
    return "absorbance"


def check(wavenumber_per_cm: Array, absorbance: Array) -> tuple[Array, Array, tuple[Notice, ...]]:
    """An ascending axis without repeats, and what a user should know.

    Raises LabError for what is no infrared spectrum: too few points, an axis that is no
    wavenumber axis, nothing finite, or one value everywhere.
    """
    finite = np.isfinite(wavenumber_per_cm) & np.isfinite(absorbance)
    axis, values = wavenumber_per_cm[finite], absorbance[finite]
    if len(axis) < LEAST_POINTS:
        raise LabError(
            f"The spectrum has {len(axis)} points; at least {LEAST_POINTS} are needed.",
            fix="Export the whole spectrum again.",
        )
    order = np.argsort(axis, kind="stable")
    axis, values = axis[order], values[order]
    keep = np.concatenate([[True], np.diff(axis) > 0])
    axis, values = axis[keep], values[keep]
    if len(axis) < LEAST_POINTS or axis[0] < 5 or axis[-1] > 20000 or axis[-1] - axis[0] < 50:
        raise LabError(
            f"The first column runs from {axis[0]:g} to {axis[-1]:g}; an infrared spectrum"
            " has wavenumbers, such as 4000 to 650 1/cm.",
            fix="Is this a cycling file? Otherwise export the spectrum against wavenumber.",
        )
    if np.ptp(values) < 1e-9:
        raise LabError(
            f"The spectrum is {values[0]:g} everywhere: nothing was measured.",
            fix="Check that sample and background are not the same measurement.",
        )
    return axis, values, tuple(_notices(axis, values, int((~finite).sum())))


def _notices(axis: Array, values: Array, lost: int) -> list[Notice]:
    notices = []
    if lost:
        notices.append(Notice("not_finite", f"{lost} points are no numbers and were left out."))
    if values.max() > SATURATED:
        where = axis[values > SATURATED]
        notices.append(
            Notice(
                "saturated",
                f"Bands near {where.min():.0f}-{where.max():.0f} 1/cm are saturated (absorbance"
                f" above {SATURATED:g}): their height says nothing.",
            )
        )
    step = float(np.median(np.diff(axis)))
    if step > 6:
        notices.append(
            Notice("coarse", f"Points are {step:.1f} 1/cm apart; bands of electrolyte need 4.")
        )
    notices.extend(_air(axis, values))
    return notices


def _air(axis: Array, values: Array) -> list[Notice]:
    """Rotational lines of water vapour (1/cm spacing of lines) and the band of CO2."""
    notices = []
    vapour = (axis > 1800) & (axis < 1900)
    quiet = (axis > 2450) & (axis < 2550)
    if vapour.sum() > 20 and quiet.sum() > 20:
        rough = _roughness(values[vapour])
        if rough > 6 * _roughness(values[quiet]) and rough > 2e-4:
            notices.append(
                Notice("water_vapour", "Sharp lines at 1800-1900 1/cm: water vapour in the beam.")
            )
    carbon = (axis > 2280) & (axis < 2390)
    beside = ((axis > 2200) & (axis < 2270)) | ((axis > 2400) & (axis < 2470))
    if carbon.sum() > 10 and beside.sum() > 10:
        level = float(np.median(values[beside]))
        height = float(np.abs(values[carbon] - level).max())
        if height > max(0.01, 8 * float(np.std(values[beside]))):
            notices.append(
                Notice(
                    "carbon_dioxide",
                    "A band at 2280-2390 1/cm: carbon dioxide in the beam. It is outside the"
                    " range that compositions are read from.",
                )
            )
    return notices


def _roughness(values: Array) -> float:
    return float(np.median(np.abs(np.diff(values, 2)))) + 1e-7


def resample(wavenumber_per_cm: Array, absorbance: Array, grid: Array) -> Array:
    """Values on ``grid`` by piecewise cubic interpolation (PCHIP, no overshoot).

    Both axes ascend. Outside the measured range the nearest value is kept; ``coverage``
    tells how much of the grid that concerns.
    """
    from scipy.interpolate import PchipInterpolator

    inside = np.clip(grid, wavenumber_per_cm[0], wavenumber_per_cm[-1])
    result: Array = np.asarray(PchipInterpolator(wavenumber_per_cm, absorbance)(inside))
    return result


def coverage(wavenumber_per_cm: Array, grid: Array) -> tuple[Array, tuple[Notice, ...]]:
    """Which grid points were measured, and a notice where some were not.

    Raises LabError when less than four fifths of the grid were measured.
    """
    margin = 2 * float(np.median(np.diff(grid)))
    measured = (grid >= wavenumber_per_cm[0] - margin) & (grid <= wavenumber_per_cm[-1] + margin)
    share = float(measured.mean())
    ranges = (
        f"The spectrum covers {wavenumber_per_cm[0]:.0f}-{wavenumber_per_cm[-1]:.0f} 1/cm, the"
        f" calibration needs {grid[0]:.0f}-{grid[-1]:.0f}"
    )
    if share < 0.8:
        raise LabError(f"{ranges}.", fix="Measure the whole range, or use another calibration.")
    if share < 1:
        notice = Notice("range", f"{ranges}; {100 * (1 - share):.1f} % of it is extrapolated.")
        return measured, (notice,)
    return measured, ()


def correct(wavenumber_per_cm: Array, absorbance: Array, corrections: Corrections) -> Array:
    """Baseline and ATR corrections, in that order; the measured values when all are off."""
    values = absorbance
    if corrections.baseline not in BASELINES:
        raise LabError(
            f"Unknown baseline '{corrections.baseline}'.", fix=f"Known: {', '.join(BASELINES)}."
        )
    if corrections.baseline != "none":
        values = values - _baseline(wavenumber_per_cm, values, corrections.baseline)
    if corrections.atr_to_transmission:
        # The depth of the evanescent wave grows with the wavelength (Harrick, 1967), so a
        # band at low wavenumbers looks stronger by as much.
        values = values * wavenumber_per_cm / 1000.0
    return values


def _baseline(axis: Array, values: Array, method: str) -> Array:
    if method == "offset":
        return np.full_like(values, float(np.percentile(values, 2)))
    # Imported when asked for: it is needed by nobody else and slow to load.
    from pybaselines import Baseline

    fitter: Callable[..., tuple[Any, Any]] = Baseline(x_data=axis).arpls
    found, _ = fitter(values, lam=1e6)
    return np.asarray(found, dtype=np.float64)
