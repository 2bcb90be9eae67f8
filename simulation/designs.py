"""Cell designs: open-circuit potentials, electrode balance, resistances, diffusion times.

Open-circuit potentials are published fits, in volt against lithium, as functions of
the fraction of lithium in the electrode (0 … 1):

- graphite and NMC: P. Mohtat et al., parameter set of the University of Michigan pouch
  cell, as in PyBaMM's ``Mohtat2020``;
- graphite with SiOx and NMC811: C.-H. Chen et al., J. Electrochem. Soc. 167 (2020)
  080534, doi 10.1149/1945-7111/ab9050 (LG M50);
- LFP: S. Afshar, K. Morris, A. Khajepour, arXiv 1709.03970 (2017);
- LCO: J. Newman's Dualfoil (1998), as in PyBaMM's ``Marquis2019``.

Resistances, diffusion times and activation energies are typical of the cell types and
not fitted to any cell.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TABLE_POINTS = 4001
# Beyond empty and full a real potential runs away; a steep line keeps solvers bounded.
RUNAWAY_VOLT = 20.0


def graphite_volt(x: Floats) -> Floats:
    """Graphite after Mohtat 2020."""
    tanh = np.tanh
    return np.asarray(
        0.063
        + 0.8 * np.exp(-75 * (x + 0.001))
        - 0.0120 * tanh((x - 0.127) / 0.016)
        - 0.0118 * tanh((x - 0.155) / 0.016)
        - 0.0035 * tanh((x - 0.220) / 0.020)
        - 0.0095 * tanh((x - 0.190) / 0.013)
        - 0.0145 * tanh((x - 0.490) / 0.020)
        - 0.0800 * tanh((x - 1.030) / 0.055)
    )


def silicon_graphite_volt(x: Floats) -> Floats:
    """Graphite with a little SiOx after Chen 2020."""
    return np.asarray(
        1.9793 * np.exp(-39.3631 * x)
        + 0.2482
        - 0.0909 * np.tanh(29.8538 * (x - 0.1234))
        - 0.04478 * np.tanh(14.9159 * (x - 0.2769))
        - 0.0205 * np.tanh(30.4444 * (x - 0.6103))
    )


def nmc622_volt(y: Floats) -> Floats:
    """NMC after Mohtat 2020."""
    polynomial = np.polyval([-2.2166, 3.5146, -2.0843, 1.6225, -1.6518, 4.3452], y)
    return np.asarray(polynomial - 0.5623e-4 * np.exp(109.451 * y - 100.006))


def nmc811_volt(y: Floats) -> Floats:
    """NMC811 after Chen 2020."""
    return np.asarray(
        -0.8090 * y
        + 4.4875
        - 0.0428 * np.tanh(18.5138 * (y - 0.5542))
        - 17.7326 * np.tanh(15.7890 * (y - 0.3117))
        + 17.5842 * np.tanh(15.9308 * (y - 0.3120))
    )


def lfp_volt(y: Floats) -> Floats:
    """LFP after Afshar 2017."""
    return np.asarray(3.4077 - 0.020269 * y + 0.5 * np.exp(-150 * y) - 0.9 * np.exp(-30 * (1 - y)))


def lco_volt(y: Floats) -> Floats:
    """LCO after Dualfoil 1998; the fit counts lithium from 1.062 times this fraction."""
    s, tanh = 1.062 * y, np.tanh
    return np.asarray(
        2.16216
        + 0.07645 * tanh(30.834 - 54.4806 * s)
        + 2.1581 * tanh(52.294 - 50.294 * s)
        - 0.14169 * tanh(11.0923 - 19.8543 * s)
        + 0.2051 * tanh(1.4684 - 5.4888 * s)
        + 0.2531 * tanh((-s + 0.56478) / 0.1316)
        - 0.02167 * tanh((s - 0.525) / 0.006)
    )


@dataclass(frozen=True, slots=True)
class Electrode:
    """``potential`` over lithium fraction; the fraction when the cell is empty and full.

    ``diffusion_time_hour`` is R²/D of the particles at 25 °C.
    """

    potential: Callable[[Floats], Floats]
    fraction_discharged: float
    fraction_charged: float
    diffusion_time_hour: float


@dataclass(frozen=True, slots=True)
class CellDesign:
    """A cell as designed. Resistance scales as 1/capacity, so it is given in ohm x Ah."""

    name: str
    nominal_capacity_ah: float
    lower_cutoff_volt: float
    upper_cutoff_volt: float
    positive: Electrode
    negative: Electrode
    series_resistance_ohm_ah: float
    # Current at which charge transfer leaves the linear regime, over capacity.
    exchange_c_rate: float
    formation_loss: float = 0.09


NMC622_GRAPHITE = CellDesign(
    name="NMC622/graphite pouch",
    nominal_capacity_ah=0.24,
    lower_cutoff_volt=3.0,
    upper_cutoff_volt=4.2,
    positive=Electrode(nmc622_volt, 0.89, 0.034, 1.0),
    negative=Electrode(graphite_volt, 0.004, 0.83, 0.90),
    series_resistance_ohm_ah=0.030,
    exchange_c_rate=1.2,
)
NMC811_SILICON = CellDesign(
    name="NMC811/SiGr pouch",
    nominal_capacity_ah=0.22,
    lower_cutoff_volt=2.8,
    upper_cutoff_volt=4.2,
    positive=Electrode(nmc811_volt, 0.8537, 0.2638, 1.4),
    negative=Electrode(silicon_graphite_volt, 0.0263, 0.9106, 1.0),
    series_resistance_ohm_ah=0.034,
    exchange_c_rate=0.9,
    formation_loss=0.10,
)
LFP_GRAPHITE = CellDesign(
    name="LFP/graphite 18650",
    nominal_capacity_ah=1.1,
    lower_cutoff_volt=2.5,
    upper_cutoff_volt=3.6,
    positive=Electrode(lfp_volt, 0.90, 0.02, 0.35),
    negative=Electrode(graphite_volt, 0.004, 0.78, 0.60),
    series_resistance_ohm_ah=0.022,
    exchange_c_rate=1.6,
    formation_loss=0.07,
)
LCO_GRAPHITE = CellDesign(
    name="LCO/graphite pouch",
    nominal_capacity_ah=0.21,
    lower_cutoff_volt=3.0,
    upper_cutoff_volt=4.40,
    positive=Electrode(lco_volt, 0.92, 0.31, 1.1),
    negative=Electrode(graphite_volt, 0.004, 0.86, 0.9),
    series_resistance_ohm_ah=0.032,
    exchange_c_rate=1.0,
    formation_loss=0.06,
)


@dataclass(frozen=True, slots=True)
class PotentialTable:
    """A potential on an even grid, made strictly falling, with run-away ends."""

    volts: Floats

    @classmethod
    def of(cls, potential: Callable[[Floats], Floats]) -> "PotentialTable":
        grid = np.linspace(0.0, 1.0, TABLE_POINTS)
        falling = np.minimum.accumulate(np.clip(potential(grid), -1.0, 6.0))
        return cls(falling - 1e-6 * grid)

    def at(self, fraction: Floats) -> Floats:
        inside = np.clip(fraction, 0.0, 1.0)
        position = inside * (TABLE_POINTS - 1)
        left = np.minimum(position.astype(np.int64), TABLE_POINTS - 2)
        share = position - left
        volts = self.volts[left] * (1 - share) + self.volts[left + 1] * share
        return np.asarray(volts - RUNAWAY_VOLT * (fraction - inside))
