"""Is a spectrum one of a linear, stable, causal system? Kramers-Kronig, as a linear fit.

Any such system is met by enough resistor-capacitor pairs with fixed time constants, which
is a linear least-squares problem (Boukamp, J. Electrochem. Soc. 142 (1995) 1885). The
number of pairs is the one with the least Bayesian information criterion. The usual µ of
Schönleber, Klotz & Ivers-Tiffée (Electrochim. Acta 131 (2014) 20) is given beside it, but
does not decide: it counts negative resistances, which inductive arcs and tails need. What is
left is noise, or what no linear and stable system does, such as drift during the sweep: that
shows as residuals of neighbouring frequencies that go together. Spectra are solved at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.spectra import BoolArray, ComplexArray, FloatArray, Spectrum
from eis.batches import Batch, make_batch
from eis.fitting import thinned

FEWEST_PAIRS, MOST_PAIRS, PAIRS_STEP = 4, 40, 3
BEYOND = 1.0  # time constants reach this far past the window, in e-folds
CHUNK = 128
FEWEST_POINTS = 8

SYSTEMATIC = 2.3  # z-score of the correlation of neighbouring residuals
SMALLEST = 1e-5  # residuals of |Z| that no instrument beats
SMALL = 0.001  # systematic residuals below 0.1 % of |Z| are an instrument's, not the cell's
LARGE = 0.05  # root mean square residuals above 5 % are too much to judge anything
OUTLIER = 5.0  # robust standard deviations
OUTLIER_LEAST = 0.004
STRAY_ROUNDS = 4
STRAY_SHARE = 0.1

VALID, INVALID, NOT_TESTED = "valid", "invalid", "not tested"


@dataclass(frozen=True, slots=True, eq=False)
class Validity:
    """The Kramers-Kronig test of one spectrum.

    ``residual`` (n,) complex, over |Z| (0.01 is 1 %), NaN where a point did not count;
    ``outliers`` (n,) points that the others contradict; ``root_mean_square`` of residuals
    without outliers; ``pairs`` of resistor and capacitor used, with their ``mu``;
    ``verdict`` is ``valid``, ``invalid`` or ``not tested``, with the reason.
    """

    residual: ComplexArray
    outliers: BoolArray
    root_mean_square: float
    pairs: int
    mu: float
    verdict: str
    reason: str = ""


def linear_kk(spectra: Sequence[Spectrum]) -> list[Validity]:
    """The Kramers-Kronig test of each of ``spectra``, in their order."""
    results: list[Validity | None] = [None] * len(spectra)
    rows = []
    for row, spectrum in enumerate(spectra):
        count = len(np.unique(spectrum.frequency_hz[spectrum.usable]))
        if count < FEWEST_POINTS:
            results[row] = _untested(len(spectrum), count)
        else:
            rows.append(row)
    rows.sort(key=lambda row: int(spectra[row].usable.sum()))
    for first in range(0, len(rows), CHUNK):
        some = rows[first : first + CHUNK]
        for row, found in zip(some, _test([spectra[r] for r in some]), strict=True):
            results[row] = found
    return [result for result in results if result is not None]


def _untested(points: int, count: int) -> Validity:
    return Validity(
        residual=np.full(points, complex(np.nan, np.nan)),
        outliers=np.zeros(points, dtype=bool),
        root_mean_square=np.nan,
        pairs=0,
        mu=np.nan,
        verdict=NOT_TESTED,
        reason=f"Expected at least {FEWEST_POINTS} different frequencies, found {count}.",
    )


@dataclass(slots=True, eq=False)
class _Fit:
    """Residuals (B, F) over |Z|, pairs and µ (B,) of a batch."""

    residual: ComplexArray
    pairs: FloatArray
    mu: FloatArray


def _test(spectra: Sequence[Spectrum]) -> Iterator[Validity]:
    batch = make_batch([thinned(spectrum) for spectrum in spectra])
    fit = _fit(batch, batch.weight)
    outliers = _leave_out_strays(batch, fit)
    for row, spectrum in enumerate(spectra):
        yield _validity(spectrum, batch, fit, outliers, row)


def _fit(batch: Batch, weight: FloatArray) -> _Fit:
    """The number of pairs with the least Bayesian information criterion, and its residuals."""
    B = len(batch)
    count = weight.sum(axis=1)
    fit = _Fit(np.zeros_like(batch.impedance), np.zeros(B), np.ones(B))
    least = np.full(B, np.inf)
    for pairs in range(FEWEST_PAIRS, MOST_PAIRS + 1, PAIRS_STEP):
        # As many unknowns as points use half of the numbers; more leave little to judge by.
        rows = np.flatnonzero(pairs + 3 <= count)
        if not len(rows):
            break
        residual, mu = _least_squares(batch.take(rows), weight[rows], pairs)
        square = (np.abs(residual) ** 2 * weight[rows]).sum(axis=1) / (2 * count[rows])
        numbers = 2 * count[rows]
        criterion = numbers * np.log(square + SMALLEST**2) + (pairs + 3) * np.log(numbers)
        better = criterion < least[rows]
        kept = rows[better]
        least[kept] = criterion[better]
        fit.residual[kept], fit.mu[kept], fit.pairs[kept] = residual[better], mu[better], pairs
    return fit


def _least_squares(batch: Batch, weight: FloatArray, pairs: int) -> tuple[ComplexArray, FloatArray]:
    """Residuals (B, F) over |Z| of the best resistances, and µ (B,)."""
    omega = np.exp(batch.log_omega)[:, None]
    share = np.linspace(0, 1, pairs)
    low, high = batch.low - BEYOND, batch.high + BEYOND
    tau = np.exp(-(low[:, None] + share * (high - low)[:, None]))
    columns = np.empty((len(batch), pairs + 3, omega.shape[2]), dtype=np.complex128)
    columns[:, 0] = 1
    columns[:, 1:2] = 1j * omega / np.exp(batch.high)[:, None, None]
    columns[:, 2:3] = np.exp(batch.low)[:, None, None] / (1j * omega)
    np.divide(1, 1 + 1j * omega * tau[:, :, None], out=columns[:, 3:])
    size = np.abs(batch.impedance)
    scaled = columns * (weight / size)[:, None]
    target = batch.impedance * weight / size
    gram = (scaled.real @ scaled.real.transpose(0, 2, 1)) + (
        scaled.imag @ scaled.imag.transpose(0, 2, 1)
    )
    right = scaled.real @ target.real[..., None] + scaled.imag @ target.imag[..., None]
    diagonal = np.einsum("bpp->bp", gram)
    diagonal *= 1 + 1e-10
    diagonal += 1e-13 * diagonal.max(axis=1, keepdims=True)
    values = np.linalg.solve(gram, right)[..., 0]
    residual = (batch.impedance - np.einsum("bkf,bk->bf", columns, values)) / size
    resistance = values[:, 3:]
    negative = -np.minimum(resistance, 0).sum(axis=1)
    positive = np.maximum(resistance, 0).sum(axis=1)
    return residual * batch.weight, 1 - negative / np.maximum(positive, 1e-300)


def _leave_out_strays(batch: Batch, fit: _Fit) -> BoolArray:
    """Outliers (B, F); refits spectra that have a few, and puts the new residuals into ``fit``.

    A stray point pulls its neighbours along, so only the worst of each run is left out
    before the next look. Many points that disagree are no strays, but a spectrum that
    does not hold together: then none is left out.
    """
    outliers = np.zeros(batch.weight.shape, dtype=bool)
    rows = np.arange(len(batch))
    residual = fit.residual
    for _ in range(STRAY_ROUNDS):
        weight = batch.weight[rows] * ~outliers[rows]
        new = _strays(residual, weight)
        again = new.any(axis=1)
        if not again.any():
            break
        outliers[rows] |= new
        rows = rows[again]
        refit = _fit(batch.take(rows), batch.weight[rows] * ~outliers[rows])
        residual = refit.residual
        few = outliers[rows].sum(axis=1) <= np.maximum(STRAY_SHARE * batch.points[rows], 2)
        fit.residual[rows[few]] = residual[few]
        fit.pairs[rows[few]], fit.mu[rows[few]] = refit.pairs[few], refit.mu[few]
    many = outliers.sum(axis=1) > np.maximum(STRAY_SHARE * batch.points, 2)
    if many.any():
        whole = _fit(batch.take(many), batch.weight[many])
        fit.residual[many], fit.pairs[many], fit.mu[many] = whole.residual, whole.pairs, whole.mu
        outliers[many] = False
    return outliers


def _strays(residual: ComplexArray, weight: FloatArray) -> BoolArray:
    """Points that count, far beyond what is usual in their spectrum, the worst of each run."""
    there = weight > 0
    size = np.where(there, np.abs(residual), 0.0)
    usual = np.nanmedian(np.where(there, size, np.nan), axis=1, keepdims=True)
    # The median of the modulus of complex normal noise is 1.18 deviations of each part.
    limit = np.maximum(OUTLIER * usual / 1.1774, OUTLIER_LEAST)
    beside = np.pad(size, ((0, 0), (1, 1)))
    worst = (size >= beside[:, :-2]) & (size >= beside[:, 2:])
    strays: BoolArray = worst & (size > limit)
    return strays


def _validity(
    spectrum: Spectrum, batch: Batch, fit: _Fit, outliers: BoolArray, row: int
) -> Validity:
    there = batch.weight[row] > 0
    residual, bad = fit.residual[row, there], outliers[row, there]
    good = residual[~bad]
    rms = float(np.sqrt(np.mean(np.abs(good) ** 2) / 2)) if len(good) else np.nan
    verdict, reason = _verdict(good, rms)
    whole = np.full(len(spectrum), complex(np.nan, np.nan))
    flags = np.zeros(len(spectrum), dtype=bool)
    usable = np.flatnonzero(spectrum.usable)
    if len(usable) == len(residual):
        order = usable[np.argsort(-spectrum.frequency_hz[usable], kind="stable")]
        whole[order], flags[order] = residual, bad
    else:
        log = batch.log_omega[row, there] - batch.shift[row]
        means = batch.impedance[row, there] * np.exp(-batch.scale[row])
        model = means - residual * np.abs(means)
        whole[usable] = _beside(spectrum, log, model)
        flags[usable] = _far_off(whole[usable])
    return Validity(whole, flags, rms, int(fit.pairs[row]), float(fit.mu[row]), verdict, reason)


def _beside(spectrum: Spectrum, log: FloatArray, model: ComplexArray) -> ComplexArray:
    """Residuals (n,) over |Z| of the usable points of a thinned spectrum.

    ``model`` (F,) is what the pairs give at the means, at ``log`` of the angular frequency;
    between them it is a straight line, which is off by less than 0.1 % over such short steps.
    """
    usable = spectrum.usable
    order = np.argsort(log)
    nodes, values = (_with_ends(array[order]) for array in (log, model))
    between = np.interp(np.log(2 * np.pi * spectrum.frequency_hz[usable]), nodes, values)
    residual: ComplexArray = (spectrum.impedance_ohm[usable] - between) / np.abs(
        spectrum.impedance_ohm[usable]
    )
    return residual


def _with_ends(values: NDArray[Any]) -> NDArray[Any]:
    """One more step on either side, straight on: the outermost points lie beyond the means."""
    return np.concatenate([[2 * values[0] - values[1]], values, [2 * values[-1] - values[-2]]])


def _far_off(residual: ComplexArray) -> BoolArray:
    """Points (n,) far beyond what is usual; none where many are, as for spectra that are whole.

    A mean over many points hides one that strays, so each is looked at by itself.
    """
    size = np.abs(residual)
    far: BoolArray = size > max(OUTLIER * float(np.median(size)) / 1.1774, OUTLIER_LEAST)
    few = far.sum() <= max(STRAY_SHARE * len(size), 2)
    return far if few else np.zeros(len(size), dtype=bool)


def _verdict(residual: ComplexArray, rms: float) -> tuple[str, str]:
    if not np.isfinite(rms) or len(residual) < FEWEST_POINTS:
        return INVALID, "Too few points agree with each other."
    if rms > LARGE:
        return INVALID, f"Residuals of {rms:.1%} of |Z| are more than noise should be."
    z = max(_togetherness(residual.real), _togetherness(residual.imag))
    if z > SYSTEMATIC and rms > SMALL:
        return INVALID, (
            f"Residuals of {rms:.1%} of |Z| go together over neighbouring frequencies: the cell "
            "changed during the measurement, or its answer was not linear."
        )
    return VALID, ""


def _togetherness(values: FloatArray) -> float:
    """z-score of the correlation of neighbours: 0 for noise, large for a slow wave."""
    centred = values - values.mean()
    square = float(centred @ centred)
    if square == 0:
        return 0.0
    return float((centred[1:] @ centred[:-1]) / square * np.sqrt(len(values)))
