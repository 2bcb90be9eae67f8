"""From settled files to stored series and half-cycles, one file per transaction."""

import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.imports import (
    Fence,
    NotStored,
    Refusal,
    count_statuses,
    import_each,
    refusal_of,
)
from battery_db.lib.runs.registry import Done
from battery_db.lib.series import write_parquet
from battery_db.lib.storage import storage
from cells.jobs.contents import content_of
from cells.models import FileMetadata, RawFile
from cells.scanning import FileChanged
from cycling import formats
from cycling.half_cycles import SUMMARY_VERSION, summarise
from cycling.models import CyclingTest, HalfCycle

EXPERIMENTS = (
    FileMetadata.Experiment.CYCLING,
    FileMetadata.Experiment.FORMATION,
    FileMetadata.Experiment.RPT,
)
# Grows whenever a format is added or revised, so that unknown files are tried again.
REGISTRY_VERSION = sum(format_.version for format_ in formats.FORMATS)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    file_id: int
    name: str
    status: str  # a CyclingTest.Status, or "waiting"
    rows: int = 0
    error: str = ""
    fix: str = ""


def importable() -> QuerySet[RawFile]:
    """Files that cycling may read: settled, in use, and about a cycling experiment."""
    return RawFile.objects.settled().identified().filter(metadata__experiment__in=EXPERIMENTS)


def stale() -> QuerySet[RawFile]:
    """Importable files whose content the current readers have not seen in their zone."""
    known_format = Q()
    for format_ in formats.FORMATS:
        known_format |= Q(
            cycling_test__format_name=format_.name, cycling_test__reader_version=format_.version
        )
    unknown_format = Q(cycling_test__format_name="", cycling_test__reader_version=REGISTRY_VERSION)
    return importable().exclude(
        Q(cycling_test__sha256=F("sha256"))
        & Q(cycling_test__is_transient=False)
        & Q(cycling_test__summary_version=SUMMARY_VERSION)
        & Q(cycling_test__time_zone=F("folder__time_zone"))
        & (known_format | unknown_format)
    )


def import_files(context: JobContext) -> Done:
    """Job: import ``params["file_ids"]``; one bad file never stops the others."""
    files = RawFile.objects.filter(pk__in=context.params["file_ids"]).select_related("folder")
    return Done(count(import_each(context, list(files), import_file)))


def count(outcomes: Iterable[Imported]) -> dict[str, Any]:
    """Totals for a report, and which files failed or were read in part, and why."""
    outcomes = list(outcomes)
    rows = sum(outcome.rows for outcome in outcomes)
    return {"rows": rows, **count_statuses(outcomes, CyclingTest.Status.values)}


def import_file(file: RawFile, fence: Fence = nullcontext) -> Imported:
    """Read one file, store its series, and switch its rows in one transaction.

    Repeating it changes nothing. A file that changed since the scan is left for the
    next one; a failure is recorded beside the data that was there before, which stays.
    """
    format_: tuple[str, int] = "", REGISTRY_VERSION
    try:
        with content_of(file) as path:
            format_ = _format_of(path)
            test, rows = _read(file, path)
    except FileChanged:
        return Imported(file.pk, file.name, "waiting")
    except Exception as error:  # noqa: BLE001 - of any kind; it is told on the file
        return _fail(file, refusal_of(error, file.name), format_, fence)
    with fence(), transaction.atomic():
        _replace(file, test, rows)
    lacking = ""
    if test.status == CyclingTest.Status.PARTIAL:
        lacking = " ".join(finding["text"] for finding in test.findings)
    return Imported(file.pk, file.name, test.status, rows=test.row_count, error=lacking[:1000])


def _read(file: RawFile, path: Path) -> tuple[CyclingTest, pl.DataFrame]:
    """The stored test, not yet in SQL, and its half-cycles."""
    format_, reading = formats.read(path, _context(file))
    rows = summarise(reading.frame)
    series_name, series_bytes = _store(file, format_, reading)
    test = CyclingTest(
        sha256=file.sha256,
        status=(CyclingTest.Status.PARTIAL if reading.is_partial else CyclingTest.Status.IMPORTED),
        findings=[{"code": f.code, "text": f.text} for f in reading.findings],
        format_name=format_.name,
        reader_version=format_.version,
        summary_version=SUMMARY_VERSION,
        time_zone=file.folder.time_zone,
        series_name=series_name,
        series_bytes=series_bytes,
        instrument=reading.metadata,
        **_extent(reading.frame),
    )
    return test, rows


def series_key(sha256: str, format_name: str, version: int) -> str:
    """Where the series of a content lies; a new reader version lies beside the old."""
    return f"cycling/{sha256[:2]}/{sha256}.{format_name}.r{version}.parquet"


def _context(file: RawFile) -> formats.ReadContext:
    declared = file.folder.table_declarations.all()
    return formats.ReadContext(
        time_zone=file.folder.time_zone,
        max_rows=settings.SERIES_ROW_LIMIT,
        declared=tuple(declaration.as_declaration() for declaration in declared),
    )


def _store(file: RawFile, format_: formats.Format, reading: formats.Reading) -> tuple[str, int]:
    name = series_key(file.sha256, format_.name, format_.version)
    metadata = {
        "format": format_.name,
        "reader_version": str(format_.version),
        "sha256": file.sha256,
        "sign": "positive current charges the cell",
    }
    with tempfile.TemporaryFile() as draft:
        write_parquet(reading.frame, draft, metadata)
        size = draft.tell()
        draft.seek(0)
        try:
            storage("series").save(name, File(draft))
        except Exception as error:  # object stores have errors of their own
            raise NotStored(error) from error
    return name, size


def _extent(frame: pl.DataFrame) -> dict[str, Any]:
    cycles = frame["cycle_count"] if "cycle_count" in frame.columns else None
    clock = frame["unix_time_second"] if "unix_time_second" in frame.columns else None
    return {
        "row_count": frame.height,
        "first_cycle": None if cycles is None else cycles.min(),
        "last_cycle": None if cycles is None else cycles.max(),
        "started_at": None if clock is None else moment(clock.min()),
        "ended_at": None if clock is None else moment(clock.max()),
    }


def moment(unix_time_second: Any) -> datetime | None:
    """A UTC datetime, or None where the clock is absent or makes no sense."""
    if unix_time_second is None:
        return None
    try:
        return datetime.fromtimestamp(float(unix_time_second), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _replace(file: RawFile, test: CyclingTest, rows: pl.DataFrame) -> None:
    """Put ``test`` and its half-cycles in the place of what the file had before."""
    RawFile.objects.select_for_update().get(pk=file.pk)
    old = CyclingTest.objects.filter(file=file).first()
    kept: dict[tuple[str, int], str] = {}
    if old is not None:
        kept = {
            (half.polarity, half.cycle_count): half.excluded_reason
            for half in old.half_cycles.filter(excluded=True)
        }
        old.half_cycles.all().delete()
        test.pk = old.pk
    test.file = file
    test.imported_at = timezone.now()
    test.save(force_update=old is not None)
    HalfCycle.objects.bulk_create(
        [_half_cycle(test, row, kept) for row in rows.iter_rows(named=True)], batch_size=500
    )


def _half_cycle(
    test: CyclingTest, row: dict[str, Any], kept: dict[tuple[str, int], str]
) -> HalfCycle:
    started_at = moment(row.pop("start_unix_second", None))
    half = HalfCycle(test=test, started_at=started_at, **row)
    reason = kept.get((half.polarity, half.cycle_count))
    if reason is not None:
        half.excluded, half.excluded_reason = True, reason
    return half


def _fail(file: RawFile, refusal: Refusal, format_: tuple[str, int], fence: Fence) -> Imported:
    """Record why the content could not be imported; data of earlier content stays."""
    name, version = format_
    with fence(), transaction.atomic():
        RawFile.objects.select_for_update().get(pk=file.pk)
        CyclingTest.objects.update_or_create(
            file=file,
            defaults={
                "sha256": file.sha256,
                "status": CyclingTest.Status.FAILED,
                "is_transient": refusal.is_transient,
                "error": refusal.message,
                "fix": refusal.fix,
                "format_name": name,
                "reader_version": version,
                "summary_version": SUMMARY_VERSION,
                "time_zone": file.folder.time_zone,
                "imported_at": timezone.now(),
            },
        )
    failed = CyclingTest.Status.FAILED
    return Imported(file.pk, file.name, failed, error=refusal.message, fix=refusal.fix)


def _format_of(path: Path) -> tuple[str, int]:
    try:
        format_ = formats.recognise(path)
    except (LabError, OSError):
        return "", REGISTRY_VERSION
    return format_.name, format_.version
