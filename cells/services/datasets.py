"""Datasets as people make them: cells, names that hold there only, and filters."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from simple_history.utils import bulk_create_with_history

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.ranges import format_ranges
from cells.compositions import tidy
from cells.models import Dataset, DatasetCell, DatasetFilter, FilterRange, WetCell
from cells.services.nodes import delete_if_unused, save_checked, sign

__all__ = [
    "add_cells",
    "copy_filter",
    "create_dataset",
    "delete_filter",
    "delete_if_unused",
    "remove_cells",
    "rename_cell",
    "rename_cells",
    "save_filter",
    "set_plot",
]

# Databases take a limited number of values in one query.
BATCH = 500

Range = tuple[str, str, float | None, float | None]


def create_dataset(name: str, by: Any = None, description: str = "") -> Dataset:
    """A new, empty dataset; NotAllowed when the name is taken."""
    name = tidy(name)
    if Dataset.objects.filter(name__iexact=name).exists():
        raise NotAllowed(
            f"A dataset named {name} exists already.",
            fix="Choose another name, or add to that one.",
        )
    dataset = Dataset(name=name, slug=_free_slug(name), description=description, created_by=by)
    return save_checked(dataset, by)


def add_to(
    dataset: Dataset | None, name: str, cell_ids: Iterable[int], by: Any = None
) -> tuple[Dataset, int]:
    """Put cells into ``dataset``, or into a new one of that name; both or neither happen."""
    with transaction.atomic():
        chosen = dataset or create_dataset(name, by)
        return chosen, add_cells(chosen, cell_ids, by)


def add_cells(dataset: Dataset, cell_ids: Iterable[int], by: Any = None) -> int:
    """Put cells into ``dataset`` and say how many were not there yet; all of them or none."""
    wanted = list(dict.fromkeys(cell_ids))
    keys = _registered(wanted)
    unknown = [cell_id for cell_id in wanted if cell_id not in keys]
    if unknown:
        raise LabError(
            f"Not registered: {format_ranges(unknown)}. Nothing was added.",
            fix="Register these cells first, or leave them out.",
        )
    try:
        return _add(dataset, list(keys.values()), by)
    except IntegrityError:
        # Somebody added one of them at the same moment: look again, once.
        return _add(dataset, list(keys.values()), by)


def remove_cells(dataset: Dataset, cell_ids: Iterable[int], by: Any = None) -> int:
    """Take cells out of ``dataset``; their names and places in filters there go with them."""
    wanted = set(cell_ids)
    with transaction.atomic():
        leaving = [
            member
            for member in dataset.memberships.select_related("wet_cell")
            if member.wet_cell.cell_id in wanted
        ]
        _refuse_to_widen(dataset, {member.pk for member in leaving})
        for member in leaving:
            sign(member, by)
            member.delete()
    return len(leaving)


def rename_cell(dataset: Dataset, cell_id: int, name: str, by: Any = None) -> DatasetCell:
    """Give a cell a name that holds in ``dataset`` only; an empty one takes it away."""
    try:
        member = dataset.memberships.select_related("wet_cell").get(wet_cell__cell_id=cell_id)
    except DatasetCell.DoesNotExist as error:
        raise LabError(f"Cell {cell_id} is not in {dataset}.", fix="Add it first.") from error
    member.name = tidy(name)
    return save_checked(member, by)


def set_plot(dataset: Dataset, quantity: str, panels: str, columns: int, by: Any = None) -> Dataset:
    """Remember how the cells of ``dataset`` are plotted, for everybody who looks at it."""
    dataset.plot_quantity = quantity
    dataset.plot_panels = Dataset.Panels(panels)
    dataset.plot_columns = columns
    return save_checked(dataset, by)


def rename_cells(dataset: Dataset, looks: Iterable[Mapping[str, Any]], by: Any = None) -> int:
    """Set names and colours of many cells at once, all or none; says how many changed.

    ``looks`` have ``cell_id``, ``name`` and ``colour``. Two cells may exchange names.
    """
    wanted = {look["cell_id"]: (tidy(look["name"]), look["colour"]) for look in looks}
    with transaction.atomic():
        members = [
            member
            for member in dataset.memberships.select_related("wet_cell").select_for_update(
                of=("self",)
            )
            if (member.name, member.colour)
            != wanted.get(member.wet_cell.cell_id, (member.name, member.colour))
        ]
        # Names are unique at every moment, so those that change are given up first.
        dataset.memberships.filter(pk__in=[member.pk for member in members]).update(name="")
        for member in members:
            member.name, member.colour = wanted[member.wet_cell.cell_id]
            save_checked(member, by)
    return len(members)


def save_filter(
    dataset: Dataset,
    name: str,
    ranges: Sequence[Range],
    cells: Iterable[int] | None = None,
    *,
    instance: DatasetFilter | None = None,
    by: Any = None,
) -> DatasetFilter:
    """Make the filter of that name, or change it (or ``instance``, which may be renamed).

    ``ranges`` are (polarity, attribute, minimum, maximum) with None for an open end; a
    range that is open at both ends says nothing and is left out. ``cells`` are Cell IDs
    of the dataset; without any the filter holds for all, also for those added later.
    """
    kept = _checked_ranges(ranges)
    name = tidy(name)
    with transaction.atomic():
        row = (
            instance or dataset.filters.filter(name=name).first() or DatasetFilter(dataset=dataset)
        )
        row.name = name
        members = _members(dataset, list(cells or []))
        save_checked(row, by)
        for old in row.ranges.all():
            sign(old, by)
            old.delete()
        bulk_create_with_history(
            [FilterRange(filter=row, **values) for values in kept], FilterRange, default_user=by
        )
        sign(row, by)
        row.cells.set(members)
    return row


def copy_filter(row: DatasetFilter, by: Any = None) -> DatasetFilter:
    """A second filter with the same ranges and cells, under a name that is free."""
    taken = set(row.dataset.filters.values_list("name", flat=True))
    number = 2
    while f"{row.name} {number}" in taken:
        number += 1
    ranges = row.ranges.values_list("polarity", "attribute", "minimum", "maximum")
    cells = row.cells.values_list("wet_cell__cell_id", flat=True)
    copy = DatasetFilter(dataset=row.dataset, colour=row.colour, differential=row.differential)
    name = f"{row.name} {number}"
    return save_filter(row.dataset, name, list(ranges), list(cells), instance=copy, by=by)


def delete_filter(row: DatasetFilter, by: Any = None) -> None:
    sign(row, by)
    row.delete()


def _registered(cell_ids: Sequence[int]) -> dict[int, int]:
    """Cell ID -> primary key of those that are registered."""
    found: dict[int, int] = {}
    for start in range(0, len(cell_ids), BATCH):
        batch = cell_ids[start : start + BATCH]
        found |= WetCell.objects.filter(cell_id__in=batch).values_list("cell_id", "pk")
    return found


def _add(dataset: Dataset, wet_cells: Sequence[int], by: Any) -> int:
    with transaction.atomic():
        present = set(dataset.memberships.values_list("wet_cell_id", flat=True))
        new = [
            DatasetCell(dataset=dataset, wet_cell_id=key) for key in wet_cells if key not in present
        ]
        bulk_create_with_history(new, DatasetCell, batch_size=BATCH, default_user=by)
    return len(new)


def _members(dataset: Dataset, cell_ids: Sequence[int]) -> list[DatasetCell]:
    members = {
        member.wet_cell.cell_id: member for member in dataset.memberships.select_related("wet_cell")
    }
    absent = [cell_id for cell_id in cell_ids if cell_id not in members]
    if absent:
        raise LabError(
            f"Not in the dataset: {format_ranges(absent)}.", fix="Add these cells to it first."
        )
    return [members[cell_id] for cell_id in cell_ids]


def _refuse_to_widen(dataset: Dataset, leaving: set[int]) -> None:
    """A filter for chosen cells must not turn into one for all when its last cell leaves."""
    for row in dataset.filters.prefetch_related("cells"):
        chosen = {member.pk for member in row.cells.all()}
        if chosen and chosen <= leaving:
            raise NotAllowed(
                f"The filter {row} is for these cells only.",
                fix="Delete that filter first, or choose other cells for it.",
            )


def _checked_ranges(ranges: Iterable[Range]) -> list[dict[str, Any]]:
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for polarity, attribute, minimum, maximum in ranges:
        words = f"{polarity} {FilterRange.Attribute(attribute).label}"
        FilterRange.Polarity(polarity)
        if minimum is None and maximum is None:
            continue
        if not all(math.isfinite(end) for end in (minimum, maximum) if end is not None):
            raise LabError(
                f"{words}: a limit is not a finite number.", fix="Leave it empty instead."
            )
        if minimum is not None and maximum is not None and minimum > maximum:
            raise LabError(
                f"{words}: the minimum {minimum:g} is above the maximum {maximum:g}.",
                fix="Exchange them.",
            )
        if (polarity, attribute) in kept:
            raise LabError(f"{words} is limited twice.", fix="Keep one of the two.")
        kept[polarity, attribute] = {
            "polarity": polarity,
            "attribute": attribute,
            "minimum": minimum,
            "maximum": maximum,
        }
    return list(kept.values())


def _free_slug(name: str) -> str:
    stem = slugify(name)[:180] or "dataset"
    taken = set(Dataset.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 2
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return slug
