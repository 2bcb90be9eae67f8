"""Which of several circuits a spectrum speaks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import FloatArray, Spectrum
from eis.circuits import NAMED_CIRCUITS, Circuit
from eis.fitting import DEFAULT, FitOptions, fit_spectra
from eis.results import FitResult

FAMILY = tuple(NAMED_CIRCUITS[f"zarc{arcs}-l-lzarc-series"] for arcs in (1, 2, 3))
TIE = 2.0  # differences of the criterion below 2 decide nothing (Kass & Raftery, 1995)
FLOOR = 1e-5  # scaled errors below are as good as any


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The fits of a family of circuits to one spectrum, and which one to prefer.

    ``criterion`` is the Bayesian information criterion, N ln(E²) + k ln N for k parameters
    and the scaled error E: infinite for a failed fit. N is the effective number of points
    (see ``effective_numbers``). The least is
    best; among circuits within ``TIE`` of it, the one with the fewest parameters is chosen.
    The complexity of each fit (thesis 2.7) stands in its result.
    """

    results: tuple[FitResult, ...]
    criterion: FloatArray
    chosen: int

    @property
    def result(self) -> FitResult:
        return self.results[self.chosen]


def select_circuit(
    spectra: Sequence[Spectrum],
    circuits: Sequence[Circuit] | Mapping[str, Circuit] = FAMILY,
    options: FitOptions = DEFAULT,
) -> list[Selection]:
    """Fit every one of ``circuits`` to each of ``spectra``, and choose."""
    family = list(circuits.values()) if isinstance(circuits, Mapping) else list(circuits)
    if not family:
        raise LabError("No circuit to choose from.", fix="Name at least one circuit.")
    fits = [fit_spectra(spectra, circuit, options) for circuit in family]
    return [
        _choose(tuple(one), effective_numbers(spectrum))
        for one, spectrum in zip(zip(*fits, strict=True), spectra, strict=True)
    ]


def effective_numbers(spectrum: Spectrum) -> float:
    """How many equally noisy numbers tell as much of the noise as those of ``spectrum``.

    Noise grows with |Z|, and the fit weighs all points alike, so the sum of squares is that
    of the few largest points. For variances v it varies like a sum of (Σv)² / Σv² equal
    ones (Satterthwaite, Biometrics Bull. 2 (1946) 110).
    """
    impedance = spectrum.impedance_ohm[spectrum.usable]
    if not len(impedance):
        return 2.0
    # As in a batch, a part is not scaled by less than 0.1 % of |Z|.
    least = 1e-3 * np.abs(impedance).mean()
    spreads = np.maximum([impedance.real.std(), impedance.imag.std()], least)
    variance = (np.abs(impedance)[:, None] / spreads) ** 2
    return max(float(variance.sum() ** 2 / (variance**2).sum()), 2.0)


def _choose(results: tuple[FitResult, ...], numbers: float) -> Selection:
    sizes = np.array([len(result.parameters) for result in results])
    errors = np.array([result.scaled_error for result in results])
    with np.errstate(invalid="ignore"):
        criterion = numbers * np.log(errors**2 + FLOOR**2) + sizes * np.log(numbers)
    criterion = np.where(np.isfinite(errors), criterion, np.inf)
    close = criterion <= criterion.min() + TIE
    chosen = int(np.where(close, sizes, np.iinfo(int).max).argmin())
    return Selection(results, criterion, chosen)
