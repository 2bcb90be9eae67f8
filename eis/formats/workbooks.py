"""Excel and OpenDocument workbooks: each sheet with a table of impedance is read.

Arbin writes Gamry's points to a sheet ``ACIM_Chan…`` with Freq, Zmod and Zphz.
"""

from pathlib import Path
from typing import Any

import numpy as np
import python_calamine

from battery_db.lib.errors import LabError, MissingColumn, UnreadableFile
from battery_db.lib.spectra import Spectrum
from eis.formats.base import Format, Reading
from eis.formats.columns import columns_of, is_impedance
from eis.formats.sweeps import reading_of, scaled

ENDINGS = (".xlsx", ".ods", ".xls", ".xlsm")
HEADER_ROWS = 30


def sniff(head: bytes, name: str) -> bool:
    return name.lower().endswith(ENDINGS) and head[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read(path: Path) -> Reading:
    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (python_calamine.CalamineError, OSError) as error:
        raise UnreadableFile(
            f"The workbook can not be opened: {error}.", fix="Save it again in its program."
        ) from error
    spectra: list[Spectrum] = []
    refused: list[tuple[str, str]] = []
    for name, rows in sheets.items():
        found = _headed(rows)
        if found is None:
            continue
        title = path.stem if len(sheets) == 1 else f"{path.stem} {name}"
        try:
            reading = _sheet(rows, found, title)
        except LabError as error:
            refused.append((title, error.message))
            continue
        spectra += reading.spectra
        refused += reading.refused
    if not spectra:
        raise MissingColumn(
            f"No sheet of the workbook holds impedance; sheets: {', '.join(sheets)}."
            + (f" {refused[0][1]}" if refused else ""),
            fix="Give a sheet with columns for frequency, Z' and Z''.",
        )
    return Reading(tuple(spectra), refused=tuple(refused))


def _headed(rows: list[list[Any]]) -> int | None:
    """The row that names the columns of an impedance table."""
    for place, row in enumerate(rows[:HEADER_ROWS]):
        if is_impedance(columns_of([str(cell) for cell in row])):
            return place
    return None


def _sheet(rows: list[list[Any]], start: int, title: str) -> Reading:
    headers = columns_of([str(cell) for cell in rows[start]])
    values = {
        role: np.array([_number(row[place]) for row in rows[start + 1 :]])
        for role, (place, _) in headers.items()
    }
    return reading_of(
        scaled(values, {role: column for role, (_, column) in headers.items()}), title
    )


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


FORMATS = (Format("impedance_workbook", 1, "Excel or OpenDocument", ENDINGS, sniff, read),)
