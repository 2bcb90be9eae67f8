"""Write one recorded file as the instruments and their export programs do.

A file starts from an ideal series in BDF columns (positive current charges).
``measure`` gives it the instrument's noise and resolution; each writer then renders it
with the columns, units, clock and line ends of one export. Neware's exports, old and
new, give discharge currents as negative numbers and the capacity of each step from
zero; their timestamps are local time without a zone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

VOLT_NOISE = 0.2e-3
CURRENT_NOISE = 0.05e-2
AMBIENT_NOISE = 0.15

OLD_STEP_NAMES = {
    "rest": "Rest",
    "cc_charge": "CC_Chg",
    "cccv_charge": "CCCV_Chg",
    "cc_discharge": "CC_DChg",
}
NEW_STEP_NAMES = {name: words.replace("_", " ") for name, words in OLD_STEP_NAMES.items()}
MILLI = 1000.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What one program on one channel recorded; ``started`` is Unix time in seconds."""

    frame: pl.DataFrame
    started: float
    time_zone: str
    temperature_celsius: float


def measure(frame: pl.DataFrame, seed: Sequence[int]) -> pl.DataFrame:
    """The series as measured: noise on voltage and current, numbers from 1, time from 0."""
    rng = np.random.default_rng([*seed, 0x0153])
    volt = frame["voltage_volt"].to_numpy() + rng.normal(0, VOLT_NOISE, frame.height)
    ampere = frame["current_ampere"].to_numpy() * (1 + rng.normal(0, CURRENT_NOISE, frame.height))
    return frame.with_columns(
        pl.Series("voltage_volt", np.round(volt, 4)),
        pl.Series("current_ampere", np.round(ampere, 5)),
        pl.col("test_time_second") - pl.col("test_time_second").first(),
        pl.col("cycle_count") - pl.col("cycle_count").first() + 1,
        pl.col("step_count") - pl.col("step_count").first() + 1,
        pl.Series("record_index", np.arange(1, frame.height + 1)),
    )


def neware_nested_text(recording: Recording) -> str:
    """Old Neware text, tab separated: cycles, below them steps, below them records."""
    header = (
        "Cycle ID\tCap_Chg(mAh)\tCap_DChg(mAh)\tCycle Life(%)\tEngy_Chg(mWh)\tEngy_DChg(mWh)",
        "\tStep ID\tStep Name\tStep Time(h:min:s)\tCap(mAh)\tEngy(mWh)\tStart Vol(mV)\tEnd Vol(mV)",
        "\t\tRecord ID\tTime(h:min:s.ms)\tVol(mV)\tCur(mA)\tCap(mAh)\tRealtime",
    )
    cycles = _lines(_cycles(recording, MILLI, 3), "\t")
    steps = _lines(_steps(recording, OLD_STEP_NAMES, MILLI, 3), "\t", indent=1)
    records = _lines(_old_records(recording), "\t", indent=2)
    return _nested(recording, header, (cycles, steps, records), "\r\n")


def neware_separate_text(recording: Recording) -> str:
    """Old Neware text with all cycles, then all steps, then all records."""
    cycle_of_step = _step_groups(recording.frame)["cycle_count"]
    cycle_of_record = recording.frame["cycle_count"]
    steps = _steps(recording, OLD_STEP_NAMES, MILLI, 3)
    steps = steps.insert_column(0, cycle_of_step.alias("cycle"))
    records = _old_records(recording)
    step_ids = recording.frame["step_id"].alias("step")
    records = records.insert_column(0, step_ids).insert_column(0, cycle_of_record.alias("cycle"))
    step_header = "Cycle ID\tStep ID\tStep Name\tStep Time(h:min:s)\tCap(mAh)\tEngy(mWh)"
    record_header = "Cycle ID\tStep ID\tRecord ID\tTime(h:min:s.ms)\tVol(mV)\tCur(mA)"
    blocks = [
        "Cycle Data",
        "Cycle ID\tCap_Chg(mAh)\tCap_DChg(mAh)\tCycle Life(%)\tEngy_Chg(mWh)\tEngy_DChg(mWh)",
        *_lines(_cycles(recording, MILLI, 3), "\t"),
        "Step Data",
        step_header + "\tStart Vol(mV)\tEnd Vol(mV)",
        *_lines(steps, "\t"),
        "Record Data",
        record_header + "\tCap(mAh)\tRealtime",
        *_lines(records, "\t"),
    ]
    return "\r\n".join(blocks) + "\r\n"


def neware_nested_csv(recording: Recording) -> str:
    """Neware's present nested CSV, in ampere, volt and ampere hours."""
    capacities = "Chg. Cap.(Ah),DChg. Cap.(Ah),Chg.-DChg. Eff(%),Chg. Energy(Wh),DChg. Energy(Wh)"
    step = "Step Index,Step Number,Step Type,Step Time,Capacity(Ah),Energy(Wh)"
    header = (
        f"Cycle Index,{capacities}",
        f",{step},Oneset Volt.(V),End Voltage(V)",
        ",,DataPoint,Time,Total Time,Current(A),Voltage(V),Capacity(Ah),Energy(Wh),Date",
    )
    cycles = _lines(_cycles(recording, 1.0, 5), ",")
    steps = _steps(recording, NEW_STEP_NAMES, 1.0, 5)
    number = pl.Series("number", np.arange(1, steps.height + 1))
    step_lines = _lines(steps.insert_column(1, number), ",", indent=1)
    frame = recording.frame
    records = pl.DataFrame(
        [
            frame["record_index"],
            _clock(frame["step_time_second"], 2),
            _clock(frame["test_time_second"], 2),
            _fixed(frame["current_ampere"], 5),
            _fixed(frame["voltage_volt"], 4),
            _fixed(frame["step_cumulative_capacity_ah"], 6),
            _fixed(frame["step_cumulative_energy_wh"], 5),
            _wall_clock(recording),
        ]
    )
    return _nested(recording, header, (cycles, step_lines, _lines(records, ",", indent=2)), "\n")


def neware_flat_csv(recording: Recording) -> str:
    """Neware's record layer alone: one header, every record with its cycle and step."""
    frame = recording.frame
    table = pl.DataFrame(
        {
            "DataPoint": frame["record_index"],
            "Cycle Index": frame["cycle_count"],
            "Step Index": frame["step_id"],
            "Step Type": frame["step_type"].replace_strict(NEW_STEP_NAMES),
            "Time": _clock(frame["step_time_second"], 2),
            "Total Time": _clock(frame["test_time_second"], 2),
            "Current(A)": _fixed(frame["current_ampere"], 4),
            "Voltage(V)": _fixed(frame["voltage_volt"], 4),
            "Capacity(Ah)": _fixed(frame["step_cumulative_capacity_ah"], 5),
            "Date": _wall_clock(recording),
        }
    )
    return table.write_csv(quote_style="never")


def bdf_csv(recording: Recording) -> str:
    """Battery Data Format with its preferred labels; time is Unix time."""
    frame = recording.frame
    rng = np.random.default_rng(int(recording.started))
    ambient = recording.temperature_celsius + rng.normal(0, AMBIENT_NOISE, frame.height)
    unix = frame["test_time_second"] + recording.started
    table = pl.DataFrame(
        {
            "Test Time / s": _fixed(frame["test_time_second"], 1),
            "Voltage / V": _fixed(frame["voltage_volt"], 4),
            "Current / A": _fixed(frame["current_ampere"], 5),
            "Unix Time / s": _fixed(unix, 1),
            "Cycle Count / 1": frame["cycle_count"],
            "Step Count / 1": frame["step_count"],
            "Step ID": frame["step_id"],
            "Ambient Temperature / degC": _fixed(pl.Series("ambient", ambient), 1),
            "Step Cumulative Capacity / Ah": _fixed(frame["step_cumulative_capacity_ah"], 5),
        }
    )
    return table.write_csv(quote_style="never")


WRITERS: Mapping[str, Callable[[Recording], str]] = {
    "neware nested text": neware_nested_text,
    "neware separate text": neware_separate_text,
    "neware nested csv": neware_nested_csv,
    "neware flat csv": neware_flat_csv,
    "bdf csv": bdf_csv,
}


def _old_records(recording: Recording) -> pl.DataFrame:
    frame = recording.frame
    return pl.DataFrame(
        [
            frame["record_index"],
            _clock(frame["step_time_second"], 1, milliseconds=True),
            _fixed(frame["voltage_volt"] * MILLI, 1),
            _fixed(frame["current_ampere"] * MILLI, 2),
            _fixed(frame["step_cumulative_capacity_ah"] * MILLI, 3),
            _wall_clock(recording),
        ]
    )


def _step_groups(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("step_count", maintain_order=True).agg(
        pl.col("cycle_count", "step_id", "step_type").first(),
        pl.col("step_time_second", "step_cumulative_capacity_ah").last(),
        pl.col("step_cumulative_energy_wh").last(),
        start_volt=pl.col("voltage_volt").first(),
        end_volt=pl.col("voltage_volt").last(),
    )


def _steps(
    recording: Recording, names: Mapping[str, str], scale: float, places: int
) -> pl.DataFrame:
    steps = _step_groups(recording.frame)
    return pl.DataFrame(
        [
            steps["step_id"],
            steps["step_type"].replace_strict(names),
            _clock(steps["step_time_second"], 2),
            _fixed(steps["step_cumulative_capacity_ah"] * scale, places),
            _fixed(steps["step_cumulative_energy_wh"] * scale, places),
            _fixed(steps["start_volt"] * scale, 1 if scale > 1 else 4),
            _fixed(steps["end_volt"] * scale, 1 if scale > 1 else 4),
        ]
    )


def _cycles(recording: Recording, scale: float, places: int) -> pl.DataFrame:
    charging = pl.col("step_type").str.ends_with("_charge")
    discharging = pl.col("step_type").str.ends_with("_discharge")
    capacity, energy = "step_cumulative_capacity_ah", "step_cumulative_energy_wh"
    cycles = (
        _step_groups(recording.frame)
        .group_by("cycle_count", maintain_order=True)
        .agg(
            charge=pl.col(capacity).filter(charging).sum() * scale,
            discharge=pl.col(capacity).filter(discharging).sum() * scale,
            charge_energy=pl.col(energy).filter(charging).sum() * scale,
            discharge_energy=pl.col(energy).filter(discharging).sum() * scale,
        )
    )
    efficiency = (100 * cycles["discharge"] / cycles["charge"]).fill_nan(0.0)
    return pl.DataFrame(
        [
            cycles["cycle_count"],
            _fixed(cycles["charge"], places),
            _fixed(cycles["discharge"], places),
            _fixed(efficiency.alias("efficiency"), 2),
            _fixed(cycles["charge_energy"], places),
            _fixed(cycles["discharge_energy"], places),
        ]
    )


def _nested(
    recording: Recording,
    header: Sequence[str],
    levels: tuple[pl.Series, pl.Series, pl.Series],
    end: str,
) -> str:
    """Each cycle's line before its first step's, each step's before its first record's."""
    frame = recording.frame
    cycles, steps, records = levels
    first_of_cycle = frame["cycle_count"].to_numpy().searchsorted(np.arange(1, cycles.len() + 1))
    first_of_step = frame["step_count"].to_numpy().searchsorted(np.arange(1, steps.len() + 1))
    row = np.concatenate(
        [3 * first_of_cycle, 3 * first_of_step + 1, 3 * np.arange(frame.height) + 2]
    )
    order = np.argsort(row, kind="stable")
    lines = pl.concat([cycles, steps, records]).gather(order)
    return end.join([*header, *lines]) + end


def _lines(table: pl.DataFrame, separator: str, indent: int = 0) -> pl.Series:
    numbered = table.rename({name: f"column {i}" for i, name in enumerate(table.columns)})
    joined = pl.concat_str(pl.all(), separator=separator)
    if indent:
        joined = pl.lit(separator * indent) + joined
    return numbered.select(joined.alias("line"))["line"]


def _fixed(values: pl.Series, places: int) -> pl.Series:
    """Decimal text with exactly ``places`` digits behind the point."""
    return values.cast(pl.Decimal(18, places)).cast(pl.String)


def _clock(seconds: pl.Series, hour_digits: int, *, milliseconds: bool = False) -> pl.Series:
    """``h:mm:ss`` (or ``h:mm:ss.mmm``) of a duration."""
    whole = (seconds * MILLI).round().cast(pl.Int64)
    if not milliseconds:
        whole = (whole + 500) // 1000 * 1000
    # A series repeats few durations, and text is the slow part: render each once.
    unique, position = np.unique(whole.to_numpy(), return_inverse=True)
    ms = pl.Series("ms", unique)
    parts = pl.DataFrame({"h": ms // 3_600_000, "m": ms // 60_000 % 60, "s": ms // 1000 % 60})
    text = parts.select(
        pl.concat_str(
            pl.col("h").cast(pl.String).str.zfill(hour_digits),
            pl.lit(":"),
            pl.col("m").cast(pl.String).str.zfill(2),
            pl.lit(":"),
            pl.col("s").cast(pl.String).str.zfill(2),
        )
    ).to_series()
    if milliseconds:
        text = text + "." + (ms % 1000).cast(pl.String).str.zfill(3)
    return text.gather(position).alias(seconds.name)


def _wall_clock(recording: Recording) -> pl.Series:
    """The instrument's clock: local time to the second, without its zone."""
    unix = recording.frame["test_time_second"] + recording.started
    moments = (unix.round() * MILLI).cast(pl.Int64).cast(pl.Datetime("ms"))
    local = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(recording.time_zone)
    return local.dt.strftime("%Y-%m-%d %H:%M:%S").alias("wall_clock")
