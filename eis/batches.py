"""Many spectra as rectangular arrays, each brought to unit size around unit frequency.

Impedance is divided so that the mean of |Z| is 1, and frequencies are multiplied so that
the mean of ln ω, weighted by |Z|, is 0 (thesis 3.5.2). Both are undone exactly by the
symmetries of the circuit (thesis 2.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from battery_db.lib.spectra import BoolArray, ComplexArray, FloatArray, Spectrum


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Normalised spectra, padded to one length; frequencies fall along each row.

    ``log_omega`` and ``impedance`` (B, F); ``weight`` (B, F) is 1 for points and 0 for
    padding. ``scale`` and ``shift`` (B,) are what was added to ln |Z| and ln ω; ``low``
    and ``high`` (B,) are the ends of the normalised window. ``spread`` (B, 2) holds the
    empirical standard deviations of the real and imaginary parts (thesis 3.5.10).
    """

    log_omega: FloatArray
    impedance: ComplexArray
    weight: FloatArray
    scale: FloatArray
    shift: FloatArray
    low: FloatArray
    high: FloatArray
    spread: FloatArray

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def points(self) -> FloatArray:
        """(B,) number of points of each spectrum."""
        count: FloatArray = self.weight.sum(axis=1)
        return count

    def take(self, rows: Any) -> "Batch":
        """Some of the spectra, by index or condition."""
        return Batch(*(getattr(self, field.name)[rows] for field in fields(self)))


def make_batch(spectra: Sequence[Spectrum]) -> Batch:
    """Normalise the usable points of ``spectra``; each must have at least one."""
    kept = [s.usable for s in spectra]
    size = max(int(k.sum()) for k in kept)
    log_omega, weight = np.zeros((2, len(spectra), size))
    impedance = np.zeros((len(spectra), size), dtype=np.complex128)
    for row, (spectrum, usable) in enumerate(zip(spectra, kept, strict=True)):
        order = np.argsort(-spectrum.frequency_hz[usable], kind="stable")
        count = len(order)
        log_omega[row, :count] = np.log(2 * np.pi * spectrum.frequency_hz[usable][order])
        impedance[row, :count] = spectrum.impedance_ohm[usable][order]
        weight[row, :count] = 1
    return normalise(log_omega, impedance, weight)


def normalise(log_omega: FloatArray, impedance: ComplexArray, weight: FloatArray) -> Batch:
    """The batch of spectra (B, F) given by ln ω, Z in ohm and a weight that is 0 for padding."""
    size = np.abs(impedance) * weight
    scale = -np.log(size.sum(axis=1) / weight.sum(axis=1))
    shift = -(size * log_omega).sum(axis=1) / size.sum(axis=1)
    there = weight > 0
    log_omega = np.where(there, log_omega + shift[:, None], 0.0)
    impedance = np.where(there, impedance * np.exp(scale)[:, None], 1.0)
    return Batch(
        log_omega=log_omega,
        impedance=impedance,
        weight=weight,
        scale=scale,
        shift=shift,
        low=np.where(there, log_omega, np.inf).min(axis=1),
        high=np.where(there, log_omega, -np.inf).max(axis=1),
        spread=np.stack([_spread(impedance.real, there), _spread(impedance.imag, there)], axis=1),
    )


def _spread(values: FloatArray, there: BoolArray) -> FloatArray:
    """Standard deviation along rows; not below 0.1 % of the mean of |Z|, which is 1."""
    count = there.sum(axis=1)
    mean = np.where(there, values, 0).sum(axis=1) / count
    square = np.where(there, (values - mean[:, None]) ** 2, 0).sum(axis=1) / count
    spread: FloatArray = np.maximum(np.sqrt(square), 1e-3)
    return spread
