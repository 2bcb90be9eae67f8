"""Which numbers are of one condition: they differ by noise, others by what was set."""

from collections.abc import Sequence

import numpy as np


def levels(values: Sequence[float | None], gap: float) -> list[int | None]:
    """The place of each value among levels that lie at least ``gap`` apart; None stays None.

    Neighbours closer than ``gap`` are of one level, so noise at an edge divides nothing.

    >>> levels([3.751, 3.749, None, 4.1], 0.05)
    [0, 0, None, 1]
    """
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    order = np.argsort(known)  # NaN comes last
    steps = np.diff(known[order], prepend=known[order][:1])
    places = np.empty(len(known), dtype=np.int64)
    places[order] = np.cumsum(steps >= gap)
    return [
        None if missing else int(place)
        for place, missing in zip(places, np.isnan(known), strict=True)
    ]
