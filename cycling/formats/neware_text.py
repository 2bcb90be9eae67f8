"""Text exports of Neware's programs, in three layouts.

**Nested**: three header lines, of cycles, of steps (one empty cell first) and of records
(two empty cells first); below them each cycle's line, then each of its steps' lines, each
followed by its records. Comma separated as BTSDA writes it today, where the first step of
a file may continue the line of its cycle, or tab separated as older programs did::

    Cycle ID<tab>Cap_Chg(mAh)<tab>Cap_DChg(mAh)...
    <tab>Step ID<tab>Step Name<tab>Step Time(h:min:s)...
    <tab><tab>Record ID<tab>Time(h:min:s.ms)<tab>Vol(mV)<tab>Cur(mA)<tab>Cap(mAh)<tab>Realtime

**Separate**: sections, each a title line of one cell (``Cycle Data``, ``Step Data``,
``Record Data``), a header line and rows; records name their cycle and step, whose control
mode the step section tells.

**Flat**: one header line, and records that carry cycle, step and control mode.

Units are those of the header. Only where the old tab-separated exports write none, theirs
are mV, mA, mAh and mWh. ``Time`` counts from the start of the step. Timestamps are local.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from battery_db.lib.errors import UnreadableFile
from cycling.formats import neware_blocks
from cycling.formats.base import Format, ReadContext, Reading
from cycling.formats.blocks import plainly
from cycling.formats.neware_columns import (
    COUNTED,
    PREAMBLE_LINES,
    Column,
    Table,
    flat_header,
    old_units,
    parse_header,
    to_series,
)
from cycling.formats.step_types import normalise_column
from cycling.formats.text import (
    Text,
    decode_head,
    first_lines,
    read_cells,
    read_text,
    separator_of,
    to_number,
)

TITLES = {
    "step": rb"(?m)^(?:Step Data|\xe5\xb7\xa5\xe6\xad\xa5\xe6\x95\xb0\xe6\x8d\xae)[\t ]*$",
    "record": rb"(?m)^(?:Record Data|\xe8\xae\xb0\xe5\xbd\x95\xe6\x95\xb0\xe6\x8d\xae)[\t ]*$",
}


def sniff_nested(head: bytes, name: str) -> bool:
    lines = [line for line in decode_head(head).split("\n")[:6] if line.strip()][:3]
    if len(lines) < 3:
        return False
    mark = separator_of(lines[2])
    levels = [len(line) - len(line.lstrip(mark)) for line in lines]
    return levels == [0, 1, 2] and {"voltage", "current"} <= set(parse_header(lines[2].split(mark)))


def sniff_separate(head: bytes, name: str) -> bool:
    titles = {"cycle data", "step data", "record data", "循环数据", "工步数据", "记录数据"}
    lines = decode_head(head).split("\n")[:PREAMBLE_LINES]
    return any(line.strip().lower() in titles for line in lines)


def sniff_flat(head: bytes, name: str) -> bool:
    return flat_header(decode_head(head).split("\n")[:PREAMBLE_LINES]) is not None


def read_nested(path: Path, context: ReadContext) -> Reading:
    """Cells of all three levels in one pass; records learn their step by running count."""
    text = read_text(path, context)
    lines = first_lines(text.data, PREAMBLE_LINES)
    skip = next((i for i, line in enumerate(lines) if line.strip()), 0)
    separator = separator_of(lines[skip + 2] if len(lines) > skip + 2 else ",")
    cycle_header, step_header, record_header = (
        line.rstrip(separator + " ").split(separator)
        for line in (*lines, "", "", "")[skip : skip + 3]
    )
    columns, steps = parse_header(record_header), parse_header(step_header)
    shift = len(cycle_header) - 1
    width = max(len(record_header), len(step_header) + shift)
    positions = {column.index for column in (*columns.values(), *steps.values())}
    positions |= {column.index + shift for column in steps.values()}
    cells = read_cells(text.data, separator, width, positions | {0, 1, 2}, skip + 3)
    records = _records_of_nested(cells, columns, steps, shift)
    return _finish(text, Table(records, columns, separator, old_units(separator)), context)


def read_separate(path: Path, context: ReadContext) -> Reading:
    """The record section, with the control mode of each step from the step section."""
    text = read_text(path, context)
    section = _section(text.data, "record")
    if section is None:
        raise UnreadableFile(
            "The file has no section 'Record Data'.",
            fix="Export it again with the records of every step.",
        )
    header, separator, cells = _read_section(section)
    table = Table(cells, header, separator, old_units(separator))
    step_section = _section(text.data, "step")
    if step_section is not None:
        step_header, _, step_cells = _read_section(step_section)
        if "mode" in step_header:
            return _finish(text, table, context, modes=step_cells)
    return _finish(text, table, context)


def read_flat(path: Path, context: ReadContext) -> Reading:
    """One table with a header line."""
    text = read_text(path, context)
    if b'"' in text.data[:4096]:
        text = Text(text.data.replace(b'"', b""), text.encoding, text.findings, text.is_partial)
    lines = first_lines(text.data, PREAMBLE_LINES)
    place = flat_header(lines) or 0
    separator = separator_of(lines[place])
    header = lines[place].split(separator)
    columns = parse_header(header)
    cells = _pick(text.data, separator, len(header), columns, place + 1)
    return _finish(text, Table(cells, columns, separator), context)


def _finish(
    text: Text, table: Table, context: ReadContext, modes: pl.DataFrame | None = None
) -> Reading:
    frame = to_series(table, context)
    if modes is not None:
        frame = _with_modes(frame, modes)
    return Reading(
        frame,
        metadata={"encoding": text.encoding},
        findings=(*text.findings, *table.findings),
        is_partial=text.is_partial,
    )


def _records_of_nested(
    cells: pl.DataFrame, columns: Mapping[str, Column], steps: Mapping[str, Column], shift: int
) -> pl.DataFrame:
    outer, middle, inner = (pl.col(name) for name in ("0", "1", "2"))
    is_cycle = outer.is_not_null()
    is_step = outer.is_null() & middle.is_not_null()
    continued = pl.lit(value=False)
    if steps and str(shift + 1) in cells.columns:
        continued = is_cycle & pl.col(str(shift + 1)).is_not_null()
    is_record = outer.is_null() & middle.is_null() & inner.is_not_null()
    lines = cells.with_columns(
        is_record=is_record,
        cycle_number=is_cycle.cast(pl.Int32).cum_sum(),
        step_number=(is_step | continued).cast(pl.Int32).cum_sum(),
    )
    cycle_cells = lines.filter(is_cycle)["0"]
    step_lines = lines.filter(is_step | continued)
    records = lines.filter(pl.col("is_record"))
    found = [records[str(column.index)].alias(name) for name, column in columns.items()]
    found = [series for series in found if series.name not in {"cycle", "step", "mode"}]
    found.append(_gather(cycle_cells, records["cycle_number"]).alias("cycle"))
    for quantity in ("step", "mode"):
        if quantity in steps:
            index = steps[quantity].index
            own = pl.when(is_cycle).then(pl.col(str(index + shift))).otherwise(pl.col(str(index)))
            values = step_lines.select(own.alias(quantity)).to_series()
            found.append(_gather(values, records["step_number"]).alias(quantity))
    return pl.DataFrame([*found, records["step_number"].alias("step_count")])


def _gather(values: pl.Series, number: pl.Series) -> pl.Series:
    """``values[number - 1]``; null before the first."""
    padded = pl.concat([pl.Series(values.name, [None], dtype=values.dtype), values])
    return padded.gather(number)


def _section(data: bytes, title: str) -> bytes | None:
    """The lines between a title and the next line of one cell."""
    found = re.search(TITLES[title], data)
    if found is None:
        return None
    body = data[found.end() + 1 :]
    end = re.search(rb"(?m)^[A-Za-z\x80-\xff][^\t,;\n]*[\t ]*$", body)
    return body if end is None else body[: end.start()]


def _read_section(section: bytes) -> tuple[dict[str, Column], str, pl.DataFrame]:
    line = (first_lines(section, 1) or [""])[0]
    separator = separator_of(line)
    header = line.rstrip(separator).split(separator)
    columns = parse_header(header)
    return columns, separator, _pick(section, separator, len(header), columns, 1)


def _pick(
    data: bytes, separator: str, width: int, columns: Mapping[str, Column], skip: int
) -> pl.DataFrame:
    wanted = {column.index for column in columns.values()}
    whole = {columns[quantity].index for quantity in COUNTED if quantity in columns}
    cells = read_cells(data, separator, width, wanted, skip, whole)
    names = {str(column.index): quantity for quantity, column in columns.items()}
    cells = cells.rename(names)
    return cells.filter(~pl.all_horizontal(pl.all().is_null())) if cells.width else cells


def _with_modes(frame: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Name the control mode of each record's step.

    Both sections list the steps in the order they ran; where their numbers differ (a
    growing file), steps are looked up by cycle and step number.
    """
    modes = normalise_column(steps["mode"]).alias("step_type")
    if "step_count" in frame.columns and frame["step_count"].max() == steps.height:
        return frame.with_columns(_gather(modes, frame["step_count"]))
    keys = [("cycle", "cycle_count"), ("step", "step_id")]
    known = [
        to_number(steps[quantity], kind=pl.Int32()).alias(name)
        for quantity, name in keys
        if quantity in steps.columns and name in frame.columns
    ]
    if not known:
        return frame
    names = [series.name for series in known]
    table = pl.DataFrame([*known, modes]).unique(names, keep="first", maintain_order=True)
    return frame.join(table, on=names, how="left", maintain_order="left")


FORMATS = (
    Format(
        "neware_nested_text",
        2,
        "Neware text, nested",
        (".csv", ".txt"),
        sniff_nested,
        plainly(neware_blocks.read_nested, read_nested),
    ),
    Format(
        "neware_separate_text",
        2,
        "Neware text, separate sections",
        (".txt", ".csv"),
        sniff_separate,
        read_separate,
    ),
    Format(
        "neware_flat_text",
        2,
        "Neware text, flat",
        (".csv", ".txt"),
        sniff_flat,
        plainly(neware_blocks.read_flat, read_flat),
    ),
)
