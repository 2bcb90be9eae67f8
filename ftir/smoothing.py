"""Linear systems with a second-derivative penalty, solved as five diagonals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded

Array = NDArray[np.float64]


def second_difference_bands(count: int) -> Array:
    """Upper bands of L^T L where L takes second differences of ``count`` points, (3, count)."""
    bands = np.zeros((3, count))
    rows = np.arange(count - 2)
    for offset, weight in ((0, 1.0), (1, 4.0), (2, 1.0)):
        bands[2, rows + offset] += weight
    bands[1, rows + 1] += -2.0
    bands[1, rows + 2] += -2.0
    bands[0, rows + 2] += 1.0
    return bands


class SmoothSystem:
    """``(diagonal I + smooth L^T L) x = b``, factored once; b is (count, k)."""

    def __init__(self, count: int, diagonal: float, smooth: float) -> None:
        bands = smooth * second_difference_bands(count)
        bands[2] += diagonal
        self._factor: Any = cholesky_banded(bands, check_finite=False)

    def solve(self, right: Array) -> Array:
        result: Array = cho_solve_banded((self._factor, False), right, check_finite=False)
        return result
