"""Sheets of Excel workbooks (.xlsx, .xls) as columns of text, through python-calamine (MIT)."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from python_calamine import CalamineWorkbook

from battery_db.lib.errors import LabError, UnreadableFile
from cycling.formats.base import ReadContext

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
LARGEST_UNPACKED = 2 * 1024**3
DAMAGED = "Open it in a spreadsheet program and save it again, or export it again."


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of one sheet as they are stored: numbers, text, moments."""

    name: str
    rows: Sequence[Sequence[Any]]

    def texts(self, index: int) -> list[str]:
        """One row as text; [] below the last."""
        return [as_text(cell) or "" for cell in self.rows[index]] if index < len(self.rows) else []

    def columns(self, start: int) -> list[pl.Series]:
        """All columns from row ``start`` on as text; empty cells are null."""
        width = max((len(row) for row in self.rows[start:]), default=0)
        body = self.rows[start:]
        return [
            pl.Series(
                str(i), [as_text(row[i]) if i < len(row) else None for row in body], dtype=pl.String
            )
            for i in range(width)
        ]


def is_workbook(head: bytes, name: str) -> bool:
    """By content: an OLE file, or a zip archive that begins as Office writes it."""
    if head.startswith(OLE):
        return name.lower().endswith(".xls")
    return head.startswith(ZIP) and (
        b"[Content_Types].xml" in head[:2048]
        or b"xl/" in head[:4096]
        or name.lower().endswith((".xlsx", ".xlsm"))
    )


def open_workbook(path: Path, context: ReadContext) -> "Workbook":
    """Raises UnreadableFile for a damaged workbook, or one that would unpack beyond reason."""
    data = path.read_bytes()
    if data.startswith(ZIP):
        _check_size(data)
    try:
        return Workbook(CalamineWorkbook.from_filelike(io.BytesIO(data)), context)
    except BaseException as error:
        raise _damaged(error) from error


class Workbook:
    """Sheets by name, each read when it is asked for."""

    def __init__(self, book: Any, context: ReadContext) -> None:
        self._book, self._context = book, context
        self.names: list[str] = list(book.sheet_names)

    def sheets(self, names: Sequence[str] | None = None) -> Iterator[Sheet]:
        for name in self.names if names is None else names:
            yield self.sheet(name)

    def sheet(self, name: str, rows: int | None = None) -> Sheet:
        """A whole sheet, or its first ``rows``."""
        try:
            found = self._book.get_sheet_by_name(name)
            if found.total_height > self._context.max_rows:
                raise UnreadableFile(
                    f"Sheet '{name}' has {found.total_height} rows; at most "
                    f"{self._context.max_rows} are read.",
                    fix="Split the export, or raise the row limit in the settings.",
                )
            return Sheet(name, found.to_python(nrows=rows, skip_empty_area=False))
        except LabError:
            raise
        except BaseException as error:
            raise _damaged(error) from error


def as_text(cell: Any) -> str | None:
    """A cell as the text that a text export would hold; None where it is empty."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, timedelta):
        return _clock(cell.total_seconds())
    if isinstance(cell, (time, date)):
        return cell.isoformat()
    return str(cell).strip() or None


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{seconds - whole // 60 * 60:09.6f}"


def _check_size(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            total = sum(member.file_size for member in archive.infolist())
    except Exception as error:
        raise _damaged(error) from error
    if total > LARGEST_UNPACKED:
        raise UnreadableFile(
            f"The workbook would unpack to {total / 1e9:.1f} GB; at most "
            f"{LARGEST_UNPACKED / 1e9:.1f} GB are read.",
            fix="Check where the file comes from.",
        )


def _damaged(error: BaseException) -> UnreadableFile:
    """Of foreign bytes, which make parsers fail in every way there is, panics included.

    What is not about the content passes through.
    """
    of_content = isinstance(error, Exception) or type(error).__name__ == "PanicException"
    if not of_content or isinstance(error, (MemoryError, OSError)):
        raise error
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UnreadableFile(f"The workbook can not be opened: {said}.", fix=DAMAGED)
