"""Half-cycles that were driven alike, by the five attributes of the thesis.

Two stages, deterministic, NumPy only:

1. per polarity, boxes in (ln constant rate, ln end rate, end voltage): ``cycling.cuts``;
2. each box is parted by what the half-cycle before ended at. That is compared by
   **label** (the box it fell in, boxes that ended alike being one), not by value, so
   its noise is not met twice.

Small groups near a large one join it. Every half-cycle is in exactly one group; what
stays alone beside real groups is irregular (interrupted, aborted).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cycling.cuts import Axis, Floats, Ints, Leaf, find_boxes

GROUPING_VERSION = 1

# Rates 6 % apart and voltages 15 mV apart are the same program; 25 % and 60 mV never are.
RATE = Axis(floor=0.06, ceiling=0.25)
VOLT = Axis(floor=0.015, ceiling=0.060)
AXES = (RATE, RATE, VOLT)
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


def _ln(rate: Floats) -> Floats:
    return np.log(np.maximum(rate, LOWEST_RATE))


def _absorb_small(points: Floats, leaves: Sequence[Leaf]) -> list[Leaf]:
    """Let boxes of few members join the nearest larger box within twice its reach."""
    large = [leaf for leaf in leaves if len(leaf.members) >= SMALL]
    joined = [[leaf.members] for leaf in large]
    alone = []
    bounds = [
        (points[leaf.members].min(axis=0), points[leaf.members].max(axis=0)) for leaf in large
    ]
    for leaf in leaves:
        if len(leaf.members) >= SMALL:
            continue
        centre = np.median(points[leaf.members], axis=0)
        distances = [
            _distance(centre, low, high, each.reach)
            for (low, high), each in zip(bounds, large, strict=True)
        ]
        nearest = int(np.argmin(distances)) if distances else -1
        if nearest >= 0 and distances[nearest] <= NEAR:
            joined[nearest].append(leaf.members)
        else:
            alone.append(leaf)
    grown = [
        Leaf(np.sort(np.concatenate(parts)), leaf.reach)
        for leaf, parts in zip(large, joined, strict=True)
    ]
    return [*grown, *alone]


def _distance(centre: Floats, low: Floats, high: Floats, reach: Floats) -> float:
    """How far ``centre`` lies outside a box, in units of its reach; unknown matches unknown."""
    outside = np.maximum(np.maximum(low - centre, centre - high), 0.0) / reach
    unknown = np.isnan(centre) | np.isnan(low)
    same = np.isnan(centre) == np.isnan(low)
    return float(np.max(np.where(unknown, np.where(same, 0.0, np.inf), outside)))


def _parted_by_previous(points: Floats, before: Floats, boxes: Sequence[Leaf]) -> list[Ints]:
    """Stage 2: part each box by the level at which the half-cycle before ended."""
    levels = _levels(points, boxes)
    level_of = np.full(len(points), -1)
    for box, level in zip(boxes, levels, strict=True):
        level_of[box.members] = level
    known, centres = _level_centres(points, level_of)
    previous = _previous_levels(points, before, level_of, known, centres)
    parts: list[Ints] = []
    for box in boxes:
        labels = previous[box.members]
        parts += _joined_parts(box, labels, known, centres)
    return parts


def _levels(points: Floats, boxes: Sequence[Leaf]) -> list[int]:
    """One number for all boxes that ended at the same rate and voltage."""
    centres = np.array([np.median(points[box.members, 1:], axis=0) for box in boxes])
    sizes = np.array([len(box.members) for box in boxes])
    order = np.argsort(-sizes, kind="stable")
    levels = [-1] * len(boxes)
    founders: list[int] = []
    floors = np.array([RATE.floor, VOLT.floor])
    for place in order:
        noise = boxes[place].reach[1:] / 5 * 3 / np.sqrt(sizes[place])
        tolerance = np.maximum(floors, noise)
        best = (np.inf, -1)
        for level, founder in enumerate(founders):
            apart = np.abs(centres[place] - centres[founder]) / tolerance
            unknown = np.isnan(centres[place]) & np.isnan(centres[founder])
            far = float(np.max(np.where(unknown, 0.0, np.nan_to_num(apart, nan=np.inf))))
            best = min(best, (far, level))
        if best[0] < 1.0:
            levels[place] = best[1]
        else:
            levels[place] = len(founders)
            founders.append(int(place))
    return levels


def _level_centres(points: Floats, level_of: Ints) -> tuple[Ints, Floats]:
    known = np.unique(level_of)
    return known, np.array([np.median(points[level_of == level, 1:], axis=0) for level in known])


def _previous_levels(
    points: Floats, before: Floats, level_of: Ints, known: Ints, centres: Floats
) -> Ints:
    """Level of the half-cycle before: by the link where it holds, else by value; -1 unknown."""
    previous = np.full(len(points), -1)
    linked = np.zeros(len(points), dtype=np.bool_)
    linked[1:] = np.all(
        np.isclose(before[1:], points[:-1, 1:], rtol=1e-6, atol=1e-9, equal_nan=True), axis=1
    )
    previous[linked] = level_of[np.flatnonzero(linked) - 1]
    loose = np.flatnonzero(~linked & ~np.isnan(before).any(axis=1))
    floors = np.array([RATE.floor, VOLT.floor])
    for row in loose:
        far = np.max(np.nan_to_num(np.abs(centres - before[row]) / floors, nan=np.inf), axis=1)
        nearest = int(np.argmin(far))
        # Beyond every level that is known it is one of its own.
        previous[row] = known[nearest] if far[nearest] <= NEAR else len(known) + row
    return previous


def _joined_parts(box: Leaf, labels: Ints, known: Ints, centres: Floats) -> list[Ints]:
    """Members of a box per previous level; small parts join a near one, unknown the largest."""
    values, counts = np.unique(labels, return_counts=True)
    order = np.lexsort((values, -counts))
    values, counts = values[order], counts[order]
    place = {int(level): row for row, level in enumerate(known)}
    target = {int(value): int(value) for value in values}
    large = [int(v) for v, c in zip(values, counts, strict=True) if c >= SMALL and v >= 0]
    floors = np.array([RATE.floor, VOLT.floor])
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        if value < 0:
            others = [int(v) for v in values if v >= 0]
            target[value] = others[0] if others and count < SMALL else value
        elif count < SMALL and value in place:
            for other in large:
                apart = np.abs(centres[place[value]] - centres[place[other]]) / floors
                if other in place and np.all(apart <= NEAR):
                    target[value] = other
                    break
    merged = np.array([target[int(label)] for label in labels])
    return [box.members[merged == value] for value in dict.fromkeys(target.values())]


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
