"""What the results of a search show: the same columns on the page and in its CSV file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse

from cells.models import DryCell, DryCellLot, Electrolyte, FileMetadata, RawFile, WetCell
from cells.models.wet_cells import file_counts
from cells.search_tree import Node


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    text: object
    url: str = ""

    @property
    def is_number(self) -> bool:
        return isinstance(self.text, int)

    @property
    def is_long(self) -> bool:
        return len(str(self.text)) > 20


@dataclass(frozen=True, slots=True)
class Row:
    """``key`` is the Cell ID of cells and cycling data, else the number of the node."""

    key: int
    values: tuple[Value, ...]
    is_registered: bool = True


_COLUMNS: dict[Node, tuple[Column, ...]] = {
    Node.CELLS: (
        Column("Cell ID"),
        Column("Electrolyte"),
        Column("Dry cell"),
        Column("Box"),
        Column("Datasets"),
        Column("Files", is_number=True),
        Column("Notes"),
    ),
    Node.CYCLING: (
        Column("Cell ID"),
        Column("Registered"),
        Column("Files in use", is_number=True),
        Column("Deprecated files", is_number=True),
        Column("First file"),
    ),
    Node.ELECTROLYTES: (
        Column("Electrolyte"),
        Column("Proprietary"),
        Column("Notes"),
        Column("Wet cells", is_number=True),
    ),
    Node.DRY_CELLS: (
        Column("Dry cell"),
        Column("Geometry"),
        Column("Cathode"),
        Column("Anode"),
        Column("Separator"),
        Column("Boxes", is_number=True),
        Column("Wet cells", is_number=True),
    ),
    Node.BOXES: (
        Column("Box ID"),
        Column("Dry cell"),
        Column("Vendor"),
        Column("Date"),
        Column("Notes"),
        Column("Wet cells", is_number=True),
    ),
}


def columns_of(node: Node) -> tuple[Column, ...]:
    return _COLUMNS[node]


def rows_of(node: Node, found: Sequence[Any]) -> list[Row]:
    """Rows of some results, in a constant number of queries."""
    makers: dict[Node, Callable[[Sequence[Any]], list[Row]]] = {
        Node.CELLS: _cells,
        Node.CYCLING: _cycling,
        Node.ELECTROLYTES: _electrolytes,
        Node.DRY_CELLS: _dry_cells,
        Node.BOXES: _boxes,
    }
    return makers[node](found) if found else []


def _cells(cells: Sequence[WetCell]) -> list[Row]:
    files = file_counts([cell.cell_id for cell in cells])
    memberships = WetCell.datasets.through.objects.filter(wet_cell__in=cells)
    datasets: dict[int, list[str]] = {}
    for key, name in memberships.order_by("dataset__name").values_list("wet_cell", "dataset__name"):
        datasets.setdefault(key, []).append(name)
    return [
        Row(
            cell.cell_id,
            (
                Value(cell.cell_id, cell.get_absolute_url()),
                _node(cell.electrolyte, cell.filling),
                _node(cell.dry_cell, cell.dry_cell),
                Value(cell.dry_cell_lot.box_id if cell.dry_cell_lot else ""),
                Value(", ".join(datasets.get(cell.pk, ()))),
                Value(files.get(cell.cell_id, 0)),
                Value(cell.notes),
            ),
        )
        for cell in cells
    ]


def _cycling(cell_ids: Sequence[int]) -> list[Row]:
    kinds = FileMetadata.Experiment
    files = FileMetadata.objects.filter(
        cell_id__in=cell_ids,
        is_valid=True,
        experiment__in=[kinds.CYCLING, kinds.FORMATION, kinds.RPT],
    )
    counted = (
        files.order_by()
        .values("cell_id")
        .annotate(
            in_use=Count("pk", filter=Q(file__deprecated=False)),
            deprecated=Count("pk", filter=Q(file__deprecated=True)),
            first=Min("file_id", filter=Q(file__deprecated=False)),
        )
    )
    found = {row["cell_id"]: row for row in counted}
    names = RawFile.objects.in_bulk([row["first"] for row in found.values() if row["first"]])
    cells = WetCell.objects.filter(cell_id__in=cell_ids)
    registered = set(cells.values_list("cell_id", flat=True))
    rows = []
    for cell_id in cell_ids:
        counts = found.get(cell_id, {"in_use": 0, "deprecated": 0, "first": None})
        first = names.get(counts["first"])
        values = (
            Value(cell_id, reverse("cells:cell", args=[cell_id])),
            Value("yes" if cell_id in registered else "no"),
            Value(counts["in_use"]),
            Value(counts["deprecated"]),
            Value(first.name, first.get_absolute_url()) if first else Value(""),
        )
        rows.append(Row(cell_id, values, cell_id in registered))
    return rows


def _electrolytes(electrolytes: Sequence[Electrolyte]) -> list[Row]:
    used = _used("electrolyte", electrolytes)
    return [
        Row(
            row.pk,
            (
                _node(row, row),
                Value("yes" if row.proprietary else "no"),
                Value(row.notes),
                Value(used.get(row.pk, 0)),
            ),
        )
        for row in electrolytes
    ]


def _dry_cells(dry_cells: Sequence[DryCell]) -> list[Row]:
    used = _used("dry_cell", dry_cells)
    boxes = _counts(DryCellLot.objects.filter(blueprint__in=dry_cells), "blueprint")
    return [
        Row(
            row.pk,
            (
                _node(row, row),
                *(_node(part, part) for part in (row.geometry, row.cathode, row.anode)),
                _node(row.separator, row.separator),
                Value(boxes.get(row.pk, 0)),
                Value(used.get(row.pk, 0)),
            ),
        )
        for row in dry_cells
    ]


def _boxes(boxes: Sequence[DryCellLot]) -> list[Row]:
    used = _used("dry_cell_lot", boxes)
    return [
        Row(
            row.pk,
            (
                Value(row.box_id, row.get_absolute_url()),
                _node(row.blueprint, row.blueprint),
                Value(row.vendor),
                Value(row.made_on.isoformat() if row.made_on else ""),
                Value(row.notes),
                Value(used.get(row.pk, 0)),
            ),
        )
        for row in boxes
    ]


def _node(linked: Any, named: Any) -> Value:
    """A node by its name, or ``?`` where it is not known."""
    return Value("?") if linked is None else Value(named.name, linked.get_absolute_url())


def _used(field: str, nodes: Sequence[Any]) -> dict[int, int]:
    """Wet cells by the node they are made of."""
    return _counts(WetCell.objects.filter(**{f"{field}__in": nodes}), field)


def _counts(rows: QuerySet[Any], field: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(field).annotate(Count("pk")))
