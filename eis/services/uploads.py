"""Files that a person brings: kept in a folder of the lab, then like any other file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.names import to_text
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import FileMetadata, Folder, RawFile
from cells.services.files import correct_metadata, reparse

FOLDER_NAME = "Uploaded impedance"
LARGEST_BYTES = 50_000_000
MOST_FILES = 200


def upload(
    files: Iterable[UploadedFile[Any]],
    *,
    cell_id: int | None = None,
    start_cycle: int | None = None,
    by: Any = None,
    trigger: str = Job.Trigger.PAGE,
) -> Job:
    """Keep uploaded files and start a job that imports and fits them.

    A content that is known already is not kept twice; the job takes the known file.
    """
    given = list(files)
    if not given:
        raise LabError("No file was sent.", fix="Choose at least one file.")
    if len(given) > MOST_FILES:
        raise LabError(
            f"{len(given)} files were sent; at most {MOST_FILES} are taken at once.",
            fix="Put larger sets into a watched folder.",
        )
    folder = uploads_folder()
    with transaction.atomic():
        rows = [_take(folder, file, cell_id, start_cycle, by) for file in given]
        ids = sorted({row.pk for row in rows})
        return engine.enqueue(
            "eis.take_in",
            {"file_ids": ids},
            trigger=trigger,
            by=by,
            title=f"Import and fit {rows[0].name}" if len(ids) == 1 else f"Import {len(ids)} files",
        )


def uploads_folder() -> Folder:
    path = Path(settings.DATA_DIR) / "uploads" / "impedance"
    path.mkdir(parents=True, exist_ok=True)
    folder, _ = Folder.objects.get_or_create(path=str(path), defaults={"name": FOLDER_NAME})
    return folder


def _take(
    folder: Folder, file: UploadedFile[Any], cell_id: int | None, start_cycle: int | None, by: Any
) -> RawFile:
    name = Path(file.name or "upload").name
    if (file.size or 0) > LARGEST_BYTES:
        raise LabError(
            f"{name} has {(file.size or 0) / 1e6:.0f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB "
            "are taken.",
            fix="Put it into a watched folder.",
        )
    content = file.read()
    sha256 = hashlib.sha256(content).hexdigest()
    known = RawFile.objects.settled().filter(sha256=sha256).first()
    if known is None:
        known = _keep(folder, f"{sha256[:12]}/{name}", content, sha256)
    _describe(known, cell_id, start_cycle, by)
    return known


def _keep(folder: Folder, path: str, content: bytes, sha256: str) -> RawFile:
    target = Path(folder.path) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{sha256[:12]}.draft")
    draft.write_bytes(content)
    os.replace(draft, target)  # noqa: PTH105 - one step, also over what is there
    found = target.stat()
    now = timezone.now()
    row, _ = RawFile.objects.update_or_create(
        folder=folder,
        path=to_text(path),
        defaults={
            "name": to_text(target.name)[:500],
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "modified_at": now,
            "sha256": sha256,
            "state": RawFile.State.STABLE,
            "changed_at": now,
        },
    )
    return row


def _describe(file: RawFile, cell_id: int | None, start_cycle: int | None, by: Any) -> None:
    """What the name says, then what the person says; impedance where neither names it."""
    metadata = FileMetadata.objects.filter(file=file).first() or reparse(file, by=by)
    told: dict[str, Any] = {"cell_id": cell_id, "start_cycle": start_cycle}
    changes = {name: value for name, value in told.items() if value is not None}
    if metadata.experiment not in (
        FileMetadata.Experiment.IMPEDANCE,
        FileMetadata.Experiment.SYMMETRIC,
    ):
        changes["experiment"] = FileMetadata.Experiment.IMPEDANCE
    if changes:
        correct_metadata(file, changes, by=by, reason="uploaded as impedance")
