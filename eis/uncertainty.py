"""How sure the parameters of a fit are: from the curvature of the misfit, without the prior."""

from dataclasses import dataclass

import numpy as np

from battery_db.lib.spectra import BoolArray, FloatArray
from eis.batches import Batch
from eis.refinement import Objective

NORMAL_90 = 1.6449  # 90 % of a normal distribution lie within this many deviations
LARGEST_LOG = np.log(3) / NORMAL_90
LARGEST_FRACTION = 0.25 / NORMAL_90


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """Standard deviations (B, P), of ln p for positive parameters and of exponents themselves.

    ``identifiable`` (B, P): the spectrum alone holds the parameter.
    """

    deviation: FloatArray
    fractions: BoolArray
    identifiable: BoolArray

    def in_units_of(
        self, parameters: FloatArray, row: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Standard errors and the ends of the 90 % intervals, (P,) each, of one spectrum."""
        deviation = np.minimum(self.deviation[row], 50.0)
        errors = np.where(self.fractions, deviation, parameters * deviation)
        reach = NORMAL_90 * deviation
        low = np.where(
            self.fractions, np.maximum(parameters - reach, 0), parameters * np.exp(-reach)
        )
        high = np.where(
            self.fractions, np.minimum(parameters + reach, 1), parameters * np.exp(reach)
        )
        return errors, low, high


def uncertainty_of(objective: Objective, u: FloatArray, batch: Batch) -> Uncertainty:
    """Uncertainty of the parameters at coordinates ``u`` (B, P).

    Noise is taken as the residuals show it, in proportion to |Z| and equal in the real and
    imaginary part, which is how instruments specify it; the covariance is that of an
    estimate weighted otherwise (the sandwich of White, 1980, with the noise model in the
    middle), so it holds although the fit weighs all points alike.
    """
    coordinates = objective.coordinates
    parameters = coordinates.parameters(u, batch)
    impedance, slopes = coordinates.circuit.slopes(parameters, batch.log_omega)
    F = slopes.shape[2]
    weight = np.repeat(batch.weight, 2, axis=1)
    spread = np.tile(batch.spread, (1, F))  # real and imaginary parts are neighbours
    slope = slopes.view(np.float64) * (weight / spread)[:, None]  # (B, P, 2F)
    size = np.repeat(np.abs(impedance), 2, axis=1) / spread
    bread = slope @ slope.transpose(0, 2, 1)
    inverse = np.linalg.pinv(bread, rcond=1e-12, hermitian=True)
    filled = slope * size[:, None]
    covariance = inverse @ (filled @ filled.transpose(0, 2, 1)) @ inverse
    residual = (batch.impedance - impedance).view(np.float64) / spread / size * weight
    # What noise of one leaves at a point (B, 2F): less than one where the fit follows the
    # point, more where it follows larger noise elsewhere.
    left = 1 - 2 * np.einsum("bpf,bpf->bf", slope, inverse @ slope)
    left += np.einsum("bpf,bpf->bf", slope, covariance @ slope) / size**2
    noise = (residual**2).sum(axis=1) / np.maximum((left * weight).sum(axis=1), 1)
    covariance *= noise[:, None, None]
    deviation = np.sqrt(np.maximum(np.einsum("bpp->bp", covariance), 0))
    deviation = np.where(_seen(bread), deviation, np.inf)
    largest = np.where(coordinates.fractions, LARGEST_FRACTION, LARGEST_LOG)
    return Uncertainty(deviation, coordinates.fractions, deviation <= largest)


def _seen(curvature: FloatArray) -> BoolArray:
    """Parameters (B, P) that move the spectrum at all."""
    diagonal = np.einsum("bpp->bp", curvature)
    seen: BoolArray = diagonal > 1e-10 * diagonal.max(axis=1, keepdims=True)
    return seen
