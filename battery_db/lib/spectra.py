"""Spectra as values: what readers give, and what fits and plots take.

Impedance is kept as measured, so a capacitive spectrum has a negative imaginary part,
and frequencies are in hertz; angular frequency is used inside formulas only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import UnreadableFile

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """One impedance spectrum.

    ``frequency_hz`` (n,) in hertz, in the order measured; ``impedance_ohm`` (n,) complex,
    capacitive negative. ``mask`` (n,) is true for points that count: a point that a person
    or a check has left out stays in the arrays, so that masking can be taken back.
    ``name`` says which spectrum it is in messages; ``metadata`` is what the reader found.
    """

    frequency_hz: FloatArray
    impedance_ohm: ComplexArray
    mask: BoolArray | None = None
    name: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fix the types and refuse arrays of different lengths (UnreadableFile)."""
        frequency = np.asarray(self.frequency_hz, dtype=np.float64)
        impedance = np.asarray(self.impedance_ohm, dtype=np.complex128)
        mask = np.ones(len(frequency), bool) if self.mask is None else np.asarray(self.mask, bool)
        if not frequency.shape == impedance.shape == mask.shape or frequency.ndim != 1:
            raise UnreadableFile(
                f"{self.name or 'The spectrum'}: expected one impedance and one mask value per "
                f"frequency, found {frequency.shape}, {impedance.shape} and {mask.shape}.",
                fix="Give three columns of the same length.",
            )
        object.__setattr__(self, "frequency_hz", frequency)
        object.__setattr__(self, "impedance_ohm", impedance)
        object.__setattr__(self, "mask", mask)

    def __len__(self) -> int:
        return len(self.frequency_hz)

    @property
    def usable(self) -> BoolArray:
        """(n,) points that count and are numbers: not masked, finite, frequency above zero."""
        finite = np.isfinite(self.frequency_hz) & np.isfinite(self.impedance_ohm)
        counts: BoolArray = finite & (self.frequency_hz > 0) & (self.impedance_ohm != 0)
        return counts if self.mask is None else counts & self.mask

    def masked(self, mask: BoolArray) -> "Spectrum":
        """The same spectrum with another mask."""
        return replace(self, mask=mask)


@dataclass(frozen=True, slots=True, eq=False)
class InfraredSpectrum:
    """One infrared spectrum as absorbance.

    ``wavenumber_per_cm`` (n,) ascends strictly; ``absorbance`` (n,) is decadic,
    -log10 of the transmittance. ``name`` says which spectrum it is in messages;
    ``metadata`` is what the reader found.
    """

    wavenumber_per_cm: FloatArray
    absorbance: FloatArray
    name: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays of different lengths and an axis that does not ascend (UnreadableFile)."""
        axis = np.asarray(self.wavenumber_per_cm, dtype=np.float64)
        absorbance = np.asarray(self.absorbance, dtype=np.float64)
        if axis.shape != absorbance.shape or axis.ndim != 1 or not (np.diff(axis) > 0).all():
            raise UnreadableFile(
                f"{self.name or 'The spectrum'}: expected one absorbance per ascending "
                f"wavenumber, found {axis.shape} and {absorbance.shape}.",
                fix="Give two columns of the same length.",
            )
        object.__setattr__(self, "wavenumber_per_cm", axis)
        object.__setattr__(self, "absorbance", absorbance)

    def __len__(self) -> int:
        return len(self.wavenumber_per_cm)
