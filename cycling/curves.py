"""Voltage against capacity: curves of half-cycles, for plots and on common grids."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from battery_db.lib.decimate import thin
from cycling.steps import REST_SHARE, Bools, Floats, Ints, Rows, find_steps, read_rows


@dataclass(frozen=True, slots=True)
class Curve:
    """The records of one half-cycle while current flowed; capacity and current are
    magnitudes, time counts from its first record.
    """

    capacity_ah: Floats
    voltage_volt: Floats
    current_ampere: Floats
    time_second: Floats

    def __len__(self) -> int:
        return len(self.capacity_ah)


def voltage_curve(
    series: pl.DataFrame, polarity: str | None = None, max_points: int | None = None
) -> Curve:
    """The curve of the rows ``first_row`` to ``last_row`` of a half-cycle.

    ``series`` needs time, voltage and current; step columns make the integral exact
    at the switching of steps. Records of the other polarity and of rests are left
    out, so ``polarity`` ("charge" or "discharge") may only be omitted when the rows
    hold mostly one; then the one that moves more charge is meant.
    """
    flow = _flow(series)
    sign = _sign(polarity, float(flow.charge_ah.sum()))
    curve = _cut(flow, sign, 0, len(flow.charge_ah))
    return curve if max_points is None else thinned(curve, max_points)


def curves_of(series: pl.DataFrame, half_cycles: pl.DataFrame) -> Iterator[Curve]:
    """The curve of each row of ``half_cycles`` (``first_row``, ``last_row``, ``polarity``)
    of one test; ``series`` are all points of that test.
    """
    flow = _flow(series)
    for polarity, first, last in half_cycles.select("polarity", "first_row", "last_row").rows():
        yield _cut(flow, _sign(polarity, 0.0), first, last + 1)


@dataclass(frozen=True, slots=True)
class _Flow:
    """Per row: the sign of its step (0 where no current flows) and the charge since the
    row before, signed.
    """

    rows: Rows
    step_sign: Ints
    row_sign: Ints
    charge_ah: Floats


def _flow(series: pl.DataFrame) -> _Flow:
    rows = read_rows(series)
    steps = find_steps(series, rows)
    step_sign = np.repeat(steps.polarity, steps.stop - steps.start)
    rest = REST_SHARE * rows.largest_ampere
    row_sign = np.where(rows.current * step_sign > rest, step_sign, 0)
    return _Flow(rows, step_sign, row_sign, steps.row_charge_ah)


def _cut(flow: _Flow, sign: int, first: int, stop: int) -> Curve:
    charge = np.where(flow.step_sign[first:stop] == sign, flow.charge_ah[first:stop] * sign, 0.0)
    shown = np.flatnonzero(flow.row_sign[first:stop] == sign)
    capacity = np.cumsum(charge)[shown]
    time = flow.rows.time[first:stop][shown]
    return Curve(
        np.maximum.accumulate(np.maximum(capacity, 0.0)),
        flow.rows.voltage[first:stop][shown],
        np.abs(flow.rows.current[first:stop][shown]),
        time - time[:1],
    )


def thinned(curve: Curve, max_points: int) -> Curve:
    """At most ``max_points`` points with the same shape on a screen."""
    kept = thin(curve.capacity_ah, curve.voltage_volt, max_points)
    return Curve(
        curve.capacity_ah[kept],
        curve.voltage_volt[kept],
        curve.current_ampere[kept],
        curve.time_second[kept],
    )


@dataclass(frozen=True, slots=True)
class OnGrid:
    """Capacity and time at the points of a grid; NaN outside ``mask``."""

    capacity_ah: Floats
    time_second: Floats
    mask: Bools


def on_voltage_grid(curve: Curve, grid_volt: Floats, polarity: str) -> OnGrid:
    """Capacity and time where the curve passes each voltage of a rising grid.

    Only the stretch in which the voltage moves in the direction of the half-cycle is
    used: where noise or a pulse makes it go back, its running extreme stands, so both
    results are monotone along the half-cycle. Linear between records.
    """
    sign = _sign(polarity, 0.0)
    climbing = np.maximum.accumulate(curve.voltage_volt * sign)
    # The first record at each voltage: a plateau is passed when it is reached.
    first = np.append(True, np.diff(climbing) > 0) if len(curve) else np.zeros(0, np.bool_)
    return _interpolated(climbing[first], curve, first, grid_volt * sign)


def on_current_grid(curve: Curve, constant_ampere: float, fractions: Floats) -> OnGrid:
    """Capacity and time where the current of a voltage hold has fallen to each fraction
    of the constant current; ``fractions`` fall from 1.

    Masked out where the half-cycle ended before, or had no hold.
    """
    if not len(curve) or not constant_ampere or not np.isfinite(constant_ampere):
        return _nothing(len(fractions))
    share = curve.current_ampere / constant_ampere
    # The hold begins after the last record at full current.
    full = np.flatnonzero(share >= 0.98)
    start = int(full[-1]) if len(full) else 0
    falling = np.maximum.accumulate(-share[start:])
    kept = np.zeros(len(curve), dtype=np.bool_)
    kept[start:] = np.append(True, np.diff(falling) > 0)
    if kept.sum() < 3:
        return _nothing(len(fractions))
    return _interpolated(np.log(1 / share[kept]), curve, kept, np.log(1 / fractions))


def _interpolated(along: Floats, curve: Curve, kept: Bools, grid: Floats) -> OnGrid:
    if len(along) < 2:
        return _nothing(len(grid))
    order = np.argsort(grid)
    slack = 1e-9 * max(1.0, abs(along[-1]))
    mask = (grid >= along[0] - slack) & (grid <= along[-1] + slack)
    results = []
    for values in (curve.capacity_ah[kept], curve.time_second[kept]):
        result = np.full(len(grid), np.nan)
        result[order] = np.interp(grid[order], along, values)
        results.append(np.where(mask, result, np.nan))
    return OnGrid(results[0], results[1], mask)


def _nothing(size: int) -> OnGrid:
    return OnGrid(np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, dtype=np.bool_))


def _sign(polarity: str | None, net: float) -> int:
    if polarity is None:
        return 1 if net >= 0 else -1
    return {"charge": 1, "discharge": -1}[polarity]
