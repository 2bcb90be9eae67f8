"""Arbin's .res files, which are Access databases, through access-parser (Apache-2.0).

The tables have the columns and units of Arbin's database (A, V, Ah, Wh, s); ``DateTime`` is
days since 1899-12-30 in local time. A file with several tests is read when it has one with
records.
"""

import logging
from pathlib import Path
from typing import Any

import polars as pl

from battery_db.lib.errors import UnreadableFile
from cycling.formats.base import Finding, Format, ReadContext, Reading
from cycling.formats.clocks import to_unix_seconds
from cycling.formats.columns import DAYS_OF_EXCEL, EXCEL_TO_UNIX_DAYS, finish

MAGIC = b"\x00\x01\x00\x00Standard Jet DB"
RECORDS = "Channel_Normal_Table"
COLUMNS = {
    "Data_Point": "record_index",
    "Test_Time": "test_time_second",
    "Step_Time": "step_time_second",
    "Step_Index": "step_id",
    "Cycle_Index": "cycle_count",
    "Current": "current_ampere",
    "Voltage": "voltage_volt",
    "Charge_Capacity": "charging_capacity_ah",
    "Discharge_Capacity": "discharging_capacity_ah",
    "Charge_Energy": "charging_energy_wh",
    "Discharge_Energy": "discharging_energy_wh",
    "Internal_Resistance": "dc_internal_resistance_ohm",
}
SAID = ("Test_Name", "Creator", "Comments", "Schedule_File_Name", "Software_Version",
        "Serial_Number", "Item_ID", "Channel_Index")  # fmt: skip
TEMPERATURE = 1  # Data_Type of the auxiliary table
DAMAGED = "Copy it again from the cycler's computer; or export it with Arbin's program as CSV."


def sniff(head: bytes, name: str) -> bool:
    return head.startswith(MAGIC)


def read(path: Path, context: ReadContext) -> Reading:
    """The records of the one test, with its temperatures."""
    try:
        tables = _tables(path)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        # The parser meets bad bytes with errors of many kinds.
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFile(f"The database can not be read: {said}.", fix=DAMAGED) from error
    records = tables[RECORDS]
    if records.is_empty() or not {"Current", "Voltage", "Test_Time"} <= set(records.columns):
        raise UnreadableFile(
            "The database holds no record.", fix="Check on the cycler that the test has started."
        )
    if records.height > context.max_rows:
        raise UnreadableFile(
            f"The file has {records.height} records; at most {context.max_rows} are read.",
            fix="Split the test, or raise the row limit in the settings.",
        )
    return _standard(records, tables, context)


def _tables(path: Path) -> dict[str, pl.DataFrame]:
    from access_parser import AccessParser

    logging.getLogger("access_parser").setLevel(logging.CRITICAL)
    database = AccessParser(str(path))
    if RECORDS not in database.catalog:
        found = ", ".join(sorted(database.catalog)[:8])
        raise ValueError(f"it has no table {RECORDS}; found: {found}")
    return {
        name: _frame(database.parse_table(name))
        for name in (RECORDS, "Global_Table", "Auxiliary_Table")
        if name in database.catalog
    }


def _frame(columns: dict[str, Any]) -> pl.DataFrame:
    """An empty table comes with texts in the place of lists."""
    lists = {name: values for name, values in columns.items() if isinstance(values, list)}
    height = min((len(values) for values in lists.values()), default=0)
    return pl.DataFrame({name: values[:height] for name, values in lists.items()}, strict=False)


def _standard(
    records: pl.DataFrame, tables: dict[str, pl.DataFrame], context: ReadContext
) -> Reading:
    findings: list[Finding] = []
    if records["Test_ID"].n_unique() > 1:
        sizes = records["Test_ID"].value_counts(sort=True)
        raise UnreadableFile(
            f"The database holds {sizes.height} tests in one file.",
            fix="Export each test to a file of its own.",
        )
    records = records.sort("Data_Point", maintain_order=True)
    frame = records.select(
        pl.col(theirs).cast(pl.Float64, strict=False).alias(ours)
        for theirs, ours in COLUMNS.items()
        if theirs in records.columns
    ).with_columns(
        pl.col(name).round().cast(pl.Int64, strict=False)
        for name in ("record_index", "step_id", "cycle_count")
        if COLUMNS_BACK[name] in records.columns
    )
    unix, more = _clock(records, context)
    findings.extend(more)
    if unix is not None:
        frame = frame.with_columns(unix.alias("unix_time_second"))
    frame = _with_temperatures(frame, tables.get("Auxiliary_Table"))
    return Reading(finish(frame), _metadata(tables.get("Global_Table")), tuple(findings))


COLUMNS_BACK = {ours: theirs for theirs, ours in COLUMNS.items()}


def _clock(records: pl.DataFrame, context: ReadContext) -> tuple[pl.Series | None, list[Finding]]:
    if "DateTime" not in records.columns:
        return None, []
    days = records["DateTime"].cast(pl.Float64, strict=False)
    days = days.set(~days.is_between(*DAYS_OF_EXCEL), None)
    micro = ((days - EXCEL_TO_UNIX_DAYS) * 86_400e6).round().cast(pl.Int64, strict=False)
    return to_unix_seconds(micro.cast(pl.Datetime("us")), context.time_zone)


def _with_temperatures(frame: pl.DataFrame, aux: pl.DataFrame | None) -> pl.DataFrame:
    if aux is None or aux.is_empty() or not {"Data_Type", "X"} <= set(aux.columns):
        return frame
    aux = aux.filter(pl.col("Data_Type") == TEMPERATURE)
    for number, (index,) in enumerate(
        aux.select("Auxiliary_Index").unique().sort(by="Auxiliary_Index").rows()[:3], 1
    ):
        values = aux.filter(pl.col("Auxiliary_Index") == index).select(
            pl.col("Data_Point").cast(pl.Int64).alias("record_index"),
            pl.col("X").cast(pl.Float64, strict=False).alias(f"temperature_t{number}_celsius"),
        )
        values = values.unique("record_index", keep="first")
        frame = frame.join(values, on="record_index", how="left", maintain_order="left")
    return frame


def _metadata(table: pl.DataFrame | None) -> dict[str, str]:
    if table is None or table.is_empty():
        return {}
    row = table.row(0, named=True)
    return {name: str(row[name])[:200] for name in SAID if row.get(name) not in (None, "")}


FORMATS = (Format("arbin_res", 1, "Arbin .res", (".res",), sniff, read),)
