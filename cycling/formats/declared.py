"""Tables whose columns a person declared once for a folder: text of any layout, or workbooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from battery_db.lib.errors import LabError, UnreadableFile
from battery_db.lib.series import COLUMNS
from cycling.formats.base import ColumnDeclaration, Format, ReadContext, Reading
from cycling.formats.columns import Dialect, Found, find_columns, key_of, read_found
from cycling.formats.spreadsheets import Sheet, is_workbook, open_workbook
from cycling.formats.text import HEAD_BYTES, decode_head, read_text
from cycling.formats.text_tables import cells_below, with_text
from cycling.formats.units import base_unit, factor
from cycling.formats.vendors import LABELLED

# Readers that know a vendor come before a declaration; these know only words.
GENERAL = ("labelled_text", "labelled_parquet", "excel")
PREVIEW_ROWS = 200
# A line of column names has words for this many standard columns, such as voltage and current.
FEWEST_NAMES = 2
CHOICES = tuple(name for name in COLUMNS if name not in {"step_count"})


@dataclass(frozen=True, slots=True)
class Grid:
    """The first rows of a file as cells of text, and what separates them."""

    rows: list[list[str]]
    separator: str


def fitting(path: Path, declared: Sequence[ColumnDeclaration]) -> ColumnDeclaration | None:
    """The first declaration all of whose columns the file's header has."""
    for declaration in declared:
        try:
            grid = first_rows(path, declaration.separator, declaration.header_line + 1)
        except LabError:  # no table by this declaration; the reader says what the file is
            continue
        header = header_of(grid, declaration.header_line)
        if header and {column.header for column in declaration.columns} <= set(header):
            return declaration
    return None


def units_of(declared: Sequence[ColumnDeclaration]) -> dict[str, str]:
    """Header word -> unit, for readers that know a vendor but find no unit."""
    return {
        key_of(column.header)[0]: column.unit
        for declaration in declared
        for column in declaration.columns
        if column.unit
    }


def check_declaration(declaration: ColumnDeclaration) -> None:
    """Raises LabError unless time, voltage and current are there and every unit is known."""
    names = [column.column for column in declaration.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LabError(
            f"Two columns are declared as {', '.join(twice)}.", fix="Leave one of them out."
        )
    missing = [name for name in ("voltage_volt", "current_ampere") if name not in names]
    if not {"test_time_second", "step_time_second"} & set(names):
        missing.append("test_time_second")
    if missing:
        raise LabError(
            f"No column is declared as {', '.join(missing)}.",
            fix="Choose which columns hold time, voltage and current.",
        )
    for column in declaration.columns:
        base = base_unit(column.column)
        counts = base is None or column.column == "unix_time_second"
        is_clock = base == "s" and not column.unit
        if not counts and not is_clock and factor(column.unit, base or "") is None:
            raise LabError(
                f"The unit '{column.unit}' of column '{column.header}' is not known.",
                fix=f"Write a unit like {base} or m{base}.",
            )


def first_rows(path: Path, separator: str, count: int = PREVIEW_ROWS) -> Grid:
    """The first ``count`` lines of a text, or rows of a workbook's first filled sheet.

    Raises UnreadableFile for content that is neither.
    """
    with path.open("rb") as file:
        head = file.read(4 * HEAD_BYTES)
    if is_workbook(head, path.name):
        sheet = _sheet(path, ReadContext(), count)
        return Grid([sheet.texts(index) for index in range(len(sheet.rows))], ",")
    if b"\0\0\0\0" in head[:4096]:
        raise UnreadableFile(
            "The file is neither text nor an Excel workbook.", fix="Export it as one of these."
        )
    lines = decode_head(head).split("\n")
    mark = separator or _separator(lines[:50])
    rows = [[cell.strip().strip('"') for cell in line.split(mark)] for line in lines[:count]]
    return Grid(rows, mark)


def _separator(lines: Sequence[str]) -> str:
    """A tab or semicolon that most lines have, else the comma, which may be a decimal one."""
    filled = [line for line in lines if line.strip()]
    most = len(filled) / 2
    return next((mark for mark in "\t;" if sum(mark in line for line in filled) > most), ",")


def header_of(grid: Grid, header_line: int) -> list[str]:
    """Names of the columns in line ``header_line``; numbered where it is 0."""
    if header_line == 0:
        width = max((len(row) for row in grid.rows[:20]), default=0)
        return [f"column {number}" for number in range(1, width + 1)]
    return grid.rows[header_line - 1] if len(grid.rows) >= header_line else []


def likely_header_line(grid: Grid) -> int:
    """The first line whose words name most of time, voltage, current and the like; else 1.

    Counted from 1. Instruments write a few lines about the test above their column names.
    """
    known = [len(find_columns(row, LABELLED)) for row in grid.rows]
    best = max(known, default=0)
    return known.index(best) + 1 if best >= FEWEST_NAMES else 1


def read(
    path: Path, declaration: ColumnDeclaration, context: ReadContext, rows: int | None = None
) -> Reading:
    """The whole table, or its first ``rows`` for a preview, by the declaration."""
    grid = first_rows(path, declaration.separator, declaration.header_line + 20)
    header = header_of(grid, declaration.header_line)
    columns = {
        column.column: Found(header.index(column.header), column.header, column.unit or None)
        for column in declaration.columns
        if column.header in header
    }
    moments = (declaration.clock_format,) if declaration.clock_format else ()
    dialect = Dialect(words={}, moments=moments)
    with path.open("rb") as file:
        is_book = is_workbook(file.read(HEAD_BYTES), path.name)
    if is_book:
        sheet = _sheet(path, context, rows and rows + declaration.header_line)
        cells = sheet.columns(declaration.header_line)
        reading = read_found(cells, columns, dialect, context)
    else:
        text = read_text(path, context)
        data = b"\n".join(text.data.split(b"\n", rows)[:rows]) + b"\n" if rows else text.data
        cells = cells_below(data, grid.separator, len(header), declaration.header_line)
        reading = with_text(read_found(cells, columns, dialect, context, grid.separator), text, {})
    frame = reading.frame
    if declaration.reverse_current:
        frame = frame.with_columns(-pl.col("current_ampere"))
    metadata = {**reading.metadata, "declaration": declaration.name}
    return Reading(frame, metadata, reading.findings, reading.is_partial)


def _sheet(path: Path, context: ReadContext, rows: int | None) -> Sheet:
    book = open_workbook(path, context)
    for name in book.names:
        sheet = book.sheet(name, rows)
        if any(any(sheet.texts(index)) for index in range(min(20, len(sheet.rows)))):
            return sheet
    raise UnreadableFile("The workbook has no filled sheet.", fix="Export it again.")


def _unread(path: Path, context: ReadContext) -> Reading:
    raise UnreadableFile(
        "Nobody has declared what the columns of this file are.",
        fix="Use 'Declare columns' on the file's page.",
    )


# No content is recognised as this: the declarations of a folder decide.
DECLARED = Format(
    "declared", 1, "Columns declared for a folder", (), lambda head, name: False, _unread
)
