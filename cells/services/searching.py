"""Answer the search tree: what is found, page by page, or all of it as a table.

The truth table of which inputs count for which kind of search is in docs/science.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from battery_db.lib.errors import LabError
from cells.models import (
    DryCell,
    DryCellLot,
    Electrode,
    ElectrodeLot,
    Electrolyte,
    FileMetadata,
    Molecule,
    MoleculeLot,
    Separator,
    SeparatorLot,
    WetCell,
)
from cells.models.searching import FileMetadataQuerySet
from cells.models.wet_cells import WetCellQuerySet, ids_within
from cells.search_tree import Among, Node, SearchTree
from cells.services.search_rows import Row, columns_of, rows_of

__all__ = [
    "ORDERS",
    "Page",
    "all_cell_ids",
    "columns_of",
    "count_of",
    "find",
    "page_of",
    "rows_of",
    "suggestions",
    "table_of",
    "with_names",
]

PER_PAGE = 20
COUNTED = 1000  # a first page does not wait for the exact number beyond
LAST_PAGE = 100_000
CHUNK = 1000
MOST_ADDED = 10_000

# Name of the order -> (what people read, fields), the first one unless asked otherwise.
ORDERS: dict[Node, dict[str, tuple[str, tuple[str, ...]]]] = {
    Node.CELLS: {
        "id": ("Cell ID", ("cell_id",)),
        "-id": ("Cell ID, highest first", ("-cell_id",)),
        "electrolyte": ("electrolyte", ("electrolyte__name", "cell_id")),
        "dry-cell": ("dry cell", ("dry_cell__name", "cell_id")),
        "-created": ("newest first", ("-pk",)),
    },
    Node.CYCLING: {
        "id": ("Cell ID", ("cell_id",)),
        "-id": ("Cell ID, highest first", ("-cell_id",)),
    },
    Node.ELECTROLYTES: {
        "name": ("name", ("name", "pk")),
        "-name": ("name, last first", ("-name", "-pk")),
        "-created": ("newest first", ("-pk",)),
    },
    Node.DRY_CELLS: {
        "name": ("name", ("name", "pk")),
        "-name": ("name, last first", ("-name", "-pk")),
        "-created": ("newest first", ("-pk",)),
    },
    Node.BOXES: {
        "box": ("Box ID", ("box_id",)),
        "-box": ("Box ID, last first", ("-box_id",)),
        "-created": ("newest first", ("-pk",)),
    },
}


_MODELS: dict[Node, Any] = {
    Node.CELLS: WetCell,
    Node.ELECTROLYTES: Electrolyte,
    Node.DRY_CELLS: DryCell,
    Node.BOXES: DryCellLot,
}


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page. ``count`` is how many are found, or where counting stopped."""

    rows: list[Row]
    number: int
    has_next: bool
    count: int
    is_exact: bool

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def find(tree: SearchTree) -> QuerySet[Any]:
    """What the tree asks for, without an order. Cycling data are Cell IDs, each once."""
    if tree.node == Node.CYCLING:
        return _cycling_files(tree).order_by().values_list("cell_id", flat=True).distinct()
    if tree.node == Node.CELLS:
        return _wet_cells(tree)
    if tree.node == Node.ELECTROLYTES:
        electrolytes = Electrolyte.objects.matching(tree.electrolyte)
        return _projected(tree, electrolytes, "electrolyte")
    if tree.node == Node.DRY_CELLS:
        return _projected(tree, DryCell.objects.matching(tree.dry_cell), "dry_cell")
    return _projected(tree, DryCellLot.objects.matching(tree.dry_cell), "dry_cell_lot")


def page_of(tree: SearchTree, number: int = 1, order: str = "") -> Page:
    """One page of what is found; a number past the end gives the last page.

    One query gives the keys of the first thousand: what to show, and how many there are.
    """
    number = max(1, min(number, LAST_PAGE))
    ordered = find(tree).order_by(*_fields(tree.node, order))
    keys = _keys(tree.node, ordered, 0, COUNTED + 1)
    count, is_exact = len(keys), len(keys) <= COUNTED
    if is_exact:
        number = min(number, max(1, -(-count // PER_PAGE)))
    start = (number - 1) * PER_PAGE
    if start + PER_PAGE > COUNTED and not is_exact:
        keys, start = _keys(tree.node, ordered, start, PER_PAGE + 1), 0
    shown = keys[start : start + PER_PAGE]
    has_next = len(keys) > start + PER_PAGE
    rows = rows_of(tree.node, _read(tree.node, shown))
    return Page(rows, number, has_next, min(count, COUNTED), is_exact)


def count_of(tree: SearchTree) -> int:
    """Exactly how many there are."""
    return find(tree).order_by().count()


def table_of(tree: SearchTree, order: str = "") -> Iterator[Sequence[object]]:
    """All that is found, headings first, read in pieces so that memory stays flat."""
    yield [column.title for column in columns_of(tree.node)]
    found = with_names(tree.node, find(tree).order_by(*_fields(tree.node, order)))
    stream = found.iterator(chunk_size=CHUNK)
    while piece := list(islice(stream, CHUNK)):
        for row in rows_of(tree.node, piece):
            yield [value.text for value in row.values]


def all_cell_ids(tree: SearchTree) -> list[int]:
    """Cell IDs of all that a search for cells or cycling data finds, on every page."""
    if tree.node not in (Node.CELLS, Node.CYCLING):
        raise LabError("This search does not find cells.", fix="Search for wet cells.")
    found = find(tree).order_by("cell_id")
    if tree.node == Node.CELLS:
        found = found.values_list("cell_id", flat=True)
    return bounded(found)


def bounded(found: Any) -> list[int]:
    """Cell IDs of a query; LabError when there are more than one request may take."""
    cell_ids = list(found[: MOST_ADDED + 1])
    if len(cell_ids) > MOST_ADDED:
        raise LabError(
            f"The search finds more than {MOST_ADDED:,} cells.",
            fix="Narrow it, and take the cells in parts.",
        )
    return cell_ids


def _keys(node: Node, ordered: QuerySet[Any], start: int, count: int) -> list[int]:
    """Keys alone: databases sort and pass these on faster than rows with names."""
    keys = ordered if node == Node.CYCLING else ordered.values_list("pk", flat=True)
    return list(keys[start : start + count])


def _read(node: Node, keys: list[int]) -> list[Any]:
    """Rows of these keys, in their order."""
    if node == Node.CYCLING:
        return keys
    rows = with_names(node, _MODELS[node].objects.all()).in_bulk(keys)
    return [rows[key] for key in keys if key in rows]


def with_names(node: Node, found: QuerySet[Any]) -> QuerySet[Any]:
    """With what a row shows beside its own fields, in the same query."""
    joined = {
        Node.CELLS: ("electrolyte", "electrolyte_lot", "dry_cell", "dry_cell_lot"),
        Node.DRY_CELLS: ("geometry", "cathode", "anode", "separator"),
        Node.BOXES: ("blueprint",),
    }
    return found.select_related(*joined[node]) if node in joined else found


def _wet_cells(tree: SearchTree) -> WetCellQuerySet:
    cells = WetCell.objects.of_tree(tree)
    if tree.among != Among.CYCLING:
        return cells
    files = FileMetadata.objects.valid_cycling().under(tree.conditions)
    return cells.filter(cell_id__in=files.values("cell_id"))


def _projected(tree: SearchTree, found: Any, field: str) -> QuerySet[Any]:
    """Those of ``found`` that occur in the wet cells which the tree leads to."""
    if tree.among == Among.ALL:
        return found  # type: ignore[no-any-return]
    cells = _wet_cells(tree).filter(**{f"{field}__isnull": False})
    return found.filter(pk__in=cells.order_by().values(field))  # type: ignore[no-any-return]


def _cycling_files(tree: SearchTree) -> FileMetadataQuerySet:
    """By Cell ID a file needs no registered cell; by what is in the cell it does."""
    files = FileMetadata.objects.valid_cycling().under(tree.conditions)
    if tree.id_ranges:
        files = files.filter(ids_within(tree.id_ranges))
    if tree.datasets or not (tree.electrolyte.is_trivial and tree.dry_cell.is_trivial):
        cells = WetCell.objects.of_tree(tree)
        files = files.filter(cell_id__in=cells.order_by().values("cell_id"))
    return files


def _fields(node: Node, order: str) -> tuple[str, ...]:
    orders = ORDERS[node]
    return orders.get(order, next(iter(orders.values())))[1]


def suggestions(kind: str, text: str, limit: int = 30) -> list[str]:
    """Names that hold ``text``, shortest first: what a field of the page may be completed to."""
    names: list[str] = []
    for rows, field in _suggestible().get(kind, ()):
        held = rows.filter(**{f"{field}__icontains": text}).order_by(field)
        names += held.values_list(field, flat=True)[:limit]
    return sorted(dict.fromkeys(names), key=lambda name: (len(name), name))[:limit]


def _suggestible() -> dict[str, tuple[tuple[Any, str], ...]]:
    return {
        "molecule": ((Molecule.objects, "name"), (MoleculeLot.objects, "name")),
        "box": ((DryCellLot.objects, "box_id"),),
        "cathode": (
            (Electrode.objects.filter(polarity="cathode"), "name"),
            (ElectrodeLot.objects.filter(blueprint__polarity="cathode"), "name"),
        ),
        "anode": (
            (Electrode.objects.filter(polarity="anode"), "name"),
            (ElectrodeLot.objects.filter(blueprint__polarity="anode"), "name"),
        ),
        "separator": ((Separator.objects, "name"), (SeparatorLot.objects, "name")),
    }
