"""Which spectra are of one series: by gaps between their conditions, not by rounded numbers."""

import numpy as np
import pytest

from eis.conditions import alike


def test_noise_about_a_rounding_edge_divides_nothing():
    volts = 3.75 + np.random.default_rng(1).normal(scale=2e-3, size=40)
    degrees = 22.5 + np.random.default_rng(2).normal(scale=0.3, size=40)

    assert alike(list(zip(volts.tolist(), degrees.tolist(), strict=True))) == [list(range(40))]


def test_what_was_set_otherwise_is_a_series_of_its_own():
    conditions = [(3.7, 25.0), (3.8, 25.0), (3.7, 30.0), (None, 25.0), (3.7, None), (3.71, 25.5)]

    assert alike(conditions) == [[0, 5], [1], [2], [3], [4]]
    assert alike([]) == []


def test_measurements_all_along_a_charge_are_no_single_series():
    volts = np.arange(3.0, 4.2, 0.01)

    groups = alike([(v, None) for v in volts.tolist()])

    assert max(np.ptp(volts[group]) for group in groups) <= 0.1 + 1e-9
    assert len(groups) <= 14


@pytest.mark.parametrize("seed", range(20))
def test_a_series_grouped_without_the_others_stays_whole(seed):
    rng = np.random.default_rng(seed)
    volts = rng.choice([3.6, 3.64, 3.68, 3.7, 4.1], 60) + rng.normal(scale=5e-3, size=60)
    degrees = rng.choice([20.0, 22.5, 25.0, 40.0], 60) + rng.normal(scale=0.5, size=60)
    conditions = list(zip(volts.tolist(), degrees.tolist(), strict=True))

    groups = alike(conditions)

    assert sorted(place for group in groups for place in group) == list(range(60))
    for group in groups:
        assert alike([conditions[place] for place in group]) == [list(range(len(group)))]
