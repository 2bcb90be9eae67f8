"""Wet cells: what is cycled, under the lab's own number."""

from collections.abc import Mapping

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Count, Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from cells.models.designs import (
    DryCell,
    DryCellLot,
    Electrolyte,
    ElectrolyteComponent,
    ElectrolyteLot,
)
from cells.models.files import FileMetadata
from cells.projections import wet_cell_label
from cells.search import CellQuery


class WetCellQuerySet(models.QuerySet["WetCell"]):
    def matching(self, query: CellQuery) -> "WetCellQuerySet":
        """Cells for which every condition of ``query`` holds.

        A cell whose electrolyte is unknown matches no condition on electrolytes: nobody
        can say that it is without something. It is found by all it has.
        """
        cells = self.filter(_ids(query)) if query.id_ranges else self
        for term in query.contains:
            parts = ElectrolyteComponent.objects.filter(molecule__name=term.molecule)
            limits = term.limits(query.tolerance_percent)
            if limits is not None:
                parts = parts.filter(unit=term.unit, amount__range=limits)
            cells = cells.filter(electrolyte__in=parts.values("electrolyte"))
        if query.without:
            parts = ElectrolyteComponent.objects.filter(molecule__name__in=query.without)
            cells = cells.filter(electrolyte__isnull=False)
            cells = cells.exclude(electrolyte__in=parts.values("electrolyte"))
        for word in query.words:
            cells = cells.filter(_mentions(word))
        if query.file_words:
            cells = cells.filter(cell_id__in=_named(*query.file_words))
        return cells._in_place(query)

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


def _ids(query: CellQuery) -> Q:
    singles = [first for first, last in query.id_ranges if first == last]
    condition = Q(cell_id__in=singles)
    for first, last in query.id_ranges:
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
