"""Steps of a series: runs of rows under one control mode, with their integrals.

The instrument's own step columns are trusted where they exist; without them a run of
rows whose current has one sign is a step. Each step is a charge (+1), a discharge
(-1) or a rest (0), by the net charge that it moves; only a step that moves about as
much one way as the other (a pulse train, or a file whose step number never changes)
is cut where its current changes sign.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Currents below this share of the file's largest are what a cycler reads at rest. The
# slowest deliberate current, C/250 beside pulses of 10C, is above it.
REST_SHARE = 3e-4
# What the instrument calls a rest may read a little more than that.
NAMED_REST_SHARE = 1e-2
# A step is cut by sign when the lesser direction moves more than this share of the greater.
MIXED_SHARE = 0.5
REST_WORDS = r"(?i)rest|ocv|open.?circuit|pause|idle|静置"
MARKS = ("step_count", "step_id", "step_type")
SECONDS_PER_HOUR = 3600.0
BLOCK_ROWS = 16_384  # rows at a time, so that what is derived of them stays in the cache


@dataclass(frozen=True, slots=True)
class Before:
    """What the rows of a file before those at hand have to say about these; all at least 0.

    The largest current (A), and the largest uninterrupted stretch and half-cycle (Ah).
    """

    largest_ampere: float = 0.0
    largest_stretch_ah: float = 0.0
    largest_half_ah: float = 0.0


@dataclass(frozen=True, slots=True)
class Rows:
    """A series as arrays without gaps: seconds, volts, amperes (positive charges)."""

    time: Floats
    voltage: Floats
    current: Floats
    largest_before: float = 0.0  # amperes, in the rows of the file before these

    @property
    def largest_ampere(self) -> float:
        return float(np.max(np.abs(self.current), initial=self.largest_before))


@dataclass(frozen=True, slots=True)
class Steps:
    """One element per step; ``start`` and ``stop`` bound its rows, ``stop`` excluded."""

    start: Ints
    stop: Ints
    polarity: Ints  # +1 charge, -1 discharge, 0 rest
    charge_ah: Floats  # signed, over time
    energy_wh: Floats  # signed
    duration_second: Floats
    row_charge_ah: Floats  # per row of the series: what flowed since the row before

    def __len__(self) -> int:
        return len(self.start)


def read_rows(frame: pl.DataFrame, before: Before = Before()) -> Rows:
    """The required columns with unknown values bridged.

    An unknown current is no current (instruments leave it empty at rest), an unknown
    voltage or time is the one before.
    """
    time, voltage, current = (
        frame[name].cast(pl.Float64).fill_nan(None)
        for name in ("test_time_second", "voltage_volt", "current_ampere")
    )
    return Rows(
        time.fill_null(strategy="forward").fill_null(0.0).to_numpy(),
        voltage.fill_null(strategy="forward")
        .fill_null(strategy="backward")
        .fill_null(0.0)
        .to_numpy(),
        current.fill_null(0.0).to_numpy(),
        before.largest_ampere,
    )


def find_steps(frame: pl.DataFrame, rows: Rows) -> Steps:
    """Steps of a series in the order of its rows; every row is in exactly one."""
    rest_ampere = REST_SHARE * rows.largest_ampere
    begins = _changes(frame, ("cycle_count", *MARKS))
    marked = any(name in frame.columns for name in MARKS)
    if not marked:
        begins |= _sign_changes(rows.current, rest_ampere)
    steps = _integrate(frame, rows, begins, bridge=marked)
    mixed = _mixed(steps, rest_ampere)
    if mixed.any():
        inside = np.repeat(mixed, steps.stop - steps.start)
        begins |= inside & _sign_changes(rows.current, rest_ampere)
        steps = _integrate(frame, rows, begins, bridge=marked)
    return _name_rests(frame, rows, steps)


def _changes(frame: pl.DataFrame, names: tuple[str, ...]) -> Bools:
    """True at each row that differs from the row before in any of the columns."""
    begins = np.zeros(frame.height, dtype=np.bool_)
    begins[:1] = True
    for name in names:
        if name in frame.columns:
            values = _as_integers(frame[name])
            begins[1:] |= values[1:] != values[:-1]
    return begins


def _as_integers(column: pl.Series) -> Ints:
    if not column.dtype.is_numeric():
        column = column.cast(pl.Categorical).to_physical()
    return column.cast(pl.Int64).fill_null(-1).to_numpy()


def _sign_changes(current: Floats, rest_ampere: float) -> Bools:
    sign = np.sign(current) * (np.abs(current) > rest_ampere)
    begins = np.zeros(len(current), dtype=np.bool_)
    begins[1:] = sign[1:] != sign[:-1]
    return begins


def _integrate(frame: pl.DataFrame, rows: Rows, begins: Bools, *, bridge: bool) -> Steps:
    """Trapezium within steps; ``polarity`` is not decided yet."""
    start = np.flatnonzero(begins)
    stop = np.append(start[1:], len(begins))
    current = _without_switching(rows, start, stop) if bridge else rows.current
    first_seconds = _first_seconds(frame, rows.time, current, start)
    charge = np.empty(len(current))
    sums = np.zeros((3, len(start)))
    for some in _blocks(start):
        span = slice(start[some.start], stop[some.stop - 1])
        inner = start[some] - span.start
        seconds = np.diff(rows.time[span], prepend=0.0)
        np.maximum(seconds, 0.0, out=seconds)
        seconds[inner] = first_seconds[some]
        charge[span] = _means(current[span], inner) * (seconds / SECONDS_PER_HOUR)
        energy = charge[span] * _means(rows.voltage[span], inner)
        for total, each in zip(sums, (charge[span], energy, seconds), strict=True):
            total[some] = np.add.reduceat(each, inner)
    polarity = np.sign(sums[0]).astype(np.int64)
    return Steps(start, stop, polarity, sums[0], sums[1], sums[2], charge)


def _blocks(start: Ints) -> Iterator[slice]:
    """Steps, some at a time that have about ``BLOCK_ROWS`` rows together."""
    first = 0
    while first < len(start):
        after = int(np.searchsorted(start, start[first] + BLOCK_ROWS, "right"))
        yield slice(first, max(after, first + 1))
        first = max(after, first + 1)


def _means(values: Floats, start: Ints) -> Floats:
    """Mean of each value and the one before; the stretch before a step has its own first."""
    mean = values.copy()
    mean[1:] += values[:-1]
    mean[1:] *= 0.5
    mean[start] = values[start]
    return mean


def _without_switching(rows: Rows, start: Ints, stop: Ints) -> Floats:
    """Currents, where a record of the instant of switching takes that of its neighbour.

    Some instruments log a step's first or last record before the relay has closed or
    after it has opened; a trapezium to zero would lose half an interval there.
    """
    current = rows.current.copy()
    long = stop - start > 2
    rest = REST_SHARE * rows.largest_ampere
    for edge, neighbour in ((start[long], start[long] + 1), (stop[long] - 1, stop[long] - 2)):
        open_ = np.abs(rows.current[edge]) <= rest
        current[edge[open_]] = rows.current[neighbour[open_]]
    return current


def _first_seconds(frame: pl.DataFrame, time: Floats, current: Floats, start: Ints) -> Floats:
    """How long a step had run at its first record: what the instrument says, else the
    whole gap where the current just went on (constant current to constant voltage),
    else unknown and taken as nothing.
    """
    gap = np.maximum(time[start] - time[np.maximum(start - 1, 0)], 0.0)
    if "step_time_second" in frame.columns:
        said = frame["step_time_second"][start].cast(pl.Float64).fill_nan(None).fill_null(0.0)
        seconds: Floats = np.clip(said.to_numpy(), 0.0, gap)
        return seconds
    before = current[np.maximum(start - 1, 0)]
    return np.where(current[start] * before > 0, gap, 0.0)


def _mixed(steps: Steps, rest_ampere: float) -> Bools:
    if not len(steps):
        return np.zeros(0, dtype=np.bool_)
    gross = np.add.reduceat(np.abs(steps.row_charge_ah), steps.start)
    lesser = (gross - np.abs(steps.charge_ah)) / 2
    flows = gross * SECONDS_PER_HOUR > rest_ampere * steps.duration_second
    return flows & (lesser > MIXED_SHARE * (gross - lesser))


def _name_rests(frame: pl.DataFrame, rows: Rows, steps: Steps) -> Steps:
    """Decide the polarity: currents that are only an instrument's zero are rests."""
    lasting = steps.duration_second > 0
    mean = np.where(
        lasting,
        steps.charge_ah * SECONDS_PER_HOUR / np.where(lasting, steps.duration_second, 1.0),
        rows.current[steps.start],
    )
    share = np.abs(mean) / (rows.largest_ampere or 1.0)
    rests = share <= REST_SHARE
    if "step_type" in frame.columns:
        words = frame["step_type"][steps.start].cast(pl.String)
        named = words.str.contains(REST_WORDS).fill_null(False).to_numpy()
        rests |= named & (share <= NAMED_REST_SHARE)
    polarity = np.where(rests, 0, np.sign(mean)).astype(np.int64)
    return Steps(
        steps.start,
        steps.stop,
        polarity,
        steps.charge_ah,
        steps.energy_wh,
        steps.duration_second,
        steps.row_charge_ah,
    )
