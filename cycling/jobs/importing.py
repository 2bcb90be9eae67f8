"""From settled files to stored series and half-cycles, one file per transaction."""

import errno
import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
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
from battery_db.lib.names import to_path
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.series import write_parquet
from battery_db.lib.storage import storage
from cells.models import FileMetadata, RawFile
from cycling import formats
from cycling.half_cycles import SUMMARY_VERSION, summarise
from cycling.models import CyclingTest, HalfCycle

log = logging.getLogger(__name__)
LISTED = 100  # files that a report names
Fence = Callable[[], AbstractContextManager[None]]
EXPERIMENTS = (
    FileMetadata.Experiment.CYCLING,
    FileMetadata.Experiment.FORMATION,
    FileMetadata.Experiment.RPT,
)
FULL = (errno.ENOSPC, errno.EDQUOT)
# Grows whenever a format is added or revised, so that unknown files are tried again.
REGISTRY_VERSION = sum(format_.version for format_ in formats.FORMATS)


class NotStored(LabError):
    """The storage did not take a series: of the machine, so the next night tries again."""

    def __init__(self, error: Exception) -> None:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else f"{type(error).__name__}: {error}"
        if number in FULL:
            message, fix = f"The server's storage is full ({reason}).", "Free space on the server"
        else:
            message = f"The storage did not take the imported series ({reason})."
            fix = "Check that the server's storage is there and may be written"
        super().__init__(message, fix=f"{fix}; the next night tries again.")


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
    files = list(RawFile.objects.filter(pk__in=context.params["file_ids"]).select_related("folder"))
    outcomes = []
    for index, file in enumerate(files):
        context.progress(index, len(files), file.name)
        context.check_cancelled()
        outcome = import_file(file, fence=context.fenced)
        if outcome.status == CyclingTest.Status.FAILED:
            context.log(f"{file.name}: {outcome.error}", "warning")
        outcomes.append(outcome)
    return Done(count(outcomes))


def count(outcomes: Iterable[Imported]) -> dict[str, Any]:
    """Totals for a report, and which files failed or were read in part, and why."""
    outcomes = list(outcomes)
    result: dict[str, Any] = {"rows": sum(outcome.rows for outcome in outcomes)}
    for status in (*CyclingTest.Status.values, "waiting"):
        result[status] = sum(outcome.status == status for outcome in outcomes)
    for name, status in (
        ("failures", CyclingTest.Status.FAILED),
        ("partials", CyclingTest.Status.PARTIAL),
    ):
        result[name] = [
            {"file_id": o.file_id, "name": o.name, "error": o.error, "fix": o.fix}
            for o in outcomes
            if o.status == status
        ][:LISTED]
    return result


def import_file(file: RawFile, fence: Fence = nullcontext) -> Imported:
    """Read one file, store its series, and switch its rows in one transaction.

    Repeating it changes nothing. A file that changed since the scan is left for the
    next one; a failure is recorded beside the data that was there before, which stays.
    """
    path = Path(file.folder.path) / to_path(file.path)
    try:
        if _changed_since_scan(path, file):
            return Imported(file.pk, file.name, "waiting")
        format_, reading = formats.read(path, _context(file))
        rows = summarise(reading.frame)
        series_name, series_bytes = _store(file, format_, reading)
        if _changed_since_scan(path, file):
            return Imported(file.pk, file.name, "waiting")
    except LabError as error:
        # A right that is missing today may be given tomorrow, with the content unchanged.
        transient = isinstance(error, NotStored) or isinstance(error.__cause__, OSError)
        return _fail(file, path, error.message, error.fix, transient=transient, fence=fence)
    except OSError as error:
        # Of the machine, not of the content: a full disk, a share that hangs.
        return _fail(file, path, *_explain(error), transient=True, fence=fence)
    except Exception as error:
        log.exception("Importing %s failed.", path)
        message = f"The reader failed: {type(error).__name__}: {error}"
        return _fail(
            file, path, message, "Please report this file to the maintainers.", fence=fence
        )
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
    with fence(), transaction.atomic():
        _replace(file, test, rows)
    lacking = " ".join(f.text for f in reading.findings) if reading.is_partial else ""
    return Imported(
        file.pk, file.name, test.status, rows=reading.frame.height, error=lacking[:1000]
    )


def series_key(sha256: str, format_name: str, version: int) -> str:
    """Where the series of a content lies; a new reader version lies beside the old."""
    return f"cycling/{sha256[:2]}/{sha256}.{format_name}.r{version}.parquet"


def _explain(error: OSError) -> tuple[str, str]:
    if error.errno in FULL:
        refusal = NotStored(error)
        return refusal.message, refusal.fix
    reason = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"The file could not be read from its folder ({reason}).",
        "Check that the folder is mounted and may be read; the next night tries again.",
    )


def _context(file: RawFile) -> formats.ReadContext:
    declared = file.folder.table_declarations.all()
    return formats.ReadContext(
        time_zone=file.folder.time_zone,
        max_rows=settings.SERIES_ROW_LIMIT,
        declared=tuple(declaration.as_declaration() for declaration in declared),
    )


def _changed_since_scan(path: Path, file: RawFile) -> bool:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns)


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


def _fail(
    file: RawFile,
    path: Path,
    message: str,
    fix: str,
    *,
    fence: Fence,
    transient: bool = False,
) -> Imported:
    """Record why the content could not be imported; data of earlier content stays."""
    format_name, version = _format_of(path)
    with fence(), transaction.atomic():
        RawFile.objects.select_for_update().get(pk=file.pk)
        CyclingTest.objects.update_or_create(
            file=file,
            defaults={
                "sha256": file.sha256,
                "status": CyclingTest.Status.FAILED,
                "is_transient": transient,
                "error": message,
                "fix": fix,
                "format_name": format_name,
                "reader_version": version,
                "summary_version": SUMMARY_VERSION,
                "time_zone": file.folder.time_zone,
                "imported_at": timezone.now(),
            },
        )
    return Imported(file.pk, file.name, CyclingTest.Status.FAILED, error=message, fix=fix)


def _format_of(path: Path) -> tuple[str, int]:
    try:
        format_ = formats.recognise(path)
    except (LabError, OSError):
        return "", REGISTRY_VERSION
    return format_.name, format_.version
