"""Half-cycles that were driven alike, by the five attributes of the thesis.

Two stages, deterministic, NumPy only:

1. per polarity, boxes in (ln constant rate, ln end rate, end voltage): ``cycling.cuts``;
2. each box is parted by what the half-cycle before ended at. That is compared by
   **label** (the box it fell in, boxes that ended alike being one), not by value, so
   its noise is not met twice.

Small groups near a large one join it. Every half-cycle is in exactly one group; what
stays alone beside real groups is irregular (interrupted, aborted).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cycling.cuts import NOISE_FACTOR, Axis, Floats, Ints, Leaf, find_boxes

GROUPING_VERSION = 2

# Rates 6 % apart and voltages 15 mV apart are the same program; 25 % and 60 mV never are.
RATE = Axis(floor=0.06, ceiling=0.25)
VOLT = Axis(floor=0.015, ceiling=0.060)
AXES = (RATE, RATE, VOLT)
# Of the end of a half-cycle: ln rate, voltage.
FLOORS = np.array([RATE.floor, VOLT.floor])
# Fewer than this are not yet a group of their own when a larger one is near.
SMALL = 3
NEAR = 2.0
LOWEST_RATE = 1e-6
ATTRIBUTES = (
    "constant_rate",
    "end_rate",
    "previous_end_rate",
    "end_voltage",
    "previous_end_voltage",
)


@dataclass(frozen=True, slots=True)
class Group:
    """``centre`` and ``box`` leave out attributes that no member has."""

    polarity: str
    number: int  # 1 is the largest of its polarity
    irregular: bool
    size: int
    centre: Mapping[str, float]
    box: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Grouping:
    """``labels`` holds, per half-cycle, the index of its group in ``groups``."""

    labels: Ints
    groups: tuple[Group, ...]


def group_half_cycles(
    *,
    constant_rate: Floats,
    end_rate: Floats,
    previous_end_rate: Floats,
    end_voltage: Floats,
    previous_end_voltage: Floats,
    polarity: ArrayLike,
) -> Grouping:
    """Group the half-cycles of one cell, given in order of time.

    Rates (1/h) and voltages (V) may be NaN where unknown; signs of rates do not
    matter. ``polarity`` holds "charge" or "discharge".
    """
    names = np.asarray(polarity, dtype=np.str_)
    attributes = {
        "constant_rate": np.abs(constant_rate),
        "end_rate": np.abs(end_rate),
        "previous_end_rate": np.abs(previous_end_rate),
        "end_voltage": np.asarray(end_voltage, dtype=np.float64),
        "previous_end_voltage": np.asarray(previous_end_voltage, dtype=np.float64),
    }
    points = np.column_stack(
        [_ln(attributes["constant_rate"]), _ln(attributes["end_rate"]), attributes["end_voltage"]]
    )
    before = np.column_stack(
        [_ln(attributes["previous_end_rate"]), attributes["previous_end_voltage"]]
    )
    boxes = []
    for kind in sorted(set(names.tolist())):
        chosen = np.flatnonzero(names == kind)
        leaves = find_boxes(points[chosen], AXES)
        leaves = [Leaf(chosen[leaf.members], leaf.reach) for leaf in leaves]
        boxes += _absorb_small(points, leaves)
    parts = _parted_by_previous(points, before, boxes)
    return _numbered(parts, names, attributes)


def distance(one: Mapping[str, float], other: Mapping[str, float | None]) -> float:
    """How far two centres are apart: up to 1 they are one program that moved a little.

    Twice the floors of ``RATE`` and ``VOLT``; unknown is near unknown only.
    """
    largest = 0.0
    for name in ATTRIBUTES:
        a, b = one.get(name), other.get(name)
        if a is None and b is None:
            continue
        if a is None or b is None:
            return math.inf
        if name.endswith("voltage"):
            away = abs(a - b) / VOLT.floor
        else:
            away = abs(math.log(max(a, LOWEST_RATE) / max(b, LOWEST_RATE))) / RATE.floor
        largest = max(largest, away / NEAR)
    return largest


def _ln(rate: Floats) -> Floats:
    return np.log(np.maximum(rate, LOWEST_RATE))


def _absorb_small(points: Floats, leaves: Sequence[Leaf]) -> list[Leaf]:
    """Let boxes of few members join the nearest larger box within twice its reach."""
    large = [leaf for leaf in leaves if len(leaf.members) >= SMALL]
    small = [leaf for leaf in leaves if len(leaf.members) < SMALL]
    if not large:
        return list(leaves)
    low = np.array([points[leaf.members].min(axis=0) for leaf in large])
    high = np.array([points[leaf.members].max(axis=0) for leaf in large])
    reach = np.array([leaf.reach for leaf in large])
    joined = [[leaf.members] for leaf in large]
    alone = []
    for leaf in small:
        centre = np.median(points[leaf.members], axis=0)
        outside = np.maximum(np.maximum(low - centre, centre - high), 0.0) / reach
        distance = np.max(_both_unknown(outside, centre, low), axis=1)
        nearest = int(np.argmin(distance))
        if distance[nearest] <= NEAR:
            joined[nearest].append(leaf.members)
        else:
            alone.append(leaf)
    grown = [
        Leaf(np.sort(np.concatenate(parts)), leaf.reach)
        for leaf, parts in zip(large, joined, strict=True)
    ]
    return [*grown, *alone]


def _both_unknown(distance: Floats, one: Floats, other: Floats) -> Floats:
    """Distances where unknown is near unknown and far from all that is known."""
    same = np.isnan(one) & np.isnan(other)
    return np.where(same, 0.0, np.nan_to_num(distance, nan=np.inf))


def _parted_by_previous(points: Floats, before: Floats, boxes: Sequence[Leaf]) -> list[Ints]:
    """Stage 2: part each box by the level at which the half-cycle before ended."""
    levels = _levels(points, boxes)
    if not boxes:
        return []
    level_of = np.full(len(points), -1)
    for box, level in zip(boxes, levels, strict=True):
        level_of[box.members] = level
    centres = np.array(
        [np.median(points[level_of == level, 1:], axis=0) for level in range(max(levels) + 1)]
    )
    previous = _previous_levels(points, before, level_of, centres)
    return [part for box in boxes for part in _joined_parts(box, previous[box.members], centres)]


def _levels(points: Floats, boxes: Sequence[Leaf]) -> Ints:
    """One number for all boxes that ended at the same rate and voltage."""
    centres = np.array([np.median(points[box.members, 1:], axis=0) for box in boxes])
    sizes = np.array([len(box.members) for box in boxes])
    levels = np.full(len(boxes), -1)
    founders = np.empty_like(centres)
    known = 0
    # The centre of few noisy members is itself noisy: three standard errors are allowed.
    errors = np.array([3 * box.reach[1:] / NOISE_FACTOR for box in boxes]) / np.sqrt(sizes)[:, None]
    for place in np.argsort(-sizes, kind="stable"):
        apart = np.abs(founders[:known] - centres[place]) / np.maximum(FLOORS, errors[place])
        far = np.max(_both_unknown(apart, founders[:known], centres[place]), axis=1)
        if known and far.min() < 1.0:
            levels[place] = int(np.argmin(far))
        else:
            founders[known] = centres[place]
            levels[place] = known
            known += 1
    return levels


def _previous_levels(points: Floats, before: Floats, level_of: Ints, centres: Floats) -> Ints:
    """Level of the half-cycle before: by the link where it holds, else by value; -1 unknown."""
    previous = np.full(len(points), -1)
    linked = np.zeros(len(points), dtype=np.bool_)
    linked[1:] = np.all(
        np.isclose(before[1:], points[:-1, 1:], rtol=1e-6, atol=1e-9, equal_nan=True), axis=1
    )
    previous[linked] = level_of[np.flatnonzero(linked) - 1]
    for row in np.flatnonzero(~linked & ~np.isnan(before).any(axis=1)):
        far = np.max(np.nan_to_num(np.abs(centres - before[row]) / FLOORS, nan=np.inf), axis=1)
        nearest = int(np.argmin(far))
        # Beyond every level that is known it is one of its own.
        previous[row] = nearest if far[nearest] <= NEAR else len(centres) + row
    return previous


def _joined_parts(box: Leaf, labels: Ints, centres: Floats) -> list[Ints]:
    """Members of a box per previous level; small parts join a near large one, and a few
    of which nothing is known join the largest.
    """
    values, counts = np.unique(labels, return_counts=True)
    order = np.lexsort((values, -counts))
    values, counts = values[order], counts[order]
    large = values[(counts >= SMALL) & (values >= 0) & (values < len(centres))]
    target = values.copy()
    for place in np.flatnonzero(counts < SMALL):
        value = values[place]
        if value < 0:
            target[place] = next((other for other in values if other >= 0), value)
        elif value < len(centres) and len(large):
            apart = np.max(np.abs(centres[large] - centres[value]) / FLOORS, axis=1)
            near = np.flatnonzero(apart <= NEAR)
            target[place] = large[near[0]] if len(near) else value
    of_value = dict(zip(values.tolist(), target.tolist(), strict=True))
    merged = np.array([of_value[label] for label in labels.tolist()])
    return [box.members[merged == value] for value in dict.fromkeys(of_value.values())]


def _numbered(
    parts: Sequence[Ints], names: NDArray[np.str_], attributes: Mapping[str, Floats]
) -> Grouping:
    labels = np.full(len(names), -1)
    groups: list[Group] = []
    ordered = sorted(parts, key=lambda part: (str(names[part[0]]), -len(part), int(part[0])))
    largest = {str(names[part[0]]): len(part) for part in reversed(ordered)}
    numbers: dict[str, int] = {}
    for part in ordered:
        kind = str(names[part[0]])
        numbers[kind] = numbers.get(kind, 0) + 1
        labels[part] = len(groups)
        members = {name: values[part] for name, values in attributes.items()}
        present = {name: v[np.isfinite(v)] for name, v in members.items()}
        groups.append(
            Group(
                polarity=kind,
                number=numbers[kind],
                irregular=len(part) == 1 and largest[kind] >= SMALL,
                size=len(part),
                centre={name: float(np.median(v)) for name, v in present.items() if len(v)},
                box={
                    name: (float(v.min()), float(v.max())) for name, v in present.items() if len(v)
                },
            )
        )
    return Grouping(labels, tuple(groups))
