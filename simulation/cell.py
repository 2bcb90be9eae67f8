"""The electrical model of one cell: two single particles, charge transfer, resistance.

- Concentration profiles in the particles are parabolic once a half-cycle has run for
  the relaxation time, so surface minus mean fraction is ``I tau / (15 Q)``
  (V. R. Subramanian et al., J. Electrochem. Soc. 152 (2005) A2002,
  doi 10.1149/1.2032427).
- Charge transfer follows Butler-Volmer with equal transfer coefficients and one
  exchange current for the whole cell: ``eta = 2RT/F asinh(I / 2 I0)``.
- Resistance, exchange current and diffusion follow Arrhenius' law.

Positive current charges. Content is the lithium in the negative electrode, in Ah.
"""

from dataclasses import dataclass

import numpy as np

from simulation.aging import Health, arrhenius
from simulation.designs import CellDesign, Floats, Ints, PotentialTable
from simulation.protocols import Protocol

FARADAY_OVER_GAS = 96485.33212 / 8.314462618  # K/V
PARABOLIC = 15.0
CONDUCTION_ACTIVATION = 18e3  # J/mol, ohmic and charge transfer
DIFFUSION_ACTIVATION = 26e3  # J/mol
BISECTIONS = 48
CAPACITY_SPREAD = 0.004


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell at given states of health: arrays hold one value per half-cycle or record."""

    positive: PotentialTable
    negative: PotentialTable
    positive_ah: Floats
    negative_ah: Floats
    lithium_ah: Floats
    resistance_ohm: Floats
    exchange_ampere: Floats
    positive_lag_hour: float
    negative_lag_hour: float
    kelvin: float
    assembled_ah: float  # lithium before the first charge
    nominal_ah: float

    def take(self, index: Ints) -> "Cell":
        return Cell(
            self.positive,
            self.negative,
            self.positive_ah[index],
            self.negative_ah[index],
            self.lithium_ah[index],
            self.resistance_ohm[index],
            self.exchange_ampere[index],
            self.positive_lag_hour,
            self.negative_lag_hour,
            self.kelvin,
            self.assembled_ah,
            self.nominal_ah,
        )

    def voltage(self, content: Floats, current: Floats, gradient: Floats) -> Floats:
        """``gradient`` is the current whose steady profile the particles have."""
        x = (content + gradient * self.negative_lag_hour) / self.negative_ah
        y = (self.lithium_ah - content - gradient * self.positive_lag_hour) / self.positive_ah
        transfer = 2 * self.kelvin / FARADAY_OVER_GAS
        overpotential = current * self.resistance_ohm + transfer * np.arcsinh(
            current / (2 * self.exchange_ampere)
        )
        return np.asarray(self.positive.at(y) - self.negative.at(x) + overpotential)

    def content_at(self, volt: float | Floats, current: Floats) -> Floats:
        """The content at which the voltage under a steady current is ``volt``."""
        low, high = -0.2 * self.negative_ah, 1.2 * self.negative_ah
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            below = self.voltage(middle, current, current) < volt
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2)


def build_cell(
    design: CellDesign, protocol: Protocol, health: Health, rng: np.random.Generator
) -> Cell:
    """One value per half-cycle (charge, discharge, charge …)."""
    nominal = design.nominal_capacity_ah * (1 + rng.normal(0, CAPACITY_SPREAD))
    unit = _fresh(design, protocol.temperature_celsius)
    scale = nominal / _slow_capacity(_fresh(design, 25.0), design)
    before_formation = design.formation_loss if protocol.formation_cycles else 0.0
    fresh = scale * float(unit.lithium_ah[0]) + before_formation * nominal
    twice = np.repeat(np.arange(protocol.cycle_number), 2)
    material = health.material_kept[twice]
    return Cell(
        unit.positive,
        unit.negative,
        scale * unit.positive_ah[0] * material,
        # The negative electrode loses less than the positive one.
        scale * unit.negative_ah[0] * (0.6 + 0.4 * material),
        fresh - nominal * health.lithium_lost[twice],
        unit.resistance_ohm[0] / nominal * health.resistance_factor[twice],
        unit.exchange_ampere[0] * nominal / health.resistance_factor[twice],
        unit.positive_lag_hour,
        unit.negative_lag_hour,
        unit.kelvin,
        fresh,
        design.nominal_capacity_ah,
    )


def _fresh(design: CellDesign, temperature_celsius: float) -> Cell:
    """A new cell whose windows span 1 Ah."""
    positive, negative = design.positive, design.negative
    conduction = arrhenius(CONDUCTION_ACTIVATION, temperature_celsius)
    diffusion = arrhenius(DIFFUSION_ACTIVATION, temperature_celsius)
    positive_ah = 1 / (positive.fraction_discharged - positive.fraction_charged)
    negative_ah = 1 / (negative.fraction_charged - negative.fraction_discharged)
    lithium = (
        positive.fraction_discharged * positive_ah + negative.fraction_discharged * negative_ah
    )
    return Cell(
        PotentialTable.of(positive.potential),
        PotentialTable.of(negative.potential),
        np.array([positive_ah]),
        np.array([negative_ah]),
        np.array([lithium]),
        np.array([design.series_resistance_ohm_ah / conduction]),
        np.array([design.exchange_c_rate * conduction]),
        positive.diffusion_time_hour / PARABOLIC / diffusion,
        negative.diffusion_time_hour / PARABOLIC / diffusion,
        temperature_celsius + 273.15,
        lithium,
        1.0,
    )


def _slow_capacity(cell: Cell, design: CellDesign) -> float:
    """Capacity between the design's cut-offs at C/20 of a cell of 1 Ah windows."""
    slow = np.array([0.05])
    full = cell.content_at(design.upper_cutoff_volt, slow)
    empty = cell.content_at(design.lower_cutoff_volt, -slow)
    return float((full - empty)[0])
