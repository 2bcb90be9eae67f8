"""Half-cycles that stand out within their group. A flag is advice: it hides nothing.

Each number of a half-cycle is compared with the running median of its group, so that
ageing is no anomaly, and scaled by the group's median absolute deviation (Hampel's
identifier; Davies and Gather 1993). Groups are those of ``cycling.groups``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cycling.steps import Floats

# Raise it with every change of what is flagged: the next night flags anew.
ANOMALY_VERSION = 1

# Half-cycles on either side that make up the running median.
HALF_WINDOW = 5
SIGMAS = 6.0
# Fewer tell no scatter.
FEWEST = 8
# The median absolute deviation of a normal distribution is 0.6745 of its deviation.
TO_SIGMA = 1 / 0.6745
# A step between the medians of this many half-cycles before and after is a jump.
JUMP_WINDOW = 6
JUMP_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class Measure:
    """A deviation below ``floor`` (share of the median, or absolute) is never flagged."""

    words: str
    floor: float
    is_share: bool


MEASURES: Mapping[str, Measure] = {
    "capacity_ah": Measure("capacity", 0.01, is_share=True),
    "energy_wh": Measure("energy", 0.015, is_share=True),
    "mean_voltage_volt": Measure("mean voltage", 0.010, is_share=False),
    "end_voltage_volt": Measure("end voltage", 0.010, is_share=False),
    "duration_second": Measure("duration", 0.02, is_share=True),
    "mean_temperature_celsius": Measure("temperature", 3.0, is_share=False),
}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """``sigmas`` is the largest deviation, in robust standard deviations, signed."""

    half_cycle_id: int
    cycle: int
    polarity: str
    measures: tuple[str, ...]
    sigmas: float


@dataclass(frozen=True, slots=True)
class Jump:
    """The capacity of a group changes at ``cycle`` and stays: a repair, a restart, a fault."""

    cycle: int
    polarity: str
    before_ah: float
    after_ah: float


def anomalies_of(frame: pl.DataFrame) -> list[Anomaly]:
    """Flags of one cell's half-cycles, given in order of time; the most striking first.

    ``frame`` has the columns of ``HalfCycleQuerySet.as_frame``; those still running and
    those in no group are passed over.
    """
    flagged: list[Anomaly] = []
    for part in _groups(frame):
        scores = {
            measure.words: _deviations(_values(part, column), measure)
            for column, measure in MEASURES.items()
        }
        worst = np.zeros(part.height)
        for score in scores.values():
            worst = np.where(np.abs(score) > np.abs(worst), score, worst)
        for row in np.flatnonzero(np.abs(worst) > SIGMAS):
            words = tuple(name for name, score in scores.items() if abs(score[row]) > SIGMAS)
            flagged.append(
                Anomaly(
                    int(part["id"][int(row)]),
                    int(part["cycle"][int(row)]),
                    str(part["polarity"][int(row)]),
                    words,
                    float(worst[row]),
                )
            )
    return sorted(flagged, key=lambda each: (-abs(each.sigmas), each.half_cycle_id))


def jumps_of(frame: pl.DataFrame) -> list[Jump]:
    """Lasting steps of capacity within a group, one per place, in order of cycle."""
    found = []
    for part in _groups(frame):
        values = _values(part, "capacity_ah")
        found += [
            Jump(
                int(part["cycle"][row]),
                str(part["polarity"][row]),
                float(np.median(values[row - JUMP_WINDOW : row])),
                float(np.median(values[row : row + JUMP_WINDOW])),
            )
            for row in _steps(values)
        ]
    return sorted(found, key=lambda each: (each.cycle, each.polarity))


def _groups(frame: pl.DataFrame) -> list[pl.DataFrame]:
    grouped = frame.filter("is_complete").drop_nulls("group_id")
    parts = grouped.partition_by("group_id", maintain_order=True)
    return [part for part in parts if part.height >= FEWEST]


def _values(part: pl.DataFrame, column: str) -> Floats:
    return part[column].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _deviations(values: Floats, measure: Measure) -> Floats:
    """In robust standard deviations about the running median; 0 where nothing is known."""
    known = np.isfinite(values)
    if known.sum() < FEWEST:
        return np.zeros(len(values))
    level = np.full(len(values), np.nan)
    level[known] = _running_median(values[known])
    away = np.where(known, values - level, 0.0)
    floor = (
        measure.floor * np.where(known, np.abs(level), 0.0) if measure.is_share else measure.floor
    )
    sigma = TO_SIGMA * np.median(np.abs(away[known]))
    # What is within the floor has no say, however quiet the group is.
    scale = np.maximum(sigma, floor / SIGMAS)
    scores: Floats = np.divide(away, scale, out=np.zeros(len(values)), where=scale > 0)
    return scores


def _running_median(values: Floats) -> Floats:
    width = min(2 * HALF_WINDOW + 1, len(values) // 2 * 2 - 1)
    # Odd reflection goes on with the trend beyond the ends.
    padded = np.pad(values, width // 2, mode="reflect", reflect_type="odd")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    result: Floats = np.median(windows, axis=1)
    return result


def _steps(values: Floats) -> Sequence[int]:
    size = len(values)
    if size < 2 * JUMP_WINDOW:
        return []
    medians = np.median(np.lib.stride_tricks.sliding_window_view(values, JUMP_WINDOW), axis=1)
    before, after = medians[:-JUMP_WINDOW], medians[JUMP_WINDOW:]
    share = np.abs(after - before) / np.maximum(np.abs(before), 1e-12)
    places = np.flatnonzero(share > JUMP_SHARE)
    if not len(places):
        return []
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    # Medians give way when half of their window has changed: the middle is the place.
    tops = (run[share[run] >= 0.9 * share[run].max()] for run in runs)
    return [round(float(np.mean(top))) + JUMP_WINDOW for top in tops]
