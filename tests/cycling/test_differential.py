"""dQ/dV: known slopes come back, and its integral is the capacity."""

import numpy as np
import pytest

from cycling.curves import Curve
from cycling.differential import WINDOW_VOLT, differential_capacity


def curve(volt: np.ndarray, capacity: np.ndarray) -> Curve:
    return Curve(capacity, volt, np.ones_like(volt), np.arange(len(volt), dtype=np.float64))


def test_a_straight_line_has_one_slope():
    volt = np.linspace(3.0, 4.2, 500)

    found = differential_capacity(curve(volt, 0.25 * (volt - 3.0)), "charge")

    assert found.capacity_per_volt == pytest.approx(np.full(len(found.voltage_volt), 0.25))


def test_a_plateau_is_a_peak_at_its_voltage_also_for_a_discharge():
    """Q = arctan((V - 3.7) / 0.05): a Lorentzian of the height 1 / 0.05 at 3.7 V."""
    volt = np.linspace(4.2, 3.2, 4000)
    capacity = -np.arctan((volt - 3.7) / 0.05)

    found = differential_capacity(curve(volt, capacity - capacity[0]), "discharge")

    peak = int(np.argmax(found.capacity_per_volt))
    assert found.voltage_volt[peak] == pytest.approx(3.7, abs=0.003)
    # The window flattens the top: arctan(w / 2b) / (w / 2) is exact for a mean slope.
    half = 2 * 0.005
    assert found.capacity_per_volt[peak] == pytest.approx(np.arctan(half / 0.05) / half, rel=0.01)
    assert WINDOW_VOLT < 0.05


def test_the_integral_of_dq_dv_is_the_capacity_that_passed():
    rng = np.random.default_rng(1)
    volt = np.linspace(3.0, 4.2, 3000)
    capacity = np.cumsum(rng.random(3000)) / 3000

    found = differential_capacity(curve(volt, capacity), "charge", window_volt=0.01)

    ends = np.interp(found.voltage_volt[[0, -1]], volt, capacity)
    integral = np.trapezoid(found.capacity_per_volt, found.voltage_volt)
    assert integral == pytest.approx(ends[1] - ends[0], rel=0.01)


def test_noise_and_pulses_never_give_a_negative_slope():
    rng = np.random.default_rng(2)
    volt = np.linspace(3.0, 4.2, 800) + rng.normal(0, 0.004, 800)

    found = differential_capacity(curve(volt, np.linspace(0, 1, 800)), "charge")

    assert (found.capacity_per_volt >= 0).all()


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_too_few_records_give_nothing(size):
    found = differential_capacity(
        curve(np.linspace(3.7, 3.705, size), np.linspace(0, 0.1, size)), "charge"
    )

    assert len(found.voltage_volt) == len(found.capacity_per_volt) == 0
