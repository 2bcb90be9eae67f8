"""What weighs how much in a fit. Apart from ``ftir.calibration``, which loads SciPy."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "constant"]


@dataclass(frozen=True, slots=True)
class Penalties:
    """Weights relative to the mean diagonal of each normal matrix; flat over decades."""

    smooth_spectra: float = 0.03
    mixing: float = 1e-3
    mixing_form: Literal["excess", "thesis"] = "excess"
    encoder: float = 8e-3
    smooth_encoder: float = 0.3
    unknown_weight: float = 0.3
    virtual_mixtures: int = 200
    virtual_weight: float = 0.75
    rounds: int = 2
