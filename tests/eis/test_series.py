"""A series of one cell: a constant stays constant, a trend is followed, arcs keep their names."""

import numpy as np
import pytest

from battery_db.lib.spectra import Spectrum
from eis.circuits import NAMED_CIRCUITS
from eis.fitting import FitOptions, fit_spectra
from eis.series import fit_series
from tests.eis.conftest import TWO_ARCS, TWO_ARCS_TRUTH, noisy

CIRCUIT = NAMED_CIRCUITS["zarc3-series"]
TRUTH = np.array([0.05, 0.1, 1.0, 0.85, 0.05, 50.0, 0.8, 0.03, 3000.0, 0.8, 80.0, 0.5])
FRACTIONS = np.array([parameter.fraction for parameter in CIRCUIT.parameters])


def coordinates(results) -> np.ndarray:
    values = np.array([result.parameters for result in results])
    return np.where(FRACTIONS, values, np.log(values))


@pytest.fixture(scope="module")
def constant() -> list[Spectrum]:
    return [noisy(CIRCUIT, TRUTH, noise=0.01, seed=seed) for seed in range(50)]


def test_a_constant_cell_varies_half_as_much_as_in_independent_fits(constant):
    alone = fit_spectra(constant, CIRCUIT, FitOptions(starts=4, retries=0))
    together = fit_series(constant, CIRCUIT)

    identifiable = np.mean([result.identifiable for result in alone], axis=0) > 0.5
    ratio = (coordinates(together).std(axis=0) / coordinates(alone).std(axis=0))[identifiable]
    assert np.median(ratio) < 0.3
    assert (ratio < 0.6).all()


def test_a_constant_cell_is_found_near_the_truth(constant):
    together = fit_series(constant, CIRCUIT)

    middle = np.median([result.parameters for result in together], axis=0)
    # 50 spectra of 1 % noise: resistances of overlapping arcs to some per cent.
    assert np.allclose(middle[:-2], TRUTH[:-2], rtol=0.08)


def test_a_slow_trend_is_followed_closer_than_by_independent_fits():
    growth = 1 + 0.02 * np.arange(40)
    spectra = []
    for seed, factor in enumerate(growth):
        parameters = TRUTH.copy()
        parameters[1] *= factor
        spectra.append(noisy(CIRCUIT, parameters, noise=0.003, seed=seed))

    errors = [
        np.std(
            [np.log(r.parameters[1] / (TRUTH[1] * g)) for r, g in zip(fits, growth, strict=True)]
        )
        for fits in (fit_spectra(spectra, CIRCUIT), fit_series(spectra, CIRCUIT))
    ]

    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < 0.02


def test_a_sudden_change_is_not_smoothed_away():
    parameters = TWO_ARCS_TRUTH.copy()
    parameters[1] *= 1.5
    before = [noisy(TWO_ARCS, TWO_ARCS_TRUTH, noise=0.002, seed=s) for s in range(10)]
    after = [noisy(TWO_ARCS, parameters, noise=0.002, seed=s) for s in range(10, 20)]

    values = np.array([r.parameters[1] for r in fit_series(before + after, TWO_ARCS)])

    assert np.allclose(values[:10], TWO_ARCS_TRUTH[1], rtol=0.05)
    assert np.allclose(values[10:], parameters[1], rtol=0.05)


def test_arcs_never_swap_names_along_a_series():
    spectra = []
    for seed, speed in enumerate(np.linspace(0, 1.2, 30)):
        parameters = TRUTH.copy()
        parameters[5] *= np.exp(speed)
        spectra.append(noisy(CIRCUIT, parameters, noise=0.005, seed=seed))

    frequencies = np.array(
        [[r.as_dict()[f"ZARC{i}_fc"] for i in (1, 2, 3)] for r in fit_series(spectra, CIRCUIT)]
    )

    assert (np.diff(frequencies, axis=1) > 0).mean() >= 0.995


def test_bad_spectra_keep_their_place_and_their_reason():
    good = [noisy(TWO_ARCS, TWO_ARCS_TRUTH, seed=seed) for seed in range(4)]
    series = [good[0], Spectrum([1.0], [1.0]), *good[1:], Spectrum([2.0], [1.0])]

    results = fit_series(series, TWO_ARCS)

    statuses = [result.status for result in results]
    assert statuses == ["fitted", "failed", "fitted", "fitted", "fitted", "failed"]
    assert "series of 4" in results[0].method


def test_two_spectra_are_fitted_one_by_one():
    spectra = [noisy(TWO_ARCS, TWO_ARCS_TRUTH, seed=seed) for seed in range(2)]

    assert "series" not in fit_series(spectra, TWO_ARCS)[0].method
