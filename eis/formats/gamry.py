"""Gamry Framework: .DTA text with named tables, of which ZCURVE holds the impedance.

Numbers may have decimal commas. A file has one table per spectrum, named ZCURVE, ZCURVE1 …
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from battery_db.lib.encodings import decode_head
from battery_db.lib.errors import MissingColumn, UnreadableFile
from eis.formats.base import Finding, Format, Reading
from eis.formats.sweeps import Table, reading_of
from eis.formats.tables import read_lines

ROLES = {
    "Time": "time",
    "Freq": "frequency",
    "Zreal": "real",
    "Zimag": "imaginary",
    "Vdc": "voltage",
    "Idc": "current",
    "Temp": "temperature",
}
SAID = ("TAG", "TITLE", "DATE", "TIME", "PSTAT", "VDC", "IDC", "AREA", "EOC")


def sniff(head: bytes, name: str) -> bool:
    return decode_head(head[:200]).startswith("EXPLAIN")


def read(path: Path) -> Reading:
    lines = read_lines(path)
    metadata = {
        cells[0]: cells[2].strip()
        for line in lines
        if len(cells := line.split("\t")) > 2 and cells[0] in SAID
    }
    tables = [_numbers(lines, start) for start in _starts(lines)]
    if not tables:
        held = [line.split("\t")[0] for line in lines if "\tTABLE" in line]
        raise MissingColumn(
            f"The file has no ZCURVE table, so it holds no impedance; found: "
            f"{', '.join(held) or 'no table'}.",
            fix="If it is cycling data, correct the kind of experiment on the file's page.",
        )
    columns = {
        role: np.concatenate([table.get(role, np.full(len(table["frequency"]), np.nan))
                              for table in tables])
        for role in sorted({role for table in tables for role in table})
    }  # fmt: skip
    sizes = [len(table["frequency"]) for table in tables]
    blocks = np.repeat(np.arange(len(tables)), sizes)
    reading = reading_of(Table(columns, blocks=blocks, is_certain=True), path.stem, metadata)
    if not any(line.startswith("EXPERIMENTABORTED\tTOGGLE\tT") for line in lines):
        return reading
    aborted = Finding("aborted", "The experiment was aborted; what was measured was read.")
    return Reading(reading.spectra, metadata, (*reading.findings, aborted), reading.refused, True)


def _starts(lines: Sequence[str]) -> Iterator[int]:
    for place, line in enumerate(lines):
        cells = line.split("\t")
        if cells[0].startswith("ZCURVE") and len(cells) > 1 and cells[1] == "TABLE":
            yield place


def _numbers(lines: Sequence[str], start: int) -> dict[str, np.ndarray]:
    """Columns of the table whose name is in line ``start``; two header lines follow it."""
    if start + 2 >= len(lines):
        raise UnreadableFile(
            "The ZCURVE table has no columns: the file was cut off.", fix="Copy it again."
        )
    names = lines[start + 1].split()
    rows = []
    for line in lines[start + 3 :]:
        cells = line.replace(",", ".").split()
        if not line[0].isspace() or len(cells) < len(names) - 1:
            break
        rows.append([_number(cell) for cell in cells[: len(names)]])
    missing = [name for name in ("Freq", "Zreal", "Zimag") if name not in names]
    if missing:
        raise MissingColumn(
            f"The ZCURVE table has no column {', '.join(missing)}; found: {', '.join(names)}.",
            fix="Export it again with all columns.",
        )
    return {
        ROLES[name]: np.array([row[place] if place < len(row) else np.nan for row in rows])
        for place, name in enumerate(names)
        if name in ROLES
    }


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


FORMATS = (Format("gamry_dta", 1, "Gamry .DTA", (".dta",), sniff, read),)
