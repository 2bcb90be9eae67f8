"""Files that grow, with whatever makes reading them in parts hard; and what an import made of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cycling.models import CyclingTest, HalfCycle
from cycling.services.stored_series import read_stored
from tests.cycling.formats import files

SUMMER_ENDS = 1_698_541_200.0  # 2023-10-29 01:00 UTC, when Berlin puts its clocks back
NOVONIX_HEADER = (
    "Date and Time,Cycle Number,Step Number,Run Time (h),Step Time (h),Current (A),Potential (V),"
    "Capacity (Ah),Energy (Wh),Temperature (°C)"
)
Values = dict[str, NDArray[Any]]


def growing_series(cycles: int, seed: int, troubles: frozenset[str] = frozenset()) -> pl.DataFrame:
    """Cycles of unequal length and size, with some of ``TROUBLES`` from some record on."""
    chance = np.random.default_rng(seed)
    frame = files.series(cycles)
    names = ("cycle_count", "current_ampere", "unix_time_second", "test_time_second")
    values = {name: frame[name].to_numpy().copy() for name in names}
    cycle = frame["cycle_count"].to_numpy()
    values["current_ampere"] *= (1 + 0.2 * chance.random(cycles))[cycle - 1]
    place = int(chance.integers(len(cycle) // 4, len(cycle)))
    for trouble in sorted(troubles):
        TROUBLES[trouble](values, place)
    values["current_ampere"] = values["current_ampere"].round(8)
    frame = frame.with_columns(pl.Series(name, array) for name, array in values.items())
    return frame[: int(chance.integers(len(cycle) - 60, len(cycle)))]


def _scale(values: Values, rows: Any, factor: float) -> None:
    values["current_ampere"][rows] *= factor


def _shift(values: Values, name: str, rows: Any, by: float) -> None:
    values[name][rows] += by


def _cycle(values: Values, place: int) -> Any:
    return values["cycle_count"] == values["cycle_count"][place]


TROUBLES: dict[str, Callable[[Values, int], None]] = {
    "spike": lambda v, at: _scale(v, at, 50.0),
    "large late": lambda v, at: _scale(v, slice(at, None), 3.0),
    "pulses": lambda v, at: _scale(v, slice(at, None, 7), -0.05),
    "glitch": lambda v, at: _scale(v, _cycle(v, at), 1e-7),
    "rest only": lambda v, at: _scale(v, _cycle(v, at), 0.0),
    "same number": lambda v, at: _shift(v, "cycle_count", slice(at, None), -1),
    "no number": lambda v, at: _shift(v, "cycle_count", slice(None), -v["cycle_count"]),
    "clock": lambda v, at: _shift(v, "unix_time_second", slice(at, None), -40.0),
    "summer time": lambda v, at: _shift(
        v, "unix_time_second", slice(None), SUMMER_ENDS - v["unix_time_second"][at]
    ),
    "restart": lambda v, at: _shift(
        v, "test_time_second", slice(at, None), -v["test_time_second"][at]
    ),
}


def novonix(frame: pl.DataFrame) -> str:
    lines = [
        "[Summary]",
        "Novonix Battery Testing Services",
        "[End Summary]",
        "[Data]",
        NOVONIX_HEADER,
    ]
    for row in frame.iter_rows(named=True):
        cells = (
            files.moment(row["unix_time_second"]),
            row["cycle_count"],
            row["step_id"],
            f"{row['test_time_second'] / 3600:.9f}",
            f"{row['step_time_second'] / 3600:.9f}",
            f"{row['current_ampere']:.8f}",
            row["voltage_volt"],
            f"{row['step_cumulative_capacity_ah']:.9f}",
            "0.0",
            "25.0",
        )
        lines.append(",".join(str(cell) for cell in cells))
    return "\n".join(lines) + "\n"


def mpt(frame: pl.DataFrame) -> str:
    """EC-Lab's text with a decimal comma."""
    lines = [
        "EC-Lab ASCII FILE",
        "Nb header lines : 6",
        "",
        "Galvanostatic Cycling with Potential Limitation",
        "Acquisition started on : 11/14/2023 22:13:20",
        "mode\tNs\ttime/s\tEcell/V\tI/mA\tcycle number",
    ]
    for row in frame.iter_rows(named=True):
        mode = 3 if row["step_type"] == "rest" else 1
        numbers = (
            f"{row['test_time_second']:.6f}",
            f"{row['voltage_volt']:.6f}",
            f"{row['current_ampere'] * 1000:.6f}",
        )
        cells = (mode, row["step_id"], *numbers, row["cycle_count"])
        lines.append("\t".join(str(cell) for cell in cells).replace(".", ","))
    return "\n".join(lines) + "\n"


def bdf_without_steps(frame: pl.DataFrame) -> str:
    kept = ("test_time_second", "voltage_volt", "current_ampere", "unix_time_second", "cycle_count")
    return frame.select(kept).write_csv()


def crlf(frame: pl.DataFrame) -> str:
    return files.bdf(frame).replace("\n", "\r\n")


def summed(frame: pl.DataFrame) -> str:
    """Neware's flat table without its total time, which is then the sum of the steps'."""
    order = [
        "DataPoint", "Cycle Index", "Step Index", "Step Type", "Time", "Current(µA)",
        "Voltage(mV)", "Capacity(mAs)", "Date",
    ]  # fmt: skip
    return files.flat(frame, order)


WRITERS = {
    "flat.csv": files.flat,
    "summed.csv": summed,
    "nested.txt": files.nested,
    "arbin.csv": files.arbin,
    "maccor.txt": files.maccor,
    "novonix.csv": novonix,
    "ec-lab.mpt": mpt,
    "table.bdf.csv": files.bdf,
    "crlf.bdf.csv": crlf,
    "bare.bdf.csv": bdf_without_steps,
    "archive.csv": files.battery_archive,
    "landt.txt": files.landt,
}


def told(test: CyclingTest) -> dict[str, Any]:
    """All that an import tells of a file, save where it is kept."""
    series = read_stored(test).with_columns(pl.col(pl.Categorical).cast(pl.String))
    left_out = {"id", "test_id", "group_id", "superseded_by_id"}
    halves = [
        {name: value for name, value in half.items() if name not in left_out}
        for half in test.half_cycles.order_by("ordinal").values()
    ]
    own = ("sha256", "status", "error", "findings", "format_name", "reader_version", "row_count")
    more = ("first_cycle", "last_cycle", "started_at", "ended_at", "instrument", "series_name")
    grouped = HalfCycle.objects.filter(test=test).as_frame().drop("id", "test_id")
    return {
        "series": series,
        "halves": halves,
        "test": {name: getattr(test, name) for name in (*own, *more)},
        "grouped": grouped,
    }


def assert_same(ours: dict[str, Any], whole: dict[str, Any]) -> None:
    assert ours["test"] == whole["test"]
    assert ours["series"].equals(whole["series"])
    assert ours["halves"] == whole["halves"]
    assert ours["grouped"].equals(whole["grouped"])
