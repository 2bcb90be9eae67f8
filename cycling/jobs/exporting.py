"""CSV folders of datasets: dataset/cell/filter.csv, zipped for download."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from django.core.files import File
from django.urls import reverse

from battery_db.lib.errors import NotAllowed
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell
from cycling.exports.csv_folder import folder_name, summary_table, write_folder, write_zip
from cycling.exports.tensors import digest_of
from cycling.jobs import grouping
from cycling.models import DatasetExport, HalfCycle
from cycling.services import datasets as selections

ALL_CYCLES = "all cycles"
Table = tuple[tuple[str, ...], pl.DataFrame]


def stale_datasets() -> list[Dataset]:
    """Datasets to export every night whose last export no longer says what is there."""
    wanted = Dataset.objects.filter(export_nightly=True, memberships__isnull=False).distinct()
    return [dataset for dataset in wanted if not _is_exported(dataset)]


def export_dataset(context: JobContext) -> Done:
    """Job: write the CSV folder of ``params["slug"]`` as a zip that can be downloaded."""
    dataset = Dataset.objects.get(slug=context.params["slug"])
    grouping.bring_up_to_date(selections.cell_ids_of(dataset), context)
    fingerprint = digest_of(selections.selection_of(dataset))
    with tempfile.TemporaryFile() as draft:
        count = write_zip(draft, _reported(tables_of(dataset), dataset, context))
        if not count:
            raise NotAllowed(
                f"No cycle of {dataset} matches, so there is nothing to export.",
                fix="Add cells that have data, or widen the filters.",
            )
        size = draft.tell()
        draft.seek(0)
        name = f"exports/{dataset.slug}/{fingerprint[:32]}.zip"
        storage("default").save(name, File(draft))
    export = DatasetExport(
        dataset=dataset,
        fingerprint=fingerprint,
        file_name=name,
        file_count=count,
        byte_count=size,
        created_by_id=context.requested_by_id,
    )
    url = reverse("cells:dataset", args=[dataset.slug])
    return Done({"files": count, "bytes": size}, url=url, save=export.save)


def export_to_folder(dataset: Dataset, folder: Path) -> int:
    """Write the same folder to disk; returns how many files it holds."""
    return write_folder(folder, tables_of(dataset))


def tables_of(dataset: Dataset) -> Iterator[Table]:
    """Path parts (dataset, cell, filter) and the 17 columns, for every filter that matches."""
    filters = selections.filters_of(dataset)
    for member in selections.members_of(dataset):
        cell_id = member.wet_cell.cell_id
        frame = HalfCycle.objects.of_cell(cell_id).filter(excluded=False).as_frame()
        capacity = selections.capacity_of(cell_id)
        cell_folder = folder_name(f"{member.name or cell_id} (CELL ID {cell_id})")
        for name, rows in _selected(frame, filters, member, capacity):
            table = summary_table(rows, whole=frame, theoretical_capacity_ah=capacity)
            if table.height:
                yield (folder_name(dataset.name), cell_folder, f"{folder_name(name)}.csv"), table


def _selected(
    frame: pl.DataFrame, filters: list[Any], member: DatasetCell, capacity: float | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    if not filters:
        yield ALL_CYCLES, frame
    for chosen in filters:
        if selections.applies(chosen, member):
            yield chosen.name, selections.matching(frame, chosen, capacity)


def _is_exported(dataset: Dataset) -> bool:
    fingerprint = digest_of(selections.selection_of(dataset))
    last = dataset.exports.first()
    return (
        last is not None
        and last.fingerprint == fingerprint
        and storage("default").exists(last.file_name)
    )


def _reported(tables: Iterator[Table], dataset: Dataset, context: JobContext) -> Iterator[Table]:
    total = dataset.memberships.count()
    seen: set[str] = set()
    for parts, table in tables:
        seen.add(parts[1])
        context.progress(len(seen) - 1, total, parts[1])
        yield parts, table
