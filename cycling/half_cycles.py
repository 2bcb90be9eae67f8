"""Series to one row per half-cycle: the numbers that are kept in SQL.

A half-cycle is all of one instrument cycle's charge, or all of its discharge: pulses
and multi-step charges are one row. Where the instrument gave several cycles one number,
each has rows of its own, with that number. Rests belong to none. What it was driven by is
read from its **end block**, the last uninterrupted stretch (rests do not interrupt)
that moved a good part of its charge, so that a short pulse the other way neither
splits a half-cycle nor decides where it ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from cycling.modes import modes_of
from cycling.steps import (
    REST_SHARE,
    Before,
    Bools,
    Floats,
    Ints,
    Rows,
    Steps,
    find_steps,
    read_rows,
)  # fmt: skip

SUMMARY_VERSION = 2

# Less than this share of the largest half-cycle so far is an instrument's glitch.
GLITCH_SHARE = 1e-5
# A stretch of current is a half-cycle's end block when it is at least this share of the
# half-cycle's largest stretch.
END_BLOCK_SHARE = 0.2
# A stretch of current may open a new cycle when it is at least this share of the largest
# so far; less is a pulse.
NEW_CYCLE_SHARE = 0.05
# An instrument counts no cycles when a single number covers this many large alternations.
UNCOUNTED_ALTERNATIONS = 4
# Rows of the constant-current part are within this share of its level.
CONSTANT_SHARE = 0.9
END_ROWS = 3
END_SHARE = 0.1
_TEMPERATURES = (
    "surface_temperature_celsius",
    "temperature_t1_celsius",
    "temperature_t2_celsius",
    "temperature_t3_celsius",
    "ambient_temperature_celsius",
)
_SCHEMA: Mapping[str, pl.DataType] = {
    "ordinal": pl.Int64(),
    "polarity": pl.String(),
    "cycle_count": pl.Int64(),
    "first_row": pl.Int64(),
    "last_row": pl.Int64(),
    "start_time_second": pl.Float64(),
    "duration_second": pl.Float64(),
    "start_unix_second": pl.Float64(),
    "capacity_ah": pl.Float64(),
    "energy_wh": pl.Float64(),
    "mean_voltage_volt": pl.Float64(),
    "mean_current_ampere": pl.Float64(),
    "constant_current_ampere": pl.Float64(),
    "end_current_ampere": pl.Float64(),
    "end_voltage_volt": pl.Float64(),
    "previous_constant_current_ampere": pl.Float64(),
    "previous_end_current_ampere": pl.Float64(),
    "previous_end_voltage_volt": pl.Float64(),
    "mean_temperature_celsius": pl.Float64(),
    "is_complete": pl.Boolean(),
    "mode": pl.String(),
}
CARRIED = ("constant_current_ampere", "end_current_ampere", "end_voltage_volt")


@dataclass(frozen=True, slots=True)
class Summary:
    """``rows`` of ``summarise``, and per row the largest stretch up to the end of its cycle."""

    rows: pl.DataFrame
    largest_stretch_ah: Floats


def summarise(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per half-cycle of a series in standard columns, in the order of their ends.

    Columns are the fields of ``HalfCycle`` with ``start_unix_second`` in the place of
    ``started_at``. Currents, capacities and energies are magnitudes; capacity and
    energy are integrals over time (trapezium), the duration is the time with current.
    The attributes of the previous half-cycle are null in the first row: see
    ``stitching.carry_over``. Only the last row can be incomplete: nothing follows it yet.
    """
    return summarise_after(Before(), frame).rows


def summarise_after(before: Before, frame: pl.DataFrame) -> Summary:
    """``summarise`` for the last rows of a file, from where an instrument cycle begins.

    Half-cycles of the second instrument cycle at hand and later ones are those of the whole
    file; of the first one, what came before its first row may be missing.
    """
    nothing = Summary(pl.DataFrame(schema=_SCHEMA), np.zeros(0))
    if frame.height == 0:
        return nothing
    rows = read_rows(frame, before)
    steps = find_steps(frame, rows)
    halves = _gather(frame, steps, before)
    if not len(halves.members):
        return nothing
    constant = _constant_current(rows, steps, halves)
    end_current, end_voltage = _ends(rows, steps, halves)
    capacity, energy, seconds = (
        _per_half(halves, values)
        for values in (
            steps.charge_ah * steps.polarity,
            steps.energy_wh * steps.polarity,
            steps.duration_second,
        )
    )
    columns = {
        "ordinal": np.arange(len(capacity)),
        "polarity": np.where(halves.polarity > 0, "charge", "discharge"),
        "cycle_count": halves.cycle_count,
        "first_row": halves.first_row,
        "last_row": halves.last_row,
        "start_time_second": rows.time[halves.first_row],
        "duration_second": seconds,
        "start_unix_second": _clock(frame, halves.first_row),
        "capacity_ah": capacity,
        "energy_wh": energy,
        "mean_voltage_volt": _divided(energy, capacity),
        "mean_current_ampere": _divided(capacity * 3600.0, seconds),
        "constant_current_ampere": constant,
        "end_current_ampere": end_current,
        "end_voltage_volt": end_voltage,
        **{f"previous_{name}": None for name in CARRIED},
        "mean_temperature_celsius": _temperature(frame, steps, halves),
        "is_complete": halves.last_row < _last_telling_row(steps),
        "mode": modes_of(frame, rows, steps, halves.members, halves.of_member),
    }
    table = pl.DataFrame(columns, schema_overrides=dict(_SCHEMA), nan_to_null=True)
    table = table.with_columns(pl.col(name).shift(1).alias(f"previous_{name}") for name in CARRIED)
    table = table.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    return Summary(table, halves.largest_stretch_ah)


@dataclass(frozen=True, slots=True)
class _Halves:
    """Which steps make which half-cycle."""

    members: Ints  # steps that belong to a half-cycle
    of_member: Ints  # index of the half-cycle of each of them
    in_end_block: Bools  # per member
    polarity: Ints
    cycle_count: Ints
    first_row: Ints
    last_row: Ints
    largest_stretch_ah: Floats  # of this half-cycle's run and all before


def _gather(frame: pl.DataFrame, steps: Steps, before: Before) -> _Halves:
    # A step of a single record moved nothing, and says nothing.
    members = np.flatnonzero((steps.polarity != 0) & (steps.charge_ah != 0))
    polarity = steps.polarity[members]
    charge: Floats = np.abs(steps.charge_ah[members])
    running = len(members) > 0 and bool(steps.stop[members[-1]] > _last_telling_row(steps))
    run, count = _cycles(frame, steps, members, running=running)
    stretches = _largest_so_far(run, polarity, charge)
    floor = before.largest_stretch_ah
    run = _split_runs(run, polarity, charge, running=running, floor=floor)
    block = _blocks(run, polarity)
    _, of_member = np.unique(run * 2 + (polarity > 0), return_inverse=True)
    capacity = np.bincount(of_member, weights=charge)
    largest = np.maximum(np.maximum.accumulate(capacity), before.largest_half_ah)
    kept = (capacity > GLITCH_SHARE * largest)[of_member]
    members, polarity, count, block, of_member = (
        each[kept] for each in (members, polarity, count, block, of_member)
    )
    stretches = stretches[kept]
    charge = charge[kept]
    in_end_block = _end_blocks(of_member, block, charge)
    order = _order_of_ends(of_member, in_end_block)
    _, first = np.unique(of_member, return_index=True)
    place = np.empty(of_member.max(initial=-1) + 1, dtype=np.int64)
    place[of_member[first][order]] = np.arange(len(order))
    of_member = place[of_member]
    first = np.unique(of_member, return_index=True)[1]
    last = len(of_member) - 1 - np.unique(of_member[::-1], return_index=True)[1]
    return _Halves(
        members,
        of_member,
        in_end_block,
        polarity[first],
        count[first],
        steps.start[members[first]],
        steps.stop[members[last]] - 1,
        stretches[last],
    )


def _cycles(
    frame: pl.DataFrame, steps: Steps, members: Ints, *, running: bool
) -> tuple[Ints, Ints]:
    """Per member step: the index of its run of equal cycle numbers, and the number."""
    polarity, charge = steps.polarity[members], np.abs(steps.charge_ah[members])
    nothing = np.zeros(len(members), dtype=np.int64)
    if "cycle_count" not in frame.columns or frame["cycle_count"].null_count() == frame.height:
        derived = _count_cycles(polarity, charge, running=running)
        return derived, derived + 1
    column = frame["cycle_count"].cast(pl.Int64)
    numbers = column.fill_null(strategy="forward").fill_null(strategy="backward")
    count = numbers.to_numpy()[steps.start[members]]
    if len(count) and count.min() == count.max():
        large = charge > 0.5 * charge.max()
        turns = np.count_nonzero(np.diff(polarity[large])) + 1
        if turns >= UNCOUNTED_ALTERNATIONS:
            derived = _count_cycles(polarity, charge, running=running)
            return derived, derived + count[0]
        return nothing, count
    return np.cumsum(np.diff(count, prepend=count[:1]) != 0), count


def _count_cycles(polarity: Ints, charge: Floats, *, running: bool) -> Ints:
    """Cycles from alternations alone: each charge after a discharge opens one."""
    block = _blocks(np.zeros_like(polarity), polarity)
    if not len(block):
        return block
    size = np.bincount(block, weights=charge).astype(np.float64)
    sign = polarity[np.unique(block, return_index=True)[1]]
    large = np.flatnonzero(_are_large(size, running=running))
    opens = np.zeros(len(size), dtype=np.int64)
    turned = (sign[large][1:] > 0) & (sign[large][:-1] < 0)
    opens[large[1:][turned]] = 1
    return np.cumsum(opens)[block]


def _largest_so_far(run: Ints, polarity: Ints, charge: Floats) -> Floats:
    """Per member step the largest stretch (Ah) of its run of equal cycle numbers and before."""
    if not len(run):
        return np.zeros(0)
    block = _blocks(run, polarity)
    size = np.bincount(block, weights=charge)
    largest = np.zeros(run.max() + 1)
    np.maximum.at(largest, run, size[block])
    so_far: Floats = np.maximum.accumulate(largest)[run]
    return so_far


def _split_runs(
    run: Ints, polarity: Ints, charge: Floats, *, running: bool, floor: float = 0.0
) -> Ints:
    """Part runs in which the instrument counted several cycles as one.

    Programs that are no loop keep one number over many cycles. Each second turn of
    large stretches opens a part; pulses are too small to.
    """
    if not len(run):
        return run
    block = _blocks(run, polarity)
    size = np.bincount(block, weights=charge).astype(np.float64)
    first = np.unique(block, return_index=True)[1]
    sign, of_block = polarity[first], run[first]
    places = np.flatnonzero(_are_large(size, running=running, floor=floor))
    same_run = of_block[places][1:] == of_block[places][:-1]
    turned = np.zeros(len(size), dtype=np.int64)
    turned[places[1:]] = same_run & (sign[places][1:] != sign[places][:-1])
    turns = np.cumsum(turned)
    before = np.zeros(of_block.max() + 1, dtype=np.int64)
    begins = np.unique(of_block, return_index=True)
    before[begins[0]] = (turns - turned)[begins[1]]
    part = (turns - before[of_block]) // 2
    opened = (np.diff(of_block, prepend=0) != 0) | (np.diff(part, prepend=0) != 0)
    parted: Ints = np.cumsum(opened)[block]
    return parted


def _are_large(size: Floats, *, running: bool, floor: float = 0.0) -> Bools:
    """Which stretches are more than pulses.

    What is said of a cycle must not change when the file grows: so a stretch is judged
    by those before it only, and the one still ``running`` has yet to show its size.
    """
    largest = np.maximum(np.maximum.accumulate(size), floor)
    large: Bools = size >= NEW_CYCLE_SHARE * largest
    large[-1] |= running
    return large


def _blocks(run: Ints, polarity: Ints) -> Ints:
    """Index of the uninterrupted stretch of one polarity and cycle each step is in."""
    key = run * 2 + (polarity > 0)
    block: Ints = np.cumsum(np.diff(key, prepend=key[:1]) != 0)
    return block


def _end_blocks(of_member: Ints, block: Ints, charge: Floats) -> Bools:
    """Which steps are in the last large stretch of their half-cycle."""
    if not len(block):
        return np.zeros(0, dtype=np.bool_)
    _, stretch = np.unique(np.stack([of_member, block], axis=1), axis=0, return_inverse=True)
    stretch = stretch.ravel()
    size = np.bincount(stretch, weights=charge)
    half = np.empty(len(size), dtype=np.int64)
    half[stretch] = of_member
    largest = np.zeros(half.max() + 1)
    np.maximum.at(largest, half, size)
    last = np.full(half.max() + 1, -1)
    large = np.flatnonzero(size >= END_BLOCK_SHARE * largest[half])
    # Stretches of a half-cycle are numbered in order of time, so the last write wins.
    np.maximum.at(last, half[large], large)
    in_last: Bools = stretch == last[of_member]
    return in_last


def _order_of_ends(of_member: Ints, in_end_block: Bools) -> Ints:
    """Half-cycles (by first appearance of their sorted label) in order of where they end."""
    labels = np.unique(of_member)
    end = np.full(labels.max(initial=-1) + 1, -1)
    places = np.flatnonzero(in_end_block)
    np.maximum.at(end, of_member[places], places)
    return np.argsort(end[labels], kind="stable")


def _last_telling_row(steps: Steps) -> int:
    """The last row; a lone record after it may belong to the half-cycle before or not."""
    begun = len(steps) > 1 and steps.polarity[-1] != 0 and steps.charge_ah[-1] == 0
    return int(steps.start[-1] if begun else steps.stop[-1]) - 1


def _per_half(halves: _Halves, values: Floats) -> Floats:
    return np.bincount(halves.of_member, weights=values[halves.members]).astype(np.float64)


def _divided(above: Floats, below: Floats) -> Floats:
    """``above / below``; NaN where nothing is below."""
    result = np.full(len(above), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result


def _clock(frame: pl.DataFrame, first_row: Ints) -> pl.Series:
    if "unix_time_second" not in frame.columns:
        return pl.Series([None] * len(first_row), dtype=pl.Float64)
    return frame["unix_time_second"][first_row].cast(pl.Float64).fill_nan(None)


def _temperature(frame: pl.DataFrame, steps: Steps, halves: _Halves) -> Floats:
    """Mean over the rows of a half-cycle, of the sensor nearest to the cell."""
    name = next((n for n in _TEMPERATURES if n in frame.columns), None)
    if name is None:
        return np.full(len(halves.polarity), np.nan)
    values = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0), steps.start)
    number = np.add.reduceat(known.astype(np.float64), steps.start)
    return _divided(_per_half(halves, total), _per_half(halves, number))


def _constant_current(rows: Rows, steps: Steps, halves: _Halves) -> Floats:
    """Median current of the constant-current part that moved most charge.

    The level of a step is its largest current that two neighbouring rows reach (one
    row may be a spike); its constant part are the rows near that level.
    """
    magnitude = np.abs(rows.current)
    pair = magnitude.copy()
    pair[1:] = np.minimum(magnitude[1:], magnitude[:-1])
    several = steps.start[steps.stop - steps.start > 1]
    pair[several] = 0.0
    level = np.maximum.reduceat(pair, steps.start)
    near = magnitude >= CONSTANT_SHARE * np.repeat(level, steps.stop - steps.start)
    flowed = np.add.reduceat(np.where(near, np.abs(steps.row_charge_ah), 0.0), steps.start)
    order = np.lexsort((flowed[halves.members], halves.of_member))
    last = np.append(np.diff(halves.of_member[order]) != 0, True)
    chosen = halves.members[order[last]]
    taken = _rows_of(steps, chosen)
    half = np.repeat(np.arange(len(chosen)), (steps.stop - steps.start)[chosen])
    table = pl.DataFrame({"half": half, "ampere": magnitude[taken]}).filter(near[taken])
    medians = table.group_by("half").agg(pl.col("ampere").median())
    result = np.full(len(chosen), np.nan)
    result[medians["half"].to_numpy()] = medians["ampere"].to_numpy()
    return result


def _rows_of(steps: Steps, chosen: Ints) -> Ints:
    """Row numbers of some steps, one after the other."""
    lengths = (steps.stop - steps.start)[chosen]
    offset = np.cumsum(lengths) - lengths
    rows: Ints = np.arange(lengths.sum()) + np.repeat(steps.start[chosen] - offset, lengths)
    return rows


def _ends(rows: Rows, steps: Steps, halves: _Halves) -> tuple[Floats, Floats]:
    """Current and voltage where each half-cycle ended.

    The voltage is that of the last record with current; the current is averaged over
    the last records of the same step that agree with it, against noise.
    """
    last = np.full(len(halves.polarity), -1)
    ends = halves.members[halves.in_end_block]
    np.maximum.at(last, halves.of_member[halves.in_end_block], ends)
    start, row = steps.start[last], steps.stop[last] - 1
    rest = REST_SHARE * rows.largest_ampere
    signed = rows.current * 1.0
    for _ in range(END_ROWS):
        # The relay may have opened already when the last record was taken.
        open_ = (signed[row] * halves.polarity <= rest) & (row > start)
        row = row - open_
    near = row[:, None] - np.arange(END_ROWS)
    values = np.abs(signed[np.maximum(near, 0)])
    agree = (near >= start[:, None]) & (np.abs(values - values[:, :1]) <= END_SHARE * values[:, :1])
    current = np.sum(values * agree, axis=1) / np.sum(agree, axis=1)
    return current, rows.voltage[row]
