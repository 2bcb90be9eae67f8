"""What a person asks for about files and folders. Each change is audited."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from simple_history.utils import bulk_update_with_history

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.experiments import METADATA_FIELDS
from cells.models import FileMetadata, Folder, NameRule, RawFile

AS_READ = "as read from the name"


def add_folder(values: Mapping[str, Any], *, by: Any = None) -> Folder:
    return _save_folder(Folder(), values, by)


def edit_folder(folder: Folder, values: Mapping[str, Any], *, by: Any = None) -> Folder:
    return _save_folder(folder, values, by)


def folder_warning(path: str) -> str:
    """Why a scan of ``path`` would fail now; empty when it would not.

    Only a warning: a share may be mounted later.
    """
    if not path.startswith("/"):
        return "This is not an absolute path: it must begin with '/'."
    try:
        if not Path(path).is_dir():
            return "There is no such folder on the server now. It will be scanned once it is there."
    except (OSError, ValueError) as error:
        return f"The server can not look at this folder: {error}."
    return ""


def delete_folder(folder: Folder) -> None:
    try:
        folder.delete()
    except ProtectedError:
        raise NotAllowed(
            f"{folder.name} has files that cells and cycles refer to.",
            fix="Switch it off instead: its files are kept and it is no longer scanned.",
        ) from None


def scan_now(
    folder: Folder | None = None, *, by: Any = None, trigger: str = Job.Trigger.PAGE
) -> Job:
    """Start a scan of one folder, or of all active ones; pressing twice starts one."""
    if folder is None:
        return engine.enqueue("cells.scan", trigger=trigger, by=by, key="cells.scan")
    return engine.enqueue(
        "cells.scan",
        {"folder_id": folder.pk},
        trigger=trigger,
        title=f"Scan {folder.name}",
        by=by,
        key=f"cells.scan:{folder.pk}",
    )


def identify_now(*, by: Any = None, trigger: str = Job.Trigger.PAGE) -> Job:
    return engine.enqueue("cells.identify", trigger=trigger, by=by, key="cells.identify")


def correct_metadata(
    file: RawFile,
    changes: Mapping[str, Any],
    *,
    version: str = "",
    by: Any = None,
    reason: str = "",
) -> FileMetadata:
    """Set fields by hand. What was changed is kept over every later reading of the name.

    With the ``version`` that the metadata had when it was loaded, NotAllowed when somebody
    has changed it meanwhile.
    """
    unknown = set(changes) - set(METADATA_FIELDS)
    if unknown:
        raise LabError(
            f"{', '.join(sorted(unknown))}: no such field of a file.",
            fix=f"Fields are {', '.join(METADATA_FIELDS)}.",
        )
    grammar = NameRule.objects.grammar()
    kind = changes.get("experiment")
    if kind and kind not in grammar.titles:
        raise LabError(
            f"There is no kind of experiment {kind!r}.",
            fix=f"Choose from {', '.join(grammar.titles)}.",
        )
    with transaction.atomic():
        metadata = _locked_metadata(file)
        if version and version != metadata.version:
            raise NotAllowed(
                "What this file is about has changed since you loaded the page.",
                fix="Look at it as it is now, and save again. Nothing was overwritten.",
            )
        if metadata.correct(changes, grammar):
            _save_audited(metadata, by, reason)
    return metadata


def reparse(file: RawFile, *, discard_manual: bool = False, by: Any = None) -> FileMetadata:
    """Read the name again. Fields set by hand are kept, unless they are to be discarded."""
    with transaction.atomic():
        metadata = _locked_metadata(file)
        if discard_manual:
            metadata.manual_fields = []
        grammar = NameRule.objects.grammar()
        metadata.understand(metadata.file.parse_name(grammar), grammar)
        _save_audited(metadata, by, "name read again")
    return metadata


def deprecate(files: Iterable[RawFile], reason: str, *, by: Any = None) -> int:
    """Ignore files from now on, until restored; how many were not deprecated before."""
    return _set_deprecated(files, True, deprecation_reason(reason), by)


def deprecation_reason(reason: str) -> str:
    """The reason in one line; LabError when it says nothing or too much."""
    reason = " ".join(reason.split())
    if not reason:
        raise LabError(
            "No reason was given.", fix="Say why the files are to be ignored, in a few words."
        )
    if len(reason) > 300:
        raise LabError("The reason is longer than 300 characters.", fix="Say it shorter.")
    return reason


def restore(files: Iterable[RawFile], reason: str = "", *, by: Any = None) -> int:
    return _set_deprecated(files, False, reason.strip(), by)


def _set_deprecated(files: Iterable[RawFile], value: bool, reason: str, by: Any) -> int:
    ids = [file.pk for file in files]
    told = f"{'deprecated' if value else 'restored'}: {reason}".removesuffix(": ")
    with transaction.atomic():
        rows = list(
            RawFile.objects.select_for_update().filter(pk__in=ids).exclude(deprecated=value)
        )
        for row in rows:
            row.deprecated = value
            row.deprecated_reason = reason if value else ""
        if rows:
            bulk_update_with_history(
                rows,
                RawFile,
                ["deprecated", "deprecated_reason"],
                default_user=by,
                default_change_reason=told[:100],
            )
            RawFile.objects.mark_duplicates()
    return len(rows)


def _locked_metadata(file: RawFile) -> FileMetadata:
    """The metadata of a file, which no worker can change until the transaction ends."""
    row = RawFile.objects.select_for_update(of=("self",)).select_related("folder").get(pk=file.pk)
    metadata = FileMetadata.objects.filter(file=row).first() or FileMetadata(file=row)
    metadata.file = row
    return metadata


def _save_audited(metadata: FileMetadata, by: Any, reason: str) -> None:
    """Save, and before the first change note how it was: workers write no history."""
    if metadata.pk is not None and not metadata.history.exists():
        before = FileMetadata.objects.get(pk=metadata.pk)
        FileMetadata.history.bulk_history_create([before], default_change_reason=AS_READ)
    try:
        metadata.full_clean(exclude=["file"])
    except ValidationError as error:
        raise _in_words(error) from None
    metadata._history_user = by  # type: ignore[attr-defined]
    metadata._change_reason = reason[:100]  # type: ignore[attr-defined]
    metadata.save()


def _save_folder(folder: Folder, values: Mapping[str, Any], by: Any) -> Folder:
    for name, value in values.items():
        setattr(folder, name, value)
    folder.path = folder.path.rstrip("/") or "/"
    try:
        folder.full_clean()
    except ValidationError as error:
        raise _in_words(error) from None
    folder._history_user = by  # type: ignore[attr-defined]
    folder.save()
    return folder


def _in_words(error: ValidationError) -> LabError:
    found = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
    return LabError(" ".join(found), fix="Correct the values named and save again.")
