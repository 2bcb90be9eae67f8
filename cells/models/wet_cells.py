"""Wet cells: what is cycled, under the lab's own number."""

from collections.abc import Mapping, Sequence

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from cells.models.designs import (
    DryCell,
    DryCellLot,
    Electrolyte,
    ElectrolyteLot,
)
from cells.models.files import FileMetadata
from cells.projections import wet_cell_label
from cells.search import CellQuery
from cells.search_tree import DryCellSearch, ElectrolyteSearch, SearchTree


class WetCellQuerySet(models.QuerySet["WetCell"]):
    def matching(self, query: CellQuery) -> "WetCellQuerySet":
        """Cells for which every condition of ``query`` holds.

        A cell whose electrolyte is unknown matches no condition on electrolytes: nobody
        can say that it is without something. It is found by all it has.
        """
        cells = self.numbered(query.id_ranges) if query.id_ranges else self
        cells = cells.filled_with(query.electrolyte_search)
        for word in query.words:
            cells = cells.filter(_mentions(word))
        if query.file_words:
            cells = cells.filter(cell_id__in=_named(*query.file_words))
        return cells._in_place(query)

    def of_tree(self, tree: SearchTree) -> "WetCellQuerySet":
        """The simple search of the tree: by electrolyte, dry cell, box, dataset and Cell ID.

        An input that is left as it comes lets cells pass that lack that part.
        """
        cells = self.filled_with(tree.electrolyte).built_as(tree.dry_cell)
        if tree.id_ranges:
            cells = cells.numbered(tree.id_ranges)
        if tree.datasets:
            members = self.model.datasets.through.objects.filter(dataset__slug__in=tree.datasets)
            cells = cells.filter(Exists(members.filter(wet_cell=OuterRef("pk"))))
        return cells

    def filled_with(self, search: ElectrolyteSearch) -> "WetCellQuerySet":
        if search.is_trivial:
            return self
        return self.filter(electrolyte__in=Electrolyte.objects.matching(search).values("pk"))

    def built_as(self, search: DryCellSearch) -> "WetCellQuerySet":
        """By structure a cell needs no box; by Box ID it does."""
        cells = self
        if not search.structure_is_trivial:
            cells = cells.filter(dry_cell__in=DryCell.objects.built_as(search).values("pk"))
        if search.boxes:
            boxes = DryCellLot.objects.numbered(search.boxes)
            cells = cells.filter(dry_cell_lot__in=boxes.values("pk"))
        return cells

    def numbered(self, id_ranges: Sequence[tuple[int, int]]) -> "WetCellQuerySet":
        return self.filter(ids_within(id_ranges))

    def _in_place(self, query: CellQuery) -> "WetCellQuerySet":
        cells = self
        if query.dry_cell is not None:
            cells = cells.filter(dry_cell=query.dry_cell)
        if query.electrolyte is not None:
            cells = cells.filter(electrolyte=query.electrolyte)
        if query.dataset:
            cells = cells.filter(memberships__dataset__slug=query.dataset)
        if query.has_files is not None:
            has = Q(cell_id__in=_named())
            cells = cells.filter(has if query.has_files else ~has)
        return cells

    def for_table(self) -> "WetCellQuerySet":
        """With all that a row of the list shows, in a constant number of queries."""
        return self.with_names().prefetch_related("memberships__dataset")

    def with_names(self) -> "WetCellQuerySet":
        """With what the label of a cell needs, in the same query."""
        return self.select_related("electrolyte", "electrolyte_lot", "dry_cell", "dry_cell_lot")


def ids_within(id_ranges: Sequence[tuple[int, int]]) -> Q:
    """``cell_id`` is in one of the inclusive ranges."""
    singles = [first for first, last in id_ranges if first == last]
    condition = Q(cell_id__in=singles)
    for first, last in id_ranges:
        if first != last:
            condition |= Q(cell_id__range=(first, last))
    return condition


def _named(*words: str) -> models.QuerySet[FileMetadata, int | None]:
    """Cell IDs that some file in use speaks of, whose name holds all ``words``."""
    files = FileMetadata.objects.filter(cell_id__isnull=False, file__deprecated=False)
    for word in words:
        files = files.filter(file__name__icontains=word)
    return files.values_list("cell_id", flat=True)


def _mentions(word: str) -> Q:
    in_datasets = WetCell.objects.filter(memberships__dataset__name__icontains=word)
    return (
        Q(cell_id__in=_named(word))
        | Q(dry_cell__name__icontains=word)
        | Q(dry_cell_lot__box_id__icontains=word)
        | Q(notes__icontains=word)
        | Q(electrolyte__notes__icontains=word)
        | Q(pk__in=in_datasets.values("pk"))
    )


def file_counts(cell_ids: list[int]) -> Mapping[int, int]:
    """Files in use by Cell ID, in one query."""
    files = FileMetadata.objects.filter(cell_id__in=cell_ids, file__deprecated=False)
    counts = files.order_by().values_list("cell_id").annotate(Count("pk"))
    return {cell_id: count for cell_id, count in counts if cell_id is not None}


class WetCell(models.Model):
    """A cell with electrolyte. Either part may be unknown; the Cell ID may not."""

    cell_id = models.PositiveIntegerField(
        "Cell ID", unique=True, validators=[MinValueValidator(1)], help_text="The lab's own number."
    )
    electrolyte = models.ForeignKey(
        Electrolyte, models.PROTECT, null=True, blank=True, related_name="wet_cells"
    )
    dry_cell = models.ForeignKey(
        DryCell, models.PROTECT, null=True, blank=True, related_name="wet_cells"
    )
    # A lot, where it is known, is one of the electrolyte or dry cell beside it.
    electrolyte_lot = models.ForeignKey(
        ElectrolyteLot, models.PROTECT, null=True, blank=True, related_name="wet_cells"
    )
    dry_cell_lot = models.ForeignKey(
        DryCellLot,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="wet_cells",
        verbose_name="box",
    )
    notes = models.CharField(max_length=1000, blank=True)
    proprietary = models.BooleanField(default=False, help_text="Not to be disclosed.")
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    objects = WetCellQuerySet.as_manager()

    class Meta:
        ordering = ["cell_id"]
        constraints = [
            models.CheckConstraint(condition=Q(cell_id__gte=1), name="cell_id_positive"),
            models.CheckConstraint(
                condition=Q(electrolyte_lot__isnull=True) | Q(electrolyte__isnull=False),
                name="electrolyte_lot_with_electrolyte",
            ),
            models.CheckConstraint(
                condition=Q(dry_cell_lot__isnull=True) | Q(dry_cell__isnull=False),
                name="dry_cell_lot_with_dry_cell",
            ),
        ]

    def __str__(self) -> str:
        return f"Cell {self.cell_id}"

    def get_absolute_url(self) -> str:
        return reverse("cells:cell", args=[self.cell_id])

    @property
    def label(self) -> str:
        """The whole cell in one line (use ``with_names`` for many)."""
        electrolyte, dry_cell = self.filling, self.body
        return wet_cell_label(
            self.cell_id,
            electrolyte.name if electrolyte else None,
            dry_cell.name if dry_cell else None,
        )

    @property
    def filling(self) -> Electrolyte | ElectrolyteLot | None:
        """The electrolyte, by its lot where that is known."""
        return self.electrolyte_lot or self.electrolyte

    @property
    def body(self) -> DryCell | DryCellLot | None:
        """The dry cell, by its box where that is known."""
        return self.dry_cell_lot or self.dry_cell
