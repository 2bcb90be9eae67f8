"""What Neware's column headers mean, and cells of text as a standard series."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from battery_db.lib.errors import MissingColumn, UnreadableFile
from cycling.formats.base import Finding, ReadContext
from cycling.formats.blocks import Odd
from cycling.formats.clocks import parse_moments, plain_clock, seconds_of, to_unix_seconds
from cycling.formats.step_types import normalise_column, number_steps
from cycling.formats.text import separator_of, to_number
from cycling.formats.units import factor, split_unit

# Header words (lower case, without dots, spaces for underscores) -> quantity.
WORDS: Mapping[str, str] = {
    "cycle id": "cycle", "cycle index": "cycle", "cycle": "cycle", "cycle no": "cycle",
    "循环序号": "cycle", "循环号": "cycle",
    "step id": "step", "step index": "step", "step": "step", "step no": "step",
    "工步序号": "step", "工步号": "step",
    "step name": "mode", "step type": "mode",
    "status": "mode",
    "工步类型": "mode", "工步名称": "mode", "工步状态": "mode", "状态": "mode",
    "record id": "record", "record": "record", "record index": "record", "datapoint": "record",
    "data point": "record", "record number": "record",
    "数据序号": "record", "记录序号": "record", "记录号": "record",
    "time": "step_time", "relative time": "step_time", "test time": "step_time",
    "step time": "step_time", "时间": "step_time", "相对时间": "step_time", "工步时间": "step_time",
    "total time": "total_time", "总时间": "total_time",
    "vol": "voltage", "voltage": "voltage", "电压": "voltage",
    "cur": "current", "current": "current", "电流": "current",
    "cap": "capacity", "capacity": "capacity", "容量": "capacity",
    "engy": "energy", "energy": "energy", "能量": "energy",
    "realtime": "clock", "real time": "clock", "date": "clock", "absolute time": "clock",
    "绝对时间": "clock", "系统时间": "clock", "日期": "clock",
    "t1": "t1", "t2": "t2", "t3": "t3",
    "aux t1": "t1", "aux t2": "t2", "aux t3": "t3",
    "dcir": "dcir", "dc internal resistance": "dcir",
}  # fmt: skip

# quantity -> (standard column, unit of that column)
MEASURED: Mapping[str, tuple[str, str]] = {
    "voltage": ("voltage_volt", "V"),
    "current": ("current_ampere", "A"),
    "capacity": ("step_cumulative_capacity_ah", "Ah"),
    "energy": ("step_cumulative_energy_wh", "Wh"),
    "t1": ("temperature_t1_celsius", "degC"),
    "t2": ("temperature_t2_celsius", "degC"),
    "t3": ("temperature_t3_celsius", "degC"),
    "dcir": ("dc_internal_resistance_ohm", "Ohm"),
}
COUNTED: Mapping[str, tuple[str, pl.DataType]] = {
    "cycle": ("cycle_count", pl.Int32()),
    "step": ("step_id", pl.Int32()),
    "record": ("record_index", pl.Int64()),
}
NEEDED = ("voltage", "current")
OLD_UNITS = {"voltage": "mV", "current": "mA", "capacity": "mAh", "energy": "mWh"}
# A title or header line may stand below a preamble, but not far.
PREAMBLE_LINES = 30
FLAT_HEADER = {"voltage", "current", "cycle", "step", "mode"}


@dataclass(frozen=True, slots=True)
class Column:
    """One header cell: its position, what it means, and the unit written in it."""

    index: int
    text: str
    unit: str | None


@dataclass(slots=True)
class Table:
    """Cells of text by quantity, the header they came from, and what was noticed.

    ``default_units`` are those that the format's specification gives where a header
    writes none. ``is_block`` says that these are not all records of the file.
    """

    cells: pl.DataFrame
    columns: Mapping[str, Column]
    separator: str
    default_units: Mapping[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    is_block: bool = False


def parse_header(cells: Sequence[str]) -> dict[str, Column]:
    """Quantity -> column of a header line; the first of several counts."""
    found: dict[str, Column] = {}
    for index, cell in enumerate(cells):
        word, unit = split_unit(cell)
        key = re.sub(r"[\s_]+", " ", word.lower().replace(".", " ")).strip()
        quantity = WORDS.get(key)
        if quantity is not None and quantity not in found:
            found[quantity] = Column(index, cell.strip(), unit)
    return found


def flat_header(lines: list[str]) -> int | None:
    """The line that names voltage, current, time, cycle, step and Neware's step type."""
    for index, line in enumerate(lines):
        found = set(parse_header(line.replace('"', "").split(separator_of(line))))
        if found >= FLAT_HEADER and {"step_time", "total_time"} & found:
            return index
    return None


def old_units(separator: str) -> Mapping[str, str]:
    return OLD_UNITS if separator == "\t" else {}


def to_series(table: Table, context: ReadContext) -> pl.DataFrame:
    """Standard columns of ``table``; cells that are no number become null."""
    missing = [name for name in NEEDED if name not in table.columns]
    if missing or not {"step_time", "total_time"} & set(table.columns):
        raise MissingColumn(
            f"The header of the records lacks {', '.join(missing) or 'the time'}; "
            f"found: {', '.join(column.text for column in table.columns.values())}.",
            fix="Export the file again with time, voltage and current of every record.",
        )
    if table.cells.is_empty():
        raise UnreadableFile(
            "The file has a header but holds no data row.",
            fix="Check on the cycler that the test has started.",
        )
    return finish(pl.DataFrame(columns_of(table, context)))


def columns_of(table: Table, context: ReadContext) -> list[pl.Series]:
    """The standard columns that the table has cells of.

    Raises Odd for the block of a file whose clock needs a look at all of it.
    """
    series = [*_numbers(table), *_times(table)]
    if "mode" in table.cells.columns:
        series.append(normalise_column(table.cells["mode"]).alias("step_type"))
    if "clock" in table.cells.columns:
        series.append(_clock(table, context))
    if "step_count" in table.cells.columns:
        series.append(table.cells["step_count"])
    return series


def finish(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what the records tell only together: numbers of steps, and time since the start."""
    return _with_total_time(_with_step_count(frame))


def _numbers(table: Table) -> list[pl.Series]:
    series = []
    for quantity, (name, kind) in COUNTED.items():
        if quantity in table.cells.columns:
            series.append(to_number(table.cells[quantity], kind=kind).alias(name))
    for quantity, (name, base) in MEASURED.items():
        scale = _scale(table, quantity, base) if quantity in table.cells.columns else None
        if scale is not None:
            numbers = to_number(table.cells[quantity], table.separator)
            series.append((numbers * scale).alias(name))
    return series


def _scale(table: Table, quantity: str, base: str) -> float | None:
    """The factor of a column's unit; None leaves out a column that can be done without."""
    column = table.columns[quantity]
    unit = column.unit or table.default_units.get(quantity)
    scale = None if unit is None else factor(unit, base)
    if scale is not None and column.unit is None:
        table.findings.append(
            Finding(
                "unit_of_format",
                f"Column '{column.text}' names no unit; read in {unit}, which the format specifies.",
            )
        )
    if scale is not None or quantity not in NEEDED:
        if scale is None and column.unit is not None:
            table.findings.append(
                Finding(
                    "column_left_out",
                    f"Column '{column.text}' was left out: its unit '{unit}' is not known.",
                )
            )
        return scale
    found = f"its unit '{unit}' is not known" if unit else "it names no unit"
    raise UnreadableFile(
        f"Column '{column.text}' can not be read: {found}.",
        fix=f"Export the file with a unit of {base} in the header, like '{column.text}(m{base})'.",
    )


def _times(table: Table) -> list[pl.Series]:
    names = {"step_time": "step_time_second", "total_time": "test_time_second"}
    return [
        _duration(table, quantity).alias(name)
        for quantity, name in names.items()
        if quantity in table.cells.columns
    ]


def _duration(table: Table, quantity: str) -> pl.Series:
    """Seconds: of clock texts, or of numbers where the header names their unit."""
    text, column = table.cells[quantity], table.columns[quantity]
    filled = text.drop_nulls()
    if filled.is_empty() or ":" in str(filled[0]):
        return seconds_of(text.cast(pl.String))
    scale = factor(column.unit or "", "s")
    if scale is None:
        raise UnreadableFile(
            f"Column '{column.text}' can not be read: it is neither h:min:s (found "
            f"'{str(filled[0])[:20]}') nor a number whose unit of time the header names.",
            fix="Export the file with times as h:min:s.",
        )
    return to_number(text, table.separator) * scale


def _clock(table: Table, context: ReadContext) -> pl.Series:
    text = table.cells["clock"].cast(pl.String)
    if table.is_block:
        plain = plain_clock(text, context.time_zone)
        if plain is None:
            raise Odd
        return plain.alias("unix_time_second")
    naive, findings = parse_moments(text)
    table.findings.extend(findings)
    unix, findings = to_unix_seconds(naive, context.time_zone)
    table.findings.extend(findings)
    return unix.alias("unix_time_second")


def _with_step_count(frame: pl.DataFrame) -> pl.DataFrame:
    if "step_count" in frame.columns:
        return frame
    numbers = number_steps(frame)
    return frame if numbers is None else frame.with_columns(numbers)


def _with_total_time(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``test_time_second``: the durations of the steps before, plus the time in the step.

    A time column that never falls where a step begins already counts from the start.
    """
    if "test_time_second" in frame.columns:
        return frame
    time, run = frame["step_time_second"], frame["step_count"].rle_id()
    steps = (
        pl.DataFrame({"run": run, "time": time})
        .group_by("run", maintain_order=True)
        .agg(first=pl.col("time").first(), last=pl.col("time").max().fill_null(0.0))
    )
    falls = (steps["first"] < steps["last"].shift()).any()
    if steps.height > 1 and not falls:
        own = time - steps["first"].gather(run)
        return frame.select(
            pl.exclude("step_time_second"),
            time.alias("test_time_second"),
            own.alias("step_time_second"),
        )
    # Shifted, not subtracted: rounding must not let time fall where a step begins.
    before = steps["last"].cum_sum().shift(fill_value=0.0)
    return frame.with_columns((time + before.gather(run)).alias("test_time_second"))
