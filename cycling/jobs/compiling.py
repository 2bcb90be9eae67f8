"""Snapshots: a dataset frozen, and its half-cycles compiled to tensors, cell by cell."""

from collections.abc import Iterator
from typing import Any

import polars as pl
from django.core.files.base import ContentFile
from django.urls import reverse

from battery_db.lib.errors import NotAllowed
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell, Snapshot
from cycling.curves import Curve, curves_of
from cycling.exports.tensors import (
    Cell,
    CellGroup,
    Component,
    TensorCompiler,
    digest_of,
    options_for,
)
from cycling.jobs import grouping
from cycling.models import CycleGroup, CyclingTest, HalfCycle, Shard
from cycling.services import cells as series
from cycling.services import datasets as selections

ATTRIBUTES = (
    "constant_rate",
    "end_rate",
    "previous_end_rate",
    "end_voltage",
    "previous_end_voltage",
)


def compile_dataset(context: JobContext) -> Done:
    """Job: freeze ``params["slug"]`` and write its tensors.

    An unchanged dataset gives the snapshot that is there already.
    """
    dataset = Dataset.objects.get(slug=context.params["slug"])
    grouping.bring_up_to_date(selections.cell_ids_of(dataset), context)
    selection = selections.selection_of(dataset)
    digest = digest_of(selection)
    known = Snapshot.objects.filter(digest=digest).exclude(manifest=None).first()
    if known is not None and _is_whole(known):
        context.log("The dataset has not changed since this snapshot was made.")
        return _done(known)
    shards: list[Shard] = []

    def keep(number: int, content: bytes) -> None:
        name = f"tensors/{digest[:2]}/{digest}.{number}.safetensors"
        storage("snapshots").save(name, ContentFile(content))
        shards.append(Shard(number=number, byte_count=len(content), storage_name=name))

    compiler = TensorCompiler(options_for(*_voltage_window(dataset)), keep)
    members = selections.members_of(dataset)
    for index, member in enumerate(members):
        context.progress(index, len(members), str(member))
        _add(compiler, dataset, member)
    manifest = compiler.finish(selection)
    if not manifest["shards"]:
        raise NotAllowed(
            f"No cell of {dataset} has cycles, so there is nothing to compile.",
            fix="Add cells that have data, or wait until their files have been imported.",
        )
    for shard, written in zip(shards, manifest["shards"], strict=True):
        shard.sha256 = written["sha256"]
    # Whoever cites a snapshot keeps it, also when its lost tensors were compiled again.
    snapshot = known or Snapshot(
        dataset=dataset,
        digest=digest,
        selection=selection,
        manifest=manifest,
        created_by_id=context.requested_by_id,
    )

    with context.fenced():
        Snapshot.objects.filter(digest=digest, manifest=None).delete()
        snapshot.save()
        snapshot.shards.all().delete()
        for shard in shards:
            shard.snapshot = snapshot
        Shard.objects.bulk_create(shards)
    return _done(snapshot)


def _is_whole(snapshot: Snapshot) -> bool:
    """Its tensors still lie in the storage, at their full size."""
    stored = storage("snapshots")
    return all(
        stored.exists(shard.storage_name) and stored.size(shard.storage_name) == shard.byte_count
        for shard in snapshot.shards.all()
    )


def _done(snapshot: Snapshot) -> Done:
    rows = sum(shard["rows"] for shard in (snapshot.manifest or {}).get("shards", []))
    return Done(
        {"snapshot": snapshot.pk, "half_cycles": rows},
        url=reverse("cycling:snapshot", args=[snapshot.pk]),
    )


def _voltage_window(dataset: Dataset) -> tuple[float | None, float | None]:
    """The lowest and highest end voltage of the dataset's groups that are not irregular."""
    cell_ids = [member.wet_cell.cell_id for member in selections.members_of(dataset)]
    ends = CycleGroup.objects.filter(cell__in=cell_ids, irregular=False).values_list(
        "end_voltage", flat=True
    )
    volts = [volt for volt in ends if volt is not None]
    return (min(volts), max(volts)) if volts else (None, None)


def _add(compiler: TensorCompiler, dataset: Dataset, member: DatasetCell) -> None:
    cell_id = member.wet_cell.cell_id
    frame = _chosen(dataset, member)
    if frame.is_empty():
        return
    groups = [
        CellGroup(
            key=group.pk,
            polarity=group.polarity,
            number=group.number,
            irregular=group.irregular,
            centre={name: getattr(group, name) for name in ATTRIBUTES},
        )
        for group in CycleGroup.objects.filter(cell=cell_id)
    ]
    compiler.add(_described(member), groups, frame, _curves(frame))


def _chosen(dataset: Dataset, member: DatasetCell) -> pl.DataFrame:
    """Half-cycles of a cell that at least one filter lets through; all without a filter."""
    cell_id = member.wet_cell.cell_id
    frame = HalfCycle.objects.of_cell(cell_id).filter(excluded=False).as_frame()
    filters = [each for each in selections.filters_of(dataset) if selections.applies(each, member)]
    if not dataset.filters.exists():
        return frame
    capacity = selections.capacity_of(cell_id)
    kept: set[int] = set()
    for each in filters:
        kept |= set(selections.matching(frame, each, capacity)["id"].to_list())
    return frame.filter(pl.col("id").is_in(list(kept)))


def _described(member: DatasetCell) -> Cell:
    cell = member.wet_cell
    components: Any = () if cell.electrolyte is None else cell.electrolyte.components.all()
    return Cell(
        cell_id=cell.cell_id,
        name=member.name,
        electrolyte=str(cell.electrolyte or ""),
        components=tuple(
            Component(
                molecule=each.molecule.name,
                role=each.role,
                amount=None if each.amount is None else float(each.amount),
                unit=each.unit,
            )
            for each in components
        ),
        dry_cell=str(cell.dry_cell or ""),
        theoretical_capacity_ah=selections.capacity_of(cell.cell_id),
    )


def _curves(frame: pl.DataFrame) -> Iterator[Curve | None]:
    """One curve per row of ``frame``; each stored series is read once."""
    tests = CyclingTest.objects.exclude(series_name="").in_bulk(frame["test_id"].unique().to_list())
    for part in frame.partition_by("test_id", maintain_order=True):
        test = tests.get(part["test_id"][0])
        if test is None:
            yield from [None] * part.height
        else:
            points = series.series_of(test, series.CURVE_COLUMNS)
            yield from curves_of(points, part)
