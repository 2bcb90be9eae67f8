"""Circuit elements: what they are called, their formula, their slopes, their symmetries.

A formula is written once, with operators only, so NumPy arrays and torch tensors run the
same function. ``omega`` is angular frequency (…, F) in rad/s and every parameter is
(…, 1); impedance is in ohm. Slopes are exact derivatives, by the logarithm of positive
parameters and by fractions themselves, from the impedance already computed: a fit needs
no further power. Sources: Figures 2.6 and 2.7 of the thesis (CPE, ZARC and their
inductive forms); Barsoukov & Macdonald, Impedance Spectroscopy, 3rd ed., chapter 2
(finite-length Warburg elements). The names of elements are those of impedance.py where it
has them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

TURN = 2 * math.pi
QUARTER = 1j * math.pi / 2  # ln(j)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of an element.

    A ``fraction`` lies between 0 and 1, anything else is positive. Under a spectrum scaled
    by exp(r) and shifted in log frequency by w, the parameter's logarithm grows by
    ``scale * r + shift * w``, and for ``shift_by_fraction`` by ``shift * w`` times the
    element's exponent of that index (thesis 2.5).
    """

    name: str
    unit: str
    fraction: bool = False
    scale: int = 0
    shift: float = 0.0
    shift_by_fraction: int | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """A kind of element: ``impedance(omega, *parameters)`` and its ``slopes``.

    ``slopes(log_omega, impedance, *parameters)`` gives one array per parameter.
    ``pivot`` names the end of the spectrum at which a magnitude is well determined:
    there the fit measures |Z| instead of Q. ``pivot_at`` is (index of Q, of its exponent).
    """

    symbol: str
    title: str
    parameters: tuple[Parameter, ...]
    impedance: Callable[..., Any]
    slopes: Callable[..., tuple[Any, ...]]
    pivot: str = ""
    pivot_at: tuple[int, int] = (0, 1)


def resistor(omega: Any, R: Any) -> Any:
    return R + 0j * omega


def capacitor(omega: Any, C: Any) -> Any:
    return 1 / (1j * omega * C)


def inductor(omega: Any, L: Any) -> Any:
    return 1j * omega * L


def constant_phase(omega: Any, Q: Any, phi: Any) -> Any:
    """1 / (Q (jω)^φ): a capacitor at φ = 1, a Warburg element at φ = 1/2."""
    return 1 / (Q * omega**phi * 1j**phi)


def constant_phase_slopes(log_omega: Any, Z: Any, Q: Any, phi: Any) -> tuple[Any, ...]:
    return -Z, -Z * (log_omega + QUARTER)


def inductive_constant_phase(omega: Any, L: Any, alpha: Any) -> Any:
    """L (jω)^α: a coil at α = 1, less where the skin effect and the can damp it."""
    return L * omega**alpha * 1j**alpha


def inductive_constant_phase_slopes(log_omega: Any, Z: Any, L: Any, alpha: Any) -> tuple[Any, ...]:
    return Z, Z * (log_omega + QUARTER)


def zarc(omega: Any, R: Any, fc: Any, phi: Any) -> Any:
    """R / (1 + (jω/ωc)^φ), ωc = 2π fc: a resistor beside a CPE."""
    return R / (1 + (omega / (TURN * fc)) ** phi * 1j**phi)


def zarc_slopes(log_omega: Any, Z: Any, R: Any, fc: Any, phi: Any) -> tuple[Any, ...]:
    bend = Z * (1 - Z / R)  # Z u / (1 + u) without computing u = (jω/ωc)^φ again
    return Z, phi * bend, -bend * (log_omega - natural_log(TURN * fc) + QUARTER)


def inductive_zarc(omega: Any, R: Any, fc: Any, phi: Any) -> Any:
    """R / (1 + (jω/ωc)^-φ): a resistor beside an inductive CPE."""
    return R / (1 + (omega / (TURN * fc)) ** (-phi) * 1j ** (-phi))


def inductive_zarc_slopes(log_omega: Any, Z: Any, R: Any, fc: Any, phi: Any) -> tuple[Any, ...]:
    bend = Z * (1 - Z / R)
    return Z, -phi * bend, bend * (log_omega - natural_log(TURN * fc) + QUARTER)


def nested_zarc(omega: Any, R: Any, fc: Any, phi: Any, Q: Any, phi_d: Any) -> Any:
    """A ZARC with a diffusion CPE in its resistive branch; ωc is that of the ZARC alone."""
    branch = R + constant_phase(omega, Q, phi_d)
    return 1 / (1 / branch + (omega / (TURN * fc)) ** phi * 1j**phi / R)


def nested_zarc_slopes(log_omega: Any, Z: Any, *parameters: Any) -> tuple[Any, ...]:
    R, fc, phi, Q, phi_d = parameters
    diffusion = 1 / (Q * math.e ** (phi_d * log_omega) * 1j**phi_d)
    share = (Z / (R + diffusion)) ** 2
    admittance = Z * Z * (1 / Z - 1 / (R + diffusion))  # Z² u / R
    return (
        share * R + admittance,
        phi * admittance,
        -admittance * (log_omega - natural_log(TURN * fc) + QUARTER),
        -share * diffusion,
        -share * diffusion * (log_omega + QUARTER),
    )


def warburg(omega: Any, A: Any) -> Any:
    """A (1 - j) / √ω: diffusion into depth without end."""
    return A * (1 - 1j) / omega**0.5


def open_warburg(omega: Any, R: Any, tau: Any) -> Any:
    """R coth(√(jωτ)) / √(jωτ): diffusion that ends at a wall."""
    root = (omega * tau) ** 0.5 * 1j**0.5
    decay = math.e ** (-2 * root)
    return R * (1 + decay) / (1 - decay) / root


def short_warburg(omega: Any, R: Any, tau: Any) -> Any:
    """R tanh(√(jωτ)) / √(jωτ): diffusion that ends at a reservoir."""
    root = (omega * tau) ** 0.5 * 1j**0.5
    decay = math.e ** (-2 * root)
    return R * (1 - decay) / (1 + decay) / root


def finite_slopes(log_omega: Any, Z: Any, R: Any, tau: Any) -> tuple[Any, ...]:
    # For f(x) = coth(x)/x and tanh(x)/x alike, x f' = 1 - (x f)² - f; d ln x / d ln τ = 1/2.
    square = 1j * math.e**log_omega * tau
    return Z, R / 2 - square * Z * Z / (2 * R) - Z / 2


def natural_log(value: Any) -> Any:
    """ln of a NumPy array or a torch tensor."""
    return value.log() if hasattr(value, "log") else np.log(value)


def first_slope(log_omega: Any, Z: Any, *parameters: Any) -> tuple[Any, ...]:
    return (Z,)


def negative_slope(log_omega: Any, Z: Any, *parameters: Any) -> tuple[Any, ...]:
    return (-Z,)


R_OHM = Parameter("R", "Ω", scale=1)
FC = Parameter("fc", "Hz", shift=1)
PHI = Parameter("phi", "", fraction=True)
TAU = Parameter("tau", "s", shift=-1)
Q = Parameter("Q", "S s^φ", scale=-1, shift=-1, shift_by_fraction=1)

ELEMENTS: dict[str, Element] = {
    element.symbol: element
    for element in (
        Element("R", "resistor", (R_OHM,), resistor, first_slope),
        Element("C", "capacitor", (Parameter("C", "F", scale=-1, shift=-1),), capacitor, negative_slope),
        Element("L", "inductor", (Parameter("L", "H", scale=1, shift=-1),), inductor, first_slope),
        Element(
            "CPE", "constant phase element", (Q, PHI), constant_phase, constant_phase_slopes, "low"
        ),
        Element(
            "La",
            "inductive constant phase element",
            (
                Parameter("L", "Ω s^α", scale=1, shift=-1, shift_by_fraction=1),
                Parameter("alpha", "", fraction=True),
            ),
            inductive_constant_phase,
            inductive_constant_phase_slopes,
            "high",
        ),
        Element("ZARC", "ZARC", (R_OHM, FC, PHI), zarc, zarc_slopes),
        Element("LZARC", "inductive ZARC", (R_OHM, FC, PHI), inductive_zarc, inductive_zarc_slopes),
        Element(
            "ZARCW",
            "ZARC with diffusion in its resistive branch",
            (
                R_OHM,
                FC,
                PHI,
                Parameter("Q", "S s^φ", scale=-1, shift=-1, shift_by_fraction=4),
                Parameter("phi_d", "", fraction=True),
            ),
            nested_zarc,
            nested_zarc_slopes,
            "low",
            (3, 4),
        ),
        Element(
            "W", "Warburg element", (Parameter("A", "Ω s^-1/2", scale=1, shift=0.5),), warburg, first_slope
        ),
        Element(
            "Wo", "open finite Warburg element", (R_OHM, TAU), open_warburg, finite_slopes
        ),
        Element(
            "Ws", "short finite Warburg element", (R_OHM, TAU), short_warburg, finite_slopes
        ),
    )
}  # fmt: skip
