"""Tables inside text: where they begin, which line heads them, and their numbers."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from battery_db.lib.encodings import HEAD_BYTES, detect_encoding
from battery_db.lib.errors import MissingColumn, UnreadableFile
from battery_db.lib.spectra import FloatArray
from eis.formats.base import Finding
from eis.formats.columns import Column, columns_of, is_impedance
from eis.formats.sweeps import IntArray, Table
from eis.formats.told import UNTOLD

LARGEST_BYTES = 200_000_000
MOST_LINES = 2_000_000
FEWEST_ROWS = 3
HEADER_REACH = 6  # lines above a table among which its headers are looked for
Headers = dict[str, tuple[int, Column]]
POSITIONS: Headers = {
    "frequency": (0, Column("frequency", unit="Hz")),
    "real": (1, Column("real", unit="Ohm")),
    "imaginary": (2, Column("imaginary", unit="Ohm")),
}
SAME = {"frequency": "angular", "angular": "frequency"}
MIXED = Finding(
    "mixed_units", "Parts of the file have other units; each was read by its own header."
)
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eEdD][+-]?\d+)?|nan|[+-]?inf", re.IGNORECASE)
Splitter = Callable[[str], list[str]]
SPLITTERS: tuple[Splitter, ...] = (
    lambda line: line.split("\t"),
    lambda line: line.split(";"),
    lambda line: line.split(","),
    str.split,
)
HEADER_SPLITTERS: tuple[Splitter, ...] = (
    *SPLITTERS[:3],
    lambda line: re.split(r"\s{2,}|\t+", line.strip()),
    str.split,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines of numbers: ``values`` (lines, columns), and the lines just above it."""

    values: FloatArray
    above: tuple[str, ...]


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that hold something, in any encoding and with any line end.

    Raises UnreadableFile for a file too large to be impedance.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise UnreadableFile(
            f"The file has {size / 1e6:.0f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB are read "
            "as impedance.",
            fix="Look whether it is a time series; export the impedance alone.",
        )
    data = path.read_bytes()
    sample = data[:HEAD_BYTES]
    encoding = detect_encoding(data if sample.isascii() and not data.isascii() else sample)
    lines = data.decode(encoding, "replace").lstrip("\ufeff").splitlines()
    if len(lines) > MOST_LINES:
        raise UnreadableFile(
            f"The file has {len(lines)} lines; at most {MOST_LINES} are read as impedance.",
            fix="Look whether it is a time series; export the impedance alone.",
        )
    return [line for line in lines if line.strip(" \t\0,;")]


def blocks_of(lines: Sequence[str]) -> list[Block]:
    """Runs of at least three lines that split alike into three numbers or more."""
    found: list[Block] = []
    splitter, is_comma = _splitter(lines)
    if splitter is None:
        return found
    rows: list[list[float]] = []
    for place, line in enumerate([*lines, ""]):
        row = _numbers(splitter(line), is_comma) if line else None
        if row is not None and (not rows or _alike(rows[-1], row)):
            rows.append(row)
            continue
        if len(rows) >= FEWEST_ROWS:
            above = lines[max(0, place - len(rows) - HEADER_REACH) : place - len(rows)]
            found.append(Block(_matrix(rows), tuple(above)))
        rows = [] if row is None else [row]
    return found


def table_of(lines: Sequence[str]) -> Table:
    """The impedance table of a text: headed, or frequency, Z' and ±Z'' by position.

    Raises UnreadableFile when there is no table, MissingColumn when it is of another kind.
    """
    blocks = blocks_of(lines)
    if not blocks:
        raise UnreadableFile(
            "The text has no table of at least three lines with three numbers each.",
            fix="Give lines of frequency, Z' and Z'', with or without a header.",
        )
    headers = _headers(blocks[0])
    if headers is None or not is_impedance(headers):
        headed = [h for block in blocks if (h := _headers(block)) and is_impedance(h)]
        headers = headed[0] if headed else headers
    if headers is None:
        return _by_position(blocks)
    width = max(place for place, _ in headers.values()) + 1
    return _joined([b for b in blocks if b.values.shape[1] >= min(width, 3)], headers)


def _joined(blocks: Sequence[Block], headers: Headers) -> Table:
    """All blocks, each in the units that the header just above it names, else those of the first."""
    own = [_own(block, headers) for block in blocks]
    columns = {
        role: np.concatenate(
            [
                _column(block.values, known[role][0]) * known[role][1].factor
                for block, known in zip(blocks, own, strict=True)
            ]
        )
        for role in headers
    }
    numbers: IntArray = np.repeat(np.arange(len(blocks)), [len(block.values) for block in blocks])
    first = {role: column for role, (_, column) in headers.items()}
    mixed = any(known[role][1].factor != first[role].factor for known in own for role in first)
    return Table(columns, first, numbers, findings=(MIXED,) if mixed else ())


def _own(block: Block, headers: Headers) -> Headers:
    found = _headers(block)
    if found is None or not is_impedance(found):
        return headers
    own = {**headers}
    for role in headers:
        other = found.get(role) or found.get(SAME.get(role, role))
        if other is not None:
            own[role] = other
    return own


def _column(values: FloatArray, place: int) -> FloatArray:
    if place >= values.shape[1]:
        return np.full(len(values), np.nan)
    return values[:, place]


def _headers(block: Block) -> Headers | None:
    """The nearest line above a table that says what an impedance or time table holds."""
    width = block.values.shape[1]
    for line in reversed(block.above):
        options = [columns_of(split(line)) for split in HEADER_SPLITTERS]
        best = max(
            options, key=lambda roles: (is_impedance(roles), _fits(roles, width), len(roles))
        )
        if best.keys() & {"frequency", "angular"} or len(best) >= 2:
            return best
    return None


def _fits(roles: Mapping[str, tuple[int, Column]], width: int) -> bool:
    return all(place < width for place, _ in roles.values())


def _by_position(blocks: Sequence[Block]) -> Table:
    first = blocks[0].values
    frequency = first[:, 0]
    steps = np.diff(frequency)
    if len(first) > 4 and np.all(steps > 0) and np.ptp(steps) < 1e-3 * abs(np.mean(steps)):
        raise MissingColumn(
            "No header above the table names a frequency, and its first column rises in even "
            "steps, as time does; frequencies go by even ratios.",
            fix="If it is impedance, put a header line above it: frequency, Z', Z''.",
        )
    if np.any(frequency[np.isfinite(frequency)] < 0):
        raise MissingColumn(
            "No header above the table names a frequency, and its first column has negative values.",
            fix="Put a header line above the table: frequency, Z', Z''.",
        )
    table = _joined(blocks, POSITIONS)
    return replace(table, findings=(UNTOLD, *table.findings))


def _splitter(lines: Sequence[str]) -> tuple[Splitter | None, bool]:
    """How most lines fall into three numbers or more, and whether commas are decimal marks."""
    sample = lines[-400:] if len(lines) > 400 else lines
    best: tuple[int, Splitter | None, bool] = (0, None, False)
    for splitter in SPLITTERS:
        for is_comma in (False, True):
            if is_comma and splitter is SPLITTERS[2]:
                continue
            score = sum(_numbers(splitter(line), is_comma) is not None for line in sample)
            if score > best[0]:
                best = (score, splitter, is_comma)
    return best[1], best[2]


def _numbers(cells: Sequence[str], is_comma: bool) -> list[float] | None:
    """The cells as numbers, NaN for words; None unless three, and half of the filled, are some."""
    row: list[float] = []
    filled = count = 0
    for cell in cells:
        text = cell.strip().strip('"')
        filled += bool(text)
        if text and NUMBER.fullmatch(text) and (is_comma or "," not in text):
            row.append(float(text.replace(",", ".").replace("D", "e").replace("d", "e")))
            count += 1
        else:
            row.append(np.nan)
    return row if count >= 3 and 2 * count >= filled else None


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    return abs(len(one) - len(other)) <= 2


def _matrix(rows: Sequence[Sequence[float]]) -> FloatArray:
    width = max(map(len, rows))
    values = np.full((len(rows), width), np.nan)
    for place, row in enumerate(rows):
        values[place, : len(row)] = row
    return values
