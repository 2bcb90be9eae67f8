"""The cells of a dataset with the half-cycles that its filters let through."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from cells.models import Dataset, DatasetCell, DatasetFilter
from cycling.exports.csv_folder import folder_name, summary_table
from cycling.models import CellState, HalfCycle
from cycling.services import datasets as selections

ALL_CYCLES = "all cycles"


@dataclass(frozen=True, slots=True)
class CellRows:
    """A cell of a dataset with its half-cycles, and those that each filter lets through."""

    member: DatasetCell
    frame: pl.DataFrame
    capacity_ah: float | None
    selected: tuple[tuple[str, DatasetFilter | None, pl.DataFrame], ...]

    @property
    def cell_id(self) -> int:
        return self.member.wet_cell.cell_id

    @property
    def folder(self) -> str:
        return folder_name(f"{self.member.name or self.cell_id} (CELL ID {self.cell_id})")

    def tables(self) -> Iterator[tuple[str, pl.DataFrame]]:
        for name, _, rows in self.selected:
            table = summary_table(rows, whole=self.frame, theoretical_capacity_ah=self.capacity_ah)
            if table.height:
                yield name, table


def cells_of(dataset: Dataset) -> Iterator[CellRows]:
    """Cells that have cycles, in order of Cell ID; the number of queries does not grow."""
    members = {member.wet_cell.cell_id: member for member in selections.members_of(dataset)}
    filters = selections.filters_of(dataset)
    of_dataset = dataset.memberships.values("wet_cell__cell_id")
    capacities = dict(
        CellState.objects.filter(pk__in=of_dataset).values_list("pk", "theoretical_capacity_ah")
    )
    halves = HalfCycle.objects.in_use().filter(
        excluded=False, test__file__metadata__cell_id__in=of_dataset
    )
    for cell_id, frame in halves.frames_by_cell():
        member, capacity = members[cell_id], capacities.get(cell_id)
        yield CellRows(member, frame, capacity, tuple(_selected(frame, filters, member, capacity)))


def _selected(
    frame: pl.DataFrame,
    filters: list[DatasetFilter],
    member: DatasetCell,
    capacity_ah: float | None,
) -> Iterator[tuple[str, DatasetFilter | None, pl.DataFrame]]:
    if not filters:
        yield ALL_CYCLES, None, frame
    for chosen in filters:
        if selections.applies(chosen, member):
            yield chosen.name, chosen, selections.matching(frame, chosen, capacity_ah)
