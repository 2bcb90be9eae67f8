"""From settled files to stored series and half-cycles, one file per transaction."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.imports import (
    Fence,
    Refusal,
    count_statuses,
    import_each,
    refusal_of,
)
from battery_db.lib.runs.registry import Done
from cells.jobs.contents import content_of
from cells.models import FileMetadata, RawFile
from cells.scanning import FileChanged
from cycling import formats
from cycling.half_cycles import SUMMARY_VERSION, summarise_after
from cycling.jobs.appending import Kept, append, keep_bookmark
from cycling.jobs.storing import Made, Overtaken, as_test, extent, store, switch
from cycling.models import CyclingTest
from cycling.services.stored_series import about
from cycling.steps import Before, read_rows

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

    Of a file that grew only what was added is read and written, where the format allows;
    the result is the same. Repeating it changes nothing. A file that changed since the scan
    is left for the next one; a failure is recorded beside the data that was there before,
    which stays.
    """
    format_: tuple[str, int] = "", REGISTRY_VERSION
    try:
        with content_of(file) as path:
            format_ = _format_of(path)
            context = _context(file)
            made = append(file, path, context) or _read_whole(file, path, context)
    except FileChanged:
        return Imported(file.pk, file.name, "waiting")
    except Exception as error:  # noqa: BLE001 - of any kind; it is told on the file
        return _fail(file, refusal_of(error, file.name), format_, fence)
    try:
        with fence(), transaction.atomic():
            switch(made)
    except Overtaken:
        return import_file(file, fence)
    test = made.test
    lacking = ""
    if test.status == CyclingTest.Status.PARTIAL:
        lacking = " ".join(finding["text"] for finding in test.findings)
    return Imported(file.pk, file.name, test.status, rows=made.rows_read, error=lacking[:1000])


def _read_whole(file: RawFile, path: Path, context: formats.ReadContext) -> Made:
    format_, reading, bookmark = formats.read_marked(path, context)
    frame = reading.frame
    test = as_test(file, reading, (format_.name, format_.version), extent(frame))
    summary = summarise_after(Before(), frame)
    test.series_bytes = store(test.series_name, frame, about(test))
    if bookmark is not None:
        kept = Kept(read_rows(frame).largest_ampere)
        test.bookmark_name = keep_bookmark(test, bookmark, summary, kept)
    return Made(test, summary.rows, frame.height)


def _context(file: RawFile) -> formats.ReadContext:
    declared = file.folder.table_declarations.all()
    return formats.ReadContext(
        time_zone=file.folder.time_zone,
        max_rows=settings.SERIES_ROW_LIMIT,
        declared=tuple(declaration.as_declaration() for declaration in declared),
    )


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
