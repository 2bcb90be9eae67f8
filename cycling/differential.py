"""Differential capacity dQ/dV of half-cycles (thesis 5.3.7)."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from cycling.curves import Curve, on_voltage_grid
from cycling.steps import Floats

STEP_VOLT = 0.005
# Over how many volts the slope is taken; a lower rate of recording needs a wider one.
WINDOW_VOLT = 0.02


@dataclass(frozen=True, slots=True)
class DifferentialCapacity:
    """``capacity_per_volt`` is dQ/dV in Ah/V, never negative, at each ``voltage_volt``."""

    voltage_volt: Floats
    capacity_per_volt: Floats

    def as_frame(self) -> pl.DataFrame:
        return pl.DataFrame({"V (V)": self.voltage_volt, "dQ/dV (Ah/V)": self.capacity_per_volt})


def differential_capacity(
    curve: Curve, polarity: str, *, step_volt: float = STEP_VOLT, window_volt: float = WINDOW_VOLT
) -> DifferentialCapacity:
    """dQ/dV of one half-cycle on a grid of multiples of ``step_volt``.

    Capacity is read where the curve passes each voltage (linear between records) and
    its slope taken over ``window_volt``, centred: a moving average of the plain
    difference quotient, so the integral of dQ/dV over voltage stays the capacity
    between the ends of the grid. Voltage holds do not enter: their dV is zero.
    """
    if len(curve) < 2:
        return _nothing()
    low, high = float(curve.voltage_volt.min()), float(curve.voltage_volt.max())
    first, last = np.ceil(low / step_volt - 1e-9), np.floor(high / step_volt + 1e-9)
    if last - first < 2:
        return _nothing()
    grid = np.arange(first, last + 1) * step_volt
    found = on_voltage_grid(curve, grid, polarity)
    grid, capacity = grid[found.mask], found.capacity_ah[found.mask]
    half = max(1, round(window_volt / step_volt / 2))
    if len(grid) < 2 * half + 1:
        return _nothing()
    slope = np.abs(capacity[2 * half :] - capacity[: -2 * half]) / (2 * half * step_volt)
    return DifferentialCapacity(grid[half:-half].round(6), slope)


def _nothing() -> DifferentialCapacity:
    return DifferentialCapacity(np.zeros(0), np.zeros(0))
