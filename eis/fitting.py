"""Fits of circuits to spectra, thousands at a time and without an initial guess by hand.

1. leave out what is no number, thin out what is too long, refuse what is too short;
2. bring each spectrum to unit size (thesis 3.5.2);
3. guess where to start: a network where it knows the circuit, and classical guesses;
4. refine the first two starts with exact second-order steps, keep the better;
5. start again, from other guesses, only where that left more than the noise;
6. order the arcs by frequency, estimate uncertainty, bring back the original units.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.spectra import FloatArray, Spectrum
from eis.batches import Batch, make_batch
from eis.circuits import Circuit
from eis.coordinates import coordinates_of, prior_of
from eis.initial_guess import InitialGuess, ScatteredGuess, SpreadGuess, SubsetGuess
from eis.network_guess import NetworkGuess
from eis.refinement import Objective, evaluate, refine
from eis.results import FITTED, POOR, FitResult, arc_columns, complexity, failed
from eis.uncertainty import Uncertainty, uncertainty_of

CHUNK = 64  # spectra refined together: their Jacobians fit the cache of one core
Rows = NDArray[np.intp]
FEWEST_POINTS = 5
MOST_POINTS = 240
SMALLEST_OHM, LARGEST_OHM = 1e-12, 1e15


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How hard to try.

    ``iterations`` bound each refinement. ``starts`` are always refined; up to ``retries``
    more where the scaled error stays above ``good_enough``. ``penalty`` weighs the prior
    against the present misfit (thesis 3.5.7). Above ``poor_above`` a fit is called poor.
    ``guesses`` is where starts come from, in order; the default is a network where there
    is one, and the classical guesses.
    """

    iterations: int = 40
    starts: int = 2
    retries: int = 4
    good_enough: float = 0.01
    penalty: float = 1e-4
    poor_above: float = 0.1
    guesses: Sequence[InitialGuess] | None = None
    progress: Callable[[int, int], None] | None = field(default=None, compare=False)


DEFAULT = FitOptions()


def fit_spectra(
    spectra: Sequence[Spectrum], circuit: Circuit, options: FitOptions = DEFAULT
) -> list[FitResult]:
    """The fit of ``circuit`` to each of ``spectra``, in their order.

    A spectrum that can not be fitted has a result that says why; the others go on.
    """
    results: list[FitResult | None] = [None] * len(spectra)
    fit_rows = []
    for row, spectrum in enumerate(spectra):
        reason = why_not(spectrum, circuit)
        if reason:
            results[row] = failed(circuit, len(spectrum), reason)
        else:
            fit_rows.append(row)
    fit_rows.sort(key=lambda row: int(spectra[row].usable.sum()))
    done = len(spectra) - len(fit_rows)
    for first in range(0, len(fit_rows), CHUNK):
        rows = fit_rows[first : first + CHUNK]
        chunk = [spectra[row] for row in rows]
        for row, result in zip(rows, _fit_chunk(chunk, circuit, options), strict=True):
            results[row] = result
        if options.progress:
            options.progress(done + first + len(rows), len(spectra))
    return [result for result in results if result is not None]


def why_not(spectrum: Spectrum, circuit: Circuit) -> str:
    """Why a spectrum can not be fitted, or nothing."""
    usable = spectrum.usable
    count = int(usable.sum())
    if count < FEWEST_POINTS:
        return (
            f"Expected at least {FEWEST_POINTS} points with a positive frequency and a finite "
            f"impedance that is not zero, found {count} of {len(spectrum)}."
        )
    different = len(np.unique(spectrum.frequency_hz[usable]))
    if different < FEWEST_POINTS:
        return f"Expected at least {FEWEST_POINTS} different frequencies, found {different}."
    size = np.abs(spectrum.impedance_ohm[usable])
    if size.max() > LARGEST_OHM or size.min() < SMALLEST_OHM:
        return (
            f"Expected impedances between {SMALLEST_OHM:g} and {LARGEST_OHM:g} ohm, found "
            f"{size.min():.3g} to {size.max():.3g}. Check the columns and their units."
        )
    if 2 * different < len(circuit):
        return (
            f"The circuit has {len(circuit)} parameters, and {different} frequencies give "
            f"{2 * different} numbers. Choose a circuit with fewer elements."
        )
    return ""


def thinned(spectrum: Spectrum, most: int = MOST_POINTS) -> Spectrum:
    """At most ``most`` points: means over equal steps of log frequency, where there are more."""
    usable = spectrum.usable
    if usable.sum() <= most:
        return spectrum
    log = np.log(spectrum.frequency_hz[usable])
    edges = np.linspace(log.min(), log.max(), most + 1)[1:-1]
    bins = np.searchsorted(edges, log)
    count = np.bincount(bins, minlength=most)
    filled = count > 0

    def mean(values: FloatArray) -> FloatArray:
        sums = np.bincount(bins, weights=values, minlength=most)
        means: FloatArray = sums[filled] / count[filled]
        return means

    impedance = spectrum.impedance_ohm[usable]
    return replace(
        spectrum,
        frequency_hz=np.exp(mean(log)),
        impedance_ohm=mean(impedance.real) + 1j * mean(impedance.imag),
        mask=None,
    )


def objective_of(circuit: Circuit, penalty: float) -> Objective:
    return Objective(coordinates_of(circuit), penalty, tuple(arc_columns(circuit, "fc")))


@dataclass(slots=True, eq=False)
class Best:
    """The best fit of each spectrum of a chunk so far, and the start that led to it."""

    u: FloatArray
    misfit: FloatArray
    start: FloatArray
    names: list[str]

    def take(
        self, rows: Rows, found: tuple[FloatArray, FloatArray], start: FloatArray, name: str
    ) -> None:
        """Keep what is better among ``found`` for the spectra ``rows``."""
        u, misfit = found
        better = misfit < self.misfit[rows]
        kept = rows[better]
        self.u[kept], self.misfit[kept], self.start[kept] = u[better], misfit[better], start[better]
        for row in kept:
            self.names[row] = name


def _fit_chunk(
    spectra: Sequence[Spectrum], circuit: Circuit, options: FitOptions
) -> Iterator[FitResult]:
    batch = make_batch([thinned(spectrum) for spectrum in spectra])
    best = best_fits(circuit, batch, options)
    _order_arcs(circuit, best.u, best.start)
    return results_of(spectra, circuit, options, batch, best)


def results_of(
    spectra: Sequence[Spectrum], circuit: Circuit, options: FitOptions, batch: Batch, best: Best
) -> Iterator[FitResult]:
    """What was found for ``batch``, spectrum by spectrum, in original units."""
    objective = objective_of(circuit, options.penalty)
    sure = uncertainty_of(objective, best.u, batch)
    prior = prior_of(circuit, batch)
    start_error = np.sqrt(evaluate(objective, best.start, batch, prior).misfit)
    for row, spectrum in enumerate(spectra):
        yield _result(spectrum, circuit, options, _Row(batch, best, sure, start_error, row))


def best_fits(circuit: Circuit, batch: Batch, options: FitOptions) -> Best:
    """Refine the starts of every guess in turn; later ones only where it is still worth it."""
    objective = objective_of(circuit, options.penalty)
    prior = prior_of(circuit, batch)
    shape = (len(batch), len(circuit))
    best = Best(np.zeros(shape), np.full(len(batch), np.inf), np.zeros(shape), [""] * len(batch))
    tried = 0
    for guess in default_guesses() if options.guesses is None else options.guesses:
        for start in guess.starts(circuit, batch):
            if tried < options.starts:
                rows: Rows = np.arange(len(batch))
            elif tried < options.starts + options.retries:
                rows = np.flatnonzero(~(best.misfit < options.good_enough**2))
            else:
                return best
            tried += 1
            if len(rows):
                some = (batch.take(rows), prior.take(rows))
                found = refine(objective, start[rows], *some, options.iterations)
                best.take(rows, found, start[rows], guess.name)
    return best


def default_guesses() -> list[InitialGuess]:
    """The network that is shipped, then guesses that need none."""
    return [NetworkGuess(), SpreadGuess(), SubsetGuess(count=2), ScatteredGuess(count=4)]


def _order_arcs(circuit: Circuit, *arrays: FloatArray) -> None:
    """Put interchangeable arcs of the main chain in order of frequency, lowest first."""
    leaves = circuit.series_leaves("ZARC")
    if len(leaves) < 2:
        return
    columns = np.array([np.arange(x.columns.start, x.columns.stop) for x in leaves])
    for u in arrays:
        arcs = u[:, columns]
        order = np.argsort(arcs[:, :, 1], axis=1, kind="stable")
        u[:, columns] = np.take_along_axis(arcs, order[:, :, None], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One spectrum's part of what was found for its chunk."""

    batch: Batch
    best: Best
    sure: Uncertainty
    start_error: FloatArray
    row: int

    def original(self, circuit: Circuit, u: FloatArray) -> FloatArray:
        """Parameters in the units of the spectrum as measured, of coordinates (P,)."""
        one = self.batch.take([self.row])
        values = coordinates_of(circuit).parameters(u[None], one)
        whole = circuit.shifted(values, scale=-one.scale, shift=-one.shift)
        return whole.reshape(-1)


def _result(spectrum: Spectrum, circuit: Circuit, options: FitOptions, found: _Row) -> FitResult:
    row, best = found.row, found.best
    error = float(np.sqrt(best.misfit[row]))
    if not np.isfinite(error):
        return failed(circuit, len(spectrum), "No start led to a finite misfit.")
    parameters = found.original(circuit, best.u[row])
    fitted = np.full(len(spectrum), complex(np.nan, np.nan))
    usable = spectrum.usable
    fitted[usable] = circuit.impedance(parameters, spectrum.frequency_hz[usable])
    errors, low, high = found.sure.in_units_of(parameters, row)
    poor = error > options.poor_above
    return FitResult(
        circuit=circuit.text,
        parameter_names=circuit.parameter_names,
        parameter_units=circuit.parameter_units,
        parameters=parameters,
        standard_errors=errors,
        interval_low=low,
        interval_high=high,
        identifiable=found.sure.identifiable[row],
        start_parameters=found.original(circuit, best.start[row]),
        start_scaled_error=float(found.start_error[row]),
        start_method=best.names[row],
        scaled_error=error,
        complexity=float(complexity(parameters[arc_columns(circuit)])),
        fitted_ohm=fitted,
        residual_ohm=spectrum.impedance_ohm - fitted,
        status=POOR if poor else FITTED,
        reason=f"The scaled error {error:.3g} is above {options.poor_above:g}." if poor else "",
    )
