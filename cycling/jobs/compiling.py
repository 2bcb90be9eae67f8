"""Snapshots: datasets frozen, and their half-cycles compiled to tensors, cell by cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.core.files.base import ContentFile
from django.urls import reverse

from battery_db.lib.errors import NotAllowed
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell, DatasetFilter, Snapshot, SnapshotDataset
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
from cycling.services.stored_series import read_stored

ATTRIBUTES = (
    "constant_rate",
    "end_rate",
    "previous_end_rate",
    "end_voltage",
    "previous_end_voltage",
)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A dataset with what is asked of it for every cell."""

    dataset: Dataset
    members: Mapping[int, DatasetCell]  # Cell ID -> membership
    filters: Sequence[DatasetFilter]

    def chosen(self, frame: pl.DataFrame, cell_id: int, capacity_ah: float | None) -> pl.Series:
        """Which half-cycles at least one filter lets through; all without a filter."""
        member = self.members.get(cell_id)
        if member is None:
            return pl.repeat(value=False, n=frame.height, eager=True)
        if not self.filters:
            return pl.repeat(value=True, n=frame.height, eager=True)
        kept: set[int] = set()
        for each in self.filters:
            if selections.applies(each, member):
                kept |= set(selections.matching(frame, each, capacity_ah)["id"].to_list())
        return frame["id"].is_in(list(kept))


def compile_dataset(context: JobContext) -> Done:
    """Job: freeze the datasets ``params["slugs"]`` together and write their tensors.

    Unchanged datasets give the snapshot that is there already.
    """
    datasets = list(Dataset.objects.filter(slug__in=context.params["slugs"]).order_by("slug"))
    frozen = [_frozen(dataset) for dataset in datasets]
    cell_ids = sorted({cell_id for each in frozen for cell_id in each.members})
    grouping.bring_up_to_date(cell_ids, context)
    selection = selections.selection_of_all(datasets)
    digest = digest_of(selection)
    known = Snapshot.objects.filter(digest=digest).exclude(manifest=None).first()
    if known is not None and _is_whole(known):
        context.log("Nothing has changed since this snapshot was made.")
        return _done(known)
    shards: list[Shard] = []

    def keep(number: int, content: bytes) -> None:
        name = f"tensors/{digest[:2]}/{digest}.{number}.safetensors"
        storage("snapshots").save(name, ContentFile(content))
        shards.append(Shard(number=number, byte_count=len(content), storage_name=name))

    compiler = TensorCompiler(options_for(*_voltage_window(cell_ids)), keep)
    for index, cell_id in enumerate(cell_ids):
        context.progress(index, len(cell_ids), f"Cell {cell_id}")
        _add(compiler, frozen, cell_id)
    manifest = compiler.finish(selection)
    if not manifest["shards"]:
        raise NotAllowed(
            f"No cell of {selection['dataset']} has cycles, so there is nothing to compile.",
            fix="Add cells that have data, or wait until their files have been imported.",
        )
    for shard, written in zip(shards, manifest["shards"], strict=True):
        shard.sha256 = written["sha256"]
    # Whoever cites a snapshot keeps it, also when its lost tensors were compiled again.
    snapshot = known or Snapshot(
        title=selections.title_of(datasets),
        digest=digest,
        selection=selection,
        manifest=manifest,
        created_by_id=context.requested_by_id,
    )
    with context.fenced():
        Snapshot.objects.filter(digest=digest, manifest=None).delete()
        _save(snapshot, datasets, shards)
    return _done(snapshot)


def _frozen(dataset: Dataset) -> Frozen:
    members = {member.wet_cell.cell_id: member for member in selections.members_of(dataset)}
    return Frozen(dataset, members, selections.filters_of(dataset))


def _save(snapshot: Snapshot, datasets: Sequence[Dataset], shards: Sequence[Shard]) -> None:
    snapshot.save()
    snapshot.places.all().delete()
    SnapshotDataset.objects.bulk_create(
        SnapshotDataset(snapshot=snapshot, dataset=dataset, position=position)
        for position, dataset in enumerate(datasets)
    )
    snapshot.shards.all().delete()
    for shard in shards:
        shard.snapshot = snapshot
    Shard.objects.bulk_create(shards)


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


def _voltage_window(cell_ids: Sequence[int]) -> tuple[float | None, float | None]:
    """The lowest and highest end voltage of the cells' groups that are not irregular."""
    ends = CycleGroup.objects.filter(cell__in=cell_ids, irregular=False).values_list(
        "end_voltage", flat=True
    )
    volts = [volt for volt in ends if volt is not None]
    return (min(volts), max(volts)) if volts else (None, None)


def _add(compiler: TensorCompiler, frozen: Sequence[Frozen], cell_id: int) -> None:
    """A cell that several datasets hold is written once, under the name of the first."""
    frame = HalfCycle.objects.of_cell(cell_id).filter(excluded=False).as_frame()
    capacity = selections.capacity_of(cell_id)
    bits = pl.repeat(0, frame.height, dtype=pl.Int64, eager=True)
    for place, each in enumerate(frozen):
        bits += each.chosen(frame, cell_id, capacity).cast(pl.Int64) * 2**place
    frame = frame.with_columns(dataset_mask=bits).filter(pl.col("dataset_mask") > 0)
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
    member = next(each.members[cell_id] for each in frozen if cell_id in each.members)
    compiler.add(_described(member, capacity), groups, frame, _curves(frame))


def _described(member: DatasetCell, capacity_ah: float | None) -> Cell:
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
        theoretical_capacity_ah=capacity_ah,
    )


def _curves(frame: pl.DataFrame) -> Iterator[Curve | None]:
    """One curve per row of ``frame``; each stored series is read once."""
    tests = CyclingTest.objects.exclude(series_name="").in_bulk(frame["test_id"].unique().to_list())
    for part in frame.partition_by("test_id", maintain_order=True):
        test = tests.get(part["test_id"][0])
        if test is None:
            yield from [None] * part.height
        else:
            points = read_stored(test, series.CURVE_COLUMNS)
            yield from curves_of(points, part)
