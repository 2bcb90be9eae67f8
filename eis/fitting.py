"""Fits of circuits to spectra, thousands at a time and without an initial guess by hand.

1. leave out what is no number, thin out what is too long, refuse what is too short;
2. bring each spectrum to unit size (thesis 3.5.2);
3. guess where to start: a network where it knows the circuit, and classical guesses;
4. refine the first two starts with exact second-order steps, a few from each and the rest
   from the better one;
5. start again, from other guesses, only where residuals show that something is left: noise
   changes its sign from point to point, a missed arc does not;
6. order the arcs by frequency, estimate uncertainty, bring back the original units.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from battery_db.lib.spectra import FloatArray, Spectrum
from eis.batches import Batch, make_batch
from eis.circuits import Circuit
from eis.coordinates import coordinates_of, prior_of
from eis.elements import TURN
from eis.initial_guess import InitialGuess, ScatteredGuess, SpreadGuess, SubsetGuess
from eis.network_guess import NetworkGuess
from eis.refinement import Objective, Rows, Runs, evaluate, refine_runs
from eis.results import FITTED, POOR, FitResult, arc_columns, complexity, failed
from eis.uncertainty import Uncertainty, uncertainty_of

CHUNK = 128  # spectra of like length that are guessed and refined together
Start = tuple[FloatArray, str]  # coordinates (B, P), and who guessed them
GO_ON = 4  # starts of a second round that go on for as many steps again
RETRY_STEPS = 30  # of every start of a second round: what is left is hard to find
FEWEST_POINTS = 5
MOST_POINTS = 240
SMALLEST_OHM, LARGEST_OHM = 1e-12, 1e15


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How hard to try.

    ``iterations`` bound each refinement; ``first_steps`` of them are taken from every start,
    the others from the best. ``starts`` are always refined; up to ``retries``
    more where the scaled error stays above ``good_enough`` and residuals of neighbouring
    points go together. ``penalty`` weighs the prior against the present misfit (thesis
    3.5.7). Above ``poor_above`` a fit is called poor.
    ``guesses`` is where starts come from, in order; the default is a network where there
    is one, and the classical guesses.
    """

    iterations: int = 100
    first_steps: int = 12
    starts: int = 2
    retries: int = 11
    good_enough: float = 0.001
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

    @classmethod
    def none(cls, size: int, circuit: Circuit) -> "Best":
        shape = (size, len(circuit))
        return cls(np.zeros(shape), np.full(size, np.inf), np.zeros(shape), [""] * size)

    def take(self, rows: Rows, found: "Best") -> None:
        """Keep what is better among ``found`` for the spectra ``rows``."""
        better = found.misfit < self.misfit[rows]
        kept = rows[better]
        self.u[kept], self.misfit[kept] = found.u[better], found.misfit[better]
        self.start[kept] = found.start[better]
        for row, index in zip(kept, np.flatnonzero(better), strict=True):
            self.names[row] = found.names[index]


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
    prior = prior_of(circuit, batch)
    found = _Found(
        best=best,
        sure=uncertainty_of(objective, best.u, batch),
        parameters=_original(circuit, best.u, batch),
        start_parameters=_original(circuit, best.start, batch),
        start_error=np.sqrt(evaluate(objective, best.start, batch, prior).misfit),
    )
    for row, spectrum in enumerate(spectra):
        yield _result(spectrum, circuit, options, found, row)


def best_fits(circuit: Circuit, batch: Batch, options: FitOptions) -> Best:
    """Refine the first starts of every spectrum, and more of those where something is left."""
    objective = objective_of(circuit, options.penalty)
    guesses = default_guesses() if options.guesses is None else options.guesses
    queue = _Queue(circuit, batch, iter(guesses))
    best = Best.none(len(batch), circuit)
    rows: Rows = np.arange(len(batch))
    longer = replace(options, first_steps=max(options.first_steps, RETRY_STEPS))
    for count, go_on, steps in ((options.starts, 1, options), (options.retries, GO_ON, longer)):
        starts = queue.next(rows, count)
        if starts:
            found = _race(objective, batch.take(rows), starts, steps, go_on)
            best.take(rows, found)
        left = ~(best.misfit < options.good_enough**2)
        rows = np.flatnonzero(left & (_togetherness(circuit, best.u, batch) > 0))
        if not len(rows):
            break
    return best


@dataclass(slots=True, eq=False)
class _Queue:
    """Starts of those guesses that know the circuit, each asked only when its turn comes."""

    circuit: Circuit
    batch: Batch
    guesses: Iterator[InitialGuess]
    held: list[Start] = field(default_factory=list)

    def next(self, rows: Rows, count: int) -> list[Start]:
        """At most ``count`` starts (len(rows), P) for the spectra ``rows``, with their names."""
        while len(self.held) < count and (guess := next(self.guesses, None)):
            for found in guess.starts(self.circuit, self.batch.take(rows)):
                whole = np.zeros((len(self.batch), len(self.circuit)))
                whole[rows] = found
                self.held.append((whole, guess.name))
        taken, self.held = self.held[:count], self.held[count:]
        return [(whole[rows], name) for whole, name in taken]


def _race(
    objective: Objective, batch: Batch, starts: list[Start], options: FitOptions, go_on: int
) -> Best:
    """A few steps from every start, as many again from the best ``go_on``, the rest from one."""
    size, prior = len(batch), prior_of(objective.coordinates.circuit, batch)
    first = np.concatenate([start for start, _ in starts])
    runs = Runs.of(np.tile(np.arange(size), len(starts)), first.copy())
    origin: Rows = np.arange(len(first))
    few = min(options.first_steps, options.iterations)
    refine_runs(objective, runs, batch, prior, few)
    for kept, steps in [(go_on, few)] * (go_on > 1) + [(1, options.iterations - few)]:
        order = np.argsort(runs.misfit.reshape(-1, size), axis=0)[:kept]
        chosen = (order * size + np.arange(size)).ravel()
        runs, origin = runs.take(chosen), origin[chosen]
        refine_runs(objective, runs, batch, prior, steps)
    names = [starts[index // size][1] for index in origin]
    return Best(runs.u, runs.misfit, first[origin], names)


def _togetherness(circuit: Circuit, u: FloatArray, batch: Batch) -> FloatArray:
    """Correlation (B,) of the residuals of neighbouring points."""
    parameters = coordinates_of(circuit).parameters(u, batch)
    away = circuit.impedance(parameters, np.exp(batch.log_omega) / TURN) - batch.impedance
    away *= batch.weight
    residual = np.stack([away.real, away.imag], axis=1) / batch.spread[:, :, None]
    along = (residual[:, :, 1:] * residual[:, :, :-1]).sum(axis=(1, 2))
    share: FloatArray = along / np.maximum((residual**2).sum(axis=(1, 2)), 1e-300)
    return share


def default_guesses() -> list[InitialGuess]:
    """The network that is shipped, then guesses that need none."""
    best, more = SubsetGuess(), SubsetGuess(count=4)
    return [NetworkGuess(), best, more, SpreadGuess(), ScatteredGuess(count=9)]


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
class _Found:
    """What was found for the spectra of a chunk; parameters (B, P) in their original units."""

    best: Best
    sure: Uncertainty
    parameters: FloatArray
    start_parameters: FloatArray
    start_error: FloatArray


def _original(circuit: Circuit, u: FloatArray, batch: Batch) -> FloatArray:
    """Parameters (B, P) in the units of the spectra as measured, of coordinates (B, P)."""
    values = coordinates_of(circuit).parameters(u, batch)
    return circuit.shifted(values, scale=-batch.scale, shift=-batch.shift)


def _result(
    spectrum: Spectrum, circuit: Circuit, options: FitOptions, found: _Found, row: int
) -> FitResult:
    best = found.best
    error = float(np.sqrt(best.misfit[row]))
    if not np.isfinite(error):
        return failed(circuit, len(spectrum), "No start led to a finite misfit.")
    parameters = found.parameters[row]
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
        start_parameters=found.start_parameters[row],
        start_scaled_error=float(found.start_error[row]),
        start_method=best.names[row],
        scaled_error=error,
        complexity=float(complexity(parameters[arc_columns(circuit)])),
        fitted_ohm=fitted,
        residual_ohm=spectrum.impedance_ohm - fitted,
        status=POOR if poor else FITTED,
        reason=f"The scaled error {error:.3g} is above {options.poor_above:g}." if poor else "",
    )
