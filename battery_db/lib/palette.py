"""Colours and symbols of every plot, and numbers as JSON takes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito's palette, told apart by every kind of colour vision; black comes last
# because it vanishes in the dark theme.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#7F7F7F")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")
QUIET = "#9AA0A6"


def json_numbers(values: Sequence[float] | NDArray[np.float64]) -> list[float | None]:
    """JSON has no NaN; Plotly leaves a gap at null. Seven digits are plenty on a screen."""
    array = np.asarray(values, dtype=np.float64)
    return [float(f"{v:.7g}") if np.isfinite(v) else None for v in array]
