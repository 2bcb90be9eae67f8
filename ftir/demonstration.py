"""A demonstration calibration: spectra made from literature bands, not measured.

It lets the pages live on a fresh machine. Its numbers say nothing about a real
instrument: a lab replaces it by a calibration from its own mixtures.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ftir.bands import BANDS
from ftir.calibration import Samples

Array = NDArray[np.float64]
NAME = "Demonstration (literature bands)"
COMPONENTS = ("LiPF6", "EC", "EMC", "DMC", "DEC")
MOLAR_MASS = {"LiPF6": 151.905, "EC": 88.06, "EMC": 104.10, "DMC": 90.08, "DEC": 118.13}
SOLVENTS_PER_LITHIUM = 3.5  # coordinated by carbonates; Seo et al., J. Phys. Chem. C 119 (2015)
GRID = np.arange(650.0, 2080.5, 1.0)
TABLES = Path(__file__).parent / "known_mass_ratios.csv"


@lru_cache
def known_mass_ratios() -> Array:
    """The 48 mixtures of tables 1-4 of the thesis, (48, 5) in the order of COMPONENTS."""
    table = np.loadtxt(TABLES, delimiter=",", skiprows=1)
    given = table[:, -len(COMPONENTS) :]
    ratio: Array = given / given.sum(axis=1, keepdims=True)
    return ratio


def mixture_spectrum(mass_ratio: Array, grid: Array = GRID) -> Array:
    """Absorbance of a mixture (N,) of COMPONENTS at path 1: Lorentzian bands.

    The share of solvent around Li+ has its bands shifted; a coordinated and a free
    band lie side by side, as they do in life, and no vibration-mode model is exact.
    """
    moles = {n: m / MOLAR_MASS[n] for n, m in zip(COMPONENTS, mass_ratio, strict=True)}
    solvent = sum(amount for name, amount in moles.items() if name != "LiPF6")
    bound = -np.expm1(-SOLVENTS_PER_LITHIUM * moles["LiPF6"] / max(solvent, 1e-9))
    total = np.zeros_like(grid)
    for name, share in zip(COMPONENTS, mass_ratio, strict=True):
        for band in BANDS[name]:
            for part, shift in ((1 - bound, 0.0), (bound, band.lithium_shift_per_cm)):
                distance = (grid - band.wavenumber_per_cm - shift) / band.half_width_per_cm
                total += share * part * band.strength / (1 + np.square(distance))
    result: Array = total
    return result


def measured(mass_ratio: Array, rng: np.random.Generator, grid: Array = GRID) -> Array:
    """As an ATR instrument shows it: contact (path) 15 %, offset, slope and noise, (M,)."""
    path = 0.4 * float(np.exp(rng.normal(0, 0.15)))
    spectrum = path * mixture_spectrum(mass_ratio, grid + rng.normal(0, 0.15))
    position = np.linspace(-1, 1, len(grid))
    spectrum += rng.normal(0, 1e-3) + rng.normal(0, 1e-3) * position
    result: Array = spectrum + rng.normal(0, 4e-4, len(grid)) * (1.5 - 0.5 * position)
    return result


def anywhere(count: int, rng: np.random.Generator) -> Array:
    """Mass ratios (count, N) over the whole simplex within what the tables hold at most."""
    top = known_mass_ratios().max(axis=0)
    salt = rng.uniform(0, top[0], count)
    solvent = rng.dirichlet(np.full(len(COMPONENTS) - 1, 0.8), size=count)
    solvent[:, 0] = np.minimum(solvent[:, 0], top[1])
    solvent *= ((1 - salt) / solvent.sum(axis=1))[:, None]
    return np.column_stack([salt, solvent])


def samples(unknown: int = 60, seed: int = 4, known: Array | None = None) -> Samples:
    """Mixtures with made-up spectra, the tables' unless others are ``known``; and
    ``unknown`` mixtures without labels.
    """
    rng = np.random.default_rng(seed)
    known = known_mass_ratios() if known is None else known
    spectra = np.stack([measured(row, rng) for row in known])
    others = [measured(row, rng) for row in anywhere(unknown, rng)]
    return Samples(
        COMPONENTS,
        GRID,
        spectra,
        known,
        np.stack(others) if others else np.zeros((0, len(GRID))),
    )
