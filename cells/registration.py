"""Tables of wet cells as people paste or upload them: CSV, or cells copied from a sheet."""

import csv
import io
from dataclasses import dataclass

from battery_db.lib.errors import LabError

COLUMNS = ("cell_id", "electrolyte", "dry_cell", "notes")
MOST_ROWS = 20_000
TEMPLATE = (
    "cell_id,electrolyte,dry_cell,notes\r\n"
    '10001,"70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)",Pouch A,first of the batch\r\n'
)
_ALIASES = {"cell": "cell_id", "cellid": "cell_id", "drycell": "dry_cell", "note": "notes"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line as it was written; ``line`` counts from 1 with the header."""

    line: int
    cell_id: str
    electrolyte: str = ""
    dry_cell: str = ""
    notes: str = ""


def decode(content: bytes) -> str:
    """Text of an upload: UTF-8, or UTF-16 with its mark, as spreadsheets save."""
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabError(
            f"The file is not UTF-8 text (byte {error.start}).",
            fix="Save it from the spreadsheet as “CSV UTF-8”, or paste the cells.",
        ) from error


def read_entries(text: str) -> list[Entry]:
    """The lines of a table with a header, separated by comma, semicolon or tab."""
    text = text.lstrip("\ufeff")
    header_line = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max("\t;,", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    entries: list[Entry] = []
    columns: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _header(cells)
                continue
            entries.append(_entry(columns, cells, reader.line_num))
            if len(entries) > MOST_ROWS:
                raise LabError(
                    f"The table has more than {MOST_ROWS:,} rows.", fix="Split it into parts."
                )
    except csv.Error as error:
        raise LabError(
            f"Line {reader.line_num} is not valid CSV: {error}.", fix="Check the quotes there."
        ) from error
    if not entries:
        raise LabError("The table has no rows.", fix="Give a header and at least one row.")
    return entries


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]
    names = [_ALIASES.get(name, name) for name in names]
    unknown = [name for name in names if name and name not in COLUMNS]
    doubled = {name for name in names if name and names.count(name) > 1}
    if "cell_id" not in names or unknown or doubled:
        wrong = "twice: " + ", ".join(doubled) if doubled else ", ".join(unknown) or "no cell_id"
        raise LabError(
            f"The first line must name the columns; found {wrong}.",
            fix=f"Use {', '.join(COLUMNS)}; all but cell_id may be left out.",
        )
    return names


def _entry(columns: list[str], cells: list[str], line: int) -> Entry:
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise LabError(
            f"Line {line} has {len(cells)} values under {len(columns)} columns.",
            fix="Quote values that hold the separator.",
        )
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name}
    return Entry(line=line, **{"cell_id": "", **values})
