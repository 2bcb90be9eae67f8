"""Small instrument files for tests, written from one made-up series."""

import numpy as np
import polars as pl

from cycling.formats.base import ColumnDeclaration, DeclaredColumn

NESTED_HEADER = (
    "Cycle ID\tCap_Chg(mAh)\tCap_DChg(mAh)",
    "\tStep ID\tStep Name\tStep Time(h:min:s)\tCap(mAh)",
    "\t\tRecord ID\tTime(h:min:s.ms)\tVol(mV)\tCur(mA)\tCap(mAh)\tRealtime",
)
STEP_NAMES = ("CC_Chg", "Rest", "CC_DChg", "Rest")
STEP_WORDS = ("cc_charge", "rest", "cc_discharge", "rest")
ROWS_PER_STEP = 10
INTERVAL = 30.0


def series(cycles: int = 3) -> pl.DataFrame:
    """Charge, rest, discharge, rest, each of ten records 30 s apart, at 0.1 A."""
    steps = 4 * cycles
    step = np.repeat(np.arange(steps), ROWS_PER_STEP)
    step_time = np.tile(np.arange(ROWS_PER_STEP) * INTERVAL, steps)
    current = np.select([step % 4 == 0, step % 4 == 2], [0.1, -0.1], 0.0)
    return pl.DataFrame(
        {
            "test_time_second": step * (ROWS_PER_STEP - 1) * INTERVAL + step_time,
            "voltage_volt": np.round(3.7 + 0.2 * np.sin(np.arange(len(step)) / 9), 4),
            "current_ampere": current,
            "unix_time_second": 1.7e9 + np.arange(len(step)) * INTERVAL,
            "cycle_count": step // 4 + 1,
            "step_count": step + 1,
            "step_id": step % 4 + 1,
            "step_type": np.array(STEP_WORDS)[step % 4],
            "step_time_second": step_time,
            "record_index": np.arange(len(step)) + 1,
            "step_cumulative_capacity_ah": np.abs(current) * step_time / 3600,
        }
    )


def clock(seconds: float) -> str:
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{seconds % 60:06.3f}"


def moment(unix: float) -> str:
    return str(np.datetime64(int(unix), "s")).replace("T", " ")


def nested(frame: pl.DataFrame, header: tuple[str, ...] = NESTED_HEADER) -> str:
    """The old nested export; the clock is UTC."""
    lines = list(header)
    cycle = step = None
    for row in frame.iter_rows(named=True):
        if row["cycle_count"] != cycle:
            cycle = row["cycle_count"]
            lines.append(f"{cycle}\t1.0\t1.0")
        if row["step_count"] != step:
            step = row["step_count"]
            name = STEP_NAMES[row["step_id"] - 1]
            lines.append(f"\t{row['step_id']}\t{name}\t{clock(270)}\t1.0")
        lines.append("\t\t" + "\t".join(_record(row)))
    return "\n".join(lines) + "\n"


def separate(frame: pl.DataFrame) -> str:
    lines = ["Step Data", "Cycle ID\tStep ID\tStep Name\tStep Time(h:min:s)"]
    firsts = frame.unique("step_count", keep="first", maintain_order=True)
    for row in firsts.iter_rows(named=True):
        name = STEP_NAMES[row["step_id"] - 1]
        lines.append(f"{row['cycle_count']}\t{row['step_id']}\t{name}\t{clock(270)}")
    lines += ["Record Data", "Cycle ID\tStep ID" + NESTED_HEADER[2][1:]]
    lines += [
        f"{row['cycle_count']}\t{row['step_id']}\t" + "\t".join(_record(row))
        for row in frame.iter_rows(named=True)
    ]
    return "\n".join(lines) + "\n"


def _record(row: dict[str, float]) -> list[str]:
    return [
        str(row["record_index"]),
        clock(row["step_time_second"]),
        f"{row['voltage_volt'] * 1000:.1f}",
        f"{row['current_ampere'] * 1000:.2f}",
        f"{row['step_cumulative_capacity_ah'] * 1000:.4f}",
        moment(row["unix_time_second"]),
    ]


def flat(frame: pl.DataFrame, order: list[str] | None = None) -> str:
    """Today's record layer as one table, in µA, mV and mAs."""
    table = pl.DataFrame(
        {
            "DataPoint": frame["record_index"],
            "Cycle Index": frame["cycle_count"],
            "Step Index": frame["step_id"],
            "Step Type": [STEP_NAMES[i - 1].replace("_", " ") for i in frame["step_id"]],
            "Time": [clock(value) for value in frame["step_time_second"]],
            "Total Time": [clock(value) for value in frame["test_time_second"]],
            "Current(µA)": (frame["current_ampere"] * 1e6).round().cast(pl.Int64),
            "Voltage(mV)": (frame["voltage_volt"] * 1e3).round(1),
            "Capacity(mAs)": (frame["step_cumulative_capacity_ah"] * 3.6e6).round(3),
            "Date": [moment(value) for value in frame["unix_time_second"]],
        }
    )
    return table.select(order or table.columns).write_csv()


def bdf(frame: pl.DataFrame) -> str:
    return frame.write_csv()


def _slashed(unix: float) -> str:
    day, clock_ = moment(unix).split(" ")
    year, month, day = day.split("-")
    return f"{month}/{day}/{year} {clock_}"


def maccor(frame: pl.DataFrame) -> str:
    """MacTest's export: currents without sign, the direction in ``State``."""
    state = {"cc_charge": "C", "cc_discharge": "D", "rest": "R"}
    lines = [
        "Today's Date\t01/02/2024\tDate of Test:\t11/14/2023",
        "Rec#\tCyc#\tStep\tTestTime\tStepTime\tAmp-hr\tAmps\tVolts\tState\tES\tDPt Time",
    ]
    for row in frame.iter_rows(named=True):
        cells = [
            str(row["record_index"]),
            str(row["cycle_count"]),
            str(row["step_id"]),
            f"  {int(row['test_time_second'] // 86400)}d {clock(row['test_time_second'] % 86400)}",
            f"  0d {clock(row['step_time_second'])}",
            f"{row['step_cumulative_capacity_ah']:.6f}",
            f"{abs(row['current_ampere']):.5f}",
            f"{row['voltage_volt']:.4f}",
            state[row["step_type"]],
            "1",
            _slashed(row["unix_time_second"]),
        ]
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def arbin(frame: pl.DataFrame) -> str:
    """An export of Arbin's Data Watcher, with its units; counters run over the test."""
    hours = frame["test_time_second"].diff().fill_null(0.0) / 3600
    current = frame["current_ampere"]
    return pl.DataFrame(
        {
            "Data_Point": frame["record_index"],
            "Date_Time": [_slashed(value) for value in frame["unix_time_second"]],
            "Test_Time(s)": frame["test_time_second"],
            "Step_Time(s)": frame["step_time_second"],
            "Cycle_Index": frame["cycle_count"],
            "Step_Index": frame["step_id"],
            "Current(mA)": current * 1000,
            "Voltage(V)": frame["voltage_volt"],
            "Charge_Capacity(mAh)": (current.clip(lower_bound=0) * hours).cum_sum() * 1000,
            "Discharge_Capacity(mAh)": (-current.clip(upper_bound=0) * hours).cum_sum() * 1000,
        }
    ).write_csv()


def battery_archive(frame: pl.DataFrame) -> str:
    return pl.DataFrame(
        {
            "Date_Time": [moment(value) for value in frame["unix_time_second"]],
            "Test_Time (s)": frame["test_time_second"],
            "Cycle_Index": frame["cycle_count"].cast(pl.Float64),
            "Current (A)": frame["current_ampere"],
            "Voltage (V)": frame["voltage_volt"],
            "Charge_Capacity (Ah)": 0.0 * frame["current_ampere"],
            "Discharge_Capacity (Ah)": 0.0 * frame["current_ampere"],
            "Cell_Temperature (C)": 25.0 + 0.0 * frame["current_ampere"],
        }
    ).write_csv()


def landt(frame: pl.DataFrame) -> str:
    """The record table of LANHE's program."""
    state = {"cc_charge": "C_CC", "cc_discharge": "D_CC", "rest": "R"}
    return pl.DataFrame(
        {
            "Record": frame["record_index"],
            "TestTime/Sec": frame["test_time_second"],
            "StepTime/Sec": frame["step_time_second"],
            "Current/mA": frame["current_ampere"] * 1000,
            "Capacity/mAh": frame["step_cumulative_capacity_ah"] * 1000,
            "Voltage/V": frame["voltage_volt"],
            "SysTime": [moment(value) for value in frame["unix_time_second"]],
            "Cycle-Index": frame["cycle_count"],
            "Step-Index": frame["step_id"],
            "Step-State": [state[word] for word in frame["step_type"]],
        }
    ).write_csv(separator="\t")


def labelled_table(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "Cycle_Index": frame["cycle_count"],
            "Step": frame["step_id"],
            "Test_Time_min": frame["test_time_second"] / 60,
            "Current_mA": frame["current_ampere"] * 1000,
            "Voltage_mV": frame["voltage_volt"] * 1000,
        }
    )


def labelled(frame: pl.DataFrame) -> str:
    """A table of no vendor that names its units."""
    return labelled_table(frame).write_csv()


DECLARATION = ColumnDeclaration(
    "Room 2",
    (
        DeclaredColumn("t", "test_time_second", "min"),
        DeclaredColumn("I", "current_ampere", "mA"),
        DeclaredColumn("U", "voltage_volt", "mV"),
        DeclaredColumn("n", "cycle_count"),
    ),
    header_line=2,
    reverse_current=True,
)


def unlabelled(frame: pl.DataFrame) -> str:
    """A table of the lab's own program: no unit, and discharge is positive."""
    table = pl.DataFrame(
        {
            "n": frame["cycle_count"],
            "t": frame["test_time_second"] / 60,
            "U": frame["voltage_volt"] * 1000,
            "I": -frame["current_ampere"] * 1000,
        }
    )
    return "written by our own program\n" + table.write_csv()
