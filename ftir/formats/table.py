"""Two columns of text: wavenumber and value, of any separator, order and decimal mark."""

import re
from pathlib import Path

import numpy as np

from battery_db.lib.errors import LabError, UnreadableFile
from ftir.formats.base import MOST_POINTS, Format, RawSpectrum, axis_of, decode, unit_of

NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
CYCLING = re.compile(r"voltage|current|capacity|cycle|step.?(index|time|count)|test.?time", re.I)
IMPEDANCE = re.compile(r"freq|re\(z\)|z'|ohm", re.I)
INFRARED = re.compile(
    r"cm-1|cm\^-1|cm⁻¹|1/cm|wave.?(number|length)|wellenzahl|absor|transmi|extinktion", re.I
)
HEAD_LINES = 200


def sniff(head: bytes, name: str) -> bool:
    text = decode(head)
    if "\0" in text or (text.lstrip().startswith(("##TITLE", "##title")) and "XYDATA" in text):
        return False
    rows = [_cells(line) for line in text.split("\n")[:HEAD_LINES]]
    return sum(cells is not None for cells in rows) >= 3


def read(path: Path) -> RawSpectrum:
    """Lines before the first two numbers are the header; further columns are left out."""
    lines = decode(path.read_bytes()).split("\n")
    rows = [_cells(line) for line in lines]
    first = next((i for i, cells in enumerate(rows) if cells is not None), len(rows))
    header = [line.strip() for line in lines[:first] if line.strip()]
    _refuse_others(header)
    found = [(i, cells) for i, cells in enumerate(rows) if cells is not None]
    if len(found) > MOST_POINTS:
        raise UnreadableFile(
            f"The file has {len(found)} lines of numbers.", fix="Is it a spectrum?"
        )
    lost = sum(
        bool(lines[i].strip()) for i, cells in enumerate(rows) if i > first and cells is None
    )
    notes: list[tuple[str, str]] = []
    if lost:
        notes.append(("lines_left_out", f"{lost} lines are no pair of numbers and were left out."))
    if any(len(cells) > 2 for _, cells in found[:20]):
        notes.append(("columns_left_out", "Columns beyond the second were left out."))
    pairs = np.array([cells[:2] for _, cells in found], dtype=np.float64).reshape(-1, 2)
    x_label, y_label = _labels(header)
    return RawSpectrum(
        axis_of(pairs[:, 0], x_label), pairs[:, 1], unit_of(y_label),
        {"header": " | ".join(header)[:500]}, tuple(notes),
    )  # fmt: skip


def _refuse_others(header: list[str]) -> None:
    """By the labels of the columns: what is above them may tell of a cell and its cycle."""
    labels = _label_lines(header)
    if INFRARED.search(" ".join(cell for line in labels for cell in _split(line)[:2])):
        return
    for kind, words in (("an impedance", IMPEDANCE), ("a cycling", CYCLING)):
        for line in labels:
            if words.search(line):
                raise LabError(
                    f"This looks like {kind} file: its header says '{line[:80]}'.",
                    fix="Correct the experiment in the file's metadata.",
                )


def _label_lines(header: list[str]) -> list[str]:
    """The last line of the header, and the one above with as many cells: units have a row too."""
    last = header[-1:]
    if len(header) > 1 and 1 < len(_split(header[-2])) == len(_split(header[-1])):
        return [header[-2], *last]
    return last


def _split(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in re.split(r"[\t;,]", line) if cell.strip()]


def _cells(line: str) -> list[float] | None:
    """The numbers of a line, or None where it does not begin with two."""
    line = line.strip()
    if not line:
        return None
    if "\t" in line or ";" in line:
        parts = re.split(r"[\t;]", line.replace(",", "."))
    elif re.match(r"^[+-]?\d+,\d+\s+[+-]?\d+,\d+", line):
        parts = line.replace(",", ".").split()
    elif "," in line:
        parts = line.split(",")
    else:
        parts = line.split()
    parts = [part.strip().strip('"') for part in parts if part.strip()]
    if len(parts) < 2 or not all(NUMBER.match(part) for part in parts[:2]):
        return None
    return [float(part) for part in parts if NUMBER.match(part)]


def _labels(header: list[str]) -> tuple[str, str]:
    for line in header:
        if line.upper().startswith("##YUNITS="):
            return "1/cm", line.partition("=")[2]
    last = header[-1] if header else ""
    cells = _split(last)
    if len(cells) < 2:
        return "", last
    x_label = cells[0] if re.search(r"micro|nano|[µμ]m|\bnm\b", cells[0], re.I) else ""
    return re.sub(r".*(micro|nano|[µμ]m|nm).*", r"\1", x_label), cells[1]


FORMATS = (
    Format("infrared_table", 2, "two columns of text", (".csv", ".txt", ".dpt"), sniff, read),
)
