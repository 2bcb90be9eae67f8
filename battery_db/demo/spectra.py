"""Small plausible spectra, as potentiostats and infrared spectrometers export them."""

from collections.abc import Mapping, Sequence

import numpy as np

from cells.compositions import parse_electrolyte
from ftir import nominal
from ftir.bands import BANDS
from ftir.demonstration import COMPONENTS, measured


def impedance_text(growth: float, seed: Sequence[int]) -> str:
    """100 kHz … 10 mHz of a pouch cell; ``growth`` multiplies its charge-transfer arc."""
    rng = np.random.default_rng([*seed, 0xE15])
    frequency = np.logspace(5, -2, 61)
    omega = 2j * np.pi * frequency
    film = 0.035 / (1 + (omega * 0.035 * 0.004) ** 0.88)
    transfer = 0.11 * growth / (1 + (omega * 0.11 * 0.55) ** 0.82)
    ohm = 0.082 + omega * 1.4e-8 + film + transfer + 0.028 / np.sqrt(omega)
    ohm = ohm * (1 + 1e-3 * (rng.normal(size=61) + 1j * rng.normal(size=61)))
    rows = zip(frequency, ohm.real, -ohm.imag, np.abs(ohm), strict=True)
    lines = [f"{f:.5E}\t{re:.6E}\t{im:.6E}\t{size:.6E}" for f, re, im, size in rows]
    return "\n".join(["freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\t|Z|/Ohm", *lines, ""])


def aged_electrolyte(electrolyte: str, cycle: int) -> dict[str, float]:
    """Mass ratios of a recipe after ``cycle`` cycles.

    EMC becomes DMC and DEC (2 EMC = DMC + DEC, so by mass 43:57), a little salt is lost.
    """
    recipe = parse_electrolyte(electrolyte)
    parts = [(part.molecule, part.role, part.amount, part.unit) for part in recipe.components]
    ratio = nominal.mass_ratios(parts) or {}
    changed = ratio.get("EMC", 0.0) * min(0.25, 8e-4 * cycle)
    ratio["EMC"] = ratio.get("EMC", 0.0) - changed
    ratio["DMC"] = ratio.get("DMC", 0.0) + 0.43 * changed
    ratio["DEC"] = ratio.get("DEC", 0.0) + 0.57 * changed
    ratio["LiPF6"] = ratio.get("LiPF6", 0.0) * (1 - min(0.1, 2e-4 * cycle))
    total = sum(ratio.values())
    return {name: value / total for name, value in ratio.items()}


def infrared_text(mass_ratio: Mapping[str, float], seed: Sequence[int]) -> str:
    """Absorbance of a mixture as an ATR instrument exports it, 650-4000 1/cm.

    Components that the demonstration of ``ftir`` does not know count by their own bands.
    """
    rng = np.random.default_rng([*seed, 0xF71])
    axis = np.arange(640.0, 4000.0, 1.86)
    known = np.array([mass_ratio.get(name, 0.0) for name in COMPONENTS])
    absorbance = measured(known, rng, axis)
    for name in set(mass_ratio) - set(COMPONENTS):
        for band in BANDS.get(name, ()):
            distance = (axis - band.wavenumber_per_cm) / band.half_width_per_cm
            absorbance += 0.4 * mass_ratio[name] * band.strength / (1 + distance**2)
    lines = [f"{x:.2f}\t{y:.6f}" for x, y in zip(axis, absorbance, strict=True)]
    return "\n".join(["Wavenumber (cm-1)\tAbsorbance", *lines, ""])
