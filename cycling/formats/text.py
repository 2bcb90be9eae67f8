"""Text files of any encoding as clean UTF-8 lines, and tables of their cells."""

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from battery_db.lib.encodings import HEAD_BYTES, decode_head, detect_encoding
from battery_db.lib.errors import UnreadableFile
from cycling.formats.base import Finding, ReadContext

__all__ = [
    "HEAD_BYTES",
    "Text",
    "after_lines",
    "decode_head",
    "detect_encoding",
    "first_lines",
    "read_cells",
    "read_text",
    "separator_of",
    "split_cells",
    "to_number",
    "without_blanks",
]
SEPARATORS = "\t,;"
# The beginning of a table that tells which of its columns are numbers.
SAMPLE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Text:
    """The whole lines of a file in UTF-8, each ended by one line feed."""

    data: bytes
    encoding: str
    findings: tuple[Finding, ...] = ()
    is_partial: bool = False


def read_text(path: Path, context: ReadContext) -> Text:
    """Read a text file; an unfinished last line is left out with a finding."""
    data = path.read_bytes()
    findings: list[Finding] = []
    sample = data[:HEAD_BYTES]
    is_ascii = data.isascii()
    encoding = detect_encoding(data if sample.isascii() and not is_ascii else sample)
    if not is_ascii or encoding.startswith("utf-16"):
        data = _to_utf8(data, encoding, findings)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    stripped = data.rstrip(b"\0")
    if len(stripped) < len(data):
        count = len(data) - len(stripped)
        findings.append(Finding("nul_tail", f"The file ends in {count} NUL bytes; left out."))
        data = stripped
    # No line is shorter than its end, so that most files need no counting.
    rows = data.count(b"\n") if len(data) > context.max_rows else 0
    if rows > context.max_rows:
        raise UnreadableFile(
            f"The file has {rows} lines; at most {context.max_rows} are read.",
            fix="Split the export, or raise the row limit in the settings.",
        )
    return _whole_lines(Text(data, encoding, tuple(findings), is_partial=bool(findings)))


def _to_utf8(data: bytes, encoding: str, findings: list[Finding]) -> bytes:
    text = data.decode(encoding, "replace").lstrip("\ufeff")
    # Some exports hold the replacement character itself, lost before they were written.
    lost = text.count("\ufffd") - (data.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0)
    if lost > 0:
        findings.append(
            Finding("undecodable", f"{lost} characters are not valid {encoding}; read as '\ufffd'.")
        )
    return text.encode("utf-8")


def _whole_lines(text: Text) -> Text:
    """Without the last line when no line end follows it and it may have been cut off."""
    data = text.data
    if not data or data.endswith(b"\n"):
        return text
    body, _, last = data.rpartition(b"\n")
    previous = body.rpartition(b"\n")[2]
    if not last.strip() or _same_shape(last, previous):
        return replace(text, data=data + b"\n")
    found = " ".join(last[:40].decode("utf-8", "replace").split())  # tabs cannot be shown
    finding = Finding(
        "cut_off", f"The last line is unfinished and was left out: '{found}'. The file was cut off."
    )
    return replace(text, data=body + b"\n", findings=(*text.findings, finding), is_partial=True)


def _same_shape(line: bytes, other: bytes) -> bool:
    """As many fields, and the last one as long: then nothing is missing."""
    return any(
        line.count(mark) == other.count(mark) > 0
        and len(line.rpartition(mark)[2]) == len(other.rpartition(mark)[2])
        for mark in (b"\t", b",", b";")
    )


def first_lines(data: bytes, count: int) -> list[str]:
    """The first lines, without their ends."""
    lines = data[: 4 * HEAD_BYTES].decode("utf-8", "replace").split("\n", count)
    return lines[:count]


def separator_of(line: str) -> str:
    """The mark that splits a header line into most cells."""
    return max(SEPARATORS, key=line.count)


def read_cells(
    data: bytes,
    separator: str,
    width: int,
    wanted: set[int],
    skip: int,
    whole: Set[int] | None = None,
) -> pl.DataFrame:
    """Cells of the columns ``wanted``, named by position; empty ones are null.

    All are text, unless ``whole`` is given: then columns of plain numbers are numbers already,
    Int64 those of ``whole``, Float64 others; where one cell of them is none, all are text.
    Lines may be ragged: short ones are filled with null, long ones cut at ``width``.
    """
    # Polars takes the number of columns from the first line, so that one is ours.
    header = separator.join(str(i) for i in range(width)).encode()
    data = b"\n".join((header, memoryview(data)[after_lines(data, skip) :]))
    names = [str(i) for i in sorted(wanted) if i < width]
    try:
        if whole is not None:
            kinds = _kinds(split_cells(_beginning(data), separator, names), whole)
            with suppress(pl.exceptions.PolarsError):
                return split_cells(data, separator, names, kinds)
        return split_cells(data, separator, names)
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(
            f"The lines can not be split into cells: {str(error).splitlines()[0]}",
            fix="Export the file again.",
        ) from error


def _beginning(data: bytes) -> bytes:
    """Whole lines that tell which columns are numbers."""
    return data if len(data) <= SAMPLE_BYTES else data[:SAMPLE_BYTES].rpartition(b"\n")[0]


def after_lines(data: bytes, count: int) -> int:
    """Where the line after the first ``count`` begins; the end of the data if it has fewer."""
    place = 0
    for _ in range(count):
        place = data.find(b"\n", place) + 1
        if place == 0:
            return len(data)
    return place


def split_cells(
    data: bytes, separator: str, names: list[str], kinds: Mapping[str, pl.DataType] | None = None
) -> pl.DataFrame:
    """Columns ``names`` of lines below a line of names; text but for those of ``kinds``.

    Raises PolarsError, also where a cell is not of its kind.
    """
    return pl.read_csv(
        data,
        separator=separator,
        columns=names,
        schema_overrides=kinds,
        infer_schema=False,
        quote_char=None,
        truncate_ragged_lines=True,
    )


def without_blanks(cells: pl.DataFrame) -> pl.DataFrame:
    """Only the rows that have a filled cell."""
    if not cells.width or any(column.null_count() == 0 for column in cells):
        return cells
    return cells.filter(~pl.all_horizontal(pl.all().is_null()))


def _kinds(sample: pl.DataFrame, whole: Set[int]) -> dict[str, pl.DataType]:
    """The types of the columns that hold numbers only."""
    kinds: dict[str, pl.DataType] = {}
    for column in sample:
        kind = pl.Int64() if int(column.name) in whole else pl.Float64()
        numbers = column.cast(kind, strict=False)
        if column.null_count() < len(column) and numbers.null_count() == column.null_count():
            kinds[column.name] = kind
    return kinds


def to_number(text: pl.Series, separator: str = ",", kind: pl.DataType | None = None) -> pl.Series:
    """Numbers of a column of text or numbers; a decimal comma is one where commas do not separate.

    A comma before a point (``1,005.38``) groups thousands, as does a point before a comma.
    What is no number becomes null.
    """
    kind = kind or pl.Float64()
    if text.dtype.is_numeric():
        return text.cast(kind, strict=False)
    if separator != "," and text.str.contains(",", literal=True).any():
        text = _with_points(text)
    numbers = text.cast(kind, strict=False)
    if numbers.null_count() > text.null_count():
        # Padding is rare, and stripping every cell costs as much as reading it.
        numbers = text.str.strip_chars(" ").cast(kind, strict=False)
    return numbers


def _with_points(text: pl.Series) -> pl.Series:
    """Decimal points, and no marks of thousands, in a column that has commas."""
    if text.str.contains(r"\.\d*,").any():
        return text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    if text.str.contains(".", literal=True).any():
        return text.str.replace_all(",", "", literal=True)
    return text.str.replace(",", ".", literal=True)
