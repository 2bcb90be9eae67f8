"""Neware's step sheets: one line per step and no records (``工步`` sheets of 44 columns).

Between the beginning and the end of a step only sums are known. A step is drawn by a
record where it begins and one where it ends. Where its current changed on the way, as under
constant voltage, records in between are placed so that the charge under the line is what
the instrument counted: one where constant current ends, and one where the current has
fallen to its end value. They are no measurements; the import counts as partial and says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from battery_db.lib.errors import MissingColumn, UnreadableFile
from cycling.formats.base import Finding, ReadContext, Reading
from cycling.formats.clocks import parse_moments, seconds_of, to_unix_seconds
from cycling.formats.step_types import normalise_column
from cycling.formats.text import to_number
from cycling.formats.units import factor, split_unit

WORDS: Mapping[str, tuple[str, str | None]] = {
    "步次": ("step_id", None),
    "循环": ("cycle_count", None),
    "状态": ("step_type", None),
    "绝对时间": ("clock", None),
    "持续时间": ("duration", None),
    "起始电压": ("first_volt", "V"),
    "最大电压": ("highest_volt", "V"),
    "结束电压": ("last_volt", "V"),
    "起始电流": ("first_ampere", "A"),
    "结束电流": ("last_ampere", "A"),
    "充电容量": ("charged_ah", "Ah"),
    "放电容量": ("discharged_ah", "Ah"),
    "恒流容量": ("constant_current_ah", "Ah"),
    "总能量": ("energy_wh", "Wh"),
    "开始温度1": ("first_celsius", "degC"),
    "结束温度1": ("last_celsius", "degC"),
}
NEEDED = {
    "step_id", "clock", "duration", "first_volt", "last_volt", "first_ampere", "last_ampere",
    "charged_ah", "discharged_ah",
}  # fmt: skip
SECONDS_PER_HOUR = 3600.0
Floats = NDArray[np.float64]


def is_header(header: Sequence[str]) -> bool:
    return {WORDS[w][0] for cell in header if (w := split_unit(cell)[0]) in WORDS} >= NEEDED


def read_steps(cells: Sequence[pl.Series], header: Sequence[str], context: ReadContext) -> Reading:
    """Two to four records per step; ``test_time_second`` counts from the first step's clock."""
    if not cells:
        raise UnreadableFile(
            "The sheet has a header but holds no step.", fix="Check that the test has started."
        )
    steps, findings = _steps(cells, header, context)
    usable = steps.filter(
        pl.all_horizontal(
            pl.col("unix", "duration", "first_volt", "last_volt", "first_ampere").is_not_null()
        )
    )
    if usable.is_empty():
        raise UnreadableFile(
            "No step has a clock, a duration, a voltage and a current.", fix="Export it again."
        )
    frame = _records(usable)
    text = (
        f"The sheet holds {steps.height} steps and no records. Each step is drawn from its begin "
        "and end; where its current fell, one or two records in between were placed so that the "
        "charge is what the instrument counted. Export the record layer for the true curves."
    )
    findings.append(Finding("steps_only", text))
    return Reading(frame, findings=tuple(findings), is_partial=True)


def _steps(
    cells: Sequence[pl.Series], header: Sequence[str], context: ReadContext
) -> tuple[pl.DataFrame, list[Finding]]:
    series: dict[str, pl.Series] = {}
    for index, cell in enumerate(header):
        word, unit = split_unit(cell)
        if word not in WORDS or index >= len(cells):
            continue
        name, base = WORDS[word]
        if base is None:
            series[name] = cells[index]
            continue
        scale = factor(unit or "", base)
        if scale is None:
            raise MissingColumn(
                f"Column '{cell}' can not be read: its unit is not known.", fix="Export it again."
            )
        series[name] = to_number(cells[index]) * scale
    naive, findings = parse_moments(series["clock"])
    unix, more = to_unix_seconds(naive, context.time_zone)
    # Hours, minutes, seconds and, in some sheets, a colon before the milliseconds.
    durations = series["duration"].str.replace(r"^(\d+:\d+:\d+):", "${1}.")
    table = pl.DataFrame(
        {
            **{k: v for k, v in series.items() if k not in {"clock", "step_type"}},
            "duration": seconds_of(durations),
            "unix": unix,
            "step_type": normalise_column(series["step_type"])
            if "step_type" in series
            else pl.Series([None] * len(unix), dtype=pl.String),
        }
    )
    return table, [*findings, *more]


def _records(steps: pl.DataFrame) -> pl.DataFrame:
    """Records of all steps, in the order of the steps."""
    rows: list[dict[str, Any]] = []
    start = float(steps["unix"][0])
    for number, step in enumerate(steps.iter_rows(named=True), start=1):
        times, amperes = _drawn(step)
        volts = np.interp(
            times, [0.0, max(times[-1], 1e-9)], [step["first_volt"], step["last_volt"]]
        )
        if len(times) > 2:
            volts[1:] = step["last_volt"]
        moved = np.concatenate(
            ([0.0], np.cumsum((amperes[1:] + amperes[:-1]) / 2 * np.diff(times)))
        )
        for time, volt, ampere, charge in zip(times, volts, amperes, moved, strict=True):
            rows.append(
                {
                    "test_time_second": step["unix"] - start + time,
                    "unix_time_second": step["unix"] + time,
                    "step_time_second": time,
                    "voltage_volt": volt,
                    "current_ampere": ampere,
                    "step_cumulative_capacity_ah": abs(charge) / SECONDS_PER_HOUR,
                    "cycle_count": step.get("cycle_count"),
                    "step_id": step["step_id"],
                    "step_type": step["step_type"],
                    "step_count": number,
                    "temperature_t1_celsius": step.get("last_celsius" if time else "first_celsius"),
                }
            )
    frame = pl.DataFrame(rows, infer_schema_length=None)
    whole = [name for name in ("cycle_count", "step_id") if frame[name].null_count() < frame.height]
    return frame.with_columns(
        pl.col(whole).cast(pl.Float64, strict=False).round().cast(pl.Int32, strict=False)
    )


def _drawn(step: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Times within the step and currents there, whose area is the counted charge."""
    duration, first = float(step["duration"]), float(step["first_ampere"])
    last = first if step["last_ampere"] is None else float(step["last_ampere"])
    # Some sheets write discharged charges as negative numbers, some as magnitudes.
    charged, discharged = (abs(step[name] or 0.0) for name in ("charged_ah", "discharged_ah"))
    counted = SECONDS_PER_HOUR * float(charged - discharged)
    sign = np.sign(counted)
    first, last = sign * abs(first), sign * abs(last)
    if duration <= 0 or not sign:
        return np.array([0.0, max(duration, 0.0)]), np.array([first, last])
    if abs(first - last) <= 0.02 * abs(first):
        mean = counted / duration
        return np.array([0.0, duration]), np.array([mean, mean])
    constant = SECONDS_PER_HOUR * float(step.get("constant_current_ah") or 0.0)
    knee = min(constant / abs(first), duration) if first else 0.0
    rest, left = duration - knee, counted - first * knee
    # first -> last falls linearly over ``fall`` seconds, then stays: (first-last)/2 * fall + last * rest.
    fall = 2 * (left - last * rest) / (first - last)
    if not 0 < fall < rest:
        mean = counted / duration
        return np.array([0.0, duration]), np.array([mean, mean])
    times, amperes = [0.0, knee, knee + fall, duration], [first, first, last, last]
    kept = [0, *(i for i in (1, 2, 3) if times[i] > times[i - 1])]
    return np.array(times)[kept], np.array(amperes)[kept]
