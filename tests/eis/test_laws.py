"""The laws of chapter 2 of the thesis: each symmetry and each conversion is one test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from battery_db.lib.spectra import Spectrum
from eis.batches import make_batch
from eis.circuits import NAMED_CIRCUITS, parse_circuit
from eis.conversions import (
    Ladder,
    NotConvertible,
    Voigt,
    bridged_to_series,
    cpe_to_zarc,
    ladder_to_voigt,
    series_to_bridged,
    voigt_to_ladder,
    zarc_to_cpe,
)
from eis.coordinates import coordinates_of
from eis.elements import ELEMENTS
from eis.results import complexity
from tests.eis.test_circuits import random_parameters

FREQUENCY = np.geomspace(1e-3, 1e5, 41)
LOG_SIZES = st.floats(-6, 6)
POSITIVE = st.floats(1e-3, 1e3)


def impedance(text: str, *parameters: float) -> np.ndarray:
    return parse_circuit(text).impedance(np.array(parameters), FREQUENCY)


def test_2_1_elements_in_series_add_and_in_parallel_their_admittances_add():
    first, second = impedance("CPE1", 2.0, 0.7), impedance("ZARC1", 3.0, 10.0, 0.8)

    assert np.allclose(impedance("CPE1-ZARC1", 2.0, 0.7, 3.0, 10.0, 0.8), first + second)
    together = impedance("p(CPE1,ZARC1)", 2.0, 0.7, 3.0, 10.0, 0.8)
    assert np.allclose(together, 1 / (1 / first + 1 / second))


@given(POSITIVE, POSITIVE, POSITIVE)
def test_2_2_figure_2_1_one_circuit_mimics_the_other_exactly(R1, R2, C):
    original = impedance("R1-p(R2,C1)", R1, R2, C)

    converted = impedance("p(R1,R2-C1)", *series_to_bridged(R1, R2, C))

    assert np.allclose(converted, original, rtol=1e-9)


@given(POSITIVE, POSITIVE, POSITIVE)
def test_2_2_figure_2_1_and_back(R1, R2, C):
    assert np.allclose(bridged_to_series(*series_to_bridged(R1, R2, C)), (R1, R2, C), rtol=1e-12)


def test_2_2_figure_2_1_has_one_limit_a_resistance_of_zero():
    for conversion in (series_to_bridged, bridged_to_series):
        with pytest.raises(NotConvertible, match="above zero"):
            conversion(0.0, 1.0, 1.0)


def test_2_2_figure_2_3_one_changing_resistance_changes_all_three_numbers():
    trend = np.array([series_to_bridged(1.0, R2, 1.0) for R2 in np.arange(1.0, 11.0)])

    assert (np.abs(np.diff(trend, axis=0)) > 1e-3).all()
    assert trend[-1, 2] / trend[0, 2] > 3  # a constant capacitance looks like a growing one


def voigts(end: st.SearchStrategy) -> st.SearchStrategy[Voigt]:
    """One to five pairs within nine decades of time, each at least a factor 2 from the next."""

    def build(sizes, gaps, first, capacitor):
        log_tau = first + np.cumsum(gaps[: len(sizes)])
        resistance = 10 ** np.array(sizes)
        return Voigt(0.02, resistance, np.exp(log_tau) / resistance, capacitor)

    return st.builds(
        build,
        st.lists(st.floats(-2, 1), min_size=1, max_size=5),
        st.lists(st.floats(0.7, 4), min_size=5, max_size=5),
        st.floats(-9, -3),
        end,
    )


@settings(deadline=None)
@given(voigts(st.none() | st.floats(10, 1000)))
def test_2_2_figure_2_4_a_ladder_has_the_spectrum_of_its_voigt_circuit(voigt):
    ladder = voigt_to_ladder(voigt)

    original = voigt.circuit.impedance(voigt.parameters, FREQUENCY)
    converted = ladder.circuit.impedance(ladder.parameters, FREQUENCY)
    # Rounding grows with the ratio of time constants, here at most e^16.
    assert np.allclose(converted, original, rtol=1e-6)


@settings(deadline=None)
@given(voigts(st.none() | st.floats(10, 1000)))
def test_2_2_figure_2_4_a_voigt_circuit_comes_back_from_its_ladder(voigt):
    back = ladder_to_voigt(voigt_to_ladder(voigt))

    order = np.argsort(voigt.resistance_ohm * voigt.capacitance_f)
    assert np.allclose(back.resistance_ohm, voigt.resistance_ohm[order], rtol=1e-4)
    assert np.allclose(back.capacitance_f, voigt.capacitance_f[order], rtol=1e-4)
    assert (back.series_capacitance_f is None) == (voigt.series_capacitance_f is None)


@pytest.mark.parametrize("capacitance", [10.0, 100.0, 1000.0])
def test_2_2_figure_2_4_a_small_series_capacitor_changes_the_ladder_more(capacitance):
    pairs = np.array([0.1, 0.2]), np.array([1.0, 20.0])

    def change(capacitor):
        ladder = voigt_to_ladder(Voigt(0.05, *pairs, capacitor))
        assert len(ladder.resistance_ohm) == len(ladder.capacitance_f) - 1
        return abs(ladder.resistance_ohm[0] / 0.1 - 1)

    assert change(capacitance) > change(10 * capacitance)


def test_2_2_the_limit_of_ladders_two_equal_time_constants_are_one_pair():
    twice = Voigt(0.0, np.array([1.0, 2.0]), np.array([2.0, 1.0]))

    with pytest.raises(NotConvertible, match="same time constant"):
        voigt_to_ladder(twice)
    with pytest.raises(NotConvertible, match="not above zero"):
        ladder_to_voigt(Ladder(0.0, np.array([0.0]), np.array([1.0])))


@given(POSITIVE, POSITIVE, st.floats(0.3, 1.0))
def test_2_3_a_zarc_is_a_resistor_beside_a_cpe(R, fc, phi):
    arc = impedance("ZARC1", R, fc, phi)

    assert np.allclose(impedance("p(R1,CPE1)", *zarc_to_cpe(R, fc, phi)), arc, rtol=1e-9)
    assert np.allclose(cpe_to_zarc(*zarc_to_cpe(R, fc, phi)), (R, fc, phi), rtol=1e-9)


def test_2_3_a_cpe_is_a_capacitor_a_warburg_element_or_a_coil_by_its_exponent():
    assert np.allclose(impedance("CPE1", 2.0, 1.0), impedance("C1", 2.0))
    assert np.allclose(impedance("CPE1", 2.0, 0.5), impedance("W1", 0.5 / np.sqrt(2)))
    assert np.allclose(impedance("La1", 2.0, 1.0), impedance("L1", 2.0))


def test_2_3_a_zarc_is_its_resistance_far_below_its_frequency_and_nothing_far_above():
    circuit = parse_circuit("ZARC1")
    values = circuit.impedance(np.array([3.0, 1.0, 0.9]), np.array([1e-12, 1e12]))

    assert np.allclose(values, [3.0, 0.0], atol=1e-9)


@pytest.mark.parametrize("name", NAMED_CIRCUITS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_2_4_every_coordinate_is_a_valid_circuit_and_back(name, seed):
    circuit = NAMED_CIRCUITS[name]
    batch = make_batch([Spectrum(FREQUENCY, impedance("R0-ZARC1", 1.0, 2.0, 10.0, 0.8))])
    u = np.random.default_rng(seed).normal(0, 3, (1, len(circuit)))
    coordinates = coordinates_of(circuit)

    parameters = coordinates.parameters(u, batch)

    fractions = coordinates.fractions
    assert (parameters > 0).all()
    assert (parameters[:, fractions] < 1).all()
    assert np.allclose(coordinates.coordinates(parameters, batch), u, atol=1e-6)


@pytest.mark.parametrize("symbol", ELEMENTS)
@given(scale=LOG_SIZES, shift=LOG_SIZES, seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_2_5_figure_2_8_a_scaled_and_shifted_spectrum_has_scaled_and_shifted_parameters(
    symbol, scale, shift, seed
):
    circuit = parse_circuit(f"{symbol}1")
    parameters = random_parameters(circuit, np.random.default_rng(seed), rows=1)[0]
    before = circuit.impedance(parameters, FREQUENCY)

    moved = circuit.shifted(parameters, scale=scale, shift=shift)

    after = circuit.impedance(moved, FREQUENCY * np.exp(shift))
    assert np.allclose(after, np.exp(scale) * before, rtol=1e-9)
    back = circuit.shifted(moved, scale=-scale, shift=-shift)
    assert np.allclose(back, parameters, rtol=1e-9)


@given(LOG_SIZES, LOG_SIZES)
def test_2_5_normalised_spectra_have_unit_size_around_unit_frequency(scale, shift):
    values = impedance("R0-ZARC1-CPE0", 1.0, 2.0, 10.0, 0.8, 3.0, 0.5)

    batch = make_batch([Spectrum(FREQUENCY * np.exp(shift), values * np.exp(scale))])

    size = np.abs(batch.impedance)
    assert size.mean() == pytest.approx(1)
    assert (size * batch.log_omega).sum() == pytest.approx(0, abs=1e-6)
    first = make_batch([Spectrum(FREQUENCY, values)])
    assert np.allclose(batch.impedance, first.impedance, rtol=1e-6)


def test_2_6_swapping_two_arcs_changes_nothing():
    one, other = [1.0, 2.0, 0.8], [3.0, 400.0, 0.7]

    assert np.allclose(
        impedance("ZARC1-ZARC2", *one, *other), impedance("ZARC1-ZARC2", *other, *one)
    )


@given(POSITIVE, st.integers(1, 9))
def test_2_7_complexity_counts_equal_arcs_whatever_their_size(R, count):
    assert complexity(np.full(count, R)) == pytest.approx(count)


@given(st.lists(POSITIVE, min_size=3, max_size=3), LOG_SIZES)
def test_2_7_complexity_lies_between_1_and_the_number_of_arcs_and_knows_no_scale(values, scale):
    resistances = np.array(values)

    assert 1 - 1e-9 <= complexity(resistances) <= 3 + 1e-9
    assert complexity(resistances * np.exp(scale)) == pytest.approx(complexity(resistances))
