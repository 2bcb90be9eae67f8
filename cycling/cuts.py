"""Boxes of alike points: recursive cuts across one axis at a time.

A set of points is cut where nothing lies for a stretch that noise can not explain
(a **gap**), else where few lie between many (a **dip**). What noise explains is
measured from the data: programs repeat, so the steps between neighbours in time are
noise. A value that creeps from one side of a cut to the other is a **drift** of one
program, not two programs, and is not cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A gap is cut when it is this many times the noise, and at least the floor.
NOISE_FACTOR = 5.0
# Programs often alternate (rate maps, windows), so noise is the least over some lags.
LAGS = (1, 2, 3, 4, 5, 6, 8)
# Below this many points noise is taken from the set that they were cut from.
ENOUGH_FOR_NOISE = 20
# Of so few half-cycles in all, steps below this share of the ceiling are taken for noise,
# and this much of what they say: a few values know their own scatter badly.
FEW_STEP_SHARE = 0.4
FEW_TRUST = 0.6
FEWEST_STEPS = 3
# A dip holds at most this share of the lesser peak beside it, in windows of one noise
# width, and is deeper than counting can explain by this many standard deviations.
DIP_SHARE = 0.5
DIP_SIGMAS = 4.0
# A drift's jumps across a cut are less than this share of the distance of its sides.
DRIFT_SHARE = 0.5
# Bins of a noise width in which dips are looked for, and the most of them.
BINS_PER_NOISE = 4
MOST_BINS = 4096


@dataclass(frozen=True, slots=True)
class Axis:
    """``floor``: differences below it never matter. ``ceiling``: from it on they always do."""

    floor: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Leaf:
    """Points that no cut parts. ``reach`` is, per axis, the gap that would have cut."""

    members: Ints
    reach: Floats


def find_boxes(points: Floats, axes: Sequence[Axis]) -> list[Leaf]:
    """Cut ``points`` (rows in order of time, one column per axis) into boxes.

    Unknown coordinates (NaN) are a place of their own on their axis.
    """
    if len(points) == 0:
        return []
    start = np.array([axis.floor / NOISE_FACTOR for axis in axes])
    leaves = []
    for members in _by_unknowns(points):
        is_few = len(members) < ENOUGH_FOR_NOISE
        noise = _noise_of_few(points[members], start, axes) if is_few else start
        leaves += list(_cut(points, members, noise, axes))
    return sorted(leaves, key=lambda leaf: int(leaf.members[0]))


def _by_unknowns(points: Floats) -> Iterator[Ints]:
    pattern = np.isnan(points) @ (1 << np.arange(points.shape[1]))
    for value in np.unique(pattern):
        yield np.flatnonzero(pattern == value)


def _cut(
    points: Floats, members: Ints, outer_noise: Floats, axes: Sequence[Axis]
) -> Iterator[Leaf]:
    """Depth first, without recursion: programs can be many."""
    waiting = [(members, outer_noise)]
    while waiting:
        members, outer = waiting.pop()
        values = points[members]
        noise = _noise(values, outer)
        reach = np.clip(NOISE_FACTOR * noise, [a.floor for a in axes], [a.ceiling for a in axes])
        side = _split(values, noise, reach, axes)
        if side is None:
            yield Leaf(members, reach)
        else:
            waiting += [(members[side == part], noise) for part in range(side.max() + 1)]


def _noise(values: Floats, outer: Floats) -> Floats:
    """Standard deviation of one value about its program, per axis."""
    size = len(values)
    if size < ENOUGH_FOR_NOISE:
        return outer
    steps = [
        np.median(np.abs(values[lag:] - values[:-lag]), axis=0)
        for lag in LAGS
        if size - lag >= ENOUGH_FOR_NOISE // 2
    ]
    # The median of |x - y| for two normal values of deviation s is 0.954 s.
    found = np.min(steps, axis=0) / 0.954
    return np.where(np.isnan(found), outer, found)


def _noise_of_few(values: Floats, least: Floats, axes: Sequence[Axis]) -> Floats:
    """Noise per axis where a cell has few half-cycles, and no larger set to ask.

    Steps in time that are far below what always matters are scatter within a program; the
    least over some lags, as programs may alternate. Never below ``least``.
    """
    noise = least.copy()
    for column, axis in enumerate(axes):
        x = values[:, column]
        steps = [np.abs(x[lag:] - x[:-lag]) for lag in LAGS[:3]]
        small = [step[step < FEW_STEP_SHARE * axis.ceiling] for step in steps]
        found = [np.sqrt(np.mean(s**2) / 2) for s in small if len(s) >= FEWEST_STEPS]
        noise[column] = max(noise[column], FEW_TRUST * min(found, default=0.0))
    return noise


def _split(values: Floats, noise: Floats, reach: Floats, axes: Sequence[Axis]) -> Ints | None:
    """Part number of each point, or None when nothing parts them."""
    best: tuple[float, Ints] | None = None
    for column in range(values.shape[1]):
        x = values[:, column]
        if len(x) < 2 or np.isnan(x[0]):
            continue
        found = _gaps(x, float(reach[column]))
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    if best is not None:
        return best[1]
    for column, axis in enumerate(axes):
        x = values[:, column]
        if len(x) >= ENOUGH_FOR_NOISE and not np.isnan(x[0]):
            cuts = _dips(x, float(noise[column]), axis.floor)
            if len(cuts):
                return np.searchsorted(cuts, x)
    return None


def _gaps(x: Floats, reach: float) -> tuple[float, Ints] | None:
    """The widest gap in units of ``reach``, and the parts between all gaps that count."""
    ordered = np.sort(x)
    gaps = np.diff(ordered)
    places = np.flatnonzero(gaps >= reach)
    if not len(places):
        return None
    cuts = (ordered[places] + ordered[places + 1]) / 2
    kept = _without_drifts(x, cuts)
    if not len(kept):
        return None
    return float(gaps.max() / reach), np.searchsorted(kept, x)


def _without_drifts(x: Floats, cuts: Floats) -> Floats:
    """The cuts that part two programs rather than one that creeps."""
    part = np.searchsorted(cuts, x)
    kept = []
    for place, cut in enumerate(cuts):
        near = x[(part == place) | (part == place + 1)]
        if not _is_drift(near, cut):
            kept.append(cut)
    return np.array(kept)


def _is_drift(x: Floats, cut: float) -> bool:
    above = x > cut
    crossings = np.flatnonzero(above[1:] != above[:-1])
    if len(x) < 6 or not len(crossings):
        return False
    jump = np.median(np.abs(x[crossings + 1] - x[crossings]))
    apart = np.median(x[above]) - np.median(x[~above])
    return bool(jump < DRIFT_SHARE * apart)


def _dips(x: Floats, noise: float, floor: float) -> Floats:
    """Where to cut a set that has no gap; peaks must be at least ``floor`` apart."""
    low, high = float(x.min()), float(x.max())
    width = max(noise, floor / NOISE_FACTOR) / BINS_PER_NOISE
    bins = int((high - low) / width) + 1
    if high - low < floor or bins > MOST_BINS:
        return np.empty(0)
    counts = np.bincount(((x - low) / width).astype(np.int64), minlength=bins)
    window: Floats = np.convolve(counts, np.ones(BINS_PER_NOISE), mode="same").astype(np.float64)
    centres: Floats = np.asarray(low + (np.arange(bins) + 0.5) * width, dtype=np.float64)
    cuts: list[float] = []
    _part(window, centres, 0, bins, floor, cuts)
    return _without_drifts(x, np.array(sorted(cuts)))


def _part(
    window: Floats, centres: Floats, start: int, stop: int, floor: float, cuts: list[float]
) -> None:
    """Find the deepest significant dip between ``start`` and ``stop``, then look beside it."""
    stretch = window[start:stop]
    if len(stretch) < 3:
        return
    left = np.maximum.accumulate(stretch)
    right = np.maximum.accumulate(stretch[::-1])[::-1]
    lesser = np.minimum(left, right)
    sigmas = (lesser - stretch) / np.sqrt(lesser + stretch + 1.0)
    sigmas[stretch > DIP_SHARE * lesser] = 0.0
    place = int(np.argmax(sigmas))
    if sigmas[place] < DIP_SIGMAS:
        return
    # An even valley is cut in its middle.
    level = np.flatnonzero(stretch == stretch[place])
    place = int(np.median(_around(level, place)))
    left_peak = int(np.argmax(stretch[: place + 1]))
    right_peak = place + int(np.argmax(stretch[place:]))
    if centres[start + right_peak] - centres[start + left_peak] < floor:
        return
    cuts.append(float(centres[start + place]))
    _part(window, centres, start, start + place, floor, cuts)
    _part(window, centres, start + place, stop, floor, cuts)


def _around(run: Ints, place: int) -> Ints:
    """The unbroken stretch of ``run`` that holds ``place``."""
    pieces = np.split(run, np.flatnonzero(np.diff(run) != 1) + 1)
    return next((piece for piece in pieces if place in piece), np.array([place]))
