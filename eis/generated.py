"""Generated spectra of known make, for training and for benchmarks (thesis 3.5.8).

Uniform over ranges of what lithium-ion cells show, broader than any one lab's data: none
to nine arcs, diffusion in series or nested or of finite length, imperfect inductance,
20 to 80 points, windows cropped at either end, noise up to 2 %, milliohm to kiloohm.
"""

from dataclasses import dataclass

import numpy as np

from battery_db.lib.spectra import ComplexArray, FloatArray, Spectrum
from eis.elements import (
    constant_phase,
    inductive_constant_phase,
    inductive_zarc,
    nested_zarc,
    open_warburg,
    short_warburg,
    zarc,
)

MOST_ARCS = 9
POINTS = (20, 80)


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedSpectra:
    """Spectra padded to one length: frequencies fall along each row, ``weight`` is 0 for padding.

    ``exact_ohm`` is the impedance without noise; ``relative_noise`` (B,) is the deviation of
    the real and of the imaginary part over |Z|.
    """

    frequency_hz: FloatArray
    impedance_ohm: ComplexArray
    exact_ohm: ComplexArray
    weight: FloatArray
    relative_noise: FloatArray

    def spectra(self) -> list[Spectrum]:
        return [
            Spectrum(frequency[there], impedance[there], name=f"generated {i}")
            for i, (frequency, impedance, there) in enumerate(
                zip(self.frequency_hz, self.impedance_ohm, self.weight > 0, strict=True)
            )
        ]


def generate_spectra(count: int, rng: np.random.Generator) -> GeneratedSpectra:
    """``count`` spectra, drawn from the ranges above."""
    frequency, weight = _windows(count, rng)
    exact = _cell(frequency, rng)
    noise = np.where(rng.random(count) < 0.15, 0.0, 10 ** rng.uniform(-4, np.log10(0.02), count))
    error = rng.normal(size=(2, *exact.shape)) * noise[:, None] * np.abs(exact)
    scale = 10 ** rng.uniform(np.log10(5e-3), 3, (count, 1)) / np.abs(exact).mean(
        axis=1, keepdims=True
    )
    return GeneratedSpectra(
        frequency, scale * (exact + error[0] + 1j * error[1]), scale * exact, weight, noise
    )


def _windows(count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Frequencies (B, F) in hertz, evenly spaced in logarithm or nearly, and weights."""
    points = rng.integers(POINTS[0], POINTS[1] + 1, count)
    top = rng.uniform(3.0, 6.0, count)
    bottom = np.minimum(rng.uniform(-3.0, 0.5, count), top - 3.0)
    index = np.arange(POINTS[1])
    share = np.minimum(index / (points[:, None] - 1), 1.0)
    jitter = rng.normal(size=share.shape) * np.where(rng.random(count) < 0.2, 0.3, 0.0)[:, None]
    log = top[:, None] - (top - bottom)[:, None] * share
    log += np.clip(jitter, -0.45, 0.45) * ((top - bottom) / points)[:, None]
    weight = (index < points[:, None]).astype(np.float64)
    return 10**log, weight


def _cell(frequency: FloatArray, rng: np.random.Generator) -> ComplexArray:
    """Impedance (B, F) of cells whose arcs lie in and around the window."""
    count = len(frequency)
    omega = 2 * np.pi * frequency
    top, bottom = np.log(omega[:, :1]), np.log(omega.min(axis=1, keepdims=True))

    def uniform(low: float, high: float) -> FloatArray:
        return rng.uniform(low, high, (count, 1))

    def present(share: float) -> FloatArray:
        return (rng.random((count, 1)) < share).astype(np.float64)

    arcs = np.minimum(rng.poisson(3.0, (count, 1)), MOST_ARCS)
    impedance: ComplexArray = np.exp(uniform(-3.5, 0.5)) + 0j * omega
    place = uniform(0, 1)
    for arc in range(MOST_ARCS):
        there = arcs > arc
        place = rng.uniform(-0.05, 1.0, (count, 1))
        centre = np.exp(bottom + place * (top - bottom)) / (2 * np.pi)
        size = np.exp(uniform(-2.5, 0.7))
        narrow = present(0.2)
        phi = np.where(narrow > 0, uniform(0.9, 0.99), uniform(0.5, 0.95))
        impedance += there * zarc(omega, size, centre, phi)
    impedance += _diffusion(omega, bottom, top, rng)
    coil = present(0.7) * np.exp(uniform(-4.0, 0.5))
    impedance += coil * inductive_constant_phase(omega / np.exp(top), 1.0, uniform(0.75, 1.0))
    coil_arc = present(0.4) * np.exp(uniform(-3.5, 0.2))
    above = np.exp(top + uniform(-3.0, 2.0)) / (2 * np.pi)
    impedance += coil_arc * inductive_zarc(omega, 1.0, above, uniform(0.75, 1.0))
    return impedance


def _diffusion(
    omega: FloatArray, bottom: FloatArray, top: FloatArray, rng: np.random.Generator
) -> ComplexArray:
    """One of: none, a CPE, an arc with diffusion inside, a finite Warburg of either kind."""
    count = len(omega)
    kind = rng.choice(5, size=(count, 1), p=[0.1, 0.45, 0.25, 0.12, 0.08])
    low = np.exp(bottom)
    size = np.exp(rng.uniform(-2.5, 1.2, (count, 1)))
    phi = rng.uniform(0.3, 0.95, (count, 1))
    place = rng.uniform(0.0, 0.6, (count, 1))
    centre = np.exp(bottom + place * (top - bottom))
    arc = np.exp(rng.uniform(-2.0, 0.7, (count, 1)))
    arc_phi = rng.uniform(0.55, 0.98, (count, 1))
    Q = low**-phi / size
    tail = np.where(kind == 1, constant_phase(omega, Q, phi), 0)
    tail = np.where(kind == 2, nested_zarc(omega, arc, centre / (2 * np.pi), arc_phi, Q, phi), tail)
    tail = np.where(kind == 3, open_warburg(omega, size, 1 / centre), tail)
    finite: ComplexArray = np.where(kind == 4, short_warburg(omega, size, 1 / centre), tail)
    return finite
