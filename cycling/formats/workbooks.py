"""Excel workbooks of Neware (BTSDA, BTS 7, step sheets), Arbin, LANHE and others.

The layout is told by the header rows of the sheets. A table that continues on further
sheets (as old Excel's 65,536 rows make it) is put together in their order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from battery_db.lib.errors import UnreadableFile
from cycling.formats import neware_steps, vendors
from cycling.formats.base import Format, ReadContext, Reading
from cycling.formats.columns import DECLARE, Dialect, is_header, read_columns
from cycling.formats.neware_columns import Table, parse_header, to_series
from cycling.formats.spreadsheets import Sheet, Workbook, is_workbook, open_workbook

HEADER_ROWS = 30
NEWARE_NEEDED = {"voltage", "current", "cycle", "step"}
NEWARE_TIMES = {"step_time", "total_time"}
LISTED = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """``place(sheet)`` is the header's row, or None; ``read`` takes sheets that go together."""

    title: str
    place: Callable[[Sheet], int | None]
    read: Callable[[Sequence[Sheet], ReadContext], Reading]


def read(path: Path, context: ReadContext) -> Reading:
    """The first layout that some sheet has; later sheets with the same header follow it."""
    book = open_workbook(path, context)
    heads = [book.sheet(name, HEADER_ROWS) for name in book.names]
    for layout in LAYOUTS:
        fitting = [head.name for head in heads if layout.place(head) is not None]
        if fitting:
            reading = layout.read(_alike(book, fitting, layout), context)
            metadata = {"layout": layout.title, **reading.metadata}
            return Reading(reading.frame, metadata, reading.findings, reading.is_partial)
    raise _unknown(heads)


def _alike(book: Workbook, names: Sequence[str], layout: Layout) -> list[Sheet]:
    """Whole sheets with the header of the first that has one."""
    sheets = [book.sheet(name) for name in names]
    header = sheets[0].texts(layout.place(sheets[0]) or 0)
    return [sheet for sheet in sheets if sheet.texts(layout.place(sheet) or 0) == header]


def _unknown(heads: Sequence[Sheet]) -> UnreadableFile:
    shown = []
    for head in heads[:LISTED]:
        row = next((texts for i in range(len(head.rows)) if any(texts := head.texts(i))), [])
        cells = ", ".join(f"'{cell}'" for cell in row[:6] if cell)
        shown.append(f"sheet '{head.name}' with {cells or 'nothing'}")
    return UnreadableFile(
        "No sheet has columns that are known as time, voltage and current; "
        f"found: {'; '.join(shown) or 'no sheet'}.",
        fix=f"Export the records of every step. Or: {DECLARE}",
    )


def _neware_place(sheet: Sheet) -> int | None:
    found = set(parse_header(sheet.texts(0)))
    return 0 if found >= NEWARE_NEEDED and found & NEWARE_TIMES else None


def _read_neware(sheets: Sequence[Sheet], context: ReadContext) -> Reading:
    columns = parse_header(sheets[0].texts(0))
    series = _stacked(sheets, 1)
    cells = pl.DataFrame(
        [series[c.index].alias(q) for q, c in columns.items() if c.index < len(series)]
    )
    table = Table(cells.filter(~pl.all_horizontal(pl.all().is_null())), columns, ",")
    return Reading(to_series(table, context), findings=tuple(table.findings))


def _steps_place(sheet: Sheet) -> int | None:
    return 0 if neware_steps.is_header(sheet.texts(0)) else None


def _read_steps(sheets: Sequence[Sheet], context: ReadContext) -> Reading:
    return neware_steps.read_steps(_stacked(sheets, 1), sheets[0].texts(0), context)


def _placed(dialect: Dialect, rows: int = 1) -> Callable[[Sheet], int | None]:
    def place(sheet: Sheet) -> int | None:
        for index in range(min(rows, len(sheet.rows))):
            if is_header(sheet.texts(index), dialect):
                return index
        return None

    return place


def _reader(dialect: Dialect, rows: int = 1) -> Callable[[Sequence[Sheet], ReadContext], Reading]:
    def read_sheets(sheets: Sequence[Sheet], context: ReadContext) -> Reading:
        place = _placed(dialect, rows)(sheets[0]) or 0
        header = sheets[0].texts(place)
        return read_columns(_stacked(sheets, place + 1), header, dialect, context)

    return read_sheets


def _arbin_place(sheet: Sheet) -> int | None:
    """The channel's sheets; charts and statistics hold the same columns again."""
    if not sheet.name.lower().startswith(("channel", "sheet")):
        return None
    return _placed(vendors.ARBIN)(sheet)


def _stacked(sheets: Sequence[Sheet], start: int) -> list[pl.Series]:
    columns = [sheet.columns(start) for sheet in sheets]
    width = min((len(one) for one in columns if one), default=0)
    stacked = [pl.concat([one[i] for one in columns if one]) for i in range(width)]
    if not stacked:
        return []
    frame = pl.DataFrame([values.alias(str(i)) for i, values in enumerate(stacked)])
    return frame.filter(~pl.all_horizontal(pl.all().is_null())).get_columns()


# Arbin's words are Neware's and more, so that it comes first.
LAYOUTS = (
    Layout("Arbin channel", _arbin_place, _reader(vendors.ARBIN)),
    Layout("LANHE records", _placed(vendors.LANDT), _reader(vendors.LANDT)),
    Layout("Neware records", _neware_place, _read_neware),
    Layout("Neware steps", _steps_place, _read_steps),
    Layout(
        "columns with units",
        _placed(vendors.LABELLED, HEADER_ROWS),
        _reader(vendors.LABELLED, HEADER_ROWS),
    ),
)
FORMATS = (
    Format(
        "excel",
        2,
        "Excel workbook",
        (".xlsx", ".xls"),
        is_workbook,
        read,
    ),
)
