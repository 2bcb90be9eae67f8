"""The methods that labs use today, on the same spectra: CLS, ridge, PLS.

They are what a calibration is compared with. PLS is NIPALS with its number of factors
chosen by inner cross-validation; scikit-learn's needs a dependency of 30 MB in the web
image for 20 lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ftir.calibration import Samples
from ftir.mixtures import TINY, mass_ratios
from ftir.validation import folds

Array = NDArray[np.float64]
Scaling = Literal["area", "snv"]
Predictor = Callable[[Array], Array]
RIDGES = tuple(10.0**power for power in range(-7, 1))
MOST_FACTORS = 12


def scale(absorbance: Array, scaling: Scaling) -> Array:
    """Without the path: unit area, or standard normal variate (zero mean, unit deviation)."""
    if scaling == "area":
        result: Array = absorbance / (np.abs(absorbance).mean(axis=1, keepdims=True) + TINY)
        return result
    centred = absorbance - absorbance.mean(axis=1, keepdims=True)
    snv: Array = centred / (centred.std(axis=1, keepdims=True) + TINY)
    return snv


@dataclass(frozen=True, slots=True)
class ClassicalLeastSquares:
    """Beer's law: spectra of pure components, concentrations by non-negative least squares."""

    spectra: Array  # (N, M)

    def predict(self, absorbance: Array) -> Array:
        from scipy.optimize import nnls

        found = np.stack([nnls(self.spectra.T, row)[0] for row in absorbance])
        result: Array = found / (found.sum(axis=1, keepdims=True) + TINY)
        return result


def fit_classical(samples: Samples, rounds: int = 10) -> ClassicalLeastSquares:
    """Pure spectra and paths of the known mixtures by alternating least squares."""
    path = np.abs(samples.absorbance).mean(axis=1)
    path = path / path.mean()
    spectra = np.zeros((samples.mass_ratio.shape[1], samples.absorbance.shape[1]))
    for _ in range(rounds):
        spectra, *_ = np.linalg.lstsq(samples.mass_ratio * path[:, None], samples.absorbance)
        unit = samples.mass_ratio @ spectra
        path = (unit * samples.absorbance).sum(axis=1) / (np.square(unit).sum(axis=1) + TINY)
        path = path / path.mean()
    return ClassicalLeastSquares(spectra)


def fit_ridge(samples: Samples, scaling: Scaling = "snv") -> Predictor:
    """Ridge regression from scaled spectra; its strength by inner cross-validation."""

    def make(strength: float) -> Callable[[Array, Array], Predictor]:
        return lambda x, y: _ridge(x, y, strength)

    return _best(samples, scaling, [make(strength) for strength in RIDGES])


def fit_pls(samples: Samples, scaling: Scaling = "area") -> Predictor:
    """PLS2; its number of factors (up to 12) by inner cross-validation."""

    def make(factors: int) -> Callable[[Array, Array], Predictor]:
        return lambda x, y: _pls(x, y, factors)

    return _best(samples, scaling, [make(factors) for factors in range(2, MOST_FACTORS + 1)])


def _best(
    samples: Samples, scaling: Scaling, makers: list[Callable[[Array, Array], Predictor]]
) -> Predictor:
    """The maker with the least mean error over the components, each over its largest ratio.

    What comes out is limited and normalised, as it is for the models of vibrations: without
    it these methods lose a quarter of their accuracy to amounts below nothing.
    """
    x, y = scale(samples.absorbance, scaling), samples.mass_ratio
    top = y.max(axis=0) + TINY
    errors = np.zeros(len(makers))
    for kept, out in folds(y, 5):
        for index, make in enumerate(makers):
            found = mass_ratios(make(x[kept], y[kept])(x[out]))
            errors[index] += (np.abs(found - y[out]) / top).sum()
    chosen = makers[int(np.argmin(errors))](x, y)
    return lambda absorbance: mass_ratios(chosen(scale(absorbance, scaling)))


def _ridge(x: Array, y: Array, strength: float) -> Predictor:
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean_x
    gram = centred @ centred.T
    gram[np.diag_indices_from(gram)] += strength * np.trace(gram) / len(gram)
    weight = centred.T @ np.linalg.solve(gram, y - mean_y)
    return lambda absorbance: (absorbance - mean_x) @ weight + mean_y


def _pls(x: Array, y: Array, factors: int) -> Predictor:
    """PLS2 by singular vectors of X^T Y, deflating X (de Jong and ter Braak, 1994)."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    left, right = x - mean_x, y - mean_y
    weights, loadings, targets = [], [], []
    for _ in range(min(factors, len(x) - 2)):
        vector, *_ = np.linalg.svd(right.T @ left, full_matrices=False)
        weight = left.T @ (right @ vector[:, 0])
        weight /= np.linalg.norm(weight) + TINY
        score = left @ weight
        power = score @ score + TINY
        loading = left.T @ score / power
        weights.append(weight)
        loadings.append(loading)
        targets.append(right.T @ score / power)
        left = left - np.outer(score, loading)
    w, p, q = np.array(weights).T, np.array(loadings).T, np.array(targets).T
    coefficients = w @ np.linalg.pinv(p.T @ w) @ q.T
    return lambda absorbance: (absorbance - mean_x) @ coefficients + mean_y
