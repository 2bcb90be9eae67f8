"""How a cell ages, cycle by cycle, in closed form.

Three losses, each a fraction of the nominal capacity, after the usual split of
degradation modes (C. R. Birkl et al., J. Power Sources 341 (2017) 373,
doi 10.1016/j.jpowsour.2016.12.011):

- lithium into the SEI, growing with the square root of time
  (M. B. Pinson, M. Z. Bazant, J. Electrochem. Soc. 160 (2013) A243,
  doi 10.1149/2.044302jes);
- lithium and active material with each cycle, faster at high rates and voltages;
- for some cells a knee, after which the loss per cycle rises towards a higher value.

Temperature acts by Arrhenius factors. What an additive does to the rates is chosen so
that a demonstration shows differences of a plausible size; it is not measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from simulation.designs import Floats
from simulation.protocols import REST_HOUR, Protocol

GAS_CONSTANT = 8.314462618  # J/(mol K)
REFERENCE_KELVIN = 298.15
SEI_ACTIVATION = 38e3  # J/mol
CYCLE_ACTIVATION = 22e3  # J/mol
VOLTS_PER_E_FOLD = 0.13  # of the loss per cycle above the reference cut-off
BUMP_FRACTION = 0.005
BUMP_CYCLES = 7.0
# Capacity of neighbouring cycles scatters by about this much in real chambers.
SCATTER_FRACTION = 1.0e-4


@dataclass(frozen=True, slots=True)
class Wear:
    """Rates of aging at 25 °C, 1C and the reference cut-off; fractions of capacity."""

    sei_per_root_hour: float = 0.0010
    lithium_per_cycle: float = 6.0e-5
    material_per_cycle: float = 3.0e-5
    resistance_per_cycle: float = 4.0e-4
    reference_volt: float = 4.2
    knee_cycle: float | None = None
    knee_per_cycle: float = 2.5e-3
    spread: float = 0.06

    def scaled(self, sei: float = 1.0, cycling: float = 1.0, resistance: float = 1.0) -> "Wear":
        return replace(
            self,
            sei_per_root_hour=self.sei_per_root_hour * sei,
            lithium_per_cycle=self.lithium_per_cycle * cycling,
            material_per_cycle=self.material_per_cycle * cycling,
            resistance_per_cycle=self.resistance_per_cycle * resistance,
        )


# additive -> usual percent, and its factors on SEI growth, loss per cycle, resistance
ADDITIVES = {
    "VC": (2.0, (0.55, 0.60, 1.10)),
    "FEC": (2.0, (0.70, 0.70, 0.95)),
    "DTD": (1.0, (0.80, 0.75, 0.70)),
    "LiPO2F2": (1.0, (0.75, 0.70, 0.65)),
    "PES": (1.0, (0.60, 0.65, 1.35)),
}


@dataclass(frozen=True, slots=True)
class Health:
    """One value per cycle, as it is at the top of that cycle's charge.

    ``lithium_lost`` is what left the cyclable inventory so far, as a fraction of the
    nominal capacity; it dips after check-ups, when lithium returns from the overhang.
    """

    lithium_lost: Floats
    material_kept: Floats
    resistance_factor: Floats


def with_additives(wear: Wear, percents: Mapping[str, float]) -> Wear:
    """More of an additive does more, by the square root of its amount."""
    for name, percent in percents.items():
        usual, factors = ADDITIVES.get(name, (1.0, (1.0, 1.0, 1.0)))
        power = (percent / usual) ** 0.5
        wear = wear.scaled(*(factor**power for factor in factors))
    return wear


def arrhenius(activation: float, temperature_celsius: float) -> float:
    """Factor on a rate, 1 at 25 °C; ``activation`` in J/mol."""
    kelvin = temperature_celsius + 273.15
    return float(np.exp(activation / GAS_CONSTANT * (1 / REFERENCE_KELVIN - 1 / kelvin)))


def age(wear: Wear, protocol: Protocol, formation_loss: float, rng: np.random.Generator) -> Health:
    """The health of a cell over its protocol; cells of one kind differ by ``rng``."""
    hours = elapsed_hours(protocol)
    rates = np.array([cycle.discharge_rate for cycle in protocol.cycles])
    number = np.arange(protocol.cycle_number, dtype=np.float64)
    sei_own, cycle_own, resistance_own = np.exp(rng.normal(0, wear.spread, 3))
    severity = cycle_own * arrhenius(CYCLE_ACTIVATION, protocol.temperature_celsius)
    severity *= np.exp((protocol.upper_cutoff_volt - wear.reference_volt) / VOLTS_PER_E_FOLD)
    use = np.cumsum(np.clip(rates, 0.3, None) ** 0.5)
    sei = sei_own * arrhenius(SEI_ACTIVATION, protocol.temperature_celsius)
    after_knee = _after_knee(number, wear.knee_cycle)
    lost = wear.sei_per_root_hour * sei * np.sqrt(hours)
    lost = lost + wear.lithium_per_cycle * severity * use + wear.knee_per_cycle * after_knee
    lost = lost + _formation(protocol, formation_loss) - _bumps(protocol)
    lost = lost + rng.normal(0, SCATTER_FRACTION, number.size)
    growth = wear.resistance_per_cycle * resistance_own * severity * use
    return Health(
        lithium_lost=lost,
        material_kept=1 - wear.material_per_cycle * severity * use - 3e-4 * after_knee,
        resistance_factor=1 + growth + 0.01 * after_knee,
    )


def elapsed_hours(protocol: Protocol) -> Floats:
    """Time at the end of each cycle as planned: the cell's calendar, near enough."""
    lengths = [
        1 / cycle.charge_rate + 1 / cycle.discharge_rate + 2 * REST_HOUR
        for cycle in protocol.cycles
    ]
    return np.cumsum(np.array(lengths))


def _after_knee(number: Floats, knee: float | None, width: float = 12.0) -> Floats:
    if knee is None:
        return np.zeros_like(number)
    return np.asarray(width * np.logaddexp(0.0, (number - knee) / width))


def _formation(protocol: Protocol, loss: float) -> Floats:
    """The first charge builds most of the SEI, the second the rest."""
    steps = np.zeros(protocol.cycle_number)
    steps[:2] = [0.9 * loss, 0.1 * loss] if protocol.formation_cycles else [0.0, 0.0]
    return np.cumsum(steps)


def _bumps(protocol: Protocol) -> Floats:
    """Lithium that came back during the slow cycle and leaves again over the next ones."""
    bumps = np.zeros(protocol.cycle_number)
    for position, cycle in enumerate(protocol.cycles):
        if cycle.is_check_up and position >= protocol.formation_cycles:
            since = np.arange(protocol.cycle_number - position)
            bumps[position:] = BUMP_FRACTION * np.exp(-since / BUMP_CYCLES)
    return bumps
