"""From a measured spectrum to mass ratios, a judgement and an explanation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ftir import alignment, bands, confidence, fine_tuning
from ftir.archive import Fitted
from ftir.calibration import VibrationModel
from ftir.mixtures import TINY, partial_spectra
from ftir.spectra import Corrections, Notice, correct, coverage, resample

Array = NDArray[np.float64]
WORTH_SHIFTING = 0.9  # a shift must bring the error below this share of what it was
UNLIKE = "It was corrected, and the spectra of the calibration were not."
SMALLEST_SHIFT = 0.3  # 1/cm; smaller ones change a composition less than its error


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a calibration makes of one spectrum; arrays on the calibration's grid.

    Mass ratios sum to 1; ``unclamped`` are those before negative ones became 0.
    """

    components: tuple[str, ...]
    mass_ratio: Array  # (N,)
    unclamped: Array  # (N,)
    half_width: Array  # (N,) of the interval at the calibration's level
    wavenumber_per_cm: Array  # (M,)
    absorbance: Array  # (M,) as compared: corrected, shifted, resampled
    reconstructed: Array  # (M,)
    partial: Array  # (N, M)
    typical_residual: Array  # (M,) in absorbance, at the calibration's limit
    shift_per_cm: float
    reconstruction_error: float  # mean |s - s'| / mean |s|
    refinement: fine_tuning.Refinement
    assessment: confidence.Assessment
    notices: tuple[Notice, ...]
    corrections: Corrections

    @property
    def verdict(self) -> str:
        """One sentence for people, and a second where it is corrected unlike the calibration."""
        return f"{self._judgement} {UNLIKE}" if is_corrected(self.corrections) else self._judgement

    @property
    def _judgement(self) -> str:
        if self.assessment.in_calibration:
            return "In calibration: the spectrum is explained throughout, and so is trusted."
        if self.assessment.regions:
            named = ", ".join(f"{region.peak_per_cm:.0f}" for region in self.assessment.regions[:4])
            return f"Out of calibration: not explained near {named} 1/cm."
        return "Explained, but with a concern: " + self.assessment.concerns[0]

    @property
    def finding(self) -> str:
        """What refined concentrations say of the prediction and of the reconstruction."""
        return self.refinement.finding(explained=not self.assessment.regions)


def is_corrected(corrections: Corrections) -> bool:
    """Whether the values are changed; the spectra of a calibration are compared as measured."""
    return corrections.baseline != "none" or corrections.atr_to_transmission


def estimate(
    fitted: Fitted,
    wavenumber_per_cm: Array,
    absorbance: Array,
    corrections: Corrections = Corrections(),  # noqa: B008 - frozen
) -> Estimate:
    """Judge a spectrum with an ascending axis of its own.

    Raises LabError where it does not cover the calibration's range.
    """
    model = fitted.model
    _, notices = coverage(wavenumber_per_cm, model.wavenumber_per_cm)
    corrected = correct(wavenumber_per_cm, absorbance, corrections)
    spectrum = resample(wavenumber_per_cm, corrected, model.wavenumber_per_cm)
    shift = 0.0
    if corrections.align:
        spectrum, shift = aligned(model, wavenumber_per_cm, corrected)
    if shift:
        text = f"The wavenumber axis was shifted by {shift:+.1f} 1/cm to fit the calibration."
        notices = (*notices, Notice("shifted", text))
    concentration = model.concentrations(spectrum[None])[0]
    judged = confidence.assess(model, fitted.confidence, spectrum)
    rebuilt = model.reconstruct(spectrum[None])[0]
    path = float(np.maximum(concentration, 0).sum())
    return Estimate(
        components=model.components,
        mass_ratio=model.predict(spectrum[None])[0],
        unclamped=model.unclamped(spectrum[None])[0],
        half_width=judged.half_width,
        wavenumber_per_cm=model.wavenumber_per_cm,
        absorbance=spectrum,
        reconstructed=rebuilt,
        partial=partial_spectra(model.pair_spectra, concentration),
        typical_residual=path * fitted.confidence.sigma * fitted.confidence.local_limit,
        shift_per_cm=shift,
        reconstruction_error=_relative_error(spectrum, rebuilt),
        refinement=fine_tuning.refine(model, spectrum),
        assessment=judged,
        notices=notices,
        corrections=corrections,
    )


def aligned(model: VibrationModel, axis: Array, absorbance: Array) -> tuple[Array, float]:
    """A spectrum on the grid of the model, and the shift of its axis (0 where none helps)."""
    unshifted = resample(axis, absorbance, model.wavenumber_per_cm)
    shift = alignment.find_shift(model, axis, absorbance)
    if abs(shift) < SMALLEST_SHIFT:
        return unshifted, 0.0
    shifted = resample(axis + shift, absorbance, model.wavenumber_per_cm)
    before = _relative_error(unshifted, model.reconstruct(unshifted[None])[0])
    after = _relative_error(shifted, model.reconstruct(shifted[None])[0])
    return (shifted, shift) if after < WORTH_SHIFTING * before else (unshifted, 0.0)


def _relative_error(spectrum: Array, rebuilt: Array) -> float:
    return float(np.abs(spectrum - rebuilt).mean() / (np.abs(spectrum).mean() + TINY))


def suspects(found: Estimate) -> tuple[str, ...]:
    """Species outside the calibration with bands where the spectrum is not explained."""
    names: list[str] = []
    for region in found.assessment.regions[:4]:
        names += bands.candidates(region.peak_per_cm, besides=found.components)
    return tuple(dict.fromkeys(names))
