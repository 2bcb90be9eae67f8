"""Standard columns of time series, and how they are kept as Parquet.

Names are the machine names of the Battery Data Format (BDF, ontology 1.3.0), units
are in the names, and **positive current charges the cell**. Cycle and step numbers
are the instrument's own; ``step_count`` is ours and never repeats within a file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from battery_db.lib.errors import MissingColumn, UnreadableFile

REQUIRED: Mapping[str, pl.DataType] = {
    "test_time_second": pl.Float64(),
    "voltage_volt": pl.Float32(),
    "current_ampere": pl.Float32(),
}
OPTIONAL: Mapping[str, pl.DataType] = {
    "unix_time_second": pl.Float64(),
    "cycle_count": pl.Int32(),
    "step_count": pl.Int32(),
    "step_id": pl.Int32(),
    "step_type": pl.Categorical(),
    "step_time_second": pl.Float64(),
    "record_index": pl.Int64(),
    "charging_capacity_ah": pl.Float32(),
    "discharging_capacity_ah": pl.Float32(),
    "step_cumulative_capacity_ah": pl.Float32(),
    "charging_energy_wh": pl.Float32(),
    "discharging_energy_wh": pl.Float32(),
    "step_cumulative_energy_wh": pl.Float32(),
    "ambient_temperature_celsius": pl.Float32(),
    "surface_temperature_celsius": pl.Float32(),
    "temperature_t1_celsius": pl.Float32(),
    "temperature_t2_celsius": pl.Float32(),
    "temperature_t3_celsius": pl.Float32(),
    "ac_internal_resistance_ohm": pl.Float32(),
    "dc_internal_resistance_ohm": pl.Float32(),
    "frequency_hertz": pl.Float64(),
    "real_impedance_ohm": pl.Float64(),
    "imaginary_impedance_ohm": pl.Float64(),
}
COLUMNS: Mapping[str, pl.DataType] = {**REQUIRED, **OPTIONAL}
ROW_GROUP_ROWS = 20_000


def standardise(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the standard columns of ``frame``, in standard order and types.

    Raises MissingColumn when time, voltage or current is absent, and UnreadableFile
    when there is no row or a value is beyond its type.
    """
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise MissingColumn(
            f"The file has no column for {', '.join(missing)}; found: {', '.join(frame.columns[:12])}.",
            fix="Export it again with time, voltage and current, or map its columns.",
        )
    if frame.height == 0:
        raise UnreadableFile(
            "The file holds no data row.", fix="Check on the cycler that the test has started."
        )
    present = [name for name in COLUMNS if name in frame.columns]
    try:
        return frame.select(pl.col(name).cast(COLUMNS[name]) for name in present)
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(
            f"A value does not fit its column: {str(error).splitlines()[0]}",
            fix="Look for damaged lines in the file.",
        ) from error


def narrow(frame: pl.DataFrame) -> pl.DataFrame:
    """Standard columns of floats in their standard precision; others as they are."""
    return frame.with_columns(
        pl.col(name).cast(COLUMNS[name])
        for name, kind in frame.schema.items()
        if name in COLUMNS and COLUMNS[name].is_float() and kind.is_float()
    )


def write_parquet(
    frame: pl.DataFrame, target: Path | IO[bytes], metadata: Mapping[str, str]
) -> None:
    """Write ``frame`` (standard columns) in groups of 20k rows.

    Floats are split by bytes and whole numbers kept as differences, after which the fastest
    level of zstd packs as well as a slow one.
    """
    table = frame.to_arrow().replace_schema_metadata(
        {key.encode(): value.encode() for key, value in metadata.items()}
    )
    floats = [f.name for f in table.schema if pa.types.is_floating(f.type)]
    whole = [f.name for f in table.schema if pa.types.is_integer(f.type)]
    words = [
        f.name
        for f in table.schema
        if pa.types.is_dictionary(f.type)
        or pa.types.is_string(f.type)
        or pa.types.is_large_string(f.type)
    ]
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=1,
        row_group_size=ROW_GROUP_ROWS,
        use_dictionary=words,
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT")
        | dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
    )


def read_parquet(
    source: Path | IO[bytes],
    columns: Sequence[str] | None = None,
    cycles: tuple[int, int] | None = None,
) -> pl.DataFrame:
    """Read a stored series; columns that it lacks are passed over.

    ``cycles`` keeps ``first <= cycle_count <= last``, reading only the row groups that
    hold such cycles.

    Raises UnreadableFile when the stored file is damaged or empty.
    """
    try:
        with pq.ParquetFile(source) as file:
            present = file.schema_arrow.names
            wanted = [name for name in columns or present if name in present]
            table = (
                file.read(wanted)
                if cycles is None
                else _between(file, wanted, "cycle_count", cycles, None)
            )
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(error) from error
    return _frame(table)


def read_rows(
    source: Path | IO[bytes], columns: Sequence[str] | None, first: int, last: int
) -> pl.DataFrame:
    """Rows ``first`` to ``last`` (inclusive); only the row groups that hold them are read.

    No ``columns`` means all; those that the series lacks are passed over.

    Raises UnreadableFile when the stored file is damaged or empty.
    """
    try:
        file = pq.ParquetFile(source, memory_map=isinstance(source, Path))
        groups, start = [], 0
        skipped = None
        for index in range(file.num_row_groups):
            end = start + file.metadata.row_group(index).num_rows
            if start <= last and first < end:
                groups.append(index)
                skipped = start if skipped is None else skipped
            start = end
        table = file.read_row_groups(groups, columns=_present(file, columns))
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(error) from error
    return _frame(table).slice(first - (skipped or 0), last - first + 1)


def read_between(
    source: Path | IO[bytes],
    columns: Sequence[str] | None,
    column: str,
    span: tuple[float, float],
    rows: int | None = None,
) -> pl.DataFrame:
    """Rows with ``span[0] <= column <= span[1]``; only row groups that hold such are read.

    Only the first ``rows`` of the file count. Raises UnreadableFile when the stored file is
    damaged or empty.
    """
    try:
        with pq.ParquetFile(source, memory_map=isinstance(source, Path)) as file:
            return _frame(_between(file, _present(file, columns), column, span, rows))
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(error) from error


def _present(file: pq.ParquetFile, columns: Sequence[str] | None) -> list[str]:
    names = file.schema_arrow.names
    return [name for name in columns or names if name in names]


def _between(
    file: pq.ParquetFile,
    columns: Sequence[str],
    column: str,
    span: tuple[float, float],
    rows: int | None,
) -> pa.Table:
    place = file.schema_arrow.names.index(column)
    groups, kept, start = [], 0, 0
    for index in range(file.num_row_groups):
        group = file.metadata.row_group(index)
        bounds = group.column(place).statistics
        inside = group.num_rows if rows is None else min(group.num_rows, rows - start)
        start += group.num_rows
        is_known = bounds is not None and bounds.has_min_max
        if inside > 0 and (not is_known or (bounds.min <= span[1] and span[0] <= bounds.max)):
            groups.append(index)
            kept += inside
    # Only of the last group some rows may not count.
    table = file.read_row_groups(groups, columns=list({*columns, column})).slice(0, kept)
    values = table[column]
    chosen = pc.and_(pc.greater_equal(values, span[0]), pc.less_equal(values, span[1]))
    return table.filter(chosen).select(list(columns))


def _frame(table: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(table))


def _damaged(error: Exception) -> UnreadableFile:
    return UnreadableFile(
        f"The stored series can not be read: {error}",
        fix="Import the file again; the nightly run does so by itself.",
    )
