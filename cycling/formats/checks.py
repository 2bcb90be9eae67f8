"""What every series is checked for, whichever reader it came from. No repair is silent."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from battery_db.lib.series import REQUIRED
from cycling.formats.base import Finding, Reading

# Rows that fall behind and come back within this many are a stumble of the clock; more
# are a clock that began again.
STUMBLE_ROWS = 5
CAPACITY_TOLERANCE = 0.01
# Steps that move less than this share of the largest are too small to compare.
COMPARED_SHARE = 0.02
# Clocks are stamped to the millisecond at best; less than this is rounding.
SMALLEST_CLOCK_FALL = -0.1
SECONDS_PER_HOUR = 3600.0
# Beyond these (3000 years, a megavolt, a megaampere) a number is no measurement.
LARGEST = {"test_time_second": 1e11, "voltage_volt": 1e6, "current_ampere": 1e6}
# Steps of what cyclers print: decimal fractions of an ampere hour or ampere second.
RESOLUTIONS_AH = sorted(
    [10.0**-k for k in range(2, 10)] + [10.0**-k / 3600 for k in range(7)], reverse=True
)


def check(reading: Reading) -> Reading:
    """``reading`` with repaired time and signs, and a finding for everything noticed."""
    findings = list(reading.findings)
    if not set(REQUIRED) <= set(reading.frame.columns):
        return reading
    frame, lost = _drop_damaged(reading.frame, findings)
    if frame.height:
        frame = _repair_time(frame, findings)
        frame = _repair_sign(frame, findings)
        _check_clock(frame, findings)
        _check_capacity(frame, findings)
    return Reading(frame, reading.metadata, tuple(findings), reading.is_partial or lost)


def _drop_damaged(frame: pl.DataFrame, findings: list[Finding]) -> tuple[pl.DataFrame, bool]:
    """Leave out records without a usable time, voltage or current, cycle or step."""
    usable = [pl.col(name).cast(pl.Float64).abs() < LARGEST[name] for name in REQUIRED]
    usable += [
        pl.col(name).is_not_null()
        for name in ("cycle_count", "step_id")
        if name in frame.columns and frame[name].null_count() < frame.height
    ]
    kept = frame.filter(pl.all_horizontal(usable).fill_null(value=False))
    lost = frame.height - kept.height
    if lost:
        findings.append(
            Finding(
                "damaged_records",
                f"{lost} of {frame.height} records were left out: their time, voltage, current, "
                "cycle or step can not be read.",
            )
        )
    return kept, lost > 0


def _repair_time(frame: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    time = frame["test_time_second"].cast(pl.Float64).to_numpy()
    falls = np.flatnonzero(np.diff(time) < 0)
    if not len(falls):
        return frame
    row = int(falls[0])
    repaired, repair = _rising(time)
    findings.append(
        Finding(
            "time_fell",
            f"Test time fell back {_times(len(falls))}, first after record {row + 1} from "
            f"{time[row]:g} s to {time[row + 1]:g} s; {repair}.",
        )
    )
    return frame.with_columns(pl.Series("test_time_second", repaired))


def _rising(time: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Time that never falls, and in words how it was made."""
    time = time.copy()
    inner = time[1:-1]
    # One record ahead of both neighbours, which are in order: it stands alone.
    ahead = (inner > time[2:]) & (time[:-2] <= time[2:])
    # Two such records in a row are no lone ones.
    ahead[1:] &= ~ahead[:-1]
    time[1:-1] = np.where(ahead, time[:-2], inner)
    highest = np.maximum.accumulate(time)
    behind = np.concatenate(([False], time < highest, [False]))
    edges = np.flatnonzero(behind[1:] != behind[:-1])
    longest = int(np.max(edges[1::2] - edges[::2], initial=0))
    if longest <= STUMBLE_ROWS:
        return highest, "those records were given the time of the one before"
    jumps = np.diff(time)
    offset = np.concatenate(([0.0], np.cumsum(np.where(jumps < 0, -jumps, 0.0))))
    rising = np.maximum.accumulate(time + offset)
    return rising, "the clock had begun again, so later times go on from there"


def _repair_sign(frame: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Make charging currents positive where the control modes show that they are not."""
    if "step_type" not in frame.columns:
        _check_unsigned(frame, findings)
        return frame
    kind, current = pl.col("step_type").cast(pl.String), pl.col("current_ampere")
    charging, discharging = kind.str.ends_with("_charge"), kind.str.ends_with("_discharge")
    counts = frame.select(
        charge_up=(charging & (current > 0)).sum(),
        charge_down=(charging & (current < 0)).sum(),
        discharge_up=(discharging & (current > 0)).sum(),
        discharge_down=(discharging & (current < 0)).sum(),
    ).row(0, named=True)
    if counts["discharge_up"] <= counts["discharge_down"]:
        return frame
    if counts["charge_down"] > counts["charge_up"]:
        text = "The file counts discharge as positive; all currents were given the opposite sign."
        findings.append(Finding("sign_reversed", text))
        return frame.with_columns(-current)
    text = "The file writes currents without sign; those of discharge steps were made negative."
    findings.append(Finding("sign_added", text))
    return frame.with_columns(pl.when(discharging).then(-current.abs()).otherwise(current))


def _check_unsigned(frame: pl.DataFrame, findings: list[Finding]) -> None:
    current = frame["current_ampere"]
    if current.is_empty() or not (current > 0).any() or (current < 0).any():
        return
    flowing = frame.filter((pl.col("current_ampere") > 0) & (pl.col("current_ampere").shift() > 0))
    change = flowing["voltage_volt"].to_numpy()
    fall = float(change[0] - np.min(change)) if len(change) else 0.0
    if fall > 0.1:
        text = (
            f"No current is negative, though the voltage falls by {fall:.2f} V while current "
            "flows: the file seems to write currents without sign, so its discharges read as "
            "charges."
        )
        findings.append(Finding("current_unsigned", text))


def _check_clock(frame: pl.DataFrame, findings: list[Finding]) -> None:
    if "unix_time_second" not in frame.columns:
        return
    jumps = frame["unix_time_second"].diff()
    falls = int((jumps < SMALLEST_CLOCK_FALL).sum())
    if falls:
        text = f"The wall clock was set back {_times(falls)}, at most by {-float(jumps.min()):g} s."  # type: ignore[arg-type]
        findings.append(Finding("clock_fell", text + " Test time is not touched by it."))


def _check_capacity(frame: pl.DataFrame, findings: list[Finding]) -> None:
    """Compare the instrument's counter with the integral of current over each step.

    Between two records the trapezium errs by at most half the change of current times the
    time between, so that slow sampling is no mismatch.
    """
    counter = "step_cumulative_capacity_ah"
    if not {counter, "step_count"} <= set(frame.columns):
        return
    current, step = pl.col("current_ampere").cast(pl.Float64), pl.col("step_count")
    hours = pl.col("test_time_second").diff() / SECONDS_PER_HOUR
    within = step == step.shift()
    steps = (
        frame.lazy()
        .select(
            step,
            moved=pl.when(within).then((current + current.shift()) / 2 * hours),
            doubt=pl.when(within).then((current - current.shift()).abs() / 2 * hours),
            counted=pl.col(counter).cast(pl.Float64),
        )
        .group_by("step_count", maintain_order=True)
        .agg(
            pl.col("moved").sum().abs(),
            pl.col("doubt").sum(),
            (pl.col("counted").last() - pl.col("counted").first()).abs().alias("counted"),
            pl.col("moved").abs().sum().alias("both_ways"),
        )
        # A step that moves charge both ways has no single number to compare.
        .filter(pl.col("both_ways") <= 1.05 * pl.col("moved"))
        .collect()
    )
    largest = steps["counted"].max()
    if largest is None or not float(largest) > 0:  # type: ignore[arg-type]
        return
    difference = (pl.col("moved") - pl.col("counted")).abs()
    allowed = (
        CAPACITY_TOLERANCE * pl.col("counted") + pl.col("doubt") + 2 * _resolution(frame[counter])
    )
    compared = steps.filter(pl.col("counted") > COMPARED_SHARE * float(largest))  # type: ignore[arg-type]
    wrong = compared.filter(difference > allowed)
    if wrong.is_empty():
        return
    worst = wrong.sort(difference / pl.col("counted"), descending=True).row(0, named=True)
    share = abs(worst["moved"] / worst["counted"] - 1)
    text = (
        f"In {wrong.height} of {compared.height} steps the instrument's capacity differs by more "
        f"than {CAPACITY_TOLERANCE:.0%} from the integral of its current; most in step "
        f"{worst['step_count']}: {worst['counted']:.6g} Ah counted, {worst['moved']:.6g} Ah "
        f"integrated ({share:.1%})."
    )
    findings.append(Finding("capacity_mismatch", text))


def _resolution(counter: pl.Series) -> float:
    """The coarsest printed step that a sample of the counter's values are multiples of."""
    values = counter.cast(pl.Float64)
    values = values.filter(values.is_finite())
    some = values.gather_every(max(1, len(values) // 2000)).to_numpy()
    for step in RESOLUTIONS_AH:
        parts = some / step
        if np.all(np.abs(parts - np.round(parts)) < 1e-3):
            return step
    return 0.0


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
