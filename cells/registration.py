"""Tables of wet cells as people paste or upload them: CSV, a workbook, or cells of a sheet.

The composition stands in one column in its notation, or in one column per molecule:
``EC``, ``LiPF6``, and in another than the usual role or unit ``VC [salt mol/L]``.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import python_calamine

from battery_db.lib.errors import LabError
from cells.compositions import MOLAL, MOLAR, SALT, UNITS_OF_ROLE, WEIGHT_PERCENT

COLUMNS = ("cell_id", "electrolyte", "dry_cell", "notes")
MOST_ROWS = 20_000
TEMPLATE = (
    "cell_id,electrolyte,dry_cell,notes\r\n"
    '10001,"70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)",Pouch A,first of the batch\r\n'
)
MOLECULE_TEMPLATE = "cell_id,dry_cell,DMC,EC,LiPF6,VC [additive],notes\r\n10001,50000,70,30,1.2,2,\r\n10002,50000,70,30,1.2,?,\r\n"
_USE = re.compile(
    rf"(?P<name>.+?)\s*\[(?P<role>{'|'.join(UNITS_OF_ROLE)})?\s*"
    rf"(?P<unit>{'|'.join(map(re.escape, (WEIGHT_PERCENT, MOLAL, MOLAR)))})?\]"
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
    amounts: tuple[tuple[str, str], ...] = ()  # (column of a molecule, what stands there)


@dataclass(frozen=True, slots=True)
class MoleculeColumn:
    """A column of amounts. An empty role or unit is the usual one."""

    name: str
    role: str = ""
    unit: str = ""

    def unit_in(self, role: str) -> str:
        return self.unit or (MOLAL if role == SALT else WEIGHT_PERCENT)


def molecule_column(header: str) -> MoleculeColumn:
    """
    >>> molecule_column("VC [salt mol/L]")
    MoleculeColumn(name='VC', role='salt', unit='mol/L')
    """
    match = _USE.fullmatch(header.strip())
    if match is None:
        return MoleculeColumn(header.strip())
    return MoleculeColumn(match["name"], match["role"] or "", match["unit"] or "")


def decode(content: bytes) -> str:
    """Text of an upload: CSV in UTF-8, or UTF-16 with its mark, or the first sheet of a workbook."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _sheet_text(content)
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
    lines = text.count("\n")
    if lines > 2 * MOST_ROWS:
        raise _too_many(lines)
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
                raise _too_many(lines)
    except csv.Error as error:
        raise LabError(
            f"Line {reader.line_num} is not valid CSV: {error}.", fix="Check the quotes there."
        ) from error
    if not entries:
        raise LabError("The table has no rows.", fix="Give a header and at least one row.")
    return entries


def _header(cells: list[str]) -> list[str]:
    """Known columns by their names, and every other one as written: a molecule's."""
    names = [_column(cell) for cell in cells]
    doubled = {name for name in names if name and names.count(name) > 1}
    if "cell_id" not in names or doubled:
        raise bad_header("twice: " + ", ".join(sorted(doubled)) if doubled else "no cell_id")
    return names


def bad_header(found: str) -> LabError:
    return LabError(
        f"The first line must name the columns; found {found}.",
        fix=f"Use {', '.join(COLUMNS)} or names of molecules; all but cell_id may be left out.",
    )


def _column(cell: str) -> str:
    name = cell.strip().lower().replace(" ", "_").replace("-", "_")
    name = _ALIASES.get(name, name)
    return name if name in COLUMNS else cell.strip()


def _too_many(lines: int) -> LabError:
    return LabError(
        f"The table has more than {MOST_ROWS:,} rows (about {lines:,}).",
        fix="Split it into parts.",
    )


def _sheet_text(content: bytes) -> str:
    """The first sheet of a workbook as CSV; numbers as the sheet shows whole ones."""
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows: Sequence[Sequence[object]] = book.get_sheet_by_index(0).to_python()
    except (python_calamine.CalamineError, IndexError, OSError) as error:
        raise LabError(
            f"The workbook can not be read: {error}.", fix="Save it as .xlsx or CSV."
        ) from error
    out = io.StringIO()
    csv.writer(out).writerows([_shown(value) for value in row] for row in rows)
    return out.getvalue()


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _entry(columns: list[str], cells: list[str], line: int) -> Entry:
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise LabError(
            f"Line {line} has {len(cells)} values under {len(columns)} columns.",
            fix="Quote values that hold the separator.",
        )
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name}
    amounts = tuple((name, text) for name, text in values.items() if name not in COLUMNS and text)
    known = {name: text for name, text in values.items() if name in COLUMNS}
    return Entry(line=line, amounts=amounts, **{"cell_id": "", **known})
