"""Battery Data Format (BDF) tables: CSV or Parquet, machine names or preferred labels.

``voltage_volt`` and ``Voltage / V`` are the same column. A label may carry another unit of
the same kind (``Voltage / mV``); machine names fix theirs. https://w3id.org/battery-data-alliance
"""

import io
import re
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from battery_db.lib.errors import LabError, UnreadableFile
from battery_db.lib.series import COLUMNS, REQUIRED
from cycling.formats.base import Finding, Format, ReadContext, Reading
from cycling.formats.step_types import normalise_column, number_steps
from cycling.formats.text import decode_head, first_lines, read_text, separator_of, to_number
from cycling.formats.units import SUFFIXES, factor

ALIASES = {"step_index": "step_id", "step": "step_id"}


def column_of(label: str) -> tuple[str, float] | None:
    """Standard column and factor of a header cell; None for a column that is not ours."""
    label = label.strip().strip('"').lstrip("\ufeff")
    words, _, unit = label.partition(" / ")
    name = re.sub(r"[^0-9a-z]+", "_", words.lower()).strip("_")
    name = ALIASES.get(name, name)
    if name in COLUMNS:
        return name, 1.0
    for suffix, base in SUFFIXES.items():
        if f"{name}_{suffix}" in COLUMNS and unit:
            scale = factor(unit, base)
            return None if scale is None else (f"{name}_{suffix}", scale)
    return None


def sniff_csv(head: bytes, name: str) -> bool:
    line = decode_head(head).split("\n", 1)[0]
    found = {known[0] for cell in line.split(separator_of(line)) if (known := column_of(cell))}
    return set(REQUIRED) <= found or (name.lower().endswith(".bdf.csv") and bool(found))


def sniff_parquet(head: bytes, name: str) -> bool:
    return head.startswith(b"PAR1") and name.lower().endswith(".bdf.parquet")


def read_csv(path: Path, context: ReadContext) -> Reading:
    """All cells as text first, so that one bad cell spoils no column."""
    text = read_text(path, context)
    header = first_lines(text.data, 1)[0]
    separator = separator_of(header)
    try:
        cells = pl.read_csv(
            io.BytesIO(text.data),
            separator=separator,
            infer_schema=False,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(
            f"The table can not be read: {str(error).splitlines()[0]}",
            fix="Export the file again as a BDF table.",
        ) from error
    numbers = {
        name: cells[name]
        if (column_of(name) or ("", 0))[0] == "step_type"
        else to_number(cells[name], separator)
        for name in cells.columns
        if column_of(name)
    }
    reading = _standard(pl.DataFrame(numbers), [n for n in cells.columns if n not in numbers])
    return Reading(
        reading.frame,
        {"encoding": text.encoding},
        (*text.findings, *reading.findings),
        text.is_partial,
    )


def read_parquet(path: Path, context: ReadContext) -> Reading:
    """A Parquet table with BDF columns."""
    try:
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            if rows > context.max_rows:
                raise UnreadableFile(
                    f"The file has {rows} rows; at most {context.max_rows} are read.",
                    fix="Split the file, or raise the row limit in the settings.",
                )
            names = file.schema_arrow.names
            known = [name for name in names if column_of(name)]
            table = pl.DataFrame(pl.from_arrow(file.read(columns=known)))
    except (LabError, MemoryError):
        raise
    except Exception as error:
        # Arrow meets bad bytes with errors of many kinds; only one of the machine has a number.
        if getattr(error, "errno", None) is not None:
            raise
        raise UnreadableFile(
            f"The Parquet file is damaged: {str(error).splitlines()[0]}",
            fix="Copy it again from where it was made.",
        ) from error
    table = table.with_columns(
        pl.col(name).cast(pl.Float64, strict=False)
        for name in known
        if (column_of(name) or ("", 0))[0] != "step_type"
    )
    return _standard(table, [name for name in names if name not in known])


def _standard(table: pl.DataFrame, unknown: list[str]) -> Reading:
    series: dict[str, pl.Series] = {}
    for label in table.columns:
        known = column_of(label)
        if known is None or known[0] in series:
            continue
        name, scale = known
        values = table[label]
        if name == "step_type":
            series[name] = normalise_column(values)
        elif COLUMNS[name].is_integer():
            series[name] = values.round().cast(COLUMNS[name], strict=False)
        else:
            series[name] = values if scale == 1.0 else values * scale
    if "step_count" in series:
        series.setdefault("step_id", series["step_count"])
    frame = pl.DataFrame([values.alias(name) for name, values in series.items()])
    numbers = number_steps(frame)
    if numbers is not None:
        frame = frame.with_columns(numbers)
    findings: tuple[Finding, ...] = ()
    if unknown:
        listed = ", ".join(f"'{name}'" for name in unknown[:12])
        findings = (Finding("column_left_out", f"Columns that were left out: {listed}."),)
    return Reading(frame, findings=findings)


FORMATS = (
    Format("bdf_csv", 2, "Battery Data Format, CSV", (".bdf.csv", ".csv"), sniff_csv, read_csv),
    Format(
        "bdf_parquet",
        2,
        "Battery Data Format, Parquet",
        (".bdf.parquet",),
        sniff_parquet,
        read_parquet,
    ),
)
