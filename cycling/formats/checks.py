"""What every series is checked for, whichever reader it came from. No repair is silent."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from battery_db.lib.series import REQUIRED
from cycling.formats.base import Finding, Reading
from cycling.formats.counters import Tally, judge, tallies

# Rows that fall behind and come back within this many are a stumble of the clock; more
# are a clock that began again.
STUMBLE_ROWS = 5
# Clocks are stamped to the millisecond at best; less than this is rounding.
SMALLEST_CLOCK_FALL = -0.1
# Beyond these (3000 years, a megavolt, a megaampere) a number is no measurement.
LARGEST = {"test_time_second": 1e11, "voltage_volt": 1e6, "current_ampere": 1e6}
SIGN_TEXTS = {
    "sign_reversed": (
        "The file counts discharge as positive; all currents were given the opposite sign."
    ),
    "sign_added": (
        "The file writes currents without sign; those of discharge steps were made negative."
    ),
}
SignCounts = tuple[int, int, int, int]


def check(reading: Reading) -> Reading:
    """``reading`` with repaired time and signs, and a finding for everything noticed."""
    return check_and_tally(reading)[0]


def check_and_tally(reading: Reading) -> tuple[Reading, dict[str, Tally]]:
    """``check``, and the tallies of the counters."""
    findings, found = list(reading.findings), dict[str, Tally]()
    if not set(REQUIRED) <= set(reading.frame.columns):
        return reading, found
    frame, lost = _drop_damaged(reading.frame, findings)
    if frame.height:
        frame = _repair_time(frame, findings)
        frame = _repair_sign(frame, findings)
        _check_clock(frame, findings)
        found = tallies(frame)
        findings.extend(judge(found))
    return Reading(frame, reading.metadata, tuple(findings), reading.is_partial or lost), found


def _drop_damaged(frame: pl.DataFrame, findings: list[Finding]) -> tuple[pl.DataFrame, bool]:
    """Leave out records without a usable time, voltage or current, cycle or step."""
    if _is_whole(frame):
        return frame, False
    usable = [pl.col(name).cast(pl.Float64).abs() < LARGEST[name] for name in REQUIRED]
    usable += [
        pl.col(name).is_not_null()
        for name in ("cycle_count", "step_id")
        if name in frame.columns and frame[name].null_count() < frame.height
    ]
    is_usable = pl.all_horizontal(usable).fill_null(value=False)
    mask = frame.select(is_usable.alias("usable")).to_series()
    kept = frame if mask.all() else frame.filter(mask)
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


def _is_whole(frame: pl.DataFrame) -> bool:
    """Whether no record is damaged, told without a column more in memory."""
    for name, largest in LARGEST.items():
        column = frame[name]
        low, high = column.min(), column.max()
        if column.null_count() or not isinstance(low, float) or not isinstance(high, float):
            return False
        if column.is_nan().any() or not -largest < low <= high < largest:
            return False
    return all(
        frame[name].null_count() in (0, frame.height)
        for name in ("cycle_count", "step_id")
        if name in frame.columns
    )


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
    """Time that never falls, and in words how it was made.

    Records that fall behind and come back within ``STUMBLE_ROWS`` take the time of the one
    before; after any other fall the clock had begun again.
    """
    time = time.copy()
    inner = time[1:-1]
    # One record ahead of both neighbours, which are in order: it stands alone.
    ahead = (inner > time[2:]) & (time[:-2] <= time[2:])
    # Two such records in a row are no lone ones.
    ahead[1:] &= ~ahead[:-1]
    time[1:-1] = np.where(ahead, time[:-2], inner)
    restarts = np.zeros_like(time)
    stumbled, until = bool(np.any(ahead)), 0
    for fall in np.flatnonzero(np.diff(time) < 0):
        if fall < until:
            continue
        level, after = time[fall], time[fall + 1 : fall + 2 + STUMBLE_ROWS]
        back = np.flatnonzero(after >= level)
        if len(back) or fall + 1 + len(after) == len(time):
            # To the end of the file nothing else follows that could tell a restart.
            rows = int(back[0]) if len(back) else len(after)
            time[fall + 1 : fall + 1 + rows] = level
            stumbled, until = True, int(fall) + 1 + rows
        else:
            restarts[fall + 1] = level - time[fall + 1]
    rising = np.maximum.accumulate(time + np.cumsum(restarts))
    words = []
    if stumbled:
        words.append("those records were given the time of the one before")
    if np.any(restarts):
        words.append("the clock had begun again, so later times go on from there")
    return rising, "; ".join(words)


def _repair_sign(frame: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Make charging currents positive where the control modes show that they are not."""
    if "step_type" not in frame.columns:
        _check_unsigned(frame, findings)
        return frame
    repair = sign_repair(count_signs(frame))
    if repair in SIGN_TEXTS:
        findings.append(Finding(repair, SIGN_TEXTS[repair]))
    return with_sign(frame, repair)


def count_signs(frame: pl.DataFrame) -> SignCounts:
    """Records by step type and sign of the current: of charges up and down, discharges up, down."""
    current = pl.col("current_ampere")
    words = frame.group_by("step_type").agg(up=(current > 0).sum(), down=(current < 0).sum())
    kind = pl.col("step_type").cast(pl.String)
    charging, discharging = kind.str.ends_with("_charge"), kind.str.ends_with("_discharge")
    return words.select(
        charge_up=pl.col("up").filter(charging).sum(),
        charge_down=pl.col("down").filter(charging).sum(),
        discharge_up=pl.col("up").filter(discharging).sum(),
        discharge_down=pl.col("down").filter(discharging).sum(),
    ).row(0)


def add_signs(one: SignCounts, other: SignCounts) -> SignCounts:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def sign_repair(counts: SignCounts) -> str:
    """Which finding of ``SIGN_TEXTS`` the counts ask for, if any."""
    charge_up, charge_down, discharge_up, discharge_down = counts
    if discharge_up <= discharge_down:
        return ""
    return "sign_reversed" if charge_down > charge_up else "sign_added"


def with_sign(frame: pl.DataFrame, repair: str) -> pl.DataFrame:
    if not repair:
        return frame
    current = pl.col("current_ampere")
    if repair == "sign_reversed":
        return frame.with_columns(-current)
    discharging = pl.col("step_type").cast(pl.String).str.ends_with("_discharge")
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
    if "unix_time_second" in frame.columns:
        findings.extend(tell_clock(*clock_falls(frame["unix_time_second"])))


def clock_falls(clock: pl.Series) -> tuple[int, float]:
    """How often a wall clock was set back, and the furthest, in seconds below zero."""
    jumps = clock.diff()
    falls = jumps.filter(jumps < SMALLEST_CLOCK_FALL)
    return len(falls), float(falls.min()) if len(falls) else 0.0  # type: ignore[arg-type]


def tell_clock(falls: int, furthest: float) -> list[Finding]:
    if not falls:
        return []
    text = f"The wall clock was set back {_times(falls)}, at most by {-furthest:g} s."
    return [Finding("clock_fell", text + " Test time is not touched by it.")]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
