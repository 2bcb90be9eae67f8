"""From settled files to stored spectra, one file per transaction."""

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.names import to_path
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from cells.models import FileMetadata, RawFile
from ftir import formats
from ftir.models import InfraredSpectrum
from ftir.services import spectra

log = logging.getLogger(__name__)
Fence = Callable[[], AbstractContextManager[None]]
LISTED = 100
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
    files = list(RawFile.objects.filter(pk__in=context.params["file_ids"]).select_related("folder"))
    outcomes = []
    for index, file in enumerate(files):
        context.progress(index, len(files), file.name)
        context.check_cancelled()
        outcomes.append(import_file(file, fence=context.fenced))
    return Done(count(outcomes))


def count(outcomes: Iterable[Imported]) -> dict[str, Any]:
    """Totals for a report, and which files failed and why."""
    outcomes = list(outcomes)
    failed = InfraredSpectrum.Status.FAILED
    return {
        "imported": sum(o.status == InfraredSpectrum.Status.IMPORTED for o in outcomes),
        "failed": sum(o.status == failed for o in outcomes),
        "waiting": sum(o.status == "waiting" for o in outcomes),
        "failures": [
            {"file_id": o.file_id, "name": o.name, "error": o.error, "fix": o.fix}
            for o in outcomes
            if o.status == failed
        ][:LISTED],
    }


def import_file(file: RawFile, fence: Fence = nullcontext) -> Imported:
    """Read one file, store its points, and switch its row in one transaction.

    Repeating it changes nothing. A file that changed since the scan is left for the
    next one; after a failure the points of earlier content stay readable.
    """
    path = Path(file.folder.path) / to_path(file.path)
    try:
        if _changed_since_scan(path, file):
            return Imported(file.pk, file.name, "waiting")
        values = spectra.read_values(path, file.sha256)
        if _changed_since_scan(path, file):
            return Imported(file.pk, file.name, "waiting")
    except LabError as error:
        values = _failure(file, path, error.message, error.fix)
    except OSError as error:
        message = f"The file could not be read or its points not be stored ({error.strerror})."
        fix = "Check the folder and the server's storage; the next night tries again."
        values = _failure(file, path, message, fix) | {"is_transient": True}
    except Exception as error:
        log.exception("Importing %s failed.", path)
        message = f"The reader failed: {type(error).__name__}: {error}"
        values = _failure(file, path, message, "Please report this file to the maintainers.")
    with fence(), transaction.atomic():
        RawFile.objects.select_for_update().get(pk=file.pk)
        spectrum, _ = InfraredSpectrum.objects.update_or_create(
            file=file, defaults={"name": file.name[:300], **values}
        )
        if values["status"] == InfraredSpectrum.Status.IMPORTED:
            spectrum.compositions.all().delete()  # they speak of what the file held before
    return Imported(file.pk, file.name, values["status"], values["error"], values["fix"])


def _failure(file: RawFile, path: Path, message: str, fix: str) -> dict[str, Any]:
    try:
        format_ = formats.recognise(path)
        name, version = format_.name, format_.version
    except (LabError, OSError):
        name, version = "", REGISTRY_VERSION
    return {
        "sha256": file.sha256,
        "status": InfraredSpectrum.Status.FAILED,
        "is_transient": False,
        "error": message,
        "fix": fix,
        "format_name": name,
        "reader_version": version,
        "imported_at": timezone.now(),
    }


def _changed_since_scan(path: Path, file: RawFile) -> bool:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns)
