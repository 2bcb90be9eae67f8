"""The vibration-mode equations: limits, invariances, and agreement with the thesis's form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battery_db.lib.errors import LabError
from ftir.mixtures import (
    beer_pairs,
    excess_operator,
    mass_ratios,
    mix,
    normalised,
    pair_amounts,
    pairs,
    partial_spectra,
    thesis_operator,
)


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_the_mixture_is_the_thesis_equation(count, seed):
    rng = np.random.default_rng(seed)
    full = rng.uniform(0, 1, (4, count, count))  # A_ijk, i wavenumbers
    full = (full + full.transpose(0, 2, 1)) / 2
    concentration = rng.uniform(0, 2, count)

    expected = np.einsum("k,ijk,j->i", concentration, full, concentration) / concentration.sum()

    rows = np.stack([full[:, j, k] for j, k in pairs(count)])
    assert mix(rows, concentration[None])[0] == pytest.approx(expected, rel=1e-9)


def test_amounts_of_pairs_sum_to_one():
    ratio = np.random.default_rng(1).dirichlet(np.ones(5), 20)

    assert pair_amounts(ratio).sum(axis=1) == pytest.approx(1)


def test_constant_modes_are_beers_law():
    rng = np.random.default_rng(2)
    own, concentration = rng.uniform(0, 1, (5, 30)), rng.uniform(0, 1, (3, 5))

    assert mix(beer_pairs(own), concentration) == pytest.approx(concentration @ own)
    assert excess_operator(5) @ beer_pairs(own) == pytest.approx(0, abs=1e-12)


def test_the_thesis_penalty_is_zero_only_without_dependence():
    alike = np.ones((len(pairs(4)), 3))

    assert thesis_operator(4) @ alike == pytest.approx(0, abs=1e-12)
    assert np.square(thesis_operator(4) @ np.eye(len(pairs(4)))).sum() > 1


def test_partial_spectra_sum_to_the_whole():
    rng = np.random.default_rng(3)
    spectra, concentration = rng.uniform(0, 1, (15, 40)), np.array([0.2, -0.1, 1.0, 0.3, 0.0])

    parts = partial_spectra(spectra, concentration)

    assert parts.sum(axis=0) == pytest.approx(mix(spectra, concentration[None])[0])
    assert parts[1] == pytest.approx(0)


def test_the_path_scales_a_spectrum_and_leaves_the_ratios():
    spectra, concentration = np.ones((6, 4)), np.array([[0.1, 0.4, 0.5]])

    assert mix(spectra, 3 * concentration) == pytest.approx(3 * mix(spectra, concentration))
    assert mass_ratios(3 * concentration) == pytest.approx(mass_ratios(concentration))


def test_rounded_ratios_are_normalised_and_wrong_ones_named():
    names = ("EC", "DMC")

    assert normalised(np.array([[0.3, 0.7001]]), names).sum() == pytest.approx(1)
    with pytest.raises(LabError, match=r"row 2.*EC 30, DMC 70"):
        normalised(np.array([[0.3, 0.7], [30, 70]]), names)
    with pytest.raises(LabError, match="row 1"):
        normalised(np.array([[-0.1, 1.1]]), names)
