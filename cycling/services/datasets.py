"""What a person asks of a dataset's cycles: look, export as CSV, freeze and compile."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import polars as pl
from django.http import Http404

import battery_db
from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell, DatasetFilter, Snapshot
from cycling.anomalies import ANOMALY_VERSION
from cycling.exports.csv_folder import Range, matches
from cycling.groups import GROUPING_VERSION
from cycling.half_cycles import SUMMARY_VERSION
from cycling.models import CellState, CyclingTest, DatasetExport, HalfCycle, Shard

EXPORT_VERSION = 4
# A tensor says in the bits of one number which of a snapshot's datasets hold a row.
MOST_FROZEN = 62
LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which cells of a dataset have cycles, for the note above its plot."""

    cells: int
    with_data: int
    without_data: tuple[int, ...]


def request_export(dataset: Dataset, kind: str = "csv", *, by: Any, trigger: str) -> Job:
    """Write the dataset in a format of ``DatasetExport.Format``, as a job.

    Raises LabError for a format that there is not.
    """
    formats = DatasetExport.Format
    if kind not in formats.values:
        raise LabError(
            f"There is no export format {kind!r}.",
            fix=f"Choose one of {', '.join(formats.values)}.",
        )
    return engine.enqueue(
        "cycling.export_dataset",
        {"slug": dataset.slug, "format": kind},
        trigger=trigger,
        by=by,
        title=f"Export {dataset} as {formats(kind).label}",
        key=f"cycling.export_dataset:{dataset.slug}:{kind}",
    )


def request_snapshot(datasets: Iterable[Dataset], *, by: Any, trigger: str) -> Job:
    """Freeze one or more datasets together and compile their tensors, as a job.

    Their order has no meaning. Raises LabError for none and for more than ``MOST_FROZEN``.
    """
    chosen = sorted(set(datasets), key=lambda dataset: dataset.slug)
    if not 0 < len(chosen) <= MOST_FROZEN:
        raise LabError(
            f"{len(chosen)} datasets are chosen; from 1 to {MOST_FROZEN} are frozen together.",
            fix="Tick the datasets whose tensors are to be in one snapshot.",
        )
    slugs = [dataset.slug for dataset in chosen]
    digest = hashlib.sha256("/".join(slugs).encode()).hexdigest()
    return engine.enqueue(
        "cycling.compile_dataset",
        {"slugs": slugs},
        trigger=trigger,
        by=by,
        title=f"Freeze and compile {title_of(chosen)}"[:200],
        key=f"cycling.compile_dataset:{digest[:32]}",
    )


def named(slugs: Iterable[str]) -> list[Dataset]:
    """The datasets of these slugs; LabError names those that there are not."""
    wanted = list(dict.fromkeys(slugs))
    found = list(Dataset.objects.filter(slug__in=wanted))
    absent = sorted(set(wanted) - {dataset.slug for dataset in found})
    if absent:
        raise LabError(
            f"There is no dataset {', '.join(absent)}.", fix="Look at the list of datasets."
        )
    return found


def title_of(datasets: Sequence[Dataset]) -> str:
    """Their names, as many as fit into the title of a snapshot."""
    names = [dataset.name for dataset in datasets]
    for shown in range(len(names), 0, -1):
        rest = f" and {len(names) - shown} more" if shown < len(names) else ""
        if len(text := " + ".join(names[:shown]) + rest) <= LONGEST_TITLE:
            return text
    return ""


def frozen_in(snapshot: Snapshot) -> list[Dataset]:
    """The datasets of a snapshot, in the order of the bits of ``dataset_mask`` (one query)."""
    return [place.dataset for place in snapshot.places.select_related("dataset")]


def licence_of(snapshot: Snapshot) -> str:
    """The licences that its datasets state, each once; empty when one states none."""
    stated = [dataset.licence for dataset in frozen_in(snapshot)]
    return " and ".join(dict.fromkeys(stated)) if all(stated) else ""


def coverage(dataset: Dataset) -> Coverage:
    members = list(dataset.memberships.values_list("wet_cell__cell_id", flat=True))
    known = set(
        CyclingTest.objects.filter(file__metadata__cell_id__in=members)
        .exclude(series_name="")
        .values_list("file__metadata__cell_id", flat=True)
    )
    return Coverage(len(members), len(known), tuple(sorted(set(members) - known)))


def members_of(dataset: Dataset) -> list[DatasetCell]:
    return list(
        dataset.memberships.select_related("wet_cell__electrolyte", "wet_cell__dry_cell")
        .prefetch_related("wet_cell__electrolyte__components__molecule")
        .order_by("wet_cell__cell_id")
    )


def open_export(export: DatasetExport) -> IO[bytes]:
    return _stored("default", export.file_name, "Export the dataset again.")


def open_shard(shard: Shard) -> IO[bytes]:
    return _stored("snapshots", shard.storage_name, "Compile the dataset again.")


def download_name(export: DatasetExport) -> str:
    return f"{export.dataset.slug}-{export.created_at:%Y%m%d-%H%M}-{export.format}.zip"


def _stored(alias: str, name: str, fix: str) -> IO[bytes]:
    try:
        return storage(alias).open(name, "rb")
    except FileNotFoundError:
        raise Http404(f"The stored file is gone. {fix}") from None


def cell_ids_of(dataset: Dataset) -> list[int]:
    return list(dataset.memberships.values_list("wet_cell__cell_id", flat=True))


def filters_of(dataset: Dataset) -> list[DatasetFilter]:
    return list(dataset.filters.prefetch_related("ranges", "cells__wet_cell").order_by("name"))


def applies(chosen: DatasetFilter, member: DatasetCell) -> bool:
    """A filter without chosen cells is for every cell of its dataset."""
    cells = {cell.pk for cell in chosen.cells.all()}
    return not cells or member.pk in cells


def matching(frame: pl.DataFrame, chosen: DatasetFilter, capacity_ah: float | None) -> pl.DataFrame:
    """The half-cycles of ``frame`` whose cycle lies in every range of the filter."""
    ranges = [
        Range(each.polarity, each.attribute, each.minimum, each.maximum)
        for each in chosen.ranges.all()
    ]
    return matches(frame, ranges, capacity_ah)


def capacity_of(cell_id: int) -> float | None:
    return (
        CellState.objects.filter(pk=cell_id)
        .values_list("theoretical_capacity_ah", flat=True)
        .first()
    )


def selection_of(dataset: Dataset) -> dict[str, Any]:
    """Everything that decides what an export or snapshot of ``dataset`` holds, as JSON.

    Equal selections give byte-identical results; the digest of this is their identity.
    """
    cells = _cells_as_json(dataset)
    return {
        "dataset": dataset.name,
        "cells": cells,
        "filters": [_filter_as_json(chosen) for chosen in filters_of(dataset)],
        **_content_of([cell["cell_id"] for cell in cells]),
    }


def selection_of_all(datasets: Sequence[Dataset]) -> dict[str, Any]:
    """The same of what several datasets hold together, each with its cells and filters."""
    if len(datasets) == 1:
        return selection_of(datasets[0])
    parts: list[dict[str, Any]] = [
        {
            "name": dataset.name,
            "cells": _cells_as_json(dataset),
            "filters": [_filter_as_json(chosen) for chosen in filters_of(dataset)],
        }
        for dataset in datasets
    ]
    cell_ids = sorted({cell["cell_id"] for part in parts for cell in part["cells"]})
    return {"dataset": title_of(datasets), "datasets": parts, **_content_of(cell_ids)}


def _cells_as_json(dataset: Dataset) -> list[dict[str, Any]]:
    members = members_of(dataset)
    cell_ids = [member.wet_cell.cell_id for member in members]
    capacities = dict(
        CellState.objects.filter(pk__in=cell_ids).values_list("pk", "theoretical_capacity_ah")
    )
    return [
        {
            "cell_id": member.wet_cell.cell_id,
            "name": member.name,
            "electrolyte": str(member.wet_cell.electrolyte or ""),
            "dry_cell": str(member.wet_cell.dry_cell or ""),
            "theoretical_capacity_ah": capacities.get(member.wet_cell.cell_id),
        }
        for member in members
    ]


def _content_of(cell_ids: list[int]) -> dict[str, Any]:
    """What is the same for every dataset that holds these cells."""
    return {
        "versions": {
            "battery_db": battery_db.__version__,
            "summary": SUMMARY_VERSION,
            "grouping": GROUPING_VERSION,
            "anomaly": ANOMALY_VERSION,
            "export": EXPORT_VERSION,
        },
        "files": _files_of(cell_ids),
        "excluded": _excluded_of(cell_ids),
    }


def _filter_as_json(chosen: DatasetFilter) -> dict[str, Any]:
    return {
        "name": chosen.name,
        "differential": chosen.differential,
        "cells": sorted(cell.wet_cell_id for cell in chosen.cells.all()),
        "ranges": sorted(
            [each.polarity, each.attribute, each.minimum, each.maximum]
            for each in chosen.ranges.all()
        ),
    }


def _files_of(cell_ids: Iterable[int]) -> list[list[Any]]:
    """What each file of the cells holds and how it was read, in a fixed order."""
    tests = (
        CyclingTest.objects.filter(
            file__metadata__cell_id__in=list(cell_ids),
            file__metadata__is_valid=True,
            file__deprecated=False,
            file__duplicate_of=None,
        )
        .exclude(series_name="")
        .values_list(
            "file__metadata__cell_id",
            "file__metadata__start_cycle",
            "sha256",
            "series_name",
            "summary_version",
        )
    )
    return sorted((list(test) for test in tests), key=json.dumps)


def _excluded_of(cell_ids: Iterable[int]) -> list[list[Any]]:
    halves = HalfCycle.objects.in_use().filter(
        excluded=True, test__file__metadata__cell_id__in=list(cell_ids)
    )
    return sorted(
        (list(h) for h in halves.values_list("test__sha256", "polarity", "cycle_count")),
        key=json.dumps,
    )
