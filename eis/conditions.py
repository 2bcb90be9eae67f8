"""Which numbers are of one condition: they differ by noise, others by what was set."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

VOLTAGE_GAP, VOLTAGE_WIDTH = 0.05, 0.1  # V
TEMPERATURE_GAP, TEMPERATURE_WIDTH = 3.0, 5.0  # degC
Conditions = tuple[float | None, float | None]  # V and degC


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


def alike(conditions: Sequence[Conditions]) -> list[list[int]]:
    """Places of the conditions that are one, group by group.

    Each group is one level of voltage and of temperature by itself: grouped again without
    the others it stays whole. A level wider than 0.1 V or 5 degC, as of measurements all
    along a charge, is divided at even steps.

    >>> alike([(3.751, 25.0), (4.2, None), (3.749, 24.4)])
    [[0, 2], [1]]
    """
    done: list[list[int]] = []
    waiting = [list(range(len(conditions)))] if conditions else []
    while waiting:
        group = waiting.pop()
        parts: dict[Hashable, list[int]] = defaultdict(list)
        volts = _keys([conditions[i][0] for i in group], VOLTAGE_GAP, VOLTAGE_WIDTH)
        degrees = _keys([conditions[i][1] for i in group], TEMPERATURE_GAP, TEMPERATURE_WIDTH)
        for place, key in zip(group, zip(volts, degrees, strict=True), strict=True):
            parts[key].append(place)
        if len(parts) == 1:
            done.append(group)
        else:
            waiting += parts.values()
    return sorted(done)


def _keys(values: Sequence[float | None], gap: float, width: float) -> list[Hashable]:
    places = levels(values, gap)
    ends: dict[int, tuple[float, float]] = {}
    for place, value in zip(places, values, strict=True):
        if place is not None and value is not None:
            low, high = ends.get(place, (value, value))
            ends[place] = (min(low, value), max(high, value))
    return [
        None
        if place is None or value is None
        else (place, round(value / width) if ends[place][1] - ends[place][0] > width else None)
        for place, value in zip(places, values, strict=True)
    ]
