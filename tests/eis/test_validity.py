"""Kramers-Kronig: passive circuits pass, drifting cells and stray points do not."""

import numpy as np
import pytest

from battery_db.lib.spectra import Spectrum
from eis.generated import generate_spectra
from eis.validity import linear_kk
from tests.eis.conftest import FREQUENCIES, TWO_ARCS, TWO_ARCS_TRUTH, noisy


@pytest.fixture(scope="module")
def made() -> list[Spectrum]:
    return generate_spectra(200, np.random.default_rng(11)).spectra()


def drifting(growth: float, noise: float = 1e-3) -> Spectrum:
    """The first arc grows while the instrument goes from high to low frequency."""
    spent = np.cumsum(1 / FREQUENCIES) / np.sum(1 / FREQUENCIES)
    parameters = np.repeat(TWO_ARCS_TRUTH[None], len(FREQUENCIES), axis=0)
    parameters[:, 1] *= 1 + growth * spent
    impedance = TWO_ARCS.impedance(parameters, FREQUENCIES[:, None])[:, 0]
    error = np.random.default_rng(2).normal(size=(2, len(FREQUENCIES)))
    return Spectrum(FREQUENCIES, impedance * (1 + noise * (error[0] + 1j * error[1])))


def test_passive_circuits_of_any_kind_are_accepted(made):
    verdicts = [found.verdict for found in linear_kk(made)]

    assert np.mean([verdict == "valid" for verdict in verdicts]) >= 0.95


def test_a_drifting_cell_is_flagged_and_the_reason_says_so():
    found = linear_kk([drifting(0.0), drifting(1.0)])

    assert [f.verdict for f in found] == ["valid", "invalid"]
    assert "changed during the measurement" in found[1].reason


def test_a_real_part_that_belongs_to_another_cell_is_flagged(spectrum):
    swapped = spectrum.impedance_ohm.imag - 1j * spectrum.impedance_ohm.real

    assert linear_kk([Spectrum(FREQUENCIES, swapped)])[0].verdict == "invalid"


def test_residuals_are_the_noise():
    found = linear_kk([noisy(TWO_ARCS, TWO_ARCS_TRUTH, noise=0.01, seed=s) for s in range(50)])

    # The fit takes up a part of the noise: 11 to 19 unknowns of 100 numbers.
    assert 0.85 < np.mean([f.root_mean_square for f in found]) / 0.01 < 1.0


def test_stray_points_are_flagged_and_no_others(spectrum):
    impedance = spectrum.impedance_ohm.copy()
    impedance[[10, 33]] *= 1.15

    found = linear_kk([Spectrum(FREQUENCIES, impedance)])[0]

    assert np.flatnonzero(found.outliers).tolist() == [10, 33]
    assert found.verdict == "valid"


def test_masked_points_and_the_order_of_points_do_not_matter(spectrum):
    impedance = spectrum.impedance_ohm.copy()
    impedance[4] = 1e6
    mask = np.arange(len(spectrum)) != 4
    order = np.random.default_rng(0).permutation(len(spectrum))

    first = linear_kk([Spectrum(FREQUENCIES, impedance, mask)])[0]
    second = linear_kk([Spectrum(FREQUENCIES[order], impedance[order], mask[order])])[0]

    assert np.isnan(first.residual[4])
    assert np.allclose(second.residual, first.residual[order], rtol=1e-6, equal_nan=True)


def test_size_and_speed_do_not_matter(spectrum):
    moved = Spectrum(FREQUENCIES * 30, spectrum.impedance_ohm * 1e-3)

    first, second = linear_kk([spectrum, moved])

    assert np.allclose(first.residual, second.residual, atol=1e-8)


def test_three_points_are_not_tested_and_the_reason_says_so():
    found = linear_kk([Spectrum([1.0, 2.0, 3.0], [1, 2, 3])])[0]

    assert (found.verdict, "found 3" in found.reason) == ("not tested", True)


def test_a_long_spectrum_is_tested_through_means():
    frequency = np.geomspace(1e-2, 1e5, 20_000)
    long = Spectrum(frequency, TWO_ARCS.impedance(TWO_ARCS_TRUTH, frequency))

    found = linear_kk([long])[0]

    assert found.verdict == "valid"
    assert len(found.residual) == len(found.outliers) == 20_000


def spiked(count: int, place: int) -> Spectrum:
    """``count`` points with noise of 0.1 %, of which one is 15 % too large."""
    frequency = np.geomspace(1e5, 1e-2, count)
    impedance = TWO_ARCS.impedance(TWO_ARCS_TRUTH, frequency)
    error = np.random.default_rng(5).normal(size=(2, count))
    impedance = impedance * (1 + 1e-3 * (error[0] + 1j * error[1]))
    impedance[place] *= 1.15
    return Spectrum(frequency, impedance)


@pytest.mark.parametrize(("count", "place"), [(241, 100), (500, 123), (5000, 2600)])
def test_a_stray_point_of_a_dense_spectrum_is_flagged_and_no_other(count, place):
    found = linear_kk([spiked(count, place)])[0]

    assert np.flatnonzero(found.outliers).tolist() == [place]
    assert abs(found.residual[place]) == pytest.approx(0.15 / 1.15, rel=0.05)
    assert found.verdict == "valid"


def test_a_dense_spectrum_keeps_the_places_of_masked_and_unsorted_points():
    whole = spiked(500, 123)
    order = np.random.default_rng(0).permutation(500)
    mask = np.arange(500) != 7
    shuffled = Spectrum(
        whole.frequency_hz[order], whole.impedance_ohm[order], mask[order], whole.name
    )

    found = linear_kk([shuffled])[0]

    assert order[np.flatnonzero(found.outliers)].tolist() == [123]
    assert np.isnan(found.residual[order == 7]).all()
