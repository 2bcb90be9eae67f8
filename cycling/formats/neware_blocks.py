"""Plain nested and flat text exports of Neware, block by block; see ``blocks``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from battery_db.lib.series import narrow
from cycling.formats.base import Finding, ReadContext, Reading
from cycling.formats.blocks import BLOCK_BYTES, Odd, blocks_of, cells_of, encoding_of, joined
from cycling.formats.neware_columns import (
    COUNTED,
    MEASURED,
    PREAMBLE_LINES,
    Column,
    Table,
    columns_of,
    finish,
    flat_header,
    old_units,
    parse_header,
)
from cycling.formats.text import after_lines, first_lines, separator_of, to_number, without_blanks

Ints = NDArray[np.int64]
LINE_FEED = ord("\n")


def read_flat(path: Path, context: ReadContext) -> Reading:
    """One table with a header line. Raises Odd."""
    encoding = encoding_of(path)
    blocks = blocks_of(path, encoding, BLOCK_BYTES)
    first = next(blocks, b"")
    quoted = b'"' in first[:4096]
    lines = first_lines(first.replace(b'"', b"") if quoted else first, PREAMBLE_LINES)
    place = flat_header(lines)
    if place is None:
        raise Odd
    separator = separator_of(lines[place])
    header = lines[place].split(separator)
    columns = parse_header(header)
    names = {str(column.index): quantity for quantity, column in columns.items()}
    bodies = chain([first[after_lines(first, place + 1) :]], blocks)
    tables = (
        Table(
            without_blanks(
                cells_of(_unquoted(body, quoted), separator, len(header), _kinds(columns))
            ).rename(names),
            columns,
            separator,
            is_block=True,
        )
        for body in bodies
        if body
    )
    return _reading(tables, encoding, context)


def _unquoted(body: bytes, quoted: bool) -> bytes:
    return body.replace(b'"', b"") if quoted else body


def _kinds(columns: Mapping[str, Column]) -> dict[str, pl.DataType]:
    kinds: dict[str, pl.DataType] = {}
    for quantity, column in columns.items():
        kinds[str(column.index)] = (
            pl.Int64() if quantity in COUNTED
            else pl.Float64() if quantity in MEASURED
            else pl.Categorical() if quantity == "mode"
            else pl.String()
        )  # fmt: skip
    return kinds


def _reading(tables: Iterator[Table], encoding: str, context: ReadContext) -> Reading:
    pieces: list[pl.DataFrame] = []
    findings: dict[Finding, None] = {}
    rows = 0
    for table in tables:
        if table.cells.is_empty():
            continue
        rows += table.cells.height
        if rows > context.max_rows:
            raise Odd
        pieces.append(narrow(pl.DataFrame(columns_of(table, context))))
        findings |= dict.fromkeys(table.findings)
    frame = finish(joined(pieces))
    said = "utf-8" if encoding == "ascii" else encoding
    return Reading(frame, metadata={"encoding": said}, findings=tuple(findings))


@dataclass(slots=True)
class _Level:
    """What the lines above the records say, a segment of records at a time.

    The last of each list holds for the records that come next.
    """

    cycles: list[str | None] = field(default_factory=lambda: [None])
    steps: list[str | None] = field(default_factory=lambda: [None])
    modes: list[str | None] = field(default_factory=lambda: [None])
    numbers: list[int] = field(default_factory=lambda: [0])

    def go_on(self) -> None:
        """Forget all segments but the last."""
        for known in (self.cycles, self.steps, self.modes, self.numbers):
            del known[:-1]


@dataclass(frozen=True, slots=True)
class _Nested:
    """The three header lines; step cells stand ``shift`` further on in a cycle's line."""

    separator: str
    width: int
    shift: int
    columns: Mapping[str, Column]
    steps: Mapping[str, Column]


def read_nested(path: Path, context: ReadContext) -> Reading:
    """Records learn their cycle and step from the lines above them. Raises Odd."""
    encoding = encoding_of(path)
    blocks = blocks_of(path, encoding, BLOCK_BYTES)
    first = next(blocks, b"")
    lines = first_lines(first, PREAMBLE_LINES)
    skip = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if len(lines) < skip + 3:
        raise Odd
    nested = _headers(lines[skip : skip + 3])
    bodies = chain([first[after_lines(first, skip + 3) :]], blocks)
    level = _Level()
    tables = (_table(body, nested, level) for body in bodies if body)
    return _reading(tables, encoding, context)


def _headers(lines: list[str]) -> _Nested:
    separator = separator_of(lines[2])
    cycle, step, record = (line.rstrip(separator + " ").split(separator) for line in lines)
    shift = len(cycle) - 1
    width = max(len(record), len(step) + shift)
    return _Nested(separator, width, shift, parse_header(record), parse_header(step))


def _table(body: bytes, nested: _Nested, level: _Level) -> Table:
    level.go_on()
    records, counts = _without_heads(body, nested, level)
    kinds = {"2": pl.String(), **_kinds(nested.columns)}
    cells = cells_of(records, nested.separator, nested.width, kinds)
    segment = np.repeat(np.arange(len(counts)), counts)
    if cells.height != len(segment):
        raise Odd
    if cells["2"].null_count():
        filled = cells["2"].is_not_null()
        cells, segment = cells.filter(filled), segment[filled.to_numpy()]
    found = [
        cells[str(column.index)].alias(quantity)
        for quantity, column in nested.columns.items()
        if quantity not in {"cycle", "step", "mode"}
    ]
    known = {"cycle": to_number(pl.Series(level.cycles, dtype=pl.String), kind=pl.Int32())}
    if "step" in nested.steps:
        known["step"] = to_number(pl.Series(level.steps, dtype=pl.String), kind=pl.Int32())
    if "mode" in nested.steps:
        known["mode"] = pl.Series(level.modes, dtype=pl.Categorical)
    known["step_count"] = pl.Series(level.numbers, dtype=pl.Int32)
    found += [values.gather(segment).alias(quantity) for quantity, values in known.items()]
    units = old_units(nested.separator)
    return Table(pl.DataFrame(found), nested.columns, nested.separator, units, is_block=True)


def _without_heads(body: bytes, nested: _Nested, level: _Level) -> tuple[bytes, Ints]:
    """The lines of records, and how many of them each segment has; ``level`` learns the rest."""
    data = np.frombuffer(body, np.uint8)
    stop = np.flatnonzero(data == LINE_FEED) + 1
    start = np.concatenate([[0], stop[:-1]])
    mark = ord(nested.separator)
    second = data[np.minimum(start + 1, len(data) - 1)]
    heads = np.flatnonzero((data[start] != mark) | (second != mark))
    pieces, place = [], 0
    for line in heads.tolist():
        begin, end = int(start[line]), int(stop[line])
        pieces.append(body[place:begin])
        place = end
        _learn(body[begin : end - 1].decode(), nested, level)
    pieces.append(body[place:])
    lines = np.concatenate([[-1], heads, [len(start)]])
    return b"".join(pieces), np.diff(lines) - 1


def _learn(line: str, nested: _Nested, level: _Level) -> None:
    """A new segment begins below the line of a cycle or step, or below one of neither."""
    cells: list[str | None] = [cell or None for cell in line.split(nested.separator)]
    cells += [None] * (nested.width - len(cells))
    is_cycle = cells[0] is not None
    shift = nested.shift if is_cycle else 0
    is_step = bool(nested.steps) and shift + 1 < nested.width and cells[shift + 1] is not None
    if not is_cycle and not nested.steps:
        is_step = cells[1] is not None
    level.cycles.append(cells[0] if is_cycle else level.cycles[-1])
    level.numbers.append(level.numbers[-1] + is_step)
    for quantity, known in (("step", level.steps), ("mode", level.modes)):
        column = nested.steps.get(quantity)
        own = None
        if is_step and column is not None and column.index + shift < nested.width:
            own = cells[column.index + shift]
        known.append(own if is_step else known[-1])
