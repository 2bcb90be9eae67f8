"""Small plausible spectra, as potentiostats and infrared spectrometers export them."""

from collections.abc import Sequence

import numpy as np

# Wavenumber, width in 1/cm and strength of bands of common electrolytes.
BANDS = {
    "EC": ((1805, 9, 0.9), (1774, 10, 1.0), (1390, 9, 0.3), (1157, 14, 0.7), (1073, 12, 0.6)),
    "EMC": ((1748, 13, 1.0), (1452, 10, 0.3), (1262, 16, 1.0), (1009, 10, 0.3)),
    "DMC": ((1755, 12, 1.0), (1457, 10, 0.4), (1275, 16, 1.0), (971, 9, 0.3)),
    "LiPF6": ((842, 13, 1.0), (558, 6, 0.4)),
}


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


def infrared_text(electrolyte: str, seed: Sequence[int]) -> str:
    """Absorbance of the bands of the named solvents and salts, 600-2000 1/cm."""
    rng = np.random.default_rng([*seed, 0xF71])
    wavenumber = np.arange(550.0, 2000.0, 2.0)
    absorbance = 0.01 + rng.normal(0, 6e-4, wavenumber.size)
    for name, bands in BANDS.items():
        if name in electrolyte:
            for centre, width, strength in bands:
                absorbance += 0.25 * strength / (1 + ((wavenumber - centre) / width) ** 2)
    lines = [f"{x:.1f}\t{y:.5f}" for x, y in zip(wavenumber, absorbance, strict=True)]
    return "\n".join(["Wavenumber (cm-1)\tAbsorbance", *lines, ""])
