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
