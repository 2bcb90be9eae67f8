"""Tables for programs: Parquet (also BDF), NumPy arrays, and one spectrum per line of a CSV.

A CSV may hold a spectrum per line in two ways: a column per frequency
(``ZReal_20Hz`` … ``ZImag_20Hz`` …), or one cell with all frequencies and one with all Z.
"""

import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from battery_db.lib.encodings import decode_head
from battery_db.lib.errors import MissingColumn, UnreadableFile
from battery_db.lib.spectra import ComplexArray, FloatArray, Spectrum
from eis.formats.base import Finding, Format, Reading
from eis.formats.columns import columns_of, is_impedance
from eis.formats.sweeps import checked, is_positive_below, reading_of, reversed_sign, scaled

PART = re.compile(r"Z_?(re|im)\w*?_([0-9.eE+-]+)\s*Hz", re.IGNORECASE)
MOST_ROWS = 2_000_000
Row = tuple[FloatArray, ComplexArray, dict[str, object]]


def sniff_parquet(head: bytes, name: str) -> bool:
    return head.startswith(b"PAR1")


def sniff_npy(head: bytes, name: str) -> bool:
    return head.startswith(b"\x93NUMPY")


def sniff_wide(head: bytes, name: str) -> bool:
    line = decode_head(head).split("\n", 1)[0]
    return len(PART.findall(line)) >= 6


def sniff_lists(head: bytes, name: str) -> bool:
    lines = decode_head(head).split("\n", 2)
    return len(lines) > 1 and '"[' in lines[1] and {"freq", "Z"} <= set(lines[0].split(","))


def read_parquet(path: Path) -> Reading:
    try:
        frame = pl.read_parquet(path, n_rows=MOST_ROWS)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableFile(
            f"The Parquet table can not be read: {str(error).splitlines()[0]}",
            fix="Write it again.",
        ) from error
    headers = columns_of(frame.columns)
    if not is_impedance(headers):
        raise MissingColumn(
            f"The table has no impedance; found: {', '.join(frame.columns[:10])}.",
            fix="Give frequency_hertz, real_impedance_ohm and imaginary_impedance_ohm.",
        )
    values = {
        role: frame.to_series(place).cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        for role, (place, _) in headers.items()
    }
    return reading_of(
        scaled(values, {role: column for role, (_, column) in headers.items()}), path.stem
    )


def read_npy(path: Path) -> Reading:
    """(n, 2, points) or (2, points): frequencies and impedance, both complex."""
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError) as error:
        raise UnreadableFile(
            f"The array can not be read: {error}.", fix="Save it again."
        ) from error
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.shape[1] != 2 or not np.iscomplexobj(array):
        raise MissingColumn(
            f"A complex array of (spectra, 2, points) was expected; found {array.dtype} "
            f"{array.shape}.",
            fix="Save frequency and impedance as its two rows.",
        )
    return _reading([(row[0].real, row[1], {}) for row in array], path.stem)


def read_wide(path: Path) -> Reading:
    """A line per spectrum, a column per part and frequency; frequencies as the headers say."""
    frame = pl.read_csv(path, infer_schema_length=0)
    parts: dict[str, dict[float, str]] = {"re": {}, "im": {}}
    for name in frame.columns:
        found = PART.fullmatch(name)
        if found:
            parts[found[1].lower()][float(found[2])] = name
    shared = [f for f in parts["re"] if f in parts["im"]]
    numbers = frame.select(pl.all().cast(pl.Float64, strict=False).fill_null(float("nan")))
    real, imaginary = (
        numbers.select([parts[part][f] for f in shared]).to_numpy() for part in ("re", "im")
    )
    cycles = numbers["cycle"].to_list() if "cycle" in frame.columns else [None] * frame.height
    rows: list[Row] = [
        (np.array(shared), re + 1j * im, {} if c is None or c != c else {"cycle": int(c)})
        for re, im, c in zip(real, imaginary, cycles, strict=True)
    ]
    reading = _reading(rows, path.stem)
    told = Finding("rounded", "Frequencies are those in the column names, rounded as they are.")
    return Reading(reading.spectra, findings=(told, *reading.findings), refused=reading.refused)


def read_lists(path: Path) -> Reading:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = [_row(line, record) for line, record in enumerate(csv.DictReader(file), 2)]
    return _reading(rows, path.stem)


def _row(line: int, record: dict[str, str]) -> Row | str:
    """A spectrum of one line, or why it is none: the other lines are read all the same."""
    about: dict[str, object] = {"label": record["Circuit"]} if record.get("Circuit") else {}
    try:
        frequency, impedance = _list(record["freq"]).real, _list(record["Z"])
    except ValueError as error:
        return f"in line {line} a cell is no list of numbers such as [1.0, 2.0] ({error})"
    if len(frequency) != len(impedance):
        return f"line {line} has {len(frequency)} frequencies and {len(impedance)} impedances"
    return frequency, impedance, about


def _list(cell: str | None) -> ComplexArray:
    # Some programs align complex numbers with blanks: "0.17043j   , 1.6-0.1j".
    return np.array(
        [complex(re.sub(r"\s", "", part)) for part in (cell or "").strip("[] \n").split(",")]
    )


def _reading(rows: Sequence[Row | str], name: str) -> Reading:
    rows, findings = _settled(rows)
    spectra: list[Spectrum] = []
    refused: list[tuple[str, str]] = []
    for number, row in enumerate(rows, 1):
        title = f"{name} #{number}" if len(rows) > 1 else name
        made = row if isinstance(row, str) else checked(row[0], row[1], title, row[2])
        if isinstance(made, Spectrum):
            spectra.append(made)
        else:
            refused.append((title, made))
    if not spectra:
        why = f": {refused[0][1]}" if refused else ""
        raise UnreadableFile(
            f"No line of the table is a spectrum{why}.",
            fix="Give at least three frequencies a line.",
        )
    return Reading(tuple(spectra), findings=findings, refused=tuple(refused))


def _settled(rows: Sequence[Row | str]) -> tuple[Sequence[Row | str], tuple[Finding, ...]]:
    """Capacitive negative: a file has one sign, and most of its spectra tell which."""
    told = [is_positive_below(row[0], row[1].imag) for row in rows if not isinstance(row, str)]
    if 2 * sum(told) <= len(told):
        return rows, ()
    turned = [row if isinstance(row, str) else (row[0], row[1].conj(), row[2]) for row in rows]
    return turned, (reversed_sign(),)


FORMATS = (
    Format("impedance_parquet", 1, "Parquet, also BDF", (".parquet",), sniff_parquet, read_parquet),
    Format("impedance_npy", 2, "NumPy array", (".npy",), sniff_npy, read_npy),
    Format("impedance_wide_csv", 2, "CSV, a line per spectrum", (".csv",), sniff_wide, read_wide),
    Format("impedance_list_csv", 2, "CSV, lists in cells", (".csv",), sniff_lists, read_lists),
)
