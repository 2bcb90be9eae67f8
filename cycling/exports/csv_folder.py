"""Cycles of a dataset as a folder for people: dataset/cell/filter.csv.

Headers, order, quantities and number format of the first 17 columns are those of the
Universal Battery Database, so that scripts written for its files go on working. Half-cycles are given
as frames with the columns of ``HalfCycleQuerySet.as_frame``: ``cycle`` (absolute),
``test_id``, ``polarity``, ``started_at``, ``start_time_second``, and the summary
numbers in Ah, Wh, V, A and s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from cycling.exports import archives
from cycling.exports.safe_names import folder_name

__all__ = ["Range", "folder_name", "matches", "summary_table", "write_folder", "write_zip"]

Table = tuple[tuple[str, ...], pl.DataFrame]

COLUMNS = (
    "Cycle Number",
    "Total Charge Capacity (mAh)",
    "Total Discharge Capacity (mAh)",
    "Average Charge Voltage (V)",
    "Average Discharge Voltage (V)",
    "Delta Voltage (V)",
    "Charge Time (hours)",
    "Discharge Time (hours)",
    "Cumulative Time (hours)",
    "Normalized Delta Voltage (unitless)",
    "Normalized Charge Capacity (unitless)",
    "Normalized Discharge Capacity (unitless)",
    "Charge Capacity Normalized to Typical Dchg Cap (unitless)",
    "Discharge Capacity Normalized to Typical Dchg Cap (unitless)",
    "Charge Energy (mWh)",
    "Discharge Energy (mWh)",
    "Delta Energy (mWh)",
    "Coulombic Efficiency (unitless)",
    "Energy Efficiency (unitless)",
    "Largest Deviation Within Group (sigma)",
)
# Absolute cycles over which the reference quantities are taken, and the share that is
# trimmed off each end of them.
REFERENCE_DELTA_CYCLES = (5, 15)
REFERENCE_CAPACITY_CYCLES = (0, 10)
TRIMMED_SHARE = 0.25

# Attribute of a range -> column of a half-cycle, and whether a rate is meant.
_ATTRIBUTES = {
    "constant_rate": ("constant_current_ampere", True),
    "end_rate": ("end_current_ampere", True),
    "previous_end_rate": ("previous_end_current_ampere", True),
    "previous_constant_rate": ("previous_constant_current_ampere", True),
    "end_voltage": ("end_voltage_volt", False),
    "previous_end_voltage": ("previous_end_voltage_volt", False),
}


@dataclass(frozen=True, slots=True)
class Range:
    """``minimum <= attribute <= maximum`` for the half-cycles of one polarity.

    Either end may be open. Rates are currents over the theoretical capacity, in 1/h.
    """

    polarity: str
    attribute: str
    minimum: float | None = None
    maximum: float | None = None


def matches(
    frame: pl.DataFrame, ranges: Iterable[Range], theoretical_capacity_ah: float | None
) -> pl.DataFrame:
    """The half-cycles of those cycles in which every range holds, ends included.

    A range on charge speaks of the cycle's charge only; a cycle without one does not
    match, nor does one whose attribute is unknown. No range at all keeps everything.
    """
    by_polarity: dict[str, list[pl.Expr]] = {}
    for each in ranges:
        by_polarity.setdefault(each.polarity, []).append(_holds(each, theoretical_capacity_ah))
    kept = pl.lit(True)
    for polarity, holds in by_polarity.items():
        good = (pl.col("polarity") == polarity) & pl.all_horizontal(holds).fill_null(False)
        cycles = frame.filter(good)["cycle"].unique()
        kept &= pl.col("cycle").is_in(cycles.implode()) & ((pl.col("polarity") != polarity) | good)
    return frame.filter(kept)


def summary_table(
    rows: pl.DataFrame, *, whole: pl.DataFrame, theoretical_capacity_ah: float | None
) -> pl.DataFrame:
    """The columns for the cycles of ``rows``, in order of cycle number.

    ``whole`` are all half-cycles of the cell: reference quantities and the first step
    come from there. A cycle with only one half-cycle, or with one still running, has
    its numbers empty. Where files overlap, the fullest half-cycle of a cycle counts.
    """
    hours = _hours_since_start(whole)
    table = _paired(rows.filter("is_complete"))
    reference = _paired(whole.filter("is_complete"))
    typical = _trimmed_mean(reference, "discharge_ah", REFERENCE_CAPACITY_CYCLES)
    typical_delta = _trimmed_mean(reference, "delta_volt", REFERENCE_DELTA_CYCLES)
    table = table.join(hours, on="cycle", how="left", maintain_order="left")
    values = {
        "Cycle Number": pl.col("cycle").cast(pl.Float64),
        "Total Charge Capacity (mAh)": pl.col("charge_ah") * 1000,
        "Total Discharge Capacity (mAh)": pl.col("discharge_ah") * 1000,
        "Average Charge Voltage (V)": pl.col("charge_volt"),
        "Average Discharge Voltage (V)": pl.col("discharge_volt"),
        "Delta Voltage (V)": pl.col("delta_volt"),
        "Charge Time (hours)": pl.col("charge_second") / 3600,
        "Discharge Time (hours)": pl.col("discharge_second") / 3600,
        "Cumulative Time (hours)": pl.col("hours"),
        "Normalized Delta Voltage (unitless)": _over("delta_volt", typical_delta),
        "Normalized Charge Capacity (unitless)": _over("charge_ah", theoretical_capacity_ah),
        "Normalized Discharge Capacity (unitless)": _over("discharge_ah", theoretical_capacity_ah),
        "Charge Capacity Normalized to Typical Dchg Cap (unitless)": _over("charge_ah", typical),
        "Discharge Capacity Normalized to Typical Dchg Cap (unitless)": _over(
            "discharge_ah", typical
        ),
        "Charge Energy (mWh)": pl.col("charge_wh") * 1000,
        "Discharge Energy (mWh)": pl.col("discharge_wh") * 1000,
        "Delta Energy (mWh)": (pl.col("charge_wh") - pl.col("discharge_wh")) * 1000,
        "Coulombic Efficiency (unitless)": _ratio("discharge_ah", "charge_ah"),
        "Energy Efficiency (unitless)": _ratio("discharge_wh", "charge_wh"),
        "Largest Deviation Within Group (sigma)": pl.col("sigmas"),
    }
    return table.select(expression.alias(name) for name, expression in values.items())


def as_csv(table: pl.DataFrame) -> bytes:
    """Comma-separated text with eight decimals; unknown numbers are empty.

    All values are numbers, so no spreadsheet can take one for a formula.
    """
    finite = table.select(
        pl.when(pl.col(name).is_finite()).then(pl.col(name) + 0.0) for name in table.columns
    )
    return finite.write_csv(float_precision=8, line_terminator="\n").encode()


def write_zip(target: IO[bytes], tables: Iterable[Table]) -> int:
    """Write tables as they come into one zip; equal tables give equal bytes.

    ``tables`` are path parts (made by ``folder_name``) and frames; returns how many.
    """
    return archives.write_zip(target, ((parts, as_csv(table)) for parts, table in tables))


def write_folder(folder: Path, tables: Iterable[Table]) -> int:
    """Write tables below ``folder``, each file whole or not at all; returns how many."""
    return archives.write_folder(folder, ((parts, as_csv(table)) for parts, table in tables))


def _holds(each: Range, capacity_ah: float | None) -> pl.Expr:
    column, is_rate = _ATTRIBUTES[each.attribute]
    value = pl.col(column).cast(pl.Float64)
    if is_rate:
        value = value / (capacity_ah or float("nan"))
    # In Polars NaN is above every number, so it must be ruled out by itself.
    holds = value.is_not_nan()
    if each.minimum is not None:
        holds &= value >= each.minimum
    if each.maximum is not None:
        holds &= value <= each.maximum
    return holds


def _paired(halves: pl.DataFrame) -> pl.DataFrame:
    """One row per absolute cycle with the numbers of its charge and its discharge."""
    fullest = halves.sort(
        ["cycle", "capacity_ah", "test_id", "ordinal"], descending=[False, True, False, False]
    ).unique(["cycle", "polarity"], keep="first", maintain_order=True)
    sides = [
        fullest.filter(pl.col("polarity") == side).select(
            "cycle",
            pl.col("capacity_ah").alias(f"{side}_ah"),
            pl.col("energy_wh").alias(f"{side}_wh"),
            pl.col("mean_voltage_volt").alias(f"{side}_volt"),
            pl.col("duration_second").alias(f"{side}_second"),
            pl.col("anomaly_sigmas").alias(f"{side}_sigmas"),
        )
        for side in ("charge", "discharge")
    ]
    pairs = sides[0].join(sides[1], on="cycle", how="full", coalesce=True).sort("cycle")
    charge, discharge = (pl.col(f"{side}_sigmas") for side in ("charge", "discharge"))
    is_larger = charge.abs().fill_null(0) > discharge.abs().fill_null(0)
    return pairs.with_columns(
        delta_volt=pl.col("charge_volt") - pl.col("discharge_volt"),
        sigmas=pl.when(is_larger).then(charge).otherwise(discharge),
    )


def _hours_since_start(whole: pl.DataFrame) -> pl.DataFrame:
    """Hours from the first half-cycle of the cell to the start of each absolute cycle.

    Within a file the test time counts, as wall clocks are set back now and then; a
    file begins when its clock says so, but never before the file before it ended.
    """
    starts: list[pl.DataFrame] = []
    origin: float | None = None
    end = 0.0
    for part in whole.partition_by("test_id", maintain_order=True):
        time = part["start_time_second"] - (part["start_time_second"].min() or 0.0)
        clock = part["started_at"].dt.epoch("us").cast(pl.Float64)[0]
        if clock is not None:
            clock /= 1e6
            origin = clock - end if origin is None else origin
            begin = max(clock - origin, end)
        else:
            begin = end
        starts.append(part.select("cycle", hours=(time + begin) / 3600))
        end = begin + float(np.max((time + part["duration_second"]).to_numpy(), initial=0.0))
    if not starts:
        return pl.DataFrame(schema={"cycle": pl.Int64, "hours": pl.Float64})
    return pl.concat(starts).group_by("cycle", maintain_order=True).agg(pl.col("hours").min())


def _trimmed_mean(table: pl.DataFrame, column: str, cycles: Sequence[int]) -> float | None:
    inside = table.filter(pl.col("cycle").is_between(cycles[0], cycles[1]))
    values = np.sort(inside[column].drop_nulls().drop_nans().to_numpy())
    if not len(values):
        return None
    cut = int(TRIMMED_SHARE * len(values))
    return float(values[cut : len(values) - cut].mean())


def _ratio(above: str, below: str) -> pl.Expr:
    return pl.when(pl.col(below) > 0).then(pl.col(above) / pl.col(below))


def _over(column: str, reference: float | None) -> pl.Expr:
    if not reference:
        return pl.lit(None, dtype=pl.Float64)
    return pl.col(column) / reference
