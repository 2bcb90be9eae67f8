"""What a person reads from a spectrum and its fit: arcs, intercepts, resistances."""

from dataclasses import dataclass

import numpy as np

from battery_db.lib.spectra import Spectrum
from eis.circuits import parse_circuit
from eis.results import FitResult


@dataclass(frozen=True, slots=True)
class Arc:
    """One arc of a fitted circuit, and the measured point nearest to its top.

    ``time_constant_s`` is 1 / (2π fc); ``capacitance_f`` is that of the equivalent
    capacitor, τ / R; ``nearest`` is an index into the spectrum, or None where the
    characteristic frequency lies outside of what was measured.
    """

    name: str
    resistance_ohm: float
    frequency_hz: float
    exponent: float
    time_constant_s: float
    capacitance_f: float
    nearest: int | None


def arcs(result: FitResult, spectrum: Spectrum) -> list[Arc]:
    """The arcs of a fit, lowest frequency first; a resistor beside a C or a CPE is one too."""
    if not result.succeeded:
        return []
    values = result.as_dict()
    found = [
        _arc(leaf.name, values, spectrum)
        for leaf in parse_circuit(result.circuit).leaves
        if leaf.element.symbol in ("ZARC", "ZARCW", "LZARC")
    ]
    return sorted(found, key=lambda arc: arc.frequency_hz)


def _arc(name: str, values: dict[str, float], spectrum: Spectrum) -> Arc:
    resistance, frequency = values[f"{name}_R"], values[f"{name}_fc"]
    time_constant = 1 / (2 * np.pi * frequency)
    usable = np.flatnonzero(spectrum.usable)
    measured = spectrum.frequency_hz[usable]
    inside = len(measured) > 0 and measured.min() <= frequency <= measured.max()
    nearest = int(usable[np.abs(np.log(measured / frequency)).argmin()]) if inside else None
    return Arc(
        name=name,
        resistance_ohm=resistance,
        frequency_hz=frequency,
        exponent=values[f"{name}_phi"],
        time_constant_s=time_constant,
        capacitance_f=time_constant / resistance,
        nearest=nearest,
    )


@dataclass(frozen=True, slots=True)
class Features:
    """Numbers that need no circuit.

    ``intercept_ohm`` is the real part where the spectrum turns from inductive to
    capacitive, by a straight line between the points on either side, or at the highest
    frequency where it is capacitive throughout; ``inductive_points`` counts points with a
    positive imaginary part; ``smallest_real_ohm`` shows negative parts.
    """

    points: int
    lowest_hz: float
    highest_hz: float
    intercept_ohm: float
    inductive_points: int
    smallest_real_ohm: float
    largest_real_ohm: float


def features(spectrum: Spectrum) -> Features | None:
    """Features of the points that count; None where there are none."""
    usable = spectrum.usable
    if not usable.any():
        return None
    order = np.argsort(-spectrum.frequency_hz[usable])
    impedance = spectrum.impedance_ohm[usable][order]
    frequency = spectrum.frequency_hz[usable]
    return Features(
        points=int(usable.sum()),
        lowest_hz=float(frequency.min()),
        highest_hz=float(frequency.max()),
        intercept_ohm=_intercept(impedance.real, impedance.imag),
        inductive_points=int((impedance.imag > 0).sum()),
        smallest_real_ohm=float(impedance.real.min()),
        largest_real_ohm=float(impedance.real.max()),
    )


def _intercept(real: np.ndarray, imaginary: np.ndarray) -> float:
    capacitive = np.flatnonzero(imaginary <= 0)
    if not len(capacitive) or capacitive[0] == 0:
        return float(real[0] if len(capacitive) else real[-1])
    after = int(capacitive[0])
    before = after - 1
    share = imaginary[before] / (imaginary[before] - imaginary[after])
    return float(real[before] + share * (real[after] - real[before]))
