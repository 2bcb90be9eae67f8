"""Declare once what the columns of a folder's tables are, and see what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import Q

from battery_db.lib.errors import LabError, NotAllowed, UnreadableFile
from battery_db.lib.names import to_path
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Folder, RawFile
from cycling.formats import declared
from cycling.formats.base import ColumnDeclaration, Finding, ReadContext
from cycling.formats.checks import check
from cycling.models import CyclingTest, TableDeclaration

SHOWN_ROWS = 12
SHOWN_COLUMNS = 60
# A preview opens the file within the request; larger workbooks unpack for too long.
LARGEST_WORKBOOK = 20_000_000
GENERAL = (*declared.GENERAL, declared.DECLARED.name)


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a file: names of its columns and the rows below."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file as standard series, and what was noticed."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    findings: Sequence[Finding]


def sample(file: RawFile, header_line: int, separator: str) -> Sample:
    """The first rows of a file as cells. Raises LabError when it can not be opened."""
    grid = declared.first_rows(_path(file), separator)
    header = declared.header_of(grid, header_line)[:SHOWN_COLUMNS]
    return Sample(header, grid.rows[header_line : header_line + SHOWN_ROWS])


def header_line_of(file: RawFile, separator: str) -> int:
    """Where the column names seem to be, counted from 1; a guess for a person to look at."""
    return declared.likely_header_line(declared.first_rows(_path(file), separator))


def preview(file: RawFile, declaration: ColumnDeclaration) -> Preview:
    """The first rows as the declaration reads them. Raises LabError when it does not fit."""
    declared.check_declaration(declaration)
    context = ReadContext(time_zone=file.folder.time_zone)
    reading = check(declared.read(_path(file), declaration, context, rows=declared.PREVIEW_ROWS))
    frame = reading.frame.head(SHOWN_ROWS)
    frame = frame.with_columns(pl.col(pl.Float64, pl.Float32).round_sig_figs(7))
    return Preview(frame.columns, frame.rows(), reading.findings)


def save(
    folder: Folder, declaration: ColumnDeclaration, file: RawFile, *, by: Any = None
) -> tuple[TableDeclaration, Job | None]:
    """Keep a declaration that reads ``file``, and import what it may help, as a job.

    One of the same name is replaced. Raises LabError when the declaration does not fit.
    """
    if not declaration.name.strip():
        raise LabError("The declaration has no name.", fix="Name it, such as the cycler's.")
    preview(file, declaration)
    with transaction.atomic():
        row = TableDeclaration.objects.filter(folder=folder, name=declaration.name).first()
        row = row or TableDeclaration(folder=folder, name=declaration.name)
        row.columns = [
            {"header": column.header, "column": column.column, "unit": column.unit}
            for column in declaration.columns
        ]
        for name in ("header_line", "separator", "clock_format", "reverse_current"):
            setattr(row, name, getattr(declaration, name))
        row._history_user = by  # type: ignore[attr-defined]
        row.save()
        job = _read_again(folder, by)
    return row, job


def delete(declaration: TableDeclaration, *, by: Any = None) -> Job | None:
    """Take a declaration back; files that it read are tried again without it."""
    with transaction.atomic():
        folder = declaration.folder
        declaration._history_user = by  # type: ignore[attr-defined]
        declaration.delete()
        return _read_again(folder, by)


def _read_again(folder: Folder, by: Any) -> Job | None:
    """Queue files that failed, or were read by words alone; the night takes what is left."""
    tests = CyclingTest.objects.filter(file__folder=folder, file__deprecated=False).filter(
        Q(status=CyclingTest.Status.FAILED) | Q(format_name__in=GENERAL)
    )
    file_ids = list(tests.values_list("file_id", flat=True))
    # What the night looks for, should the job be lost.
    tests.update(is_transient=True)
    if not file_ids:
        return None
    return engine.enqueue(
        "cycling.import_files",
        {"file_ids": file_ids},
        trigger=Job.Trigger.PAGE,
        by=by,
        title=f"Import {len(file_ids)} files of {folder} by their declared columns",
    )


def _path(file: RawFile) -> Path:
    if file.size > LARGEST_WORKBOOK and file.name.lower().endswith((".xlsx", ".xls")):
        raise NotAllowed(
            f"This workbook is too large to be shown here ({file.size / 1e6:.0f} MB).",
            fix="Choose a smaller file of the same layout.",
        )
    path = Path(file.folder.path) / to_path(file.path)
    if not path.is_file():
        raise UnreadableFile(
            "The file is not there.", fix="Check that its folder is mounted, or choose another."
        )
    return path
