"""From settled files to stored spectra, one file per transaction."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from ftir import formats
from ftir.models import InfraredSpectrum
from ftir.services import spectra

# Grows whenever a format is added or revised, so that unknown files are tried again.
REGISTRY_VERSION = sum(format_.version for format_ in formats.FORMATS)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    file_id: int
    name: str
    status: str  # an InfraredSpectrum.Status, or "waiting"
    error: str = ""
    fix: str = ""


def importable() -> QuerySet[RawFile]:
    """Files that may be read here: settled, in use, and about an FTIR experiment."""
    return (
        RawFile.objects.settled()
        .identified()
        .filter(metadata__experiment=FileMetadata.Experiment.FTIR)
    )


def stale() -> QuerySet[RawFile]:
    """Importable files whose content the current readers have not seen."""
    known = Q(infrared_spectrum__format_name="", infrared_spectrum__reader_version=REGISTRY_VERSION)
    for format_ in formats.FORMATS:
        known |= Q(
            infrared_spectrum__format_name=format_.name,
            infrared_spectrum__reader_version=format_.version,
        )
    return importable().exclude(
        Q(infrared_spectrum__sha256=F("sha256")) & Q(infrared_spectrum__is_transient=False) & known
    )


def import_files(context: JobContext) -> Done:
    """Job: import ``params["file_ids"]``; one bad file never stops the others."""
    files = RawFile.objects.filter(pk__in=context.params["file_ids"]).select_related("folder")
    return Done(count(import_each(context, list(files), import_file)))


def count(outcomes: Iterable[Imported]) -> dict[str, Any]:
    """Totals for a report, and which files failed and why."""
    return count_statuses(list(outcomes), InfraredSpectrum.Status.values)


def import_file(file: RawFile, fence: Fence = nullcontext) -> Imported:
    """Read one file, store its points, and switch its row in one transaction.

    Repeating it changes nothing. A file that changed since the scan is left for the
    next one; after a failure the points of earlier content stay readable.
    """
    format_: tuple[str, int] = "", REGISTRY_VERSION
    try:
        with content_of(file) as path:
            format_ = _format_of(path)
            values = spectra.read_values(path, file.sha256)
    except FileChanged:
        return Imported(file.pk, file.name, "waiting")
    except Exception as error:  # noqa: BLE001 - of any kind; it is told on the file
        values = _failure(file, refusal_of(error, file.name), format_)
    with fence(), transaction.atomic():
        RawFile.objects.select_for_update().get(pk=file.pk)
        spectrum, _ = InfraredSpectrum.objects.update_or_create(
            file=file, defaults={"name": file.name[:300], **values}
        )
        if values["status"] == InfraredSpectrum.Status.IMPORTED:
            spectrum.compositions.all().delete()  # they speak of what the file held before
    return Imported(file.pk, file.name, values["status"], values["error"], values["fix"])


def _failure(file: RawFile, refusal: Refusal, format_: tuple[str, int]) -> dict[str, Any]:
    name, version = format_
    return {
        "sha256": file.sha256,
        "status": InfraredSpectrum.Status.FAILED,
        "is_transient": refusal.is_transient,
        "error": refusal.message,
        "fix": refusal.fix,
        "format_name": name,
        "reader_version": version,
        "imported_at": timezone.now(),
    }


def _format_of(path: Path) -> tuple[str, int]:
    try:
        format_ = formats.recognise(path)
    except (LabError, OSError):
        return "", REGISTRY_VERSION
    return format_.name, format_.version
