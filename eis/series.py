"""Fits of one cell's spectra over its life, coordinated: what does not change stays the same.

Fits made one by one may choose differently among nearly equal answers (thesis 2.6), which
hides even a constant. Here a series is brought to one size, every spectrum is refined from
the same start, and neighbours are then smoothed: each coordinate is a random walk whose
step size is estimated from the series itself, and the estimate is the best one given all
spectra (Rauch, Tung & Striebel, AIAA J. 3 (1965) 1445; steps by expectation maximisation,
Shumway & Stoffer, J. Time Ser. Anal. 3 (1982) 253). A step that is large in the data stays
large; noise does not.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from battery_db.lib.spectra import BoolArray, FloatArray, Spectrum
from eis.batches import Batch, make_batch
from eis.circuits import Circuit
from eis.coordinates import Prior, prior_of
from eis.fitting import (
    DEFAULT,
    FitOptions,
    best_fits,
    fit_spectra,
    objective_of,
    results_of,
    thinned,
    why_not,
)
from eis.refinement import Objective, evaluate, refine
from eis.results import FitResult

ROUNDS = 4  # linearisations; later ones move parameters by less than a hundredth of their error
CANDIDATES = 6
FEWEST_SPECTRA = 3
WORSE = 1.15  # a misfit this much above the spectrum's own best means another answer
PRIOR_HOLD = 0.05  # of the prior's information: enough to hold what no spectrum shows
SMALLEST_STEP = 1e-3  # of the error of one spectrum; below it a walk stands still


def fit_series(
    spectra: Sequence[Spectrum], circuit: Circuit, options: FitOptions = DEFAULT
) -> list[FitResult]:
    """The fit of each of ``spectra``, which are one cell's in the order of its life.

    Same results as ``fit_spectra`` gives, with parameters that follow the cell and not the
    noise. Fewer than three spectra are fitted one by one.
    """
    rows = [row for row, spectrum in enumerate(spectra) if not why_not(spectrum, circuit)]
    results = fit_spectra([s for s in spectra if why_not(s, circuit)], circuit, options)
    if len(rows) < FEWEST_SPECTRA:
        return fit_spectra(spectra, circuit, options)
    chosen = [spectra[row] for row in rows]
    batch = one_size(make_batch([thinned(spectrum) for spectrum in chosen]))
    objective = objective_of(circuit, options.penalty)
    prior = prior_of(circuit, batch)
    prior = Prior(np.repeat(np.median(prior.mean, axis=0)[None], len(batch), 0), prior.deviation)
    best = best_fits(circuit, batch, options)
    u = _same_answer(objective, best.u, best.misfit, batch, prior)
    _one_order(circuit, u)
    u = _smooth(objective, u, batch, prior)
    best.u, best.misfit = u, evaluate(objective, u, batch, prior).misfit
    fitted = list(results_of(chosen, circuit, options, batch, best))
    others = iter(results)
    taken = dict(zip(rows, fitted, strict=True))
    note = f"series of {len(rows)}, random-walk smoothing"
    return [
        replace(taken[row], method=f"{taken[row].method}; {note}") if row in taken else next(others)
        for row in range(len(spectra))
    ]


def one_size(batch: Batch) -> Batch:
    """The batch with one scale, shift and window, so that coordinates mean the same throughout."""
    scale, shift = np.median(batch.scale), np.median(batch.shift)
    there = batch.weight > 0
    by_scale, by_shift = scale - batch.scale, shift - batch.shift
    same = np.ones(len(batch))
    return replace(
        batch,
        log_omega=np.where(there, batch.log_omega + by_shift[:, None], 0.0),
        impedance=np.where(there, batch.impedance * np.exp(by_scale)[:, None], 1.0),
        spread=batch.spread * np.exp(by_scale)[:, None],
        scale=scale * same,
        shift=shift * same,
        low=np.median(batch.low + by_shift) * same,
        high=np.median(batch.high + by_shift) * same,
    )


def _same_answer(
    objective: Objective, u: FloatArray, misfit: FloatArray, batch: Batch, prior: Prior
) -> FloatArray:
    """Refine all spectra from the answer of one, the one that suits most of them.

    A spectrum that this answer does not suit tries its neighbours' answers, and keeps its
    own where none is as good.
    """
    picks = np.unique(np.linspace(0, len(u) - 1, CANDIDATES).astype(int))
    common, error, suits = u, misfit, -1.0
    for pick in picks:
        start = np.repeat(u[pick][None], len(u), axis=0)
        found, left = refine(objective, start, batch, prior, 40)
        share = float(np.mean(left <= WORSE * misfit))
        if share > suits:
            common, error, suits = found, left, share
    for direction in (1, -1):
        odd = np.flatnonzero(error > WORSE * misfit)
        if not len(odd):
            return common
        near = np.clip(odd - direction, 0, len(u) - 1)
        found, left = refine(objective, common[near], batch.take(odd), prior.take(odd), 40)
        better = left < error[odd]
        common[odd[better]], error[odd[better]] = found[better], left[better]
    own: BoolArray = error > WORSE * misfit
    common[own] = u[own]
    return common


def _one_order(circuit: Circuit, u: FloatArray) -> None:
    """Number interchangeable arcs from the slowest, by their usual frequency in the series."""
    leaves = circuit.series_leaves("ZARC")
    if len(leaves) < 2:
        return
    columns = np.array([np.arange(x.columns.start, x.columns.stop) for x in leaves])
    order = np.argsort(np.median(u[:, columns[:, 1]], axis=0), kind="stable")
    u[:, columns] = u[:, columns[order]]


def _smooth(objective: Objective, u: FloatArray, batch: Batch, prior: Prior) -> FloatArray:
    """Coordinates (T, P) given the whole series, by repeated linearisation."""
    noise = None
    steps = None
    for _ in range(ROUNDS):
        point = evaluate(objective, u, batch, prior)
        if noise is None:
            freedom = np.maximum(2 * batch.points - u.shape[1], 1)
            noise = np.maximum(point.misfit * 2 * batch.points / freedom, 1e-14)
        # Twice the log-likelihood is -2n misfit / noise; the prior holds what is not seen.
        unit = (2 * batch.points / noise)[:, None]
        information = point.curvature * unit[..., None]
        np.einsum("tpp->tp", information)[...] += PRIOR_HOLD / prior.deviation**2
        pull = -point.gradient * unit - PRIOR_HOLD * (u - prior.mean) / prior.deviation**2
        target = u + np.linalg.solve(information, pull[..., None])[..., 0]
        if steps is None:
            steps = _first_steps(target, information)
        smoothed, steps = _random_walk(target, information, steps)
        u = _toward(objective, u, smoothed, batch, prior)
    return u


def _first_steps(target: FloatArray, information: FloatArray) -> FloatArray:
    """Variance (P,) of the steps of each coordinate: what differences show beyond the noise."""
    noise = np.median(np.einsum("tpp->tp", np.linalg.inv(information)), axis=0)
    differences = np.diff(target, axis=0)
    seen = (1.4826 * np.median(np.abs(differences), axis=0)) ** 2
    steps: FloatArray = np.maximum(seen - 2 * noise, SMALLEST_STEP**2 * noise) + 1e-14
    return steps


def _random_walk(
    target: FloatArray, information: FloatArray, steps: FloatArray, repeats: int = 8
) -> tuple[FloatArray, FloatArray]:
    """Smoothed coordinates (T, P), and the variances of steps re-estimated from them."""
    for _ in range(repeats):
        smoothed, covariance, between = _smoother(target, information, steps)
        moved = np.diff(smoothed, axis=0) ** 2
        spread = covariance[1:] + covariance[:-1] - 2 * between
        steps = np.maximum((moved + np.maximum(spread, 0)).mean(axis=0), 1e-14)
    return smoothed, steps


def _smoother(
    target: FloatArray, information: FloatArray, steps: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means (T, P), variances (T, P) and covariances (T-1, P) of neighbours, given all."""
    T, P = target.shape
    means, covariances = np.empty((T, P)), np.empty((T, P, P))
    walk = np.diag(steps)
    covariance = np.linalg.inv(information[0])
    mean = target[0]
    means[0], covariances[0] = mean, covariance
    for t in range(1, T):
        predicted = np.linalg.inv(covariance + walk)
        covariance = np.linalg.inv(predicted + information[t])
        mean = covariance @ (predicted @ mean + information[t] @ target[t])
        means[t], covariances[t] = mean, covariance
    variances, between = np.empty((T, P)), np.empty((T - 1, P))
    later = covariances[-1]
    variances[-1] = np.diag(later)
    for t in range(T - 2, -1, -1):
        gain = covariances[t] @ np.linalg.inv(covariances[t] + walk)
        between[t] = np.diag(gain @ later)
        means[t] += gain @ (means[t + 1] - means[t])
        later = covariances[t] + gain @ (later - covariances[t] - walk) @ gain.T
        variances[t] = np.diag(later)
    return means, variances, between


def _toward(
    objective: Objective, u: FloatArray, goal: FloatArray, batch: Batch, prior: Prior
) -> FloatArray:
    """As far from ``u`` to ``goal`` as each spectrum bears: all, half, a quarter or none of it."""
    before = evaluate(objective, u, batch, prior).misfit
    # Noise alone moves the mean square of N residuals by √(2/N) of itself.
    bears = before * (1 + 2 * np.sqrt(1 / batch.points)) + 1e-10
    out, open_rows = u.copy(), np.ones(len(u), dtype=bool)
    for share in (1.0, 0.5, 0.25):
        trial = u + share * (goal - u)
        good: BoolArray = open_rows & (evaluate(objective, trial, batch, prior).misfit <= bears)
        out[good] = trial[good]
        open_rows &= ~good
    return out
