"""Datasets as files: dataset/cell/filter.csv and the other formats, zipped for download."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.core.files import File
from django.urls import reverse

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from cells.models import Dataset
from cycling.exports import archives
from cycling.exports.tensors import digest_of
from cycling.jobs import export_folder, grouping
from cycling.jobs.export_files import WRITERS
from cycling.models import DatasetExport
from cycling.services import datasets as selections

# Of the exports that the night made by itself; what a person asked for stays.
NIGHTLY_KEPT = 3


def stale_datasets() -> list[Dataset]:
    """Datasets to export every night whose last export no longer says what is there."""
    wanted = Dataset.objects.filter(export_nightly=True, memberships__isnull=False).distinct()
    return [dataset for dataset in wanted if not _is_exported(dataset)]


def export_dataset(context: JobContext) -> Done:
    """Job: write ``params["slug"]`` in ``params["format"]`` as a zip to be downloaded."""
    dataset = Dataset.objects.get(slug=context.params["slug"])
    kind = DatasetExport.Format(context.params.get("format", "csv"))
    grouping.bring_up_to_date(selections.cell_ids_of(dataset), context)
    fingerprint = digest_of(selections.selection_of(dataset))
    trouble: LabError | None = None
    with tempfile.TemporaryFile() as draft:
        count = archives.write_zip(draft, _reported(WRITERS[kind](dataset), dataset, context))
        if not count and context.params.get("nightly"):
            return Done({"files": 0})  # nobody waits for it, and filters may come to match
        if not count:
            raise NotAllowed(
                f"No cycle of {dataset} matches, so there is nothing to export.",
                fix="Add cells that have data, or widen the filters.",
            )
        size = draft.tell()
        if kind == DatasetExport.Format.CSV and dataset.export_nightly:
            trouble = _publish(dataset, draft, fingerprint, context)
        draft.seek(0)
        name = f"exports/{dataset.slug}/{fingerprint[:32]}.{kind}.zip"
        storage("default").save(name, File(draft))
    export = DatasetExport(
        dataset=dataset,
        format=kind,
        fingerprint=fingerprint,
        file_name=name,
        file_count=count,
        byte_count=size,
        created_by_id=context.requested_by_id,
    )

    def save() -> None:
        export.save()
        _forget_old(dataset)

    if trouble is not None:
        with context.fenced():
            save()
        raise trouble
    url = reverse("cells:dataset", args=[dataset.slug])
    return Done({"files": count, "bytes": size}, url=url, save=save)


def _publish(
    dataset: Dataset, archive: IO[bytes], fingerprint: str, context: JobContext
) -> LabError | None:
    """Bring the folder for people up to date; the zip is kept also when that fails."""
    if not export_folder.is_wanted():
        return None
    archive.seek(0)
    try:
        count = export_folder.publish(dataset, archive, fingerprint)
    except LabError as error:
        return error
    context.log(f"{count} files lie in the export folder.")
    return None


def export_to_folder(dataset: Dataset, folder: Path, kind: str = "csv") -> int:
    """Write the same files to disk; returns how many. Those that are there already, and
    hold the same, are left untouched.
    """
    return archives.write_folder(folder, WRITERS[DatasetExport.Format(kind)](dataset))


def _is_exported(dataset: Dataset) -> bool:
    selection = selections.selection_of(dataset)
    if not selection["files"]:
        return True  # there is nothing to export
    fingerprint = digest_of(selection)
    last = dataset.exports.filter(format=DatasetExport.Format.CSV).first()
    return (
        last is not None
        and last.fingerprint == fingerprint
        and storage("default").exists(last.file_name)
        and export_folder.is_published(dataset, fingerprint)
    )


def _forget_old(dataset: Dataset) -> None:
    """Remove what earlier nights exported, but for the newest few."""
    nightly = dataset.exports.filter(created_by=None).order_by("-created_at")
    kept = set(nightly.values_list("file_name", flat=True)[:NIGHTLY_KEPT])
    kept |= set(dataset.exports.exclude(created_by=None).values_list("file_name", flat=True))
    for old in nightly[NIGHTLY_KEPT:]:
        if old.file_name not in kept:
            storage("default").delete(old.file_name)
        old.delete()


def _reported(
    files: Iterator[archives.File], dataset: Dataset, context: JobContext
) -> Iterator[archives.File]:
    total = dataset.memberships.count()
    seen: set[str] = set()
    for parts, content in files:
        seen.add(parts[min(1, len(parts) - 1)])
        context.progress(min(len(seen) - 1, total), total, parts[-1])
        yield parts, content
