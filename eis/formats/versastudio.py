"""AMETEK VersaStudio: .par, sections in angle brackets; segments hold comma-separated rows.

``Definition=`` names the columns of a segment. One segment of type EIS is one sweep.
"""

from pathlib import Path

import numpy as np

from battery_db.lib.encodings import decode_head
from battery_db.lib.errors import MissingColumn
from battery_db.lib.spectra import FloatArray
from eis.formats.base import Format, Reading
from eis.formats.sweeps import Table, reading_of
from eis.formats.tables import read_lines

ROLES = {
    "Segment #": "group",
    "E(V)": "voltage",
    "I(A)": "current",
    "Elapsed Time(s)": "time",
    "Frequency(Hz)": "frequency",
    "Z Real": "real",
    "Z Imag": "imaginary",
}


def sniff(head: bytes, name: str) -> bool:
    text = decode_head(head[:400])
    return text.startswith("<Application>") and "VersaStudio" in text


def read(path: Path) -> Reading:
    names: list[str] = []
    rows: list[list[str]] = []
    for line in read_lines(path):
        if line.startswith("Definition="):
            names = [name.strip() for name in line.removeprefix("Definition=").split(",")]
        elif names and line.startswith("</Segment"):
            names, last = [], names
            rows = [row for row in rows if len(row) >= len(last) - 1]
        elif names and line[:1].isdecimal() and line.count(",") >= len(names) - 2:
            rows.append(line.split(","))
            header = names
    if not rows or not {"Frequency(Hz)", "Z Real", "Z Imag"} <= set(header):
        raise MissingColumn(
            "No segment of the file has the columns Frequency(Hz), Z Real and Z Imag.",
            fix="If it is no impedance, correct the kind of experiment on the file's page.",
        )
    columns = {
        role: _column(rows, header.index(name)) for name, role in ROLES.items() if name in header
    }
    return reading_of(Table(columns, is_certain=True), path.stem)


def _column(rows: list[list[str]], place: int) -> FloatArray:
    return np.array([_number(row[place]) if place < len(row) else np.nan for row in rows])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


FORMATS = (Format("versastudio_par", 1, "VersaStudio .par", (".par",), sniff, read),)
