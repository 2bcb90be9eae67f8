"""Tables of a cell in the file formats that people ask for: CSV, Parquet, XLSX, dQ/dV."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import polars as pl
import xlsxwriter

from cycling.differential import DifferentialCapacity
from cycling.exports.archives import File
from cycling.exports.csv_folder import as_csv
from cycling.exports.safe_names import folder_name

# The name is the original's, so that its readers find the files.
DIFFERENTIAL_FOLDER = "DifferentialCapacityVersusVoltage"
VOLTAGE, SLOPE = "V (V)", "dQ/dV (mAh/V)"
# Excel takes sheet names of 31 characters, without some signs.
_SHEET = re.compile(r"[\[\]:*?/\\]")
SHEET_LENGTH = 31
MOMENT = datetime(1980, 1, 1, tzinfo=UTC)

Named = tuple[str, pl.DataFrame]
# Absolute cycle number, polarity, and its dQ/dV.
Slope = tuple[int, str, DifferentialCapacity]


def as_parquet(table: pl.DataFrame) -> bytes:
    """zstd Parquet; NaN as null, so that every reader sees the same gaps."""
    buffer = io.BytesIO()
    table.fill_nan(None).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def as_workbook(sheets: Sequence[Named]) -> bytes:
    """One XLSX workbook with a sheet per table; equal tables give equal bytes."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        workbook.set_properties({"created": MOMENT})
        used: set[str] = set()
        for name, table in sheets:
            table.fill_nan(None).write_excel(
                workbook, worksheet=sheet_name(name, used), float_precision=8, autofilter=False
            )
    return buffer.getvalue()


def sheet_name(text: str, used: set[str]) -> str:
    """``text`` as a name that Excel takes, told apart from those in ``used``."""
    stem = _SHEET.sub("_", text).strip("'").strip() or "cycles"
    name, number = stem[:SHEET_LENGTH], 1
    while name.casefold() in used or name.casefold() == "history":
        number += 1
        ending = f" ({number})"
        name = stem[: SHEET_LENGTH - len(ending)] + ending
    used.add(name.casefold())
    return name


def differential_table(slopes: Iterable[Slope]) -> pl.DataFrame:
    """One long table: Cycle Number, polarity (1 charge, -1 discharge), dQ/dV and V."""
    parts = [
        _slope_columns(slope).select(
            pl.lit(float(cycle)).alias("Cycle Number"),
            pl.lit(1.0 if polarity == "charge" else -1.0).alias(
                "Polarity (1 charge, -1 discharge)"
            ),
            SLOPE,
            VOLTAGE,
        )
        for cycle, polarity, slope in slopes
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def differential_files(folder: Sequence[str], slopes: Iterable[Slope]) -> Iterator[File]:
    """A file per half-cycle, named by its cycle number, with dQ/dV and V as columns.

    Discharges lie in ``DifferentialCapacityVersusVoltage``, charges beside it.
    """
    for cycle, polarity, slope in slopes:
        inner = DIFFERENTIAL_FOLDER if polarity == "discharge" else f"{DIFFERENTIAL_FOLDER} Charge"
        table = _slope_columns(slope).select(SLOPE, VOLTAGE)
        yield (*folder, folder_name(inner), f"{cycle}.csv"), as_csv(table)


def _slope_columns(slope: DifferentialCapacity) -> pl.DataFrame:
    return pl.DataFrame({SLOPE: 1000 * slope.capacity_per_volt, VOLTAGE: slope.voltage_volt})
