"""Bands of common electrolyte species in the mid infrared, with assignments.

Positions of liquids in 1/cm, half widths at half height, strengths relative to the
strongest band of the species, and the shift where Li+ is coordinated. Sources:

- LiPF6: Begun and Rutenberg, Inorg. Chem. 6, 2212 (1967): PF6- t1u stretch.
- EC: Fortunato, Mirone and Fini, Spectrochim. Acta A 27, 1917 (1971).
- DMC: Katon and Cohen, Can. J. Chem. 53, 1378 (1975); EMC and DEC by analogy.
- Mixtures: Ellis et al., J. Electrochem. Soc. 165, A256 (2018); Buteau's thesis, 4.3.
- Coordination by Li+: Burba and Frech, J. Phys. Chem. B 109, 15161 (2005).

Strengths and widths are rounded by eye. They serve to label peaks and to make a
demonstration, and calibrate nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    wavenumber_per_cm: float
    half_width_per_cm: float
    strength: float
    assignment: str
    lithium_shift_per_cm: float = 0.0


BANDS: Mapping[str, tuple[Band, ...]] = {
    "LiPF6": (Band(841, 13, 1.0, "P-F stretch (t1u)"), Band(740, 6, 0.04, "P-F stretch (a1g)")),
    "EC": (
        Band(716, 6, 0.10, "ring deformation", 13),
        Band(773, 6, 0.16, "CO3 rock", 6),
        Band(972, 9, 0.14, "ring stretch", 3),
        Band(1070, 15, 0.75, "O-C-O stretch", 14),
        Band(1158, 13, 0.65, "C-O stretch", 39),
        Band(1390, 9, 0.18, "CH2 wag", 14),
        Band(1482, 7, 0.08, "CH2 scissor"),
        Band(1772, 11, 0.80, "C=O stretch (Fermi pair)", -2),
        Band(1798, 12, 1.00, "C=O stretch (Fermi pair)", 6),
    ),
    "EMC": (
        Band(792, 5, 0.18, "CO3 rock"),
        Band(876, 9, 0.06, "C-C stretch"),
        Band(936, 9, 0.10, "O-CH3 stretch"),
        Band(1007, 13, 0.32, "O-C2H5 stretch", 4),
        Band(1260, 18, 1.00, "O-C-O stretch", 44),
        Band(1370, 11, 0.14, "CH3 deformation"),
        Band(1442, 11, 0.26, "CH3 deformation"),
        Band(1747, 12, 0.78, "C=O stretch", -30),
    ),
    "DMC": (
        Band(793, 5, 0.19, "CO3 rock"),
        Band(914, 9, 0.12, "O-CH3 stretch", 6),
        Band(967, 9, 0.13, "O-CH3 stretch", 5),
        Band(1268, 17, 1.00, "O-C-O stretch", 48),
        Band(1431, 9, 0.14, "CH3 deformation"),
        Band(1453, 10, 0.36, "CH3 deformation"),
        Band(1753, 12, 0.76, "C=O stretch", -31),
    ),
    "DEC": (
        Band(791, 5, 0.15, "CO3 rock"),
        Band(854, 10, 0.08, "C-C stretch"),
        Band(1018, 13, 0.40, "O-C2H5 stretch", 4),
        Band(1093, 10, 0.09, "CH3 rock"),
        Band(1251, 19, 1.00, "O-C-O stretch", 48),
        Band(1374, 12, 0.22, "CH3 deformation"),
        Band(1468, 10, 0.10, "CH3 deformation"),
        Band(1741, 12, 0.74, "C=O stretch", -29),
    ),
    "VC": (
        Band(1080, 12, 0.35, "C-O stretch"),
        Band(1165, 12, 0.45, "C-O stretch"),
        Band(1831, 14, 1.00, "C=O stretch"),
    ),
    "FEC": (
        Band(1090, 15, 0.70, "C-O stretch"),
        Band(1170, 14, 0.60, "C-F stretch"),
        Band(1830, 15, 1.00, "C=O stretch"),
    ),
    "PC": (
        Band(1050, 12, 0.45, "C-O stretch"),
        Band(1183, 13, 0.60, "C-O stretch"),
        Band(1388, 9, 0.25, "CH3 deformation"),
        Band(1786, 13, 1.00, "C=O stretch"),
    ),
    "MA": (
        Band(1047, 12, 0.35, "C-O stretch"),
        Band(1240, 16, 1.0, "C-O stretch"),
        Band(1743, 12, 0.9, "C=O stretch"),
    ),
    "acetone": (
        Band(1222, 10, 0.6, "C-C stretch"),
        Band(1362, 10, 0.5, "CH3 deformation"),
        Band(1713, 11, 1.0, "C=O stretch"),
    ),
    "water": (Band(700, 120, 0.7, "libration"), Band(1640, 40, 1.0, "H-O-H bend")),
}
NEAR_PER_CM = 8.0


def candidates(wavenumber_per_cm: float, besides: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Species with a strong band near a wavenumber, "VC (C=O stretch, 1831)", nearest first."""
    found = [
        (abs(band.wavenumber_per_cm - wavenumber_per_cm), name, band)
        for name, bands in BANDS.items()
        if name not in besides
        for band in bands
        if band.strength >= 0.3
        and abs(band.wavenumber_per_cm - wavenumber_per_cm) <= max(12, band.half_width_per_cm / 2)
    ]
    found.sort(key=lambda entry: entry[0])
    return tuple(
        f"{name} ({band.assignment}, {band.wavenumber_per_cm:.0f})" for _, name, band in found
    )


def assignment(wavenumber_per_cm: float, components: tuple[str, ...]) -> str:
    """The nearest band of the components within 8 1/cm, "EC CO3 rock", or an empty text."""
    found = [
        (abs(band.wavenumber_per_cm - wavenumber_per_cm), f"{name} {band.assignment}")
        for name in components
        for band in BANDS.get(name, ())
        if abs(band.wavenumber_per_cm - wavenumber_per_cm) <= NEAR_PER_CM
    ]
    return min(found)[1] if found else ""
